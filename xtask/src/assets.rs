//! What is served as it stands, past the module: the pages of `www`, the verification module for the console, and
//! `/openapi.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::project::Project;

/// Where it is gathered; wrangler.toml names it too.
const FOLDER: &str = "build/assets";

/// What of the npm package a browser loads: its entry, and what that imports.
const MODULE: &[&str] = &[
    "web.js",
    "api.js",
    "verifier.js",
    "contract.js",
    "gate.js",
    "control-plane.js",
    "failure.js",
    "presented.js",
    "reader.js",
    "refusal.js",
    "scopes.js",
    "snapshot.js",
    "within.js",
    "glue.js",
    "glue_bg.wasm",
];

/// Gathers it anew; the npm package is built.
///
/// # Errors
///
/// Where a file cannot be read or written.
pub(crate) fn gather(project: &Project) -> Result<()> {
    let folder = project.root.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    copy(&project.root.join("www"), &folder)?;
    let verify = folder.join("console/verify");
    fs::create_dir_all(&verify).with_context(|| format!("cannot create {}", verify.display()))?;
    for file in MODULE {
        copy(&project.root.join("build/verify").join(file), &verify.join(file))?;
    }
    copy(&project.root.join("openapi.json"), &folder.join("openapi.json"))
}

/// Copies a file, or a folder with all below it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()));
    }
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
