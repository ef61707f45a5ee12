//! `cargo xtask fuzz`: runs the targets in fuzz/; with `--short`, replays the known inputs.
//!
//! Fuzzing requires a nightly compiler, because coverage instrumentation is unstable. Replaying does not: a target built by any
//! compiler runs each given input once. CI therefore only replays.

mod seeds;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::jobs::Stopwatch;
use crate::process;
use crate::project::Project;
use crate::tools;

/// The most exposed targets: token values, and the files that verifiers load. They are fuzzed for longer.
const LONG: [&str; 4] = ["minted", "presented", "segment", "snapshot"];
const LONG_SECONDS: u64 = 30 * 60;
const SECONDS: u64 = 5 * 60;

/// How often progress is printed.
const TELL: Duration = Duration::from_secs(30);

/// The longest input, in bytes: several tokens of a segment, or a few requests.
const LONGEST: usize = 16 * 1024;

/// The limits of a target: seconds per input, and memory in MB.
const PATIENCE: u64 = 20;
const MEMORY: u64 = 2_048;

/// The options of the job.
pub(crate) struct How {
    /// The targets to run; all if empty.
    pub(crate) targets: Vec<String>,
    /// How long each target runs, if not for its default time.
    pub(crate) seconds: Option<u64>,
    /// How many targets run at once.
    pub(crate) jobs: usize,
    /// Only replays the known inputs.
    pub(crate) short: bool,
}

/// Fuzzes, or replays.
///
/// # Errors
///
/// If a target cannot be built or run. A finding is printed and fails the job.
pub(crate) fn run(project: &Project, how: How) -> Result<ExitCode> {
    let all = targets(project)?;
    if let Some(unknown) = how.targets.iter().find(|target| !all.contains(target)) {
        bail!("unknown target {unknown:?}. Targets: {}", all.join(", "));
    }
    let chosen: Vec<String> = all.into_iter().filter(|t| how.targets.is_empty() || how.targets.contains(t)).collect();
    let place = Place { root: project.root.join("fuzz") };
    seeds::write(project, &place.made())?;
    let findings = if how.short { replay(project, &place, &chosen)? } else { fuzz(project, &place, &how, chosen)? };
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The targets in the manifest.
fn targets(project: &Project) -> Result<Vec<String>> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--manifest-path", "fuzz/Cargo.toml"];
    let metadata: serde_json::Value = serde_json::from_str(&process::output(project.cargo().args(arguments))?)?;
    let targets = metadata.pointer("/packages/0/targets").and_then(serde_json::Value::as_array);
    let names = targets.context("fuzz/ has no targets")?.iter().filter_map(|target| target["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The folders below fuzz/.
struct Place {
    root: PathBuf,
}

impl Place {
    /// Inputs that reached new code: kept on this machine.
    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("corpus").join(target)
    }

    /// Committed inputs: examples and earlier findings.
    fn seeds(&self, target: &str) -> PathBuf {
        self.root.join("seeds").join(target)
    }

    /// Inputs made from the test vectors.
    fn made(&self) -> PathBuf {
        self.root.join("target/seeds")
    }

    fn findings(&self, target: &str) -> PathBuf {
        self.root.join("artifacts").join(target)
    }

    fn log(&self, target: &str) -> PathBuf {
        self.root.join("target/logs").join(format!("{target}.log"))
    }

    /// The existing folders with inputs of a target.
    fn inputs(&self, target: &str) -> Vec<PathBuf> {
        [self.seeds(target), self.made().join(target)].into_iter().filter(|folder| folder.is_dir()).collect()
    }

    fn dictionary(&self, target: &str) -> Option<PathBuf> {
        Some(self.root.join("dictionaries").join(format!("{target}.dict"))).filter(|file| file.is_file())
    }
}

/// Builds the targets with the compiler in use and runs each on all known inputs. Returns how many failed.
fn replay(project: &Project, place: &Place, targets: &[String]) -> Result<usize> {
    let mut cargo = project.cargo();
    cargo.args(["build", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]).env("RUSTFLAGS", "--cfg fuzzing");
    cargo.env("CARGO_TARGET_DIR", place.root.join("target/replay"));
    for target in targets {
        cargo.args(["--bin", target]);
    }
    process::show(&mut cargo)?;
    let mut failed = 0;
    for target in targets {
        let mut inputs = Vec::new();
        for folder in place.inputs(target) {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
                inputs.push(entry?.path());
            }
        }
        if inputs.is_empty() {
            bail!("{target} has no inputs: add one to fuzz/seeds/{target}");
        }
        inputs.sort();
        let count = inputs.len();
        let replayed =
            process::output(project.command(place.root.join("target/replay/debug").join(target)).args(inputs));
        match replayed {
            Ok(_) => println!("{target}: {count} inputs, no findings"),
            Err(error) => {
                failed += 1;
                println!("{target}: {error:#}");
            }
        }
    }
    Ok(failed)
}

/// Builds the targets and fuzzes them, several at a time. Returns how many had a finding.
fn fuzz(project: &Project, place: &Place, how: &How, mut targets: Vec<String>) -> Result<usize> {
    let fuzzer = tools::CargoFuzz::get(project)?;
    let built = fuzzer.build(project, &targets)?;
    let seconds = |target: &str| how.seconds.unwrap_or(if LONG.contains(&target) { LONG_SECONDS } else { SECONDS });
    // The longest-running first, so that they do not run alone at the end.
    targets.sort_by_key(|target| std::cmp::Reverse(seconds(target)));
    let start = Stopwatch::start();
    let (mut waiting, mut running, mut findings) = (targets.into_iter(), Vec::new(), 0);
    let mut untold = Duration::ZERO;
    loop {
        while running.len() < how.jobs.max(1) {
            let Some(target) = waiting.next() else { break };
            println!("{target}: started, runs for {} s ({start})", seconds(&target));
            running.push(Run::start(project, place, &built, target.clone(), seconds(&target))?);
        }
        if running.is_empty() {
            println!("{findings} findings");
            return Ok(findings);
        }
        thread::sleep(Duration::from_secs(1));
        untold += Duration::from_secs(1);
        for run in &mut running {
            run.look();
        }
        if untold >= TELL {
            untold = Duration::ZERO;
            let told: Vec<String> = running.iter().map(|run| format!("{} {}", run.target, run.progress())).collect();
            println!("      {} ({start})", told.join(" · "));
        }
        let mut still = Vec::new();
        for run in running {
            match run.end(place)? {
                Ended::Not(run) => still.push(run),
                Ended::Well(said) => println!("{said} ({start})"),
                Ended::WithFinding(said) => {
                    findings += 1;
                    println!("{said} ({start})");
                }
            }
        }
        running = still;
    }
}

/// A target that is being fuzzed.
struct Run {
    target: String,
    child: Child,
    log: PathBuf,
    /// The CPU time that it has used, in seconds, if the platform reports it.
    used: Option<f64>,
}

enum Ended {
    Not(Run),
    Well(String),
    WithFinding(String),
}

impl Run {
    fn start(project: &Project, place: &Place, built: &Path, target: String, seconds: u64) -> Result<Self> {
        let (corpus, findings, log) = (place.corpus(&target), place.findings(&target), place.log(&target));
        for folder in [Some(corpus.as_path()), Some(findings.as_path()), log.parent()].into_iter().flatten() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut command = project.command(built.join(&target));
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg(format!("-timeout={PATIENCE}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg("-print_final_stats=1");
        if let Some(dictionary) = place.dictionary(&target) {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        command.arg(corpus).args(place.inputs(&target));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().with_context(|| process::cannot_start(&command))?;
        Ok(Self { target, child, log, used: None })
    }

    fn look(&mut self) {
        self.used = cpu_seconds(self.child.id()).or(self.used);
    }

    /// The fuzzer's last line of progress: the number of executions and what they covered.
    fn progress(&self) -> String {
        let lines = self.lines();
        let is_count =
            |line: &&String| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let line = lines.iter().rev().find(is_count).map_or("", String::as_str);
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1).copied());
        let count = words.first().map_or("0", |count| count.trim_start_matches('#'));
        format!("{count} executions, {} edges", after("cov:").unwrap_or("0"))
    }

    fn lines(&self) -> Vec<String> {
        let Ok(file) = File::open(&self.log) else { return Vec::new() };
        BufReader::new(file).split(b'\n').flatten().map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
    }

    /// The result, if it has ended.
    fn end(mut self, place: &Place) -> Result<Ended> {
        let Some(status) = self.child.try_wait()? else { return Ok(Ended::Not(self)) };
        let lines = self.lines();
        let stat = |name: &str| {
            let stat = lines.iter().rev().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            stat.and_then(|rest| rest.trim_start_matches(':').trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let said = format!(
            "{}: {} executions, {:.0} s of CPU time, {}; peak memory {} MB",
            self.target,
            stat("number_of_executed_units"),
            self.used.unwrap_or(0.0),
            self.progress().split_once(", ").map_or("", |(_, edges)| edges).to_owned(),
            stat("peak_rss_mb"),
        );
        if status.success() {
            return Ok(Ended::Well(format!("{said}; no findings")));
        }
        let written = lines.iter().rev().find_map(|line| line.split("Test unit written to ").nth(1));
        let why = lines.iter().find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
        let how = match written {
            Some(file) => format!("to reproduce: cargo +nightly fuzz run --sanitizer none {} {file}", self.target),
            None => format!("no input was written ({status})"),
        };
        Ok(Ended::WithFinding(format!(
            "{said}; FINDING: {}\n      {how}\n      full output: {}\n      after the fix, add the input to {}",
            why.map_or("see below", |why| why.trim()),
            self.log.display(),
            place.seeds(&self.target).display(),
        )))
    }
}

/// The CPU time of a process in seconds. `None` if the platform does not report it.
fn cpu_seconds(process: u32) -> Option<f64> {
    // proc(5): fields 14 and 15, in clock ticks, of which Linux has 100 a second. The second field may hold spaces.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
