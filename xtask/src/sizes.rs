//! How much a browser or an isolate has to fetch, against what we allow ourselves.

use anyhow::{Context as _, Result, bail};

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// What is measured together, gzipped, and its limit in bytes.
const BUDGETS: &[(&str, &[&str], u64)] = &[
    ("the verification module", &["build/verify/glue_bg.wasm", "build/verify/glue.js"], 50_000),
    ("the worker", &["build/worker/index_bg.wasm", "build/worker/index.js"], 730_000),
];

/// Builds what is deployed and published, and weighs it.
///
/// # Errors
///
/// Where something cannot be built or is over its budget.
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

/// The size of the files in bytes, each compressed as hard as gzip can.
fn gzipped(project: &Project, files: &[&str]) -> Result<u64> {
    const SUM: &str = "console.log(process.argv.slice(1).map((file) => require('zlib').gzipSync(\
        require('fs').readFileSync(file), { level: 9 }).length).reduce((sum, size) => sum + size))";
    let sum = process::output(project.command("node").args(["--eval", SUM, "--"]).args(files))?;
    sum.trim().parse().context("node does not answer a size")
}
