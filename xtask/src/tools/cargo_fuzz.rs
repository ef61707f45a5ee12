//! cargo-fuzz, built once per user and version, and the nightly compiler that it requires.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cache;
use crate::process;
use crate::project::Project;

/// Its own lock file determines its dependencies (`--locked`).
const VERSION: &str = "0.13.2";

const TOOLCHAIN: &str = "nightly";

/// cargo-fuzz, installed.
pub(crate) struct CargoFuzz {
    program: PathBuf,
    /// The compiler's target platform.
    host: String,
}

impl CargoFuzz {
    /// Finds the program; builds it if the user's cache lacks it.
    ///
    /// # Errors
    ///
    /// If there is no nightly compiler, or the program cannot be built.
    pub(crate) fn get(project: &Project) -> Result<Self> {
        let compiler = match process::output(project.command("rustup").args(["run", TOOLCHAIN, "rustc", "-vV"])) {
            Ok(compiler) => compiler,
            Err(error) => bail!(
                "fuzzing requires a nightly compiler, for coverage instrumentation: run `rustup toolchain install {TOOLCHAIN} \
                 --profile minimal`. `cargo xtask fuzz --short` replays the known inputs without one ({error:#})"
            ),
        };
        let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("the nightly compiler does not report its target platform")?.to_owned();
        let installed = cache::folder()?.join(format!("cargo-fuzz-{VERSION}"));
        if !installed.is_dir() {
            eprintln!("cargo-fuzz {VERSION} is missing: building it once per user takes about a minute");
            cache::make_once(&installed, |partial| {
                let target = partial.join("target");
                let mut cargo = Command::new("cargo");
                let version = format!("={VERSION}");
                cargo.args(["install", "cargo-fuzz", "--version", &version, "--locked", "--debug", "--no-track"]);
                cargo.arg("--root").arg(partial).arg("--target-dir").arg(&target);
                process::quietly(cargo.env("CARGO_PROFILE_DEV_DEBUG", "false"))?;
                fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))
            })?;
        }
        Ok(Self { program: installed.join("bin").join(format!("cargo-fuzz{EXE_SUFFIX}")), host })
    }

    /// Builds these targets and returns their folder.
    ///
    /// No sanitizer: the crates forbid `unsafe`, so a sanitizer would only find faults of dependencies, at half the speed.
    ///
    /// # Errors
    ///
    /// If they do not compile.
    pub(crate) fn build(&self, project: &Project, targets: &[String]) -> Result<PathBuf> {
        let mut cargo = project.command("rustup");
        cargo.args(["run", TOOLCHAIN]).arg(&self.program).args(["build", "--sanitizer", "none"]);
        // cargo-fuzz builds one target or all.
        if let [target] = targets {
            cargo.arg(target);
        }
        // `CARGO` names the cargo of another toolchain, which runs this xtask.
        process::show(cargo.env_remove("CARGO"))?;
        Ok(project.root.join("fuzz/target").join(&self.host).join("release"))
    }
}
