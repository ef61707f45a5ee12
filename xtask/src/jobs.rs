//! Runs jobs in parallel and prints their progress.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The longest time without a line of progress.
const SILENCE: Duration = Duration::from_secs(20);

/// One job, independent of the others.
pub(crate) struct Job<'a> {
    /// What the job does, as a phrase: "compiling the worker".
    what: String,
    run: Box<dyn FnOnce() -> Result<()> + Send + 'a>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(what: impl Into<String>, run: impl FnOnce() -> Result<()> + Send + 'a) -> Self {
        Self { what: what.into(), run: Box::new(run) }
    }
}

/// Runs all jobs at once and waits for all of them.
///
/// # Errors
///
/// The first error. The other jobs still run to their end.
pub(crate) fn all(title: &str, jobs: Vec<Job<'_>>) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let start = Stopwatch::start();
    let mut running: Vec<String> = jobs.iter().map(|job| job.what.clone()).collect();
    eprintln!("{title} {}", running.join(" · "));
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel();
        for Job { what, run } in jobs {
            let done = done.clone();
            scope.spawn(move || done.send((what, run())));
        }
        drop(done);
        let mut outcome = Ok(());
        loop {
            match finished.recv_timeout(SILENCE) {
                Ok((what, result)) => {
                    running.retain(|other| *other != what);
                    let word = if result.is_ok() { "done" } else { "failed" };
                    eprintln!("      {word} {what} ({start})");
                    outcome = outcome.and(result.with_context(|| what));
                }
                Err(RecvTimeoutError::Timeout) => eprintln!("      still {} ({start})", running.join(" · ")),
                Err(RecvTimeoutError::Disconnected) => break outcome,
            }
        }
    })
}

/// Shows the seconds since its start.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "shows how long a job takes")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }
}

impl std::fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s", self.0.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failure_is_told_and_the_other_jobs_are_done() {
        let done = AtomicU32::new(0);
        let succeed = || {
            done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let jobs = vec![Job::new("one", succeed), Job::new("two", || bail!("broken")), Job::new("three", succeed)];
        let told = all("test", jobs).map_err(|error| format!("{error:#}"));
        assert_eq!(told, Err("two: broken".to_owned()));
        assert_eq!(done.into_inner(), 2);
    }
}
