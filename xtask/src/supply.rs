//! Checks of dependencies: licences, sources, versions and known vulnerabilities.
//!
//! The databases of vulnerabilities are on other hosts, which may be unreachable. The check is then reported as skipped, not as
//! passed.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::process;
use crate::project::Project;
use crate::tools;

/// Every manifest with its own lock file, and whether its packages are only built and never shipped.
const MANIFESTS: [(&str, bool); 3] =
    [("Cargo.toml", false), ("fuzz/Cargo.toml", true), ("xtask/wasm-bindgen/Cargo.toml", true)];

/// The result of a check that queries other hosts.
pub(crate) enum Verdict {
    Passed,
    /// The check could not be made, for this reason.
    Skipped(String),
}

/// Checks licences, sources and versions of all crates against deny.toml.
///
/// # Errors
///
/// If one is not allowed.
pub(crate) fn crates(project: &Project) -> Result<()> {
    for (manifest, only_built) in MANIFESTS {
        let mut deny = deny(project, manifest)?;
        deny.args(["check", "--hide-inclusion-graph"]);
        if only_built {
            deny.args(["--allow", "duplicate", "--allow", "unmatched-skip"]);
        }
        process::show(deny.args(["bans", "licenses", "sources"]))?;
    }
    Ok(())
}

/// Known vulnerabilities of all crates.
///
/// # Errors
///
/// If there is one.
pub(crate) fn crate_advisories(project: &Project) -> Result<Verdict> {
    let mut fetch = deny(project, "Cargo.toml")?;
    // A network that drops all packets must not block the check.
    fetch.env("GIT_TERMINAL_PROMPT", "0").env("GIT_HTTP_LOW_SPEED_LIMIT", "1000").env("GIT_HTTP_LOW_SPEED_TIME", "20");
    if process::quietly(fetch.args(["fetch", "db"])).is_err() {
        return Ok(Verdict::Skipped("the RustSec advisory database is unreachable".to_owned()));
    }
    for (manifest, _) in MANIFESTS {
        process::show(deny(project, manifest)?.args(["check", "--disable-fetch", "advisories"]))?;
    }
    Ok(Verdict::Passed)
}

fn deny(project: &Project, manifest: &str) -> Result<Command> {
    let mut deny = project.command(tools::cargo_deny(project)?);
    deny.arg("--config").arg(project.root.join("deny.toml"));
    deny.args(["--locked", "--manifest-path"]).arg(project.root.join(manifest));
    Ok(deny)
}

/// Every lock file of npm packages.
const LOCKS: [&str; 2] = ["package-lock.json", "tests/bundlers/package-lock.json"];

/// Checks that every npm package comes from the registry and has a hash in its lock file.
///
/// # Errors
///
/// Names the packages that do not.
pub(crate) fn packages(project: &Project) -> Result<()> {
    for name in LOCKS {
        let lock = std::fs::read(project.root.join(name)).with_context(|| format!("cannot read {name}"))?;
        let lock = serde_json::from_slice(&lock).with_context(|| format!("{name} has an unexpected structure"))?;
        let strangers = strangers(&lock);
        ensure!(
            strangers.is_empty(),
            "not from the npm registry, or without a sha512 hash in {name}: {}",
            strangers.join(", ")
        );
    }
    Ok(())
}

#[derive(Deserialize)]
struct Lock {
    packages: Map<String, Value>,
}

fn strangers(Lock { packages }: &Lock) -> Vec<&str> {
    let is_known = |package: &Value| {
        let integrity = package.get("integrity").and_then(Value::as_str);
        // The lock file contains no URLs: the hash identifies the package, whichever registry a machine uses.
        integrity.is_some_and(|hash| hash.starts_with("sha512-")) && package.get("resolved").is_none()
    };
    // The entry with an empty path is the repository itself.
    packages.iter().filter(|(path, package)| !path.is_empty() && !is_known(package)).map(|(path, _)| &**path).collect()
}

/// Known vulnerabilities of the npm packages that are shipped. Tools are not checked: they run on developers' machines only, on
/// trusted input.
///
/// # Errors
///
/// If there is one.
pub(crate) fn package_advisories(project: &Project) -> Result<Verdict> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut audit = project.command(npm);
    audit.args(["audit", "--omit=dev", "--package-lock-only", "--json", "--fetch-timeout=20000", "--fetch-retries=1"]);
    let output = audit.stdin(Stdio::null()).output().with_context(|| process::cannot_start(&audit))?;
    audited(&output.stdout)
}

/// Reads a report of `npm audit`, whose exit status does not distinguish a finding from a failure.
fn audited(report: &[u8]) -> Result<Verdict> {
    let report: Value = serde_json::from_slice(report).unwrap_or_default();
    let found = report.get("vulnerabilities").and_then(Value::as_object);
    let Some(found) = found.filter(|_| report.get("auditReportVersion").is_some()) else {
        let why = report.get("message").and_then(Value::as_str).unwrap_or("no response");
        return Ok(Verdict::Skipped(format!("the npm registry returned no advisories: {why}")));
    };
    if found.is_empty() {
        return Ok(Verdict::Passed);
    }
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    bail!("npm audit finds vulnerabilities in {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_report_is_passed_failed_or_skipped() {
        let clean = br#"{"auditReportVersion":2,"vulnerabilities":{},"metadata":{}}"#;
        assert!(matches!(audited(clean), Ok(Verdict::Passed)));
        let bad = br#"{"auditReportVersion":2,"vulnerabilities":{"jose":{"severity":"low"}},"metadata":{}}"#;
        assert!(audited(bad).is_err_and(|error| error.to_string().ends_with("in jose")));
        for none in [&br#"{"message":"405 Method Not Allowed","statusCode":405}"#[..], b"", b"null", b"{}", b"[]"] {
            assert!(matches!(audited(none), Ok(Verdict::Skipped(_))), "a check that was not made is not passed");
        }
    }

    #[test]
    fn a_package_from_elsewhere_is_found() {
        let lock = r#"{"packages": {
            "": {}, "a": {"integrity": "sha512-x"}, "b": {}, "c": {"integrity": "sha1-x"},
            "d": {"integrity": "sha512-x", "resolved": "git+ssh://git@example.com/d.git"}
        }}"#;
        let lock: Lock = serde_json::from_str(lock).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(strangers(&lock), ["b", "c", "d"]);
    }

    #[test]
    fn every_manifest_with_a_lock_file_is_checked() -> Result<()> {
        let project = Project::new()?;
        let tracked = process::output(project.command("git").args(["ls-files", "*Cargo.lock"]))?;
        let mut tracked: Vec<_> = tracked.lines().map(|lock| Path::new(lock).with_extension("toml")).collect();
        tracked.sort();
        assert_eq!(tracked, MANIFESTS.map(|(manifest, _)| Path::new(manifest).to_owned()));
        let tracked = process::output(project.command("git").args(["ls-files", "*package-lock.json"]))?;
        assert_eq!(tracked.lines().collect::<Vec<_>>(), LOCKS);
        Ok(())
    }
}
