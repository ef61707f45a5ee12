//! What is written down about the API is what it does: the table of codes, and the files that are generated from it.
//! After a change: `cargo xtask docs`.

use std::{collections::BTreeSet, env, fs, path::Path};

use counterfoil_api::codes;

/// The sources that name codes, from the repository's root: a folder stands for all below it.
const SOURCES: &[&str] = &["crates/api/src", "crates/verify/src/decision.rs", "crates/worker/js/shim.mjs"];

/// Those that only describe.
const DESCRIPTIONS: &[&str] = &["codes.rs", "codes", "openapi.rs", "openapi"];

/// Compares a generated file, named from the root, with the one that is committed.
#[track_caller]
fn up_to_date(name: &str, contents: &str) {
    let path = root().join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, contents).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == contents, "{name} is not up to date: cargo xtask docs");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn pages_of_codes_are_up_to_date() {
    up_to_date("docs/errors.md", &codes::markdown());
    up_to_date("www/docs/errors.html", &codes::html());
}

#[test]
fn the_table_has_every_code_once_and_no_other() {
    let listed: Vec<_> = codes::all().map(|meaning| meaning.code.to_owned()).collect();
    let table: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(table.len(), listed.len(), "each once");
    let mut used = BTreeSet::new();
    SOURCES.iter().for_each(|source| collect(&root().join(source), &mut used));
    assert_eq!(used.difference(&table).collect::<Vec<_>>(), [""; 0], "used, and not in the table");
    assert_eq!(table.difference(&used).collect::<Vec<_>>(), [""; 0], "in the table, and never used");
}

/// Adds each text in a source that is written like a code.
fn collect(path: &Path, used: &mut BTreeSet<String>) {
    if DESCRIPTIONS.iter().any(|name| path.ends_with(name)) {
        return;
    }
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), used));
        return;
    }
    let source = fs::read_to_string(path).unwrap();
    let is_code = |text: &&str| {
        text.len() >= 4
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && !["GET", "POST", "HEAD", "SCREAMING_SNAKE_CASE"].contains(text)
    };
    // What is between quotes, and what is between one text and the next, which is never written so.
    used.extend(source.split('"').filter(is_code).map(str::to_owned));
}
