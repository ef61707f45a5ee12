//! Writes `tests/vectors`: the contract that every face of `token` and `verify` replays.
//!
//! The files are committed. They come out the same on every run, so a difference in them is a change of the contract
//! and must be meant. `tests/vectors/confirm.test.mjs` derives the token's values once more, with another implementation.

mod offline;
mod scopes;
mod segments;
mod snapshots;
mod token;
mod verify;

use anyhow::{Context as _, Result};
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Makes the contents of one file.
type Contents = fn() -> Result<String>;

/// Every file, by its name.
const FILES: &[(&str, Contents)] = &[
    ("token.json", || pretty(&token::vectors()?)),
    ("records.json", || pretty(&verify::records()?)),
    ("segments.json", || pretty(&segments::vectors()?)),
    ("snapshots.json", || pretty(&snapshots::vectors()?)),
    ("offline.json", || pretty(&offline::vectors()?)),
    ("decisions.json", || pretty(&verify::decisions()?)),
    ("scopes.json", || pretty(&scopes::vectors()?)),
];

/// Writes every file of vectors below the repository's root, and says which.
///
/// # Errors
///
/// Where a file cannot be written, or a case is not what it is meant to be.
pub(crate) fn generate(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("tests/vectors");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    FILES
        .iter()
        .map(|(name, contents)| {
            let path = folder.join(name);
            fs::write(&path, contents()?).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        })
        .collect()
}

/// Fields keep the order of the struct's, whatever features `serde_json` is built with.
fn pretty(vectors: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(vectors)? + "\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
