//! npm packages that a lock file pins: the JavaScript tools in the root, and others in folders that few jobs need.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::files::copy;
use crate::process;
use crate::project::Project;

const LOCK: &str = "package-lock.json";

/// The oldest supported Node: `engines` in package.json.
const OLDEST_NODE: (u32, u32) = (20, 10);

/// Every folder with a lock file. The first one is the root.
pub(crate) const FOLDERS: [&str; 3] = ["", PEERS, BUNDLERS];

/// The packages that Counterfoil is compared with.
pub(crate) const PEERS: &str = "tests/bench/peers";

/// The bundlers and runtimes in which the npm package is tested.
pub(crate) const BUNDLERS: &str = "tests/bundlers";

pub(crate) struct Npm<'a> {
    project: &'a Project,
    /// Where the packages are installed.
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
        Self::new(project, project.root.join(folder))
    }

    /// The packages that a folder of the repository lists, to be installed into another folder.
    pub(crate) fn listed(project: &'a Project, list: &str, folder: &str) -> Result<Self> {
        let folder = project.root.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for file in ["package.json", LOCK] {
            copy(&project.root.join(list).join(file), &folder.join(file))?;
        }
        Self::new(project, folder)
    }

    fn new(project: &'a Project, folder: PathBuf) -> Result<Self> {
        let lock = folder.join(LOCK);
        let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        Ok(Self { project, stamp: folder.join("node_modules/.counterfoil-lock"), folder, lock })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn is_missing(&self) -> bool {
        !fs::read(&self.stamp).is_ok_and(|stamp| stamp == self.lock)
    }

    /// Installs exactly the packages of the lock file. No install script runs: the binaries of esbuild, workerd and others are
    /// separate packages.
    pub(crate) fn install(&self) -> Result<()> {
        self.check_node()?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let mut npm = self.project.command(npm);
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
        process::quietly(npm.current_dir(&self.folder))?;
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
