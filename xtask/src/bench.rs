//! `cargo xtask bench`: measures speed and memory. No test does.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// A part to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Checks of cached tokens in Node: their duration and allocations, and the memory of a record.
    Hot,
    /// The same in workerd.
    Workerd,
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

const ALL: [Part; 7] =
    [Part::Hot, Part::Workerd, Part::Startup, Part::Verify, Part::Ledger, Part::Segments, Part::Floods];

impl Part {
    fn script(self) -> &'static str {
        match self {
            Self::Hot => "tests/bench/hot.mjs",
            Self::Workerd => "tests/bench/workerd.mjs",
            Self::Verify => "tests/bench/verify.mjs",
            Self::Ledger => "tests/bench/ledger.mjs",
            Self::Segments => "tests/bench/segments.mjs",
            Self::Floods => "tests/bench/floods.mjs",
            Self::Startup => "tests/bench/startup.mjs",
        }
    }
}

/// Builds the bundle and the npm package, and measures these parts, or all if none is named. If a part fails, the others are
/// still measured.
pub(crate) fn run(project: &Project, parts: &[Part], check: bool, json: bool) -> Result<ExitCode> {
    let parts = if parts.is_empty() { &ALL } else { parts };
    bundle::for_tests(project, Profile::Release)?;
    let mut outcome = ExitCode::SUCCESS;
    for part in parts {
        if let Err(error) = measure(project, *part, check, json) {
            eprintln!("error: {error:#}");
            outcome = ExitCode::FAILURE;
        }
    }
    Ok(outcome)
}

fn measure(project: &Project, part: Part, check: bool, json: bool) -> Result<()> {
    let options = check.then_some("--check").into_iter().chain(json.then_some("--json"));
    process::show(project.command("node").arg(part.script()).args(options))?;
    if part == Part::Ledger {
        let bench = ["bench", "--quiet", "--package", "counterfoil-ledger", "--bench"];
        if !json {
            process::show(project.cargo().args(bench).arg("lease"))?;
        }
        let options = check.then_some("--check").into_iter().chain(json.then_some("--json"));
        process::show(project.cargo().args(bench).args(["growth", "--"]).args(options))?;
    }
    Ok(())
}
