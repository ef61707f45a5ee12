//! The folders of `build`, and the locks for replacing them.

use std::fs::{self, File};

use anyhow::{Context as _, Result};

use crate::project::Project;

/// The bundle that wrangler deploys; wrangler.toml names this folder too.
pub(crate) const WORKER: &str = "build/worker";

/// The same bundle with faults that tests inject.
pub(crate) const FAULTY_WORKER: &str = "build/worker-faults";

/// The npm package.
pub(crate) const VERIFY: &str = "build/verify";

/// The static files; wrangler.toml names this folder too.
pub(crate) const ASSETS: &str = "build/assets";

/// The docs site.
pub(crate) const DOCS: &str = "build/docs";

/// Where the suite `bundlers` installs its tools and builds its programs.
pub(crate) const BUNDLERS: &str = "build/bundlers";

/// Prevents other processes from replacing a folder until the lock is dropped.
///
/// # Errors
///
/// If the lock cannot be acquired.
pub(crate) fn lock(project: &Project, folder: &str) -> Result<File> {
    let path = project.root.join(format!("{folder}.lock"));
    fs::create_dir_all(project.root.join("build")).context("cannot create build")?;
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {folder}"))?;
    Ok(lock)
}
