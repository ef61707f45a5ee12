//! `cargo xtask lint`: everything that can be checked without running the product.

use anyhow::{Result, bail};

use crate::dependencies;
use crate::fresh;
use crate::jobs::Stopwatch;
use crate::process;
use crate::project::Project;
use crate::sizes;
use crate::suites::WASM_ONLY;
use crate::tools::{self, WASM};

type Check = fn(&Project) -> Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("format", format),
    ("dependency direction", dependencies::check),
    ("generated files", fresh::check),
    ("clippy, for this machine", clippy_native),
    ("clippy, for wasm", clippy_wasm),
    ("sizes", sizes::check),
];

/// Runs every check; one that fails does not keep the others from running.
///
/// # Errors
///
/// Names the checks that failed.
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
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
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join("; ")) }
}

fn format(project: &Project) -> Result<()> {
    process::show(project.cargo().args(["fmt", "--all", "--check"]))
}

fn clippy_native(project: &Project) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["clippy", "--workspace", "--all-targets"]);
    for package in WASM_ONLY {
        cargo.args(["--exclude", package]);
    }
    process::show(cargo.args(["--", "-D", "warnings"]))
}

fn clippy_wasm(project: &Project) -> Result<()> {
    tools::ensure_wasm_target(project)?;
    let mut cargo = project.cargo();
    cargo.args(["clippy", "--all-targets", "--target", WASM]);
    for package in WASM_ONLY {
        cargo.args(["--package", package]);
    }
    process::show(cargo.args(["--", "-D", "warnings"]))
}
