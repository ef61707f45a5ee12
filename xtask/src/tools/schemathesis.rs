//! schemathesis, which tries the service against its OpenAPI document: a Python environment of its own, made once per user
//! and list of packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// What is installed: every package with its version.
const PACKAGES: &str = "tests/openapi/requirements.txt";

/// The environment's Python, which has it.
///
/// # Errors
///
/// Where there is no Python that can make environments, or the packages cannot be had.
pub(crate) fn python(project: &Project) -> Result<PathBuf> {
    let packages = project.root.join(PACKAGES);
    let list = fs::read(&packages).with_context(|| format!("cannot read {PACKAGES}"))?;
    let version = process::output(Command::new("python3").arg("--version"))
        .context("the OpenAPI tests need Python 3.10 or newer with its venv module (on Debian: python3-venv)")?;
    let mut digest = Sha256::new();
    digest.update(version);
    digest.update(list);
    let key: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let installed = cache::folder()?.join(format!("schemathesis-{key}"));
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    if !installed.is_dir() {
        eprintln!("installing schemathesis, once per user");
        cache::make_once(&installed, |partial| {
            process::quietly(Command::new("python3").args(["-m", "venv"]).arg(partial))?;
            let mut pip = Command::new(partial.join(python));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
            process::quietly(pip.arg(&packages))
        })?;
    }
    Ok(installed.join(python))
}
