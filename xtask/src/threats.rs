//! The docs name a test for each threat and each failure. If such a test is renamed or removed, the docs must change too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

const PAGES: [&str; 3] = ["docs/threat-model.md", "docs/guarantees.md", "docs/updates.md"];

/// The heading of the last column of tables that name tests.
const HEADING: &str = "tried by";

/// Checks that every test that the pages name exists.
///
/// # Errors
///
/// Names the missing tests, and a page that names none.
pub(crate) fn check(project: &Project) -> Result<()> {
    let tests = rust_tests(project)?;
    for page in PAGES {
        let text = fs::read_to_string(project.root.join(page)).with_context(|| format!("cannot read {page}"))?;
        let named = named(&text);
        if named.is_empty() {
            bail!("{page} names no test: has the heading \"{HEADING}\" been changed?");
        }
        let is_there = |name: &&str| match name.split_once('/') {
            Some(_) => project.root.join(name).exists(),
            None => tests.contains(*name),
        };
        let missing: Vec<_> = named.iter().copied().filter(|name| !is_there(name)).collect();
        if !missing.is_empty() {
            bail!("{page} names tests that do not exist: {}", missing.join(", "));
        }
    }
    Ok(())
}

/// The code spans in the last column of the tables that name tests. A span with a space is a command, not a test.
fn named(page: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut is_named = false;
    for line in page.lines() {
        let Some(row) = line.strip_prefix('|') else {
            is_named = false;
            continue;
        };
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        if last.trim() == HEADING {
            is_named = true;
        } else if is_named {
            names.extend(last.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')));
        }
    }
    names
}

/// The functions marked `#[test]` in the crates.
fn rust_tests(project: &Project) -> Result<BTreeSet<String>> {
    let files =
        process::output(project.command("git").args(["ls-files", "--cached", "--others", "--", "crates/*.rs"]))?;
    let mut tests = BTreeSet::new();
    for file in files.lines().map(Path::new) {
        let Ok(source) = fs::read_to_string(project.root.join(file)) else { continue };
        for marked in source.split("#[test]").skip(1) {
            let name = marked.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            tests.extend(name.map(|(name, _)| name.to_owned()));
        }
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_columns_that_have_them() {
        let page = "| asset | `not_this` |\n|---|---|\n\n| threat | tried by |\n|---|---|\n\
            | `nor_this` | `one_test`, `tests/two.mjs`, `cargo xtask lint` |\n\nprose `nor_that`\n";
        assert_eq!(named(page), BTreeSet::from(["one_test", "tests/two.mjs"]));
    }
}
