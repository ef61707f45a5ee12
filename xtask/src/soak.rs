//! `cargo xtask soak`: minutes of mixed load, then checks of invariants.

use anyhow::Result;

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// Builds the bundle and runs load against it for `minutes`, or for seconds if `short`.
///
/// # Errors
///
/// If it cannot be built, or a response or an invariant is wrong; the details are on the terminal.
pub(crate) fn run(project: &Project, minutes: f64, short: bool) -> Result<()> {
    bundle::for_tests(project, Profile::Release)?;
    let mut node = project.command("node");
    node.arg("tests/soak/soak.mjs").arg(format!("--minutes={minutes}")).args(short.then_some("--short"));
    process::show(&mut node)
}
