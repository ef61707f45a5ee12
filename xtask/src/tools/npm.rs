//! npm packages that a lock file pins: the JavaScript tools in the root, and others in folders that few jobs need.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

/// The oldest supported Node: `engines` in package.json.
const OLDEST_NODE: (u32, u32) = (20, 10);

/// Every folder with a lock file. The first one is the root.
pub(crate) const FOLDERS: [&str; 2] = ["", PEERS];

/// The packages that Counterfoil is compared with.
pub(crate) const PEERS: &str = "tests/bench/peers";

pub(crate) struct Npm<'a> {
    project: &'a Project,
    folder: PathBuf,
    lock: Vec<u8>,
    /// A copy of the lock file, written after a successful installation.
    stamp: PathBuf,
}

impl<'a> Npm<'a> {
    /// The tools of the root.
    pub(crate) fn of(project: &'a Project) -> Result<Self> {
        Self::in_folder(project, "")
    }

    /// The packages of one of [`FOLDERS`].
    pub(crate) fn in_folder(project: &'a Project, folder: &str) -> Result<Self> {
        let folder = project.root.join(folder);
        let lock = folder.join("package-lock.json");
        let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        Ok(Self { project, stamp: folder.join("node_modules/.counterfoil-lock"), folder, lock })
    }

    pub(crate) fn is_missing(&self) -> bool {
        !fs::read(&self.stamp).is_ok_and(|stamp| stamp == self.lock)
    }

    /// Installs exactly the packages of the lock file. No install script runs: the binaries of esbuild and workerd are separate
    /// packages.
    pub(crate) fn install(&self) -> Result<()> {
        self.check_node()?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let quietly = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
        process::quietly(self.project.command(npm).current_dir(&self.folder).args(quietly))?;
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
