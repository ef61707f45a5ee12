//! `cargo xtask docs`: the files that are generated from the API's code, including those of the npm package. The tests that check
//! whether they are up to date also write them, because the examples are responses of the API under test.

use anyhow::Result;

use crate::process;
use crate::project::Project;

/// The module of these tests.
const TESTS: &str = "reference";

/// Regenerates `openapi.json`, the pages of codes, and the package's `contract.js` and `codes.d.ts`.
///
/// # Errors
///
/// If the code that they are generated from is incomplete: a code without a row in the table, a route without a description.
pub(crate) fn write(project: &Project) -> Result<()> {
    process::show(tests(project).env("BLESS", "1"))
}

/// Compares the committed files with what would be generated.
///
/// # Errors
///
/// If a file differs.
pub(crate) fn check(project: &Project) -> Result<()> {
    process::show(tests(project).env_remove("BLESS"))
}

fn tests(project: &Project) -> std::process::Command {
    let mut cargo = project.cargo();
    cargo.args(["test", "--package", "counterfoil-api", "--test", "api", "--", TESTS]);
    cargo
}
