//! Checks of JavaScript, configured in biome.jsonc and tsconfig.json.

use anyhow::Result;

use crate::process;
use crate::project::Project;
use crate::tools;

/// Format and style.
///
/// # Errors
///
/// If a file is not formatted or breaks a rule. The details are on the terminal.
pub(crate) fn style(project: &Project) -> Result<()> {
    tools::ensure_npm(project)?;
    process::show(project.npm_tool("biome").args(["check", "--error-on-warnings"]))
}

/// Types, declared in JSDoc.
///
/// # Errors
///
/// If there is a type error. The details are on the terminal.
pub(crate) fn types(project: &Project) -> Result<()> {
    tools::ensure_npm(project)?;
    process::show(project.npm_tool("tsc").args(["--project", "tsconfig.json"]))
}
