//! The tools that the jobs need besides cargo. Each is installed when a job first needs it.

mod cargo_fuzz;
mod cargo_install;
mod npm;
mod python;
mod wasm_bindgen;
mod wasm_target;

pub(crate) use cargo_fuzz::CargoFuzz;
pub(crate) use npm::{FOLDERS as NPM_FOLDERS, Npm};
pub(crate) use python::python_with;
pub(crate) use wasm_bindgen::WasmBindgen;
pub(crate) use wasm_target::{WASM, ensure as ensure_wasm_target};

use std::path::PathBuf;

use anyhow::Result;

use crate::built;
use crate::jobs::{self, Job};
use crate::project::Project;
use crate::tools::cargo_install::Published;

const CARGO_DENY: Published = Published { name: "cargo-deny", version: "0.20.2", options: &[] };

/// Without its web server and its file watcher, which take most of its compile time.
const MDBOOK: Published =
    Published { name: "mdbook", version: "0.5.4", options: &["--no-default-features", "--features", "search"] };

/// The path of cargo-deny.
///
/// # Errors
///
/// If it cannot be built.
pub(crate) fn cargo_deny(project: &Project) -> Result<PathBuf> {
    CARGO_DENY.get(project)
}

/// The path of mdBook.
///
/// # Errors
///
/// If it cannot be built.
pub(crate) fn mdbook(project: &Project) -> Result<PathBuf> {
    MDBOOK.get(project)
}

/// Installs the npm tools if they are missing.
///
/// # Errors
///
/// If they cannot be installed.
pub(crate) fn ensure_npm(project: &Project) -> Result<()> {
    let npm = Npm::of(project)?;
    if npm.is_missing() { npm.install() } else { Ok(()) }
}

/// Installs the packages that Counterfoil is compared with, if they are missing.
///
/// # Errors
///
/// If they cannot be installed.
pub(crate) fn ensure_peers(project: &Project) -> Result<()> {
    let npm = Npm::in_folder(project, npm::PEERS)?;
    if npm.is_missing() { npm.install() } else { Ok(()) }
}

/// The folder in which the bundlers and runtimes are installed that tests/bundlers lists. They take 600 MB, so only their
/// suite installs them.
///
/// # Errors
///
/// If they cannot be installed.
pub(crate) fn bundlers(project: &Project) -> Result<PathBuf> {
    let npm = Npm::listed(project, npm::BUNDLERS, built::BUNDLERS)?;
    if npm.is_missing() {
        jobs::all("getting tools:", vec![Job::new("installing bundlers", || npm.install())])?;
    }
    Ok(npm.folder().to_owned())
}

/// Installs every missing tool, and runs `work` in parallel.
///
/// # Errors
///
/// If a tool cannot be installed, or `work` fails.
pub(crate) fn get_while(project: &Project, title: &str, work: Vec<Job<'_>>) -> Result<WasmBindgen> {
    let (npm, wasm_bindgen) = (Npm::of(project)?, WasmBindgen::of(project)?);
    let mut jobs = Vec::new();
    if npm.is_missing() {
        jobs.push(Job::new("installing the npm tools", || npm.install()));
    }
    if wasm_bindgen.is_missing() {
        eprintln!(
            "wasm-bindgen {} is missing: building it once per user takes about two minutes",
            wasm_bindgen.version
        );
        jobs.push(Job::new("building wasm-bindgen", || wasm_bindgen.build()));
    }
    jobs.extend(work);
    jobs::all(title, jobs)?;
    Ok(wasm_bindgen)
}
