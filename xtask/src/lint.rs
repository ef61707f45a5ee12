//! `cargo xtask lint`: all checks that do not run the product.

use anyhow::{Result, bail};

use crate::bench;
use crate::dependencies;
use crate::fresh;
use crate::jobs::Stopwatch;
use crate::layers;
use crate::links;
use crate::process;
use crate::project::Project;
use crate::prose;
use crate::reference;
use crate::scripts;
use crate::sizes;
use crate::suites::WASM_ONLY;
use crate::supply::{self, Verdict};
use crate::threats;
use crate::tools::{self, WASM};

type Check = fn(&Project) -> Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("format", format),
    ("dependency direction", dependencies::check),
    ("layers", layers::check),
    ("licences, sources and versions of crates", supply::crates),
    ("sources of npm packages", supply::packages),
    ("generated files", fresh::check),
    ("figures of docs/performance.md", bench::check_report),
    ("descriptions of the API", reference::check),
    ("links of the documentation", links::check),
    ("words", prose::check),
    ("tests of the threat model", threats::check),
    ("clippy, for this machine", clippy_native),
    ("clippy, for wasm", clippy_wasm),
    ("style of JavaScript", scripts::style),
    ("types of JavaScript", scripts::types),
    ("sizes", sizes::check),
];

type Asking = fn(&Project) -> Result<Verdict>;

/// Checks that query other hosts. If one cannot be made, lint does not fail but names it at the end.
const ASKING: &[(&str, Asking)] = &[
    ("advisories about crates", supply::crate_advisories),
    ("advisories about npm packages", supply::package_advisories),
];

/// Runs the checks whose names contain one of the words, or all of them if there are no words, also after one failed.
///
/// # Errors
///
/// Names the checks that failed. If no check has such a name, lists all names.
pub(crate) fn run(project: &Project, words: &[String]) -> Result<()> {
    let is_asked_for = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let names = || CHECKS.iter().map(|(name, _)| *name).chain(ASKING.iter().map(|(name, _)| *name));
    if !names().any(is_asked_for) {
        bail!("no check has such a name. The checks are: {}", names().collect::<Vec<_>>().join("; "));
    }
    let mut failed = Vec::new();
    for (name, check) in CHECKS.iter().filter(|(name, _)| is_asked_for(name)) {
        println!("--- {name}");
        let start = Stopwatch::start();
        match check(project) {
            Ok(()) => println!("      ok ({start})"),
            Err(error) => {
                println!("      failed ({start}): {error:#}");
                failed.push(*name);
            }
        }
    }
    let mut skipped = Vec::new();
    for (name, check) in ASKING.iter().filter(|(name, _)| is_asked_for(name)) {
        println!("--- {name}");
        let start = Stopwatch::start();
        match check(project) {
            Ok(Verdict::Passed) => println!("      ok ({start})"),
            Ok(Verdict::Skipped(why)) => {
                println!("      skipped ({start}): {why}");
                skipped.push(*name);
            }
            Err(error) => {
                println!("      failed ({start}): {error:#}");
                failed.push(*name);
            }
        }
    }
    if !skipped.is_empty() {
        println!("\nskipped, so not checked: {}", skipped.join("; "));
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join("; ")) }
}

fn format(project: &Project) -> Result<()> {
    process::show(project.cargo().args(["fmt", "--all", "--check"]))
}

fn clippy_native(project: &Project) -> Result<()> {
    clippy(project, &["--workspace", "--exclude", WASM_ONLY])
}

fn clippy_wasm(project: &Project) -> Result<()> {
    tools::ensure_wasm_target(project)?;
    clippy(project, &["--target", WASM, "--package", "counterfoil-worker", "--features", "counterfoil-worker/faults"])?;
    clippy(project, &["--target", WASM, "--package", "counterfoil-worker", "--package", "counterfoil-wasm"])
}

fn clippy(project: &Project, what: &[&str]) -> Result<()> {
    let mut cargo = project.cargo();
    process::show(cargo.args(["clippy", "--all-targets"]).args(what).args(["--", "-D", "warnings"]))
}
