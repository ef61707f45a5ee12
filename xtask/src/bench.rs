//! `cargo xtask bench`: the one place where speed and memory are measured.

use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::bundle;
use crate::compile::Profile;
use crate::process;
use crate::project::Project;

/// One thing to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Checks of hot tokens in Node: how long they take, what they allocate, what a record costs.
    Hot,
    /// The same inside workerd.
    Workerd,
    /// Requests a second of POST /v1/verify, beside a Worker written by hand.
    Verify,
    /// What one Durable Object carries: questions for leases, on workerd and natively.
    Ledger,
    /// A million tokens: what it takes to publish them in segments, to load these, and to check a token by them.
    Segments,
    /// How long a strong check takes while strangers send what they like.
    Floods,
    /// How long the worker takes to start, by wrangler's own check.
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

/// Builds what is deployed and published, and measures these parts of it, or all where none is named. A part that cannot
/// be measured does not keep the others from it.
pub(crate) fn run(project: &Project, parts: &[Part], check: bool) -> Result<ExitCode> {
    let parts = if parts.is_empty() { &ALL } else { parts };
    bundle::for_tests(project, Profile::Release)?;
    let mut outcome = ExitCode::SUCCESS;
    for part in parts {
        if let Err(error) = measure(project, *part, check) {
            eprintln!("error: {error:#}");
            outcome = ExitCode::FAILURE;
        }
    }
    Ok(outcome)
}

fn measure(project: &Project, part: Part, check: bool) -> Result<()> {
    process::show(project.command("node").arg(part.script()).args(check.then_some("--check")))?;
    if part == Part::Ledger {
        let bench = ["bench", "--quiet", "--package", "counterfoil-ledger", "--bench", "lease"];
        process::show(project.cargo().args(bench))?;
    }
    Ok(())
}
