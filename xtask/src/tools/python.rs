//! Python packages for tests: one virtual environment per list of packages, created once per user.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// The Python of an environment with the packages in this file, which pins their versions.
///
/// # Errors
///
/// If there is no Python that can create environments, or the packages cannot be installed.
pub(crate) fn python_with(project: &Project, packages: &str) -> Result<PathBuf> {
    let path = project.root.join(packages);
    let list = fs::read(&path).with_context(|| format!("cannot read {packages}"))?;
    let version = process::output(Command::new("python3").arg("--version")).context(
        "these tests require Python 3.10 or later with its venv module (on Debian: the package python3-venv)",
    )?;
    let mut digest = Sha256::new();
    digest.update(version);
    digest.update(list);
    let key = cache::key(digest);
    let installed = cache::folder()?.join(format!("python-{key}"));
    let python = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    if !installed.is_dir() {
        eprintln!("installing the Python packages of {packages} once per user");
        cache::make_once(&installed, |partial| {
            process::quietly(Command::new("python3").args(["-m", "venv"]).arg(partial))?;
            let mut pip = Command::new(partial.join(python));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
            process::quietly(pip.arg(&path))
        })?;
    }
    Ok(installed.join(python))
}
