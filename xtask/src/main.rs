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
mod prose;
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

use crate::compile::Profile;
use crate::project::Project;
use crate::suites::Suite;

/// Builds, serves, tests and documents Counterfoil.
///
/// Requires rustup, a C compiler and Node 20.10 or later. Each job installs the other tools that it needs (the wasm target,
/// the npm packages of package-lock.json, wasm-bindgen, cargo-deny, mdBook). Tools that are compiled are kept in a cache per
/// user; set COUNTERFOIL_CACHE to choose its folder.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Builds the Worker and serves it on 127.0.0.1 until Ctrl-C.
    ///
    /// Runs on workerd, the runtime of Cloudflare Workers, with the bindings of wrangler.toml. The first start creates the
    /// workspace `demo`; each start prints a token and curl commands to try. When the server is ready, it writes the URL and
    /// the tokens to `<state>/dev.json`; they stay the same across restarts.
    Dev {
        /// Port on 127.0.0.1.
        #[arg(long, default_value_t = 8787, value_name = "N")]
        port: u16,
        /// Folder for the state: KV, the ledgers' SQLite, dev.json. Delete it to start with an empty deployment.
        #[arg(long, default_value = ".counterfoil", value_name = "DIR")]
        state: PathBuf,
        /// Serves the bundle that is deployed: optimized, and slower to build.
        #[arg(long)]
        release: bool,
    },
    /// Runs all tests, or the named suites.
    ///
    /// The last line of the output is the number of passed and failed tests.
    Test {
        /// The suites to run. All but `compatibility` if none is named.
        suites: Vec<Suite>,
        /// Tests a debug build of the Worker, which builds faster than the deployed one.
        #[arg(long)]
        dev: bool,
    },
    /// Measures speed and memory as ratios within one run: all parts, or those named.
    ///
    /// Each budget is printed with its purpose. Ratios depend little on the machine; other numbers do. Run nothing else on
    /// the machine meanwhile. Native measurements compile for a minute first.
    Bench(bench::How),
    /// Fuzzes the code that reads untrusted input: all targets of fuzz/, or those named.
    ///
    /// Requires a nightly compiler. A target runs for 5 minutes; those for token values, segments and snapshots run for 30.
    /// A finding fails the job and is printed with the command that reproduces it.
    Fuzz {
        /// The targets to run. All if none is named.
        targets: Vec<String>,
        /// How many seconds each target runs.
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        /// How many targets run at once.
        #[arg(long, value_name = "N", default_value_t = 1)]
        jobs: usize,
        /// Only replays the committed inputs and those made from the test vectors. Takes seconds and needs no nightly compiler.
        #[arg(long, conflicts_with_all = ["seconds", "jobs"])]
        short: bool,
    },
    /// Runs mixed load against the built bundle, at the highest rate that this machine sustains, and then checks invariants.
    ///
    /// 1,000 workspaces, one of them with 100,000 tokens; 90 % of the requests verify, 9 % read, 1 % change. Fails on an
    /// unexpected response, on a violated invariant, and if workerd uses more than 1.1 times the memory at the end that it
    /// used after a minute.
    Soak {
        /// How many minutes the load runs.
        #[arg(long, default_value_t = 5.0, value_name = "N")]
        minutes: f64,
        /// Runs for twenty seconds against a small deployment, as the tests do.
        #[arg(long)]
        short: bool,
    },
    /// Checks everything that needs no running product: format, lints, allowed imports, dependencies, generated files, links
    /// of the documentation, sizes.
    Lint {
        /// Words of the names of the checks to run: `links`, `words`, `clippy`. All checks if there are none.
        names: Vec<String>,
    },
    /// Builds the Worker bundle into build/worker and the npm package into build/verify.
    Build {
        /// Optimizes for speed and size, as for a deployment.
        #[arg(long)]
        release: bool,
    },
    /// Writes the files that are generated from the API's code and from measurements; with a flag, builds the docs site
    /// instead.
    ///
    /// The generated files are openapi.json, docs/errors.md, www/docs/errors.html, contract.js and codes.d.ts of the npm
    /// package, and the tables and charts of docs/performance.md. The site is made of the pages that docs/SUMMARY.md lists, by
    /// mdBook, which the first build of the site compiles once per user (about three minutes).
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
    /// Explores the lease protocol and token lifecycles further than the tests do. Takes minutes and gigabytes of memory.
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
        Job::Bench(how) => return bench::run(&project, &how),
        Job::Fuzz { targets, seconds, jobs, short } => {
            return fuzz::run(&project, fuzz::How { targets, seconds, jobs, short });
        }
        Job::Soak { minutes, short } => soak::run(&project, minutes, short)?,
        Job::Lint { names } => lint::run(&project, &names)?,
        Job::Build { release } => bundle::all(&project, Profile::from(release))?,
        Job::Docs { serve: true, port, .. } => book::serve(&project, port)?,
        Job::Docs { build: true, .. } => {
            let site = book::build(&project)?;
            println!("The documentation is in {}", site.display());
        }
        Job::Docs { .. } => {
            reference::write(&project)?;
            bench::report(&project)?;
        }
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
