//! `cargo xtask test`: runs the suites and sums up their results.

use std::cell::OnceCell;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Error, Result, bail};
use clap::ValueEnum;

use crate::book;
use crate::bundle;
use crate::chromium;
use crate::compile::{self, Profile};
use crate::earlier::{self, Missing};
use crate::process;
use crate::project::Project;
use crate::tools::{self, WASM};

/// One kind of test.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The crates, compiled for this machine.
    Native,
    /// The verification module, compiled to wasm and run under Node.
    Wasm,
    /// The built bundle on workerd, and the vectors in JavaScript.
    Worker,
    /// The built bundle against its OpenAPI document.
    Openapi,
    /// The compatibility APIs of the built bundle, driven by their original clients.
    Clients,
    /// The built bundle behind nginx, Caddy and Envoy.
    Gateways,
    /// The npm package: packed, installed, and used in Node, in a Worker and in this machine's Chromium.
    Package,
    /// The npm package in programs that common bundlers build, and in other runtimes.
    Bundlers,
    /// The examples and the code in the docs, with the built package and the built bundle.
    Examples,
    /// The built bundle in this machine's Chromium.
    Browser,
    /// The docs site: its links, and its pages in this machine's Chromium.
    Docs,
    /// The bundle of an earlier commit with this one's ledger, and the reverse.
    Compatibility,
}

/// The suites that run by default. `compatibility` is not one of them: it builds another bundle first, which takes minutes.
const ALL: [Suite; 11] = [
    Suite::Native,
    Suite::Wasm,
    Suite::Worker,
    Suite::Openapi,
    Suite::Clients,
    Suite::Gateways,
    Suite::Package,
    Suite::Bundlers,
    Suite::Examples,
    Suite::Browser,
    Suite::Docs,
];

/// The package that only exists as wasm. All others are also tested natively.
pub(crate) const WASM_ONLY: &str = "counterfoil-worker";

/// Runs the suites, or all if none is named, and prints the number of passed and failed tests in the last line. After a failed
/// suite the others still run; a suite that cannot run counts as a failed test.
pub(crate) fn run(project: &Project, suites: &[Suite], profile: Profile) -> ExitCode {
    let suites = if suites.is_empty() { &ALL } else { suites };
    let with_faults = suites.iter().any(|suite| [Suite::Worker, Suite::Examples].contains(suite));
    let bundles = Bundles { project, profile, with_faults, built: OnceCell::new() };
    let mut sum = Tally::default();
    for suite in suites {
        let tally = match suite {
            Suite::Native => native(project),
            Suite::Wasm => wasm(project),
            Suite::Worker => worker(&bundles),
            Suite::Openapi => openapi(&bundles),
            Suite::Clients => clients(&bundles),
            Suite::Gateways => gateways(&bundles),
            Suite::Package => package(&bundles),
            Suite::Bundlers => bundlers(&bundles),
            Suite::Examples => examples(&bundles),
            Suite::Browser => browser(&bundles),
            Suite::Docs => docs(project),
            Suite::Compatibility => compatibility(&bundles),
        };
        sum += tally.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Tally { passed: 0, failed: 1 }
        });
    }
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The bundles and the npm package, which are built when a suite first needs them. Cargo compiles the Worker again whenever its
/// features change, which takes a minute, so each is compiled once.
struct Bundles<'a> {
    project: &'a Project,
    profile: Profile,
    /// Whether the suites need the bundle with faults, too.
    with_faults: bool,
    built: OnceCell<Result<(), String>>,
}

impl Bundles<'_> {
    fn build(&self) -> Result<()> {
        let build = if self.with_faults { bundle::for_tests } else { bundle::all };
        let built = self.built.get_or_init(|| build(self.project, self.profile).map_err(|error| format!("{error:#}")));
        built.clone().map_err(Error::msg)
    }
}

fn native(project: &Project) -> Result<Tally> {
    heading("native");
    let mut cargo = project.cargo();
    counted(cargo.args(["test", "--workspace", "--exclude", WASM_ONLY, "--no-fail-fast"]))
}

/// Twice: as the module for Node and Workers is compiled, and as the one for browsers is.
fn wasm(project: &Project) -> Result<Tally> {
    heading("wasm, under node");
    tools::ensure_wasm_target(project)?;
    let wasm_bindgen = tools::get_while(project, "getting tools:", vec![])?;
    let mut sum = Tally::default();
    for flags in [&[], bundle::SMALL] {
        let mut cargo = project.cargo();
        cargo.args(["test", "--package", "counterfoil-wasm", "--target", WASM, "--no-fail-fast"]);
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", wasm_bindgen.test_runner());
        compile::add_flags(&mut cargo, flags);
        sum += counted(&mut cargo)?;
    }
    Ok(sum)
}

fn worker(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("worker, on workerd");
    bundles.build()?;
    let mut files = Vec::new();
    for folder in ["tests/vectors", "tests/worker"] {
        add_files(&bundles.project.root.join(folder), ".test.mjs", &mut files)?;
    }
    files.sort();
    counted(node_tests(bundles.project).args(files))
}

fn examples(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("examples, on workerd");
    in_node(bundles, "tests/examples", &[])
}

fn package(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("package, installed");
    in_node(bundles, "tests/package", &[("CHROMIUM", pages()?)])
}

fn bundlers(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("bundlers and runtimes");
    let tools = tools::bundlers(bundles.project)?;
    in_node(bundles, "tests/bundlers", &[("CHROMIUM", pages()?), ("COUNTERFOIL_BUNDLERS", tools)])
}

/// The Chromium for tests that skip their pages without it. In CI that is an error, since a skip would go unnoticed.
fn pages() -> Result<PathBuf> {
    match chromium::find() {
        None if in_ci() => bail!(chromium::HINT),
        chromium => Ok(chromium.unwrap_or_default()),
    }
}

/// Without Chromium the suite is skipped; in CI that is an error.
fn browser(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("browser, in Chromium");
    match chromium::find() {
        Some(chromium) => in_node(bundles, "tests/browser", &[("CHROMIUM", chromium)]),
        None if in_ci() => bail!(chromium::HINT),
        None => {
            println!("skipped: {}", chromium::HINT);
            Ok(Tally::default())
        }
    }
}

/// Builds the site and checks its links. Without Chromium the tests of its pages are skipped; in CI that is an error.
fn docs(project: &Project) -> Result<Tally> {
    heading("docs site, in Chromium");
    book::build(project)?;
    match chromium::find() {
        Some(chromium) => {
            let mut files = Vec::new();
            add_files(&project.root.join("tests/docs"), ".test.mjs", &mut files)?;
            counted(node_tests(project).args(files).env("CHROMIUM", chromium))
        }
        None if in_ci() => bail!(chromium::HINT),
        None => {
            println!("skipped: {}", chromium::HINT);
            Ok(Tally::default())
        }
    }
}

/// If the clone lacks the earlier commit, the suite is skipped; in CI that is an error.
fn compatibility(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("compatibility, on workerd");
    tools::get_while(bundles.project, "getting tools:", vec![])?;
    match earlier::bundle(bundles.project)? {
        Ok(earlier) => in_node(bundles, "tests/compatibility", &[("COUNTERFOIL_EARLIER", earlier)]),
        Err(Missing(why)) if in_ci() => bail!(why),
        Err(Missing(why)) => {
            println!("skipped: {why}");
            Ok(Tally::default())
        }
    }
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

fn node_tests(project: &Project) -> Command {
    let mut node = project.command("node");
    // Most tests wait for a lease to expire or for a response: two files at a time take half as long.
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=2"]);
    node
}

fn openapi(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("OpenAPI, on workerd");
    with_python(bundles, "tests/openapi")
}

fn clients(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("clients, on workerd");
    with_python(bundles, "tests/clients")
}

fn gateways(bundles: &Bundles<'_>) -> Result<Tally> {
    heading("gateways, in front of workerd");
    with_python(bundles, "tests/gateways")
}

/// Runs the tests of a folder whose requirements.txt lists the Python packages that they use.
fn with_python(bundles: &Bundles<'_>, folder: &str) -> Result<Tally> {
    let python = tools::python_with(bundles.project, &format!("{folder}/requirements.txt"))?;
    in_node(bundles, folder, &[("COUNTERFOIL_PYTHON", python)])
}

/// Runs the tests of a folder with the built bundle and the built npm package.
fn in_node(bundles: &Bundles<'_>, folder: &str, variables: &[(&str, PathBuf)]) -> Result<Tally> {
    bundles.build()?;
    let mut files = Vec::new();
    add_files(&bundles.project.root.join(folder), ".test.mjs", &mut files)?;
    files.sort();
    counted(node_tests(bundles.project).args(files).envs(variables.iter().map(|(name, value)| (name, value))))
}

fn heading(suite: &str) {
    println!("\n--- {suite}\n");
}

/// Adds the files of a folder with this ending. They are named one by one because versions of `node --test` treat a folder
/// differently.
fn add_files(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    Ok(())
}

/// How many tests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Tally {
    /// Adds the numbers in one line of a runner's output: libtest's summary of a binary, or a total of Node's `spec` reporter.
    fn read(&mut self, line: &str) {
        let number = |text: &str, word: &str| text.trim().strip_suffix(word).and_then(|rest| rest.trim().parse().ok());
        if let Some(result) = line.strip_prefix("test result: ") {
            for part in result.split(['.', ';']) {
                self.passed += number(part, "passed").unwrap_or(0);
                self.failed += number(part, "failed").unwrap_or(0);
            }
        } else if let Some(total) = line.strip_prefix("ℹ ") {
            let number = |word| total.strip_prefix(word).and_then(|rest| rest.trim().parse::<u32>().ok());
            self.passed += number("pass ").unwrap_or(0);
            self.failed += number("fail ").or_else(|| number("cancelled ")).unwrap_or(0);
        }
    }
}

/// Runs `command` with its output on this terminal, and counts the tests that it reports.
fn counted(command: &mut Command) -> Result<Tally> {
    compile::in_colour(command);
    // Colours would hide the totals of Node's reporter.
    command.env_remove("FORCE_COLOR").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| process::cannot_start(command))?;
    let mut tally = Tally::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        tally.read(&line);
    }
    let status = child.wait()?;
    // A suite that fails without a failed test did not compile or crashed; a suite that ran no test proves nothing.
    if (!status.success() && tally.failed == 0) || tally == Tally::default() {
        tally.failed += 1;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn libtest_summaries_are_summed() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 11 passed; 3 failed; 4 ignored; 0 measured; 5 filtered out; finished in 1.50s\n";
        assert_eq!(tally(output), Tally { passed: 13, failed: 3 });
    }

    #[test]
    fn node_totals_are_read_once() {
        let output = "✔ issues a token (12.5ms)\nℹ tests 9\nℹ suites 0\nℹ pass 5\nℹ fail 3\nℹ cancelled 1\n\
            ℹ skipped 0\nℹ todo 0\nℹ duration_ms 12\n";
        assert_eq!(tally(output), Tally { passed: 5, failed: 4 });
    }

    #[test]
    fn what_a_test_prints_is_no_total() {
        assert_eq!(tally("5 passed; 1 failed\ninfo: pass 7\n"), Tally::default());
    }

    #[test]
    fn a_command_that_fails_without_a_failed_test_counts_as_one() -> Result<()> {
        let outcome = counted(Command::new("rustc").arg("--no-such-flag").stderr(Stdio::null()))?;
        assert_eq!(outcome, Tally { passed: 0, failed: 1 });
        Ok(())
    }
}
