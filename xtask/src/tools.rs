//! What the jobs need besides cargo, and how a machine that lacks it gets it.

mod cargo_deny;
mod cargo_fuzz;
mod npm;
mod python;
mod wasm_bindgen;
mod wasm_target;

pub(crate) use cargo_deny::cargo_deny;
pub(crate) use cargo_fuzz::CargoFuzz;
pub(crate) use npm::Npm;
pub(crate) use python::python_with;
pub(crate) use wasm_bindgen::WasmBindgen;
pub(crate) use wasm_target::{WASM, ensure as ensure_wasm_target};

use anyhow::Result;

use crate::jobs::{self, Job};
use crate::project::Project;

/// Installs the npm tools, where the machine lacks them.
///
/// # Errors
///
/// Where they cannot be had.
pub(crate) fn ensure_npm(project: &Project) -> Result<()> {
    let npm = Npm::of(project)?;
    if npm.is_missing() { npm.install() } else { Ok(()) }
}

/// Gets every tool that the machine lacks, and does `work` meanwhile.
///
/// # Errors
///
/// Where a tool cannot be had, or `work` fails.
pub(crate) fn get_while(project: &Project, title: &str, work: Vec<Job<'_>>) -> Result<WasmBindgen> {
    let (npm, wasm_bindgen) = (Npm::of(project)?, WasmBindgen::of(project)?);
    let mut jobs = Vec::new();
    if npm.is_missing() {
        jobs.push(Job::new("installing the npm tools", || npm.install()));
    }
    if wasm_bindgen.is_missing() {
        eprintln!("wasm-bindgen {} is missing; it is built once per user, in about two minutes", wasm_bindgen.version);
        jobs.push(Job::new("building wasm-bindgen", || wasm_bindgen.build()));
    }
    jobs.extend(work);
    jobs::all(title, jobs)?;
    Ok(wasm_bindgen)
}
