//! `cargo xtask dev`: builds the Worker, then starts `xtask/js/dev.mjs`, which serves it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::built;
use crate::bundle;
use crate::compile::Profile;
use crate::files;
use crate::jobs::Stopwatch;
use crate::process;
use crate::project::Project;

/// Serves the Worker on `port` until it is stopped.
///
/// # Errors
///
/// If the port is in use, or something cannot be built or started.
pub(crate) fn serve(project: &Project, port: u16, state: &Path, profile: Profile) -> Result<()> {
    let start = Stopwatch::start();
    let state = std::path::absolute(state).context("--state is not a path")?;
    set_aside(&state)?;
    // Reported now rather than after a minute of building.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} on 127.0.0.1 is not available; choose another with --port N"))?;
    bundle::served(project, profile, 3)?;
    let served = copy_of_build(project)?;
    eprintln!("[3/3] starting workerd ({start})");
    let mut node = project.command("node");
    node.arg("xtask/js/dev.mjs").arg(state).arg(port.to_string()).arg(served);
    process::replace(&mut node)
}

/// Copies the served files to a folder of this server, which `dev.mjs` removes when it stops. Without the copy, a later build
/// would replace files that are being served: workerd reads pages when they are requested.
///
/// The folder is named after this process, which becomes the server, so servers that start at the same time use different
/// folders. `cargo clean` removes the folder of a killed server.
fn copy_of_build(project: &Project) -> Result<PathBuf> {
    let served = project.target.join(format!("xtask/dev-{}", std::process::id()));
    files::remove(&served)?;
    for (folder, name) in [(built::WORKER, "worker"), (built::ASSETS, "assets")] {
        let _lock = built::lock(project, folder)?;
        files::copy(&project.root.join(folder), &served.join(name))?;
    }
    Ok(served)
}

/// Moves the dev.json of an earlier start to the file from which `dev.mjs` reads its tokens. A script can then wait for
/// dev.json to know that this start is ready.
fn set_aside(state: &Path) -> Result<()> {
    let file = state.join("dev.json");
    let Ok(text) = fs::read(&file) else { return Ok(()) };
    let values: serde_json::Value = serde_json::from_slice(&text).with_context(|| format!("{}", file.display()))?;
    let url = values.get("url").and_then(serde_json::Value::as_str).unwrap_or_default();
    if is_served(url).unwrap_or(false) {
        bail!("already running at {url} (state folder {}); stop that server or use --state", state.display());
    }
    fs::rename(&file, state.join("dev.json.starting")).with_context(|| format!("cannot move {}", file.display()))
}

/// Whether a Worker responds at this URL.
fn is_served(url: &str) -> Result<bool> {
    let mut server = TcpStream::connect(url.trim_start_matches("http://"))?;
    server.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A state folder whose last start was on `url`.
    fn state(name: &str, url: &str) -> Result<PathBuf> {
        let state = std::env::temp_dir().join(format!("counterfoil-dev-{name}-{}", std::process::id()));
        fs::create_dir_all(&state)?;
        fs::write(state.join("dev.json"), format!(r#"{{"url": "{url}", "admin_token": "kept"}}"#))?;
        Ok(state)
    }

    #[test]
    fn an_old_dev_json_is_set_aside_with_its_tokens() -> Result<()> {
        // Bound and dropped, so no server listens on it.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let state = state("stopped", &format!("http://127.0.0.1:{port}"))?;
        set_aside(&state)?;
        assert!(!state.join("dev.json").exists());
        assert!(fs::read_to_string(state.join("dev.json.starting"))?.contains("kept"));
        Ok(fs::remove_dir_all(state)?)
    }

    #[test]
    fn a_build_beside_it_changes_nothing_that_is_served() -> Result<()> {
        let root = std::env::temp_dir().join(format!("counterfoil-dev-build-{}", std::process::id()));
        let project = Project { target: root.join("target"), root: root.clone() };
        for (file, text) in [("worker/index.js", "old"), ("assets/console/index.html", "old"), ("assets/gone", "old")] {
            let file = root.join("build").join(file);
            fs::create_dir_all(file.parent().context("no folder")?)?;
            fs::write(file, text)?;
        }
        let served = copy_of_build(&project)?;
        fs::remove_dir_all(root.join("build/assets"))?;
        fs::write(root.join("build/worker/index.js"), "new")?;
        for file in ["worker/index.js", "assets/console/index.html", "assets/gone"] {
            assert_eq!(fs::read_to_string(served.join(file))?, "old", "{file}");
        }

        // Nothing is left of an earlier copy of the same name.
        fs::create_dir_all(root.join("build/assets"))?;
        assert_eq!(copy_of_build(&project)?, served);
        assert_eq!(fs::read_to_string(served.join("worker/index.js"))?, "new");
        assert!(!served.join("assets/gone").exists());
        Ok(fs::remove_dir_all(root)?)
    }

    #[test]
    fn a_state_that_is_being_served_is_left_alone() -> Result<()> {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = state("served", &format!("http://{}", server.local_addr()?))?;
        let answer = thread::spawn(move || -> Result<()> {
            let (mut client, _) = server.accept()?;
            let _ = client.read(&mut [0; 1024])?;
            Ok(client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok")?)
        });
        let refused = set_aside(&state).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|error| error.contains("already running at http://127.0.0.1:")));
        assert!(state.join("dev.json").exists());
        assert!(answer.join().is_ok_and(|answered| answered.is_ok()));
        Ok(fs::remove_dir_all(state)?)
    }
}
