//! The wasm-bindgen command line, built once per user and version.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::cache;
use crate::process;
use crate::project::Project;

/// `wasm-bindgen` and its test runner, at the version that the workspace links.
pub(crate) struct WasmBindgen {
    pub(crate) version: String,
    /// The package that builds it. It has its own workspace and lock file.
    package: PathBuf,
    /// The finished installation. It is moved here as a whole, so it is never incomplete.
    installed: PathBuf,
}

impl WasmBindgen {
    /// The cache key covers everything that determines the binaries: the package's manifest and lock file, and the compiler
    /// with its host.
    pub(crate) fn of(project: &Project) -> Result<Self> {
        let package = project.root.join("xtask/wasm-bindgen");
        let read = |name| fs::read_to_string(package.join(name)).with_context(|| format!("cannot read {name}"));
        let (manifest, lock) = (read("Cargo.toml")?, read("Cargo.lock")?);
        let version = manifest
            .lines()
            .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
            .context("xtask/wasm-bindgen has no version")?
            .to_owned();
        let compiler = process::output(project.command("rustc").arg("-vV"))?;
        let mut digest = Sha256::new();
        for part in [&manifest, &lock, &compiler] {
            digest.update(part);
            digest.update([0]);
        }
        let key = cache::key(digest);
        let installed = cache::folder()?.join(format!("wasm-bindgen-{version}-{key}"));
        Ok(Self { version, package, installed })
    }

    pub(crate) fn is_missing(&self) -> bool {
        !self.installed.is_dir()
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.binary("wasm-bindgen")
    }

    pub(crate) fn test_runner(&self) -> PathBuf {
        self.binary("wasm-bindgen-test-runner")
    }

    fn binary(&self, name: &str) -> PathBuf {
        self.installed.join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Builds it, unoptimized: that takes a third of the time, and the programs read only a few megabytes.
    pub(crate) fn build(&self) -> Result<()> {
        cache::make_once(&self.installed, |partial| {
            let target = partial.join("target");
            process::quietly(
                std::process::Command::new("cargo")
                    .current_dir(&self.package)
                    .args(["install", "--locked", "--debug", "--no-track", "--path", "."])
                    .arg("--root")
                    .arg(partial)
                    .arg("--target-dir")
                    .arg(&target),
            )?;
            fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))
        })
    }
}
