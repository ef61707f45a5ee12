//! cargo-fuzz, built once per user and version, and the nightly compiler that it needs.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cache;
use crate::process;
use crate::project::Project;

/// Its lock file is its own, which `--locked` holds the build to.
const VERSION: &str = "0.13.2";

const TOOLCHAIN: &str = "nightly";

/// cargo-fuzz, ready to build.
pub(crate) struct CargoFuzz {
    program: PathBuf,
    /// The platform that the compiler builds for.
    host: String,
}

impl CargoFuzz {
    /// The program, built where the user's cache lacks it.
    ///
    /// # Errors
    ///
    /// Where there is no nightly compiler, or the program cannot be built.
    pub(crate) fn get(project: &Project) -> Result<Self> {
        let compiler = match process::output(project.command("rustup").args(["run", TOOLCHAIN, "rustc", "-vV"])) {
            Ok(compiler) => compiler,
            Err(error) => bail!(
                "fuzzing needs a nightly compiler, for its coverage: `rustup toolchain install {TOOLCHAIN} --profile \
                 minimal`; `cargo xtask fuzz --short` replays what is known with the compiler in use ({error:#})"
            ),
        };
        let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("the nightly compiler does not say what it builds for")?.to_owned();
        let installed = cache::folder()?.join(format!("cargo-fuzz-{VERSION}"));
        if !installed.is_dir() {
            eprintln!("cargo-fuzz {VERSION} is missing; it is built once per user, in about a minute");
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

    /// Builds these targets, and says where they are.
    ///
    /// No sanitizer: the crates forbid `unsafe`, so one would find what is wrong in others only, at half the speed.
    ///
    /// # Errors
    ///
    /// Where they do not compile.
    pub(crate) fn build(&self, project: &Project, targets: &[String]) -> Result<PathBuf> {
        let mut cargo = project.command("rustup");
        cargo.args(["run", TOOLCHAIN]).arg(&self.program).args(["build", "--sanitizer", "none"]);
        // It builds one, or all.
        if let [target] = targets {
            cargo.arg(target);
        }
        // The cargo that runs this xtask is another toolchain's.
        process::show(cargo.env_remove("CARGO"))?;
        Ok(project.root.join("fuzz/target").join(&self.host).join("release"))
    }
}
