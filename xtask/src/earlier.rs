//! The bundle of an earlier commit: the version that an update replaces and a rollback restores.
//!
//! It is built once per user from that commit's sources with that commit's xtask, so it equals what was deployed then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache;
use crate::jobs::{self, Job};
use crate::process;
use crate::project::Project;

/// The file that names the commit, from the root.
const NAMED_IN: &str = "tests/compatibility/earlier.txt";

/// The clone is shallow and lacks the commit. The sentence says what to do.
pub(crate) struct Missing(pub(crate) String);

/// The folder with the earlier bundle in `worker` and the earlier npm package in `verify`, built if it is not there.
///
/// # Errors
///
/// If it does not build. That the clone lacks the commit is the inner result.
pub(crate) fn bundle(project: &Project) -> Result<Result<PathBuf, Missing>> {
    let text = fs::read_to_string(project.root.join(NAMED_IN)).with_context(|| format!("cannot read {NAMED_IN}"))?;
    let commit = named(&text).with_context(|| format!("{NAMED_IN} must contain one commit id of 40 hex digits"))?;
    let folder = cache::folder()?.join(format!("earlier-{commit}"));
    if folder.is_dir() {
        return Ok(Ok(folder));
    }
    let is_here = git(project).args(["cat-file", "-e", &format!("{commit}^{{commit}}")]).output();
    if !is_here.context("cannot start git")?.status.success() {
        return Ok(Err(Missing(format!(
            "this clone lacks commit {commit}, the earlier version to test with: run `git fetch --depth=1 origin {commit}`, or \
             `git fetch --unshallow` for all commits"
        ))));
    }
    let build = || cache::make_once(&folder, |partial| build(project, commit, partial));
    jobs::all("[1/1]", vec![Job::new(format!("building the bundle of {commit}, once"), build)])?;
    Ok(Ok(folder))
}

/// The commit: the only line that is not a comment.
fn named(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (commit, None) = (lines.next()?, lines.next()) else { return None };
    let is_whole = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(commit)
}

fn build(project: &Project, commit: &str, partial: &Path) -> Result<()> {
    let source = partial.join("source");
    fs::create_dir_all(&source).with_context(|| format!("cannot create {}", source.display()))?;
    check_out(project, commit, partial, &source)?;
    borrow_npm_tools(project, &source)?;

    // All earlier bundles share one target folder, so that the dependencies are compiled once.
    let target = cache::folder()?.join("earlier-target");
    let mut xtask = Command::new("cargo");
    xtask.current_dir(&source).args(["xtask", "build", "--release"]).env("CARGO_TARGET_DIR", target);
    process::quietly(&mut xtask)?;
    for product in ["worker", "verify"] {
        let made = source.join("build").join(product);
        fs::rename(&made, partial.join(product)).with_context(|| format!("the build made no {}", made.display()))?;
    }
    fs::remove_dir_all(&source).with_context(|| format!("cannot remove {}", source.display()))
}

/// Writes the commit's files without touching the clone's index and work tree.
fn check_out(project: &Project, commit: &str, partial: &Path, source: &Path) -> Result<()> {
    let index = partial.join("index");
    process::quietly(git(project).env("GIT_INDEX_FILE", &index).args(["read-tree", commit]))?;
    let prefix = format!("--prefix={}/", source.display());
    process::quietly(git(project).env("GIT_INDEX_FILE", &index).args(["checkout-index", "--all", &prefix]))?;
    fs::remove_file(&index).with_context(|| format!("cannot remove {}", index.display()))
}

fn git(project: &Project) -> Command {
    project.command("git")
}

/// Links this clone's npm packages if both lock files are equal; otherwise the earlier commit installs its own.
fn borrow_npm_tools(project: &Project, source: &Path) -> Result<()> {
    let lock = |root: &Path| fs::read(root.join("package-lock.json")).context("cannot read package-lock.json");
    let wants_the_same = lock(&project.root)? == lock(source)?;
    #[cfg(unix)]
    if wants_the_same && project.root.join("node_modules").is_dir() {
        std::os::unix::fs::symlink(project.root.join("node_modules"), source.join("node_modules"))
            .context("cannot link node_modules")?;
    }
    #[cfg(not(unix))]
    let _ = wants_the_same;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_one_commit() -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join(NAMED_IN))?;
        assert!(named(&text).is_some(), "{text}");
        let commit = "01842db39bf0a3e4b1c2d5f60718293a4b5c6d7e";
        assert_eq!(named(&format!("# why\n\n{commit}\n")), Some(commit));
        for text in ["", "# 1\n", "main\n", "01842db\n", &format!("{commit}\n{commit}\n")] {
            assert_eq!(named(text), None, "{text}");
        }
        Ok(())
    }
}
