//! What is checked of JavaScript: biome.jsonc and tsconfig.json say which files, and how.

use anyhow::Result;

use crate::process;
use crate::project::Project;
use crate::tools;

/// Format and style.
///
/// # Errors
///
/// Where a file is not formatted, or a rule is broken. What is wrong was shown.
pub(crate) fn style(project: &Project) -> Result<()> {
    tools::ensure_npm(project)?;
    process::show(project.npm_tool("biome").args(["check", "--error-on-warnings"]))
}

/// Types, as JSDoc has them.
///
/// # Errors
///
/// Where something does not fit its type. What does not was shown.
pub(crate) fn types(project: &Project) -> Result<()> {
    tools::ensure_npm(project)?;
    process::show(project.npm_tool("tsc").args(["--project", "tsconfig.json"]))
}
