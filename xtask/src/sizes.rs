//! Checks how much a browser or an isolate loads against size budgets.

use anyhow::{Context as _, Result, bail};

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// Files that are loaded together, and the limit of their compressed size in bytes.
const BUDGETS: &[(&str, &[&str], u64)] = &[
    ("the verification module", &["build/verify/module.wasm", "build/verify/glue.js"], 57_500),
    ("the verification module for browsers", &["build/verify/small.wasm", "build/verify/glue.js"], 53_000),
    ("the worker", &["build/worker/index_bg.wasm", "build/worker/index.js"], 655_000),
];

/// Builds the bundle and the npm package, and measures their sizes.
///
/// # Errors
///
/// If something cannot be built or exceeds its budget.
pub(crate) fn check(project: &Project) -> Result<()> {
    bundle::all(project, Profile::Release)?;
    let mut over = Vec::new();
    for (name, files, budget) in BUDGETS {
        let size = gzipped(project, files)?;
        println!("      {name}: {:.1} of {:.1} kB gzip", kilobytes(size), kilobytes(*budget));
        if size > *budget {
            over.push(*name);
        }
    }
    if over.is_empty() { Ok(()) } else { bail!("over budget: {}", over.join(", ")) }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}

/// The total size of the files in bytes, each compressed with gzip's highest level.
fn gzipped(project: &Project, files: &[&str]) -> Result<u64> {
    const SUM: &str = "console.log(process.argv.slice(1).map((file) => require('zlib').gzipSync(\
        require('fs').readFileSync(file), { level: 9 }).length).reduce((sum, size) => sum + size))";
    let sum = process::output(project.command("node").args(["--eval", SUM, "--"]).args(files))?;
    sum.trim().parse().context("node did not print a size")
}
