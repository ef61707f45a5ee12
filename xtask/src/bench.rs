//! `cargo xtask bench`: measures speed and memory. No test does.

use std::fs::{self, File};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;
use crate::tools;

/// Where the measurements of docs/performance.md are kept, and its charts.
const FIGURES: &str = "docs/performance";

/// What to measure, and what happens with the results.
#[derive(Args)]
pub(crate) struct How {
    /// The parts to measure. All if none is named.
    parts: Vec<Part>,
    /// Exits with an error if a budget is exceeded.
    #[arg(long)]
    check: bool,
    /// Prints each table as one line of JSON. Leaves out the native part of `ledger`.
    #[arg(long)]
    json: bool,
    /// Writes tables and charts into docs/performance.md instead of printing them. If no part is named, measures those that
    /// the page shows.
    #[arg(long, conflicts_with_all = ["check", "json"])]
    report: bool,
}

/// A part to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Checks of cached tokens in Node: their duration and allocations, and the memory of a record.
    Hot,
    /// The same in workerd.
    Workerd,
    /// What people use instead, in Node: hashes, JSON Web Tokens, API keys of other libraries.
    Peers,
    /// The gateway Worker in front of an origin, on workerd, compared with other guards and with none.
    Gateway,
    /// Requests per second of POST /v1/verify, compared with a minimal Worker.
    Verify,
    /// The lease requests that one Durable Object handles, on workerd and natively, and how commands grow with a workspace.
    Ledger,
    /// A million tokens: publishing them in segments, loading the segments, and verifying a token with them.
    Segments,
    /// The duration of a strong check during floods of unauthenticated requests.
    Floods,
    /// The startup time of the Worker, measured by wrangler.
    Startup,
}

const ALL: [Part; 9] = [
    Part::Hot,
    Part::Workerd,
    Part::Peers,
    Part::Startup,
    Part::Verify,
    Part::Gateway,
    Part::Ledger,
    Part::Segments,
    Part::Floods,
];

/// The parts that docs/performance.md shows.
const SHOWN: [Part; 5] = [Part::Hot, Part::Workerd, Part::Peers, Part::Verify, Part::Gateway];

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Workerd => "workerd",
            Self::Peers => "peers",
            Self::Gateway => "gateway",
            Self::Verify => "verify",
            Self::Ledger => "ledger",
            Self::Segments => "segments",
            Self::Floods => "floods",
            Self::Startup => "startup",
        }
    }
}

/// Builds the bundle and the npm package, and measures these parts, or all if none is named. If a part fails, the others are
/// still measured.
pub(crate) fn run(project: &Project, how: &How) -> Result<ExitCode> {
    let parts = match (&*how.parts, how.report) {
        ([], false) => &ALL[..],
        ([], true) => &SHOWN,
        (parts, _) => parts,
    };
    bundle::for_tests(project, Profile::Release)?;
    let mut outcome = ExitCode::SUCCESS;
    for part in parts {
        if let Err(error) = measure(project, *part, how) {
            eprintln!("error: {error:#}");
            outcome = ExitCode::FAILURE;
        }
    }
    if how.report {
        report(project)?;
    }
    Ok(outcome)
}

fn measure(project: &Project, part: Part, how: &How) -> Result<()> {
    let mut node = project.command("node");
    if part == Part::Peers {
        tools::ensure_peers(project)?;
        // biscuit-wasm imports its module, which Node 20 and 22 call experimental.
        node.args(["--experimental-wasm-modules", "--no-warnings"]);
    }
    node.arg(format!("tests/bench/{}.mjs", part.name()));
    if how.report {
        println!("measuring {}", part.name());
        let name = format!("{}.jsonl", part.name());
        let (measured, kept) = (project.target.join(&name), project.root.join(FIGURES).join(&name));
        let output = File::create(&measured).with_context(|| format!("cannot create {}", measured.display()))?;
        process::show(node.arg("--json").stdout(output))?;
        // Only a complete measurement replaces the previous one.
        fs::copy(&measured, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
        return Ok(());
    }
    let options: Vec<_> = how.check.then_some("--check").into_iter().chain(how.json.then_some("--json")).collect();
    process::show(node.args(&options))?;
    if part == Part::Ledger {
        let bench = ["bench", "--quiet", "--package", "counterfoil-ledger", "--bench"];
        if !how.json {
            process::show(project.cargo().args(bench).arg("lease"))?;
        }
        process::show(project.cargo().args(bench).args(["growth", "--"]).args(options))?;
    }
    Ok(())
}

/// Writes tables and charts into docs/performance.md, from the measurements beside it.
pub(crate) fn report(project: &Project) -> Result<()> {
    process::show(project.command("node").arg("tests/bench/report.mjs"))
}

/// Checks that docs/performance.md has the tables and charts of the measurements beside it.
///
/// # Errors
///
/// Names each file that differs.
pub(crate) fn check_report(project: &Project) -> Result<()> {
    process::show(project.command("node").args(["tests/bench/report.mjs", "--check"]))
}
