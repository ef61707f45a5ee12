//! Programs that are published as crates. Each is built once per user, version and compiler.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// A program of crates.io. Its own lock file determines its dependencies (`--locked`).
pub(crate) struct Published {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) options: &'static [&'static str],
}

impl Published {
    /// The path of the program. Builds it if the user's cache lacks it. The build is unoptimised, which takes a third of the
    /// time: these programs process little.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    pub(crate) fn get(&self, project: &Project) -> Result<PathBuf> {
        let Self { name, version, options } = self;
        let compiler = process::output(project.command("rustc").arg("-vV"))?;
        let key = cache::key(Sha256::new_with_prefix(compiler));
        let installed = cache::folder()?.join(format!("{name}-{version}-{key}"));
        if !installed.is_dir() {
            eprintln!("{name} {version} is missing: building it once per user takes about three minutes");
            cache::make_once(&installed, |partial| {
                let target = partial.join("target");
                let mut cargo = Command::new("cargo");
                cargo.args(["install", name, "--version", &format!("={version}")]);
                cargo.args(["--locked", "--debug", "--no-track"]).args(*options);
                cargo.arg("--root").arg(partial).arg("--target-dir").arg(&target);
                process::quietly(cargo.env("CARGO_PROFILE_DEV_DEBUG", "false"))?;
                fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))
            })?;
        }
        Ok(installed.join("bin").join(format!("{name}{EXE_SUFFIX}")))
    }
}
