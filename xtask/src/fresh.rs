//! Generated files are what their generator would write today.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use crate::vectors;

/// Generates the vectors once more, elsewhere, and compares.
///
/// # Errors
///
/// Names each file that differs from the one that is committed.
pub(crate) fn check(project: &Project) -> Result<()> {
    let elsewhere = project.target.join("fresh");
    let mut stale = Vec::new();
    for file in vectors::generate(&elsewhere)? {
        let name = file.strip_prefix(&elsewhere).context("a generated file is out of place")?;
        let fresh = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if fs::read(project.root.join(name)).ok() != Some(fresh) {
            stale.push(name.display().to_string());
        }
    }
    if stale.is_empty() { Ok(()) } else { bail!("not up to date: {} (cargo xtask vectors)", stale.join(", ")) }
}
