//! The phrases that docs/glossary.md tells writers to avoid are found wherever people read: in the documentation, in comments
//! and messages of Rust, in the console, the npm package and the examples.

mod phrases;
mod text;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;
use phrases::Phrases;

/// The page whose table lists the phrases. The table itself is not searched.
const GLOSSARY: &str = "docs/glossary.md";

/// The folders whose scripts and pages are searched as a whole, names included.
const SCRIPTS: [&str; 3] = ["www/", "crates/", "examples/"];

/// Searches all committed files.
///
/// # Errors
///
/// Names each phrase found, with its file and line, and what to write instead.
pub(crate) fn check(project: &Project) -> Result<()> {
    let glossary = fs::read_to_string(project.root.join(GLOSSARY)).context(GLOSSARY)?;
    let phrases = Phrases::of(&glossary).context(GLOSSARY)?;
    let listed =
        process::output(project.command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut found = Vec::new();
    for name in listed.lines().filter(|name| project.root.join(name).exists()) {
        let Some(read) = reader(name) else { continue };
        let whole = fs::read_to_string(project.root.join(name)).context(name.to_owned())?;
        let searched = if name == GLOSSARY { phrases::without_table(&whole) } else { &whole };
        let prose = read(searched).context(name.to_owned())?;
        found.extend(phrases.find(&prose).into_iter().map(|hit| format!("{name}:{hit}")));
    }
    if found.is_empty() { Ok(()) } else { bail!("{} phrases to avoid:\n{}", found.len(), found.join("\n")) }
}

/// How the prose of a file is read. `None` for files without prose.
fn reader(name: &str) -> Option<fn(&str) -> Result<String>> {
    let extension = Path::new(name).extension()?.to_str()?;
    match extension {
        "md" => Some(|whole| Ok(text::markdown(whole))),
        "rs" => Some(text::rust),
        "js" | "mjs" | "ts" | "html" if SCRIPTS.iter().any(|folder| name.starts_with(folder)) => {
            Some(|whole| Ok(whole.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_has_none_of_the_phrases() -> Result<()> {
        check(&Project::new()?)
    }
}
