//! Generated files are what their generator would write today.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

/// Writes the test vectors below `root`, and prints the name of each file. They are a crate's of its own: what makes them
/// needs the core, and the other jobs should not wait until that is compiled.
pub(crate) fn vectors(project: &Project, root: &Path) -> Command {
    let mut cargo = project.cargo();
    cargo.args(["run", "--quiet", "--package", "counterfoil-vectors", "--"]).arg(root);
    cargo
}

/// Generates the vectors once more, elsewhere, and compares.
///
/// # Errors
///
/// Names each file that differs from the one that is committed.
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
    if stale.is_empty() { Ok(()) } else { bail!("not up to date: {} (cargo xtask vectors)", stale.join(", ")) }
}
