//! Every job of this repository, one command each: `cargo xtask --help`.

mod assets;
mod bench;
mod book;
mod built;
mod bundle;
mod cache;
mod chromium;
mod compile;
mod dependencies;
mod dev;
mod earlier;
mod files;
mod fresh;
mod fuzz;
mod jobs;
mod layers;
mod links;
mod lint;
mod markdown;
mod process;
mod project;
mod reference;
mod scripts;
mod sizes;
mod soak;
mod suites;
mod supply;
mod threats;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bench::Part;
use crate::compile::Profile;
use crate::project::Project;
use crate::suites::Suite;

/// Every job of this repository.
///
/// All that is needed beforehand is rustup and Node 20.3 or newer. What else a job needs (the wasm target, the npm
/// packages of package-lock.json, wasm-bindgen) it gets by itself; wasm-bindgen is kept in a cache per user, which
/// COUNTERFOIL_CACHE may move.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Builds the worker and serves it on this machine, until Ctrl-C.
    ///
    /// Runs on workerd, the runtime of Cloudflare Workers, with the bindings of wrangler.toml. The first start creates
    /// the workspace `demo`, and each start prints a token and the curl lines to try. When it is ready it has written
    /// `<state>/dev.json`, which holds the URL and the tokens; they stay the same across restarts.
    Dev {
        /// Port on 127.0.0.1.
        #[arg(long, default_value_t = 8787, value_name = "N")]
        port: u16,
        /// Folder that the state is kept in: KV, the ledgers' SQLite, dev.json. Remove it to start anew.
        #[arg(long, default_value = ".counterfoil", value_name = "DIR")]
        state: PathBuf,
        /// Serves the bundle as it is deployed: optimised, and slower to build.
        #[arg(long)]
        release: bool,
    },
    /// Runs the tests: all, or those of the named suites.
    ///
    /// The last line says how many tests passed and failed.
    Test {
        /// Which suites to run.
        suites: Vec<Suite>,
        /// Tests a debug build of the worker, which is faster to build than the one that is deployed.
        #[arg(long)]
        dev: bool,
    },
    /// Measures speed and memory, as ratios within one run: all parts, or those named.
    ///
    /// What a budget is for stands beside it. Ratios depend on the machine least, the rest is of this one; let nothing else
    /// run on it meanwhile. Who measures natively compiles for a minute first.
    Bench {
        /// What to measure.
        parts: Vec<Part>,
        /// Fails where a budget is missed, besides saying so.
        #[arg(long)]
        check: bool,
    },
    /// Fuzzes what is read of hostile input: all targets of fuzz/, or those named.
    ///
    /// Needs a nightly compiler. A target runs for 5 minutes; those of token values, segments and snapshots for 30. A finding
    /// fails the job, which then says how to see it again.
    Fuzz {
        /// Which targets to run.
        targets: Vec<String>,
        /// For how many seconds each.
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        /// How many at once.
        #[arg(long, value_name = "N", default_value_t = 1)]
        jobs: usize,
        /// Replays the committed inputs, and those made of the test vectors, instead: seconds, and no nightly compiler.
        #[arg(long, conflicts_with_all = ["seconds", "jobs"])]
        short: bool,
    },
    /// Puts mixed load on the built bundle, as much as this machine holds, and checks what must be so afterwards.
    ///
    /// 1,000 workspaces, one of them with 100,000 tokens; 90 % of the requests verify, 9 % read, 1 % change. Fails on an answer that
    /// is neither good nor refused as designed, on a violated invariant, and where workerd occupies more than 1.1 times the
    /// memory at the end that it did after a minute.
    Soak {
        /// For how long the load is on.
        #[arg(long, default_value_t = 5.0, value_name = "N")]
        minutes: f64,
        /// Twenty seconds and a small deployment, as the tests run it.
        #[arg(long)]
        short: bool,
    },
    /// Checks everything that needs no test: format, clippy, dependency direction, generated files, sizes.
    Lint,
    /// Builds the worker's bundle into build/worker and the npm package into build/verify.
    Build {
        /// Optimises for speed and size: what is deployed.
        #[arg(long)]
        release: bool,
    },
    /// Writes the files that are generated from the API's code; with a flag, builds the docs site instead.
    ///
    /// The generated files are openapi.json, docs/errors.md, www/docs/errors.html, and contract.js and codes.d.ts of the npm
    /// package. The site is made of the pages that docs/SUMMARY.md lists, by mdBook, which the first build of the site compiles
    /// once per user (about three minutes).
    Docs {
        /// Builds the docs site into build/docs.
        #[arg(long)]
        build: bool,
        /// Builds the docs site and serves it on 127.0.0.1 until Ctrl-C.
        #[arg(long)]
        serve: bool,
        /// Port for --serve.
        #[arg(long, default_value_t = 8788, value_name = "N", requires = "serve")]
        port: u16,
    },
    /// Writes the generated test vectors into tests/vectors.
    Vectors,
    /// Explores the protocol of leases, and lives of tokens, further than the tests do, which takes minutes and gigabytes.
    Model,
}

fn main() -> ExitCode {
    run(Arguments::parse().job).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(job: Job) -> Result<ExitCode> {
    let project = Project::new()?;
    match job {
        Job::Dev { port, state, release } => dev::serve(&project, port, &state, Profile::from(release))?,
        Job::Test { suites, dev } => return Ok(suites::run(&project, &suites, Profile::from(!dev))),
        Job::Bench { parts, check } => return bench::run(&project, &parts, check),
        Job::Fuzz { targets, seconds, jobs, short } => {
            return fuzz::run(&project, fuzz::How { targets, seconds, jobs, short });
        }
        Job::Soak { minutes, short } => soak::run(&project, minutes, short)?,
        Job::Lint => lint::run(&project)?,
        Job::Build { release } => bundle::all(&project, Profile::from(release))?,
        Job::Docs { serve: true, port, .. } => book::serve(&project, port)?,
        Job::Docs { build: true, .. } => {
            let site = book::build(&project)?;
            println!("The documentation is in {}", site.display());
        }
        Job::Docs { .. } => reference::write(&project)?,
        Job::Vectors => process::show(&mut fresh::vectors(&project, &project.root))?,
        Job::Model => {
            let test =
                ["test", "--package", "counterfoil-verify", "--test", "leases", "--", "--ignored", "--nocapture"];
            process::show(project.cargo().args(test))?;
            let lives =
                ["test", "--package", "counterfoil-ledger", "--test", "ledger", "life_model", "--", "--nocapture"];
            process::show(project.cargo().args(lives).env("LIVES", "1800"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
