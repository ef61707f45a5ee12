//! `cargo xtask dev`: builds the worker, then hands over to `xtask/js/dev.mjs`, which serves it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

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
    let state = std::path::absolute(state).context("--state is no path")?;
    set_aside(&state)?;
    // Said now rather than after a minute of building.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} of 127.0.0.1 cannot be used (take another: --port N)"))?;
    bundle::worker(project, profile, 3)?;
    eprintln!("[3/3] starting workerd ({start})");
    let mut node = project.command("node");
    node.arg("xtask/js/dev.mjs").arg(state).arg(port.to_string());
    become_program(&mut node)
}

/// Moves the dev.json of an earlier start to where `dev.mjs` looks for its tokens: whoever waits for this start to be
/// ready waits for a new one.
fn set_aside(state: &Path) -> Result<()> {
    let file = state.join("dev.json");
    let Ok(text) = fs::read(&file) else { return Ok(()) };
    let values: serde_json::Value = serde_json::from_slice(&text).with_context(|| format!("{}", file.display()))?;
    let url = values.get("url").and_then(serde_json::Value::as_str).unwrap_or_default();
    if is_served(url).unwrap_or(false) {
        bail!("{} is being served already, on {url}", state.display());
    }
    fs::rename(&file, state.join("dev.json.starting")).with_context(|| format!("cannot move {}", file.display()))
}

/// Whether the worker answers there.
fn is_served(url: &str) -> Result<bool> {
    let mut server = TcpStream::connect(url.trim_start_matches("http://"))?;
    server.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
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
