//! The Chromium that the browser tests use: the one installed on this machine. It is too large to install without asking.

use std::env;
use std::path::PathBuf;

/// Its program names in various distributions.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// How to install it.
pub(crate) const HINT: &str =
    "Chromium was not found: install it (on Debian, the package chromium), or set CHROMIUM to the path of its program";

/// The path of the program: `CHROMIUM`, else the first match on the `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM").filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}
