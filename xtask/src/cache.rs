//! The cache that one user's clones share.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

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

/// Stands in the name of a folder for what its content depends on, which `digest` has taken in.
pub(crate) fn key(digest: Sha256) -> String {
    hex::encode(&digest.finalize()[..6])
}

/// Makes a folder of the cache, unless it is there by now. `make` is given a place beside it; what it makes there moves
/// into place whole, or not at all. Clones that want it at once wait for one to make it.
///
/// # Errors
///
/// Where `make` fails, or the cache cannot be written.
pub(crate) fn make_once(folder: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let beside = |suffix: &str| {
        let mut path = folder.to_path_buf().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    };
    let (partial, lock) = (beside(".partial"), beside(".lock"));
    let cache = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    lock.lock().context("cannot lock the cache")?;
    if folder.is_dir() {
        return Ok(());
    }
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    make(&partial)?;
    fs::rename(&partial, folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
