//! The folders of `build`, and the right to replace one.

use std::fs::{self, File};

use anyhow::{Context as _, Result};

use crate::project::Project;

/// What wrangler deploys; wrangler.toml names it too.
pub(crate) const WORKER: &str = "build/worker";

/// The same with what tests need to see it fail.
pub(crate) const FAULTY_WORKER: &str = "build/worker-faults";

/// The npm package.
pub(crate) const VERIFY: &str = "build/verify";

/// Static files; wrangler.toml names it too.
pub(crate) const ASSETS: &str = "build/assets";

/// The docs site.
pub(crate) const DOCS: &str = "build/docs";

/// Keeps others from replacing a folder, until the lock is dropped.
///
/// # Errors
///
/// Where the lock cannot be had.
pub(crate) fn lock(project: &Project, folder: &str) -> Result<File> {
    let path = project.root.join(format!("{folder}.lock"));
    fs::create_dir_all(project.root.join("build")).context("cannot create build")?;
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {folder}"))?;
    Ok(lock)
}
