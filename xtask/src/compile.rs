//! Compiles the crates that become wasm modules.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;
use crate::project::Project;
use crate::tools::{self, WASM};

/// The folder of compiled modules, in cargo's target folder.
const MODULES: &str = "xtask";

/// How a module is compiled and finished.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Builds faster.
    Dev,
    /// Used for deployments.
    Release,
}

impl From<bool> for Profile {
    fn from(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }
}

/// Compiles a package of the workspace with `features` to wasm, for a release with that profile of Cargo.toml and those
/// options of the compiler. [`module`] returns the path.
///
/// # Errors
///
/// If it does not compile; the error contains the compiler's output.
pub(crate) fn wasm(
    project: &Project,
    package: &str,
    features: &str,
    profile: Profile,
    release: &str,
    codegen: &[&str],
) -> Result<()> {
    tools::ensure_wasm_target(project)?;
    let mut cargo = project.cargo();
    cargo.args(["rustc", "--lib", "--package", package, "--features", features, "--target", WASM]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            // The options reach the last step only, which optimises all crates together.
            cargo.args(["--profile", release, "--"]).args(codegen);
            release
        }
    };
    in_colour(&mut cargo);
    process::quietly(&mut cargo)?;

    // Cargo writes the module to the same path for all features.
    let file = format!("{}.wasm", package.replace('-', "_"));
    let made = project.target.join(WASM).join(folder).join(file);
    let module = module(project, package, features);
    fs::create_dir_all(project.target.join(MODULES)).context("cannot create the folder of modules")?;
    fs::copy(&made, &module).with_context(|| format!("cannot copy {}", made.display()))?;
    Ok(())
}

/// The path of the module that [`wasm`] compiles.
pub(crate) fn module(project: &Project, package: &str, features: &str) -> PathBuf {
    project.target.join(MODULES).join(format!("{package}+{features}.wasm"))
}

/// Makes cargo colour its output although it goes through a pipe, if a terminal shows it in the end.
pub(crate) fn in_colour(cargo: &mut Command) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
}
