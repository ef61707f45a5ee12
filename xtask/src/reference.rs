//! `cargo xtask docs`: what is generated from the API's own code, and what the npm package has in common with it. The tests
//! that hold it to be up to date also write it, since they have what its examples are taken from: an API that answers.

use anyhow::Result;

use crate::process;
use crate::project::Project;

/// What they are called.
const TESTS: &str = "reference";

/// Writes `openapi.json`, the pages of codes and the package's `contract.js` anew.
///
/// # Errors
///
/// Where something beyond these files is wrong: a code without a row in the table, a route without a description.
pub(crate) fn write(project: &Project) -> Result<()> {
    process::show(tests(project).env("BLESS", "1"))
}

/// Compares them with those that are committed.
///
/// # Errors
///
/// Where one differs.
pub(crate) fn check(project: &Project) -> Result<()> {
    process::show(tests(project).env_remove("BLESS"))
}

fn tests(project: &Project) -> std::process::Command {
    let mut cargo = project.cargo();
    cargo.args(["test", "--package", "counterfoil-api", "--test", "api", "--", TESTS]);
    cargo
}
