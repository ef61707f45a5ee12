//! The cache that all clones of one user share.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// The cache folder: `COUNTERFOIL_CACHE`, else `counterfoil` in the platform's folder for user caches.
///
/// # Errors
///
/// If the environment names no home folder.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(folder) = path("COUNTERFOIL_CACHE") {
        return std::path::absolute(folder).context("COUNTERFOIL_CACHE is not a path");
    }
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        // The XDG base directory specification requires ignoring a relative path.
        let xdg = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        xdg.or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    let caches = caches.context("there is no home folder for the tool cache: set COUNTERFOIL_CACHE to a folder")?;
    Ok(caches.join("counterfoil"))
}

/// A short key for the name of a cache folder. `digest` covers everything that the folder's content depends on.
pub(crate) fn key(digest: Sha256) -> String {
    hex::encode(&digest.finalize()[..6])
}

/// Creates a folder of the cache unless it exists. `make` fills a temporary folder beside it, which is then renamed, so an
/// incomplete folder is never visible. A lock ensures that only one process creates it; others wait.
///
/// # Errors
///
/// If `make` fails, or the cache cannot be written.
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
