//! Writes `tests/vectors` and prints the path of each file. Every implementation of `token` and `verify` replays them.
//!
//! The files are committed and every run writes the same bytes, so a difference is a change of the contract and must be
//! intended. `tests/vectors/confirm.test.mjs` derives the values in `token.json` with an independent implementation.

mod offline;
mod scopes;
mod segments;
mod snapshots;
mod token;
mod verify;

use anyhow::{Context as _, Result};
use serde::Serialize;
use std::{env, fs, path::Path};

/// Returns the contents of one file.
type Contents = fn() -> Result<String>;

/// The files: name and contents.
const FILES: &[(&str, Contents)] = &[
    ("token.json", || pretty(&token::vectors()?)),
    ("records.json", || pretty(&verify::records()?)),
    ("segments.json", || pretty(&segments::vectors()?)),
    ("snapshots.json", || pretty(&snapshots::vectors()?)),
    ("offline.json", || pretty(&offline::vectors()?)),
    ("decisions.json", || pretty(&verify::decisions()?)),
    ("scopes.json", || pretty(&scopes::vectors()?)),
];

fn main() -> Result<()> {
    let root = env::args_os().nth(1).context("usage: counterfoil-vectors ROOT (writes to ROOT/tests/vectors)")?;
    let folder = Path::new(&root).join("tests/vectors");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, contents) in FILES {
        let path = folder.join(name);
        fs::write(&path, contents()?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Serializes the struct directly, so that its fields keep their order with any features of `serde_json`.
fn pretty(vectors: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(vectors)? + "\n")
}
