//! `cargo xtask soak`: minutes of mixed load, and whether all is as it must be afterwards.

use anyhow::Result;

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// Builds what is deployed and puts load on it for so many minutes; or, in small, for seconds.
///
/// # Errors
///
/// Where something is wrong, which is told; or it cannot be built.
pub(crate) fn run(project: &Project, minutes: f64, short: bool) -> Result<()> {
    bundle::for_tests(project, Profile::Release)?;
    let mut node = project.command("node");
    node.arg("tests/soak/soak.mjs").arg(format!("--minutes={minutes}")).args(short.then_some("--short"));
    process::show(&mut node)
}
