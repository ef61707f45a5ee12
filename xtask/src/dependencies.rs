//! Crates depend on each other in one direction only, and the core on no runtime, clock or random source.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::process;
use crate::project::Project;

/// Each crate with a place in the order, and the workspace crates that it may depend on, directly or indirectly.
const MAY_REACH: &[(&str, &[&str])] = &[
    ("counterfoil-token", &[]),
    ("counterfoil-verify", &["counterfoil-token"]),
    ("counterfoil-protocol", &["counterfoil-token", "counterfoil-verify"]),
    ("counterfoil-ledger", &["counterfoil-token", "counterfoil-verify", "counterfoil-protocol"]),
    ("counterfoil-api", &["counterfoil-token", "counterfoil-verify", "counterfoil-protocol"]),
    ("counterfoil-wasm", &["counterfoil-token", "counterfoil-verify"]),
    ("counterfoil-vectors", &["counterfoil-token", "counterfoil-verify"]),
    // So that `cargo xtask --help` does not compile the core.
    ("xtask", &[]),
];

/// The core makes the decisions. It must run on any platform, so it receives everything that it needs as arguments.
const CORE: [&str; 4] = ["counterfoil-token", "counterfoil-verify", "counterfoil-protocol", "counterfoil-ledger"];

/// Runtimes, clocks and random sources.
const NOT_IN_CORE: &[&str] = &[
    "worker",
    "worker-sys",
    "wasm-bindgen",
    "js-sys",
    "web-sys",
    "getrandom",
    "rand",
    "tokio",
    "iana-time-zone",
    "instant",
    "web-time",
];

/// Checks every crate that has a rule, for all targets. Development dependencies are ignored: they are not shipped.
///
/// # Errors
///
/// Names each forbidden dependency.
pub(crate) fn check(project: &Project) -> Result<()> {
    let mut wrong = Vec::new();
    for (package, may_reach) in MAY_REACH {
        wrong.extend(violations(package, may_reach, &reached(project, package)?));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// The names of all packages that `package` needs at run time, directly or indirectly.
fn reached(project: &Project, package: &str) -> Result<BTreeSet<String>> {
    let mut tree = project.cargo();
    tree.args(["tree", "--package", package, "--edges", "normal,no-proc-macro", "--target", "all"]);
    tree.args(["--prefix", "none", "--format", "{p}", "--no-dedupe"]);
    let tree = process::output(&mut tree)?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
}

fn violations(package: &str, may_reach: &[&str], reached: &BTreeSet<String>) -> Vec<String> {
    let forbidden = |name: &str| {
        let out_of_order = name.starts_with("counterfoil-") && !may_reach.contains(&name);
        out_of_order || (CORE.contains(&package) && NOT_IN_CORE.contains(&name))
    };
    reached.iter().filter(|name| forbidden(name)).map(|name| format!("{package} must not depend on {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations_of(package: &str, reached: &[&str]) -> Vec<String> {
        let reached = reached.iter().map(|name| (*name).to_owned()).collect();
        let may_reach = MAY_REACH.iter().find(|(name, _)| *name == package).map_or(&[][..], |(_, names)| names);
        violations(package, may_reach, &reached)
    }

    #[test]
    fn this_workspace_keeps_the_order() -> Result<()> {
        check(&Project::new()?)
    }

    #[test]
    fn what_a_package_reaches_is_known() -> Result<()> {
        let reached = reached(&Project::new()?, "counterfoil-verify")?;
        assert!(reached.contains("counterfoil-token"), "{reached:?}");
        assert!(reached.contains("sha2"), "through counterfoil-token: {reached:?}");
        Ok(())
    }

    #[test]
    fn an_arrow_the_wrong_way_is_found() {
        let wrong = violations_of("counterfoil-token", &["sha2", "counterfoil-verify"]);
        assert_eq!(wrong, ["counterfoil-token must not depend on counterfoil-verify"]);
    }

    #[test]
    fn a_random_source_in_the_core_is_found() {
        let wrong = violations_of("counterfoil-ledger", &["counterfoil-token", "getrandom"]);
        assert_eq!(wrong, ["counterfoil-ledger must not depend on getrandom"]);
        assert_eq!(violations_of("counterfoil-wasm", &["wasm-bindgen"]), [""; 0]);
    }
}
