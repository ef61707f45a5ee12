//! The repository and its folders.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// The clone that contains this xtask.
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    /// Cargo's target folder, as set by the environment or a configuration file.
    pub(crate) target: PathBuf,
}

impl Project {
    pub(crate) fn new() -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = root.parent().context("the xtask has no parent folder")?.to_path_buf();
        let metadata = process::output(Command::new(cargo()).current_dir(&root).args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("cargo metadata returned invalid JSON")?;
        let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
        let target = PathBuf::from(target.context("cargo metadata names no target directory")?);
        Ok(Self { root, target })
    }

    /// A command that runs in the root.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn cargo(&self) -> Command {
        self.command(cargo())
    }

    /// A tool that package.json pins.
    pub(crate) fn npm_tool(&self, name: &str) -> Command {
        let file = if cfg!(windows) { format!("{name}.cmd") } else { name.to_owned() };
        self.command(self.root.join("node_modules/.bin").join(file))
    }
}

/// The cargo that runs this xtask.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
