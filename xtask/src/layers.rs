//! Checks the direction of imports: the imports between files have no cycles, and if a crate's root declares its modules in
//! groups, no module imports from a group below its own.
//!
//! A file imports what its `use` lines and the paths in its code name, followed through re-exports to the definition. Tests
//! within a file and macro arguments are ignored.

mod graph;
mod source;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use graph::Graph;
use source::Source;

/// Crates whose files still import each other in cycles, and how many files do.
const CIRCLES: &[(&str, usize)] = &[];

/// Checks every crate.
///
/// # Errors
///
/// Names the files of each cycle, and each import from a higher layer.
pub(crate) fn check(project: &Project) -> Result<()> {
    let mut wrong = Vec::new();
    for root in crates(project)? {
        let name = root.strip_prefix(&project.root).unwrap_or(&root).display().to_string();
        let source = Source::read(&root.join("src")).with_context(|| format!("cannot read the sources of {name}"))?;
        let graph = Graph::of(&source);
        let circles = graph.circles();
        let known = CIRCLES.iter().find(|(known, _)| *known == name).map_or(0, |(_, files)| *files);
        let files: usize = circles.iter().map(Vec::len).sum();
        if files > known {
            let circles: Vec<_> = circles.iter().map(|circle| circle.join(" ")).collect();
            wrong.push(format!("{name}: {files} files import each other in cycles: {}", circles.join("; ")));
        } else if files < known {
            wrong.push(format!(
                "{name}: only {files} files still import each other: update the number in xtask/src/layers.rs"
            ));
        }
        wrong.extend(graph.upward(&source).into_iter().map(|import| format!("{name}: {import}")));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

fn crates(project: &Project) -> Result<Vec<PathBuf>> {
    let folder = project.root.join("crates");
    let mut crates = vec![project.root.join("xtask")];
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        crates.push(entry?.path());
    }
    crates.retain(|root| root.join("Cargo.toml").is_file());
    crates.sort();
    Ok(crates)
}
