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

/// A wasm module: a package of the workspace, and how it is compiled.
pub(crate) struct Module {
    pub(crate) package: &'static str,
    pub(crate) features: &'static str,
    /// The profile of Cargo.toml for releases.
    pub(crate) release: &'static str,
    /// Further flags for rustc; a later flag overrides those of .cargo/config.toml.
    pub(crate) flags: &'static [&'static str],
    /// Further options of the compiler for releases. They reach the last step only, which optimises all crates together.
    pub(crate) codegen: &'static [&'static str],
}

impl Module {
    /// Compiles it. [`Module::path`] is the result.
    ///
    /// # Errors
    ///
    /// If it does not compile; the error contains the compiler's output.
    pub(crate) fn compile(&self, project: &Project, profile: Profile) -> Result<()> {
        let Self { package, features, release, flags, codegen } = self;
        tools::ensure_wasm_target(project)?;
        let mut cargo = project.cargo();
        cargo.args(["rustc", "--lib", "--package", package, "--features", features, "--target", WASM]);
        add_flags(&mut cargo, flags);
        let folder = match profile {
            Profile::Dev => "debug",
            Profile::Release => {
                cargo.args(["--profile", release, "--"]).args(*codegen);
                release
            }
        };
        in_colour(&mut cargo);
        process::quietly(&mut cargo)?;

        // Cargo writes the module to the same path for all features and flags.
        let file = format!("{}.wasm", package.replace('-', "_"));
        let made = project.target.join(WASM).join(folder).join(file);
        fs::create_dir_all(project.target.join(MODULES)).context("cannot create the folder of modules")?;
        fs::copy(&made, self.path(project)).with_context(|| format!("cannot copy {}", made.display()))?;
        Ok(())
    }

    /// The path of the compiled module.
    pub(crate) fn path(&self, project: &Project) -> PathBuf {
        let Self { package, features, release, .. } = self;
        project.target.join(MODULES).join(format!("{package}+{features}+{release}.wasm"))
    }
}

/// Adds flags for rustc to those of .cargo/config.toml.
pub(crate) fn add_flags(cargo: &mut Command, flags: &[&str]) {
    if !flags.is_empty() {
        cargo.arg("--config").arg(format!("target.{WASM}.rustflags={flags:?}"));
    }
}

/// Makes cargo colour its output although it goes through a pipe, if a terminal shows it in the end.
pub(crate) fn in_colour(cargo: &mut Command) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
}
