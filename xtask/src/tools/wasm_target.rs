//! The standard library for wasm.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process;
use crate::project::Project;

pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Adds the target to the toolchain in use if it is missing.
///
/// # Errors
///
/// If rustup cannot add it.
pub(crate) fn ensure(project: &Project) -> Result<()> {
    let library = process::output(project.command("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    process::quietly(project.command("rustup").args(["target", "add", WASM]))
        .with_context(|| format!("the Rust target {WASM} is missing"))
}
