//! The cache that one user's clones share.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Its folder: `COUNTERFOIL_CACHE`, else `counterfoil` where the platform keeps a user's caches.
///
/// # Errors
///
/// Where the environment names no home.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(folder) = path("COUNTERFOIL_CACHE") {
        return std::path::absolute(folder).context("COUNTERFOIL_CACHE is no path");
    }
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        // The XDG base directory specification: a relative path is to be ignored.
        let xdg = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        xdg.or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    let caches = caches.context("no home folder to keep tools in: set COUNTERFOIL_CACHE")?;
    Ok(caches.join("counterfoil"))
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
