//! cargo-deny, built once per user and version.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// Its lock file is its own, which `--locked` holds the build to.
const VERSION: &str = "0.20.2";

/// The program, built where the user's cache lacks it. The build is unoptimised: it looks at a few hundred crates, once.
///
/// # Errors
///
/// Where it cannot be built.
pub(crate) fn cargo_deny(project: &Project) -> Result<PathBuf> {
    let compiler = process::output(project.command("rustc").arg("-vV"))?;
    let key = cache::key(Sha256::new_with_prefix(compiler));
    let installed = cache::folder()?.join(format!("cargo-deny-{VERSION}-{key}"));
    if !installed.is_dir() {
        eprintln!("cargo-deny {VERSION} is missing; it is built once per user, in about two minutes");
        cache::make_once(&installed, |partial| {
            let target = partial.join("target");
            let mut cargo = std::process::Command::new("cargo");
            cargo.args([
                "install",
                "cargo-deny",
                "--version",
                &format!("={VERSION}"),
                "--locked",
                "--debug",
                "--no-track",
            ]);
            cargo.arg("--root").arg(partial).arg("--target-dir").arg(&target);
            process::quietly(cargo.env("CARGO_PROFILE_DEV_DEBUG", "false"))?;
            fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))
        })?;
    }
    Ok(installed.join("bin").join(format!("cargo-deny{EXE_SUFFIX}")))
}
