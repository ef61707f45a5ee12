//! Nothing imports upward: no file imports one that imports it, by whatever way round, and where a crate's root names its
//! modules in groups, none imports from a group below its own there.
//!
//! What a file imports is what its `use` lines and the paths in its code name, followed through re-exports to where it is
//! defined. Tests within a file, and what stands in the arguments of macros, do not count.

mod graph;
mod source;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use graph::Graph;
use source::Source;

/// Crates whose modules still import each other in circles, and how many files do.
const CIRCLES: &[(&str, usize)] = &[];

/// Checks every crate.
///
/// # Errors
///
/// Names the files of each circle, and each import that goes upward.
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
            wrong.push(format!("{name}: {files} files import each other in circles: {}", circles.join("; ")));
        } else if files < known {
            wrong.push(format!("{name}: only {files} files import each other by now: say so in xtask/src/layers.rs"));
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
