//! The static files: the pages of `www`, the verification module for the console, and `/openapi.json`.

use std::fs;

use anyhow::{Context as _, Result};

use crate::built;
use crate::files::{copy, remove};
use crate::project::Project;

/// The files of the npm package that a browser loads: its entry point and everything that it imports.
const MODULE: &[&str] = &[
    "web.js",
    "load.js",
    "instantiate.js",
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
    "small.wasm.js",
];

/// Gathers the files; the npm package must be built. The folder is replaced as a whole, so concurrent builds never see an
/// incomplete one.
///
/// # Errors
///
/// If a file cannot be read or written.
pub(crate) fn gather(project: &Project) -> Result<()> {
    let _lock = built::lock(project, built::ASSETS)?;
    let (folder, partial) = (project.root.join(built::ASSETS), project.root.join(format!("{}.partial", built::ASSETS)));
    remove(&partial)?;
    copy(&project.root.join("www"), &partial)?;
    let verify = partial.join("console/verify");
    fs::create_dir_all(&verify).with_context(|| format!("cannot create {}", verify.display()))?;
    {
        let _lock = built::lock(project, built::VERIFY)?;
        for file in MODULE {
            copy(&project.root.join(built::VERIFY).join(file), &verify.join(file))?;
        }
    }
    copy(&project.root.join("openapi.json"), &partial.join("openapi.json"))?;
    remove(&folder)?;
    fs::rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))
}
