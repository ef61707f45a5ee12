//! The JavaScript tools that package-lock.json pins.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

/// The oldest supported Node: `engines` in package.json.
const OLDEST_NODE: (u32, u32) = (20, 10);

pub(crate) struct Npm<'a> {
    project: &'a Project,
    lock: Vec<u8>,
    /// A copy of the lock file, written after a successful installation.
    stamp: PathBuf,
}

impl<'a> Npm<'a> {
    pub(crate) fn of(project: &'a Project) -> Result<Self> {
        let lock = project.root.join("package-lock.json");
        let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        Ok(Self { project, stamp: project.root.join("node_modules/.counterfoil-lock"), lock })
    }

    pub(crate) fn is_missing(&self) -> bool {
        !fs::read(&self.stamp).is_ok_and(|stamp| stamp == self.lock)
    }

    /// Installs exactly the packages of the lock file. No install script runs: the binaries of esbuild and workerd are separate
    /// packages.
    pub(crate) fn install(&self) -> Result<()> {
        self.check_node()?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        process::quietly(self.project.command(npm).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefer-offline",
        ]))?;
        fs::write(&self.stamp, &self.lock).with_context(|| format!("cannot write {}", self.stamp.display()))
    }

    fn check_node(&self) -> Result<()> {
        let (major, minor) = OLDEST_NODE;
        let needed = format!("Node {major}.{minor} or later is required");
        let version = process::output(self.project.command("node").arg("--version")).context(needed.clone())?;
        let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
        let found = numbers.next().zip(numbers.next());
        if found.is_none_or(|found| found < OLDEST_NODE) {
            bail!("{needed}; this machine has {}", version.trim());
        }
        Ok(())
    }
}
