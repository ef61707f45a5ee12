//! The Chromium that the browser suite drives: this machine's own. It is too large to be fetched unasked.

use std::env;
use std::path::PathBuf;

/// What distributions call it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// How to come by one.
pub(crate) const HINT: &str =
    "there is no Chromium: install one (on Debian, the package chromium), or set CHROMIUM to its program";

/// The program: what `CHROMIUM` names, else the first that is on the `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM").filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}
