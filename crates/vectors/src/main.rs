//! Writes `tests/vectors` and prints the name of each file: the contract that every face of `token` and `verify` replays.
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
use std::{env, fs, path::Path};

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

fn main() -> Result<()> {
    let root = env::args_os().nth(1).context("usage: counterfoil-vectors ROOT, writes into ROOT/tests/vectors")?;
    let folder = Path::new(&root).join("tests/vectors");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, contents) in FILES {
        let path = folder.join(name);
        fs::write(&path, contents()?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Fields keep the order of the struct's, whatever features `serde_json` is built with.
fn pretty(vectors: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(vectors)? + "\n")
}
