//! Python packages that tests use: for each list of them an environment of its own, made once per user.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// The Python of an environment that has the packages of this list: a file that names each with its version.
///
/// # Errors
///
/// Where there is no Python that can make environments, or the packages cannot be had.
pub(crate) fn python_with(project: &Project, packages: &str) -> Result<PathBuf> {
    let path = project.root.join(packages);
    let list = fs::read(&path).with_context(|| format!("cannot read {packages}"))?;
    let version = process::output(Command::new("python3").arg("--version"))
        .context("these tests need Python 3.10 or newer with its venv module (on Debian: python3-venv)")?;
    let mut digest = Sha256::new();
    digest.update(version);
    digest.update(list);
    let key = cache::key(digest);
    let installed = cache::folder()?.join(format!("python-{key}"));
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    if !installed.is_dir() {
        eprintln!("installing the Python packages of {packages}, once per user");
        cache::make_once(&installed, |partial| {
            process::quietly(Command::new("python3").args(["-m", "venv"]).arg(partial))?;
            let mut pip = Command::new(partial.join(python));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
            process::quietly(pip.arg(&path))
        })?;
    }
    Ok(installed.join(python))
}
