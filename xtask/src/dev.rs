//! `cargo xtask dev`: builds the worker, then hands over to `xtask/js/dev.mjs`, which serves it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::bundle;
use crate::compile::Profile;
use crate::jobs::Stopwatch;
use crate::process;
use crate::project::Project;

/// Serves the worker on `port` until it is told to stop.
///
/// # Errors
///
/// Where the port is taken, or something cannot be built or started.
pub(crate) fn serve(project: &Project, port: u16, state: &Path, profile: Profile) -> Result<()> {
    let start = Stopwatch::start();
    // Said now rather than after a minute of building.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} of 127.0.0.1 cannot be used (take another: --port N)"))?;
    bundle::worker(project, profile, 3)?;
    eprintln!("[3/3] starting workerd ({start})");
    let state = std::path::absolute(state).context("--state is no path")?;
    let mut node = project.command("node");
    node.arg("xtask/js/dev.mjs").arg(state).arg(port.to_string());
    become_program(&mut node)
}

/// Becomes the program: it has this process's id, and gets the signals meant for it.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).with_context(|| process::cannot_start(command))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    process::show(command)
}
