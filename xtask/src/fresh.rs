//! Checks that generated files are up to date.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

/// A command that writes the test vectors below `root` and prints the name of each file. It runs a separate crate because the
/// generator needs the core, which the other jobs should not have to compile.
pub(crate) fn vectors(project: &Project, root: &Path) -> Command {
    let mut cargo = project.cargo();
    cargo.args(["run", "--quiet", "--package", "counterfoil-vectors", "--"]).arg(root);
    cargo
}

/// Generates the vectors in another folder and compares them with the committed ones.
///
/// # Errors
///
/// Names each file that differs.
pub(crate) fn check(project: &Project) -> Result<()> {
    let elsewhere = project.target.join("fresh");
    let mut stale = Vec::new();
    for file in process::output(&mut vectors(project, &elsewhere))?.lines() {
        let name = Path::new(file).strip_prefix(&elsewhere).context("a generated file is out of place")?;
        let fresh = fs::read(file).with_context(|| format!("cannot read {file}"))?;
        if fs::read(project.root.join(name)).ok() != Some(fresh) {
            stale.push(name.display().to_string());
        }
    }
    if stale.is_empty() { Ok(()) } else { bail!("not up to date: {}; run `cargo xtask vectors`", stale.join(", ")) }
}
