//! Counts uses of tokens, and decides when to report them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use counterfoil_protocol::command::Uses;
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::Timestamp;

use crate::http::time::DAY;

/// The most sums, each of one token value on one day: less than a megabyte.
const CAPACITY: usize = 10_000;

/// The most uses in one report: the limit of the ledger's command.
const REPORT: usize = 1_000;

/// How long a timer runs, in milliseconds. The platform lets work continue for 30 seconds after a response; the rest is
/// for the report itself.
const TIMER: u64 = 25_000;

/// The least time between the starts of two timers, in milliseconds: each keeps a request's context alive.
const BETWEEN_TIMERS: u64 = 1_000;

/// The maximum age of a use when it is reported, in milliseconds.
const LATEST: u64 = 60_000;

/// Sums of uses. It has no clock: the time is an argument, and may jump in either direction.
#[derive(Default)]
pub(crate) struct Counter {
    sums: BTreeMap<SumKey, Sum>,
    /// How many uses were dropped because the counter was full.
    dropped: u64,
    /// Whether a use was counted since the last timer was started.
    has_new_uses: bool,
    /// How many timers were started, and when the last one was.
    timers: u64,
    timer_at: Option<Timestamp>,
    /// The running timers with their start times, in order: one per second, so at most 25.
    running: VecDeque<(u64, Timestamp)>,
    /// Whether an immediate report was requested because the counter is full.
    is_flush_requested: bool,
    /// When the oldest unreported use was counted.
    oldest_at: Option<Timestamp>,
}

/// The key of a sum, ordered so that one ledger's sums are adjacent.
type SumKey = (WorkspaceKey, Day, Digest);

/// Days since 1970-01-01, UTC.
type Day = u64;

struct Sum {
    count: u32,
    last_used_at: Timestamp,
}

/// A timer to wait for in the background; then [`Counter::take`] returns what to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// Numbered from 1; 0 is an immediate report.
    nth: u64,
    delay: u64,
}

/// What to report, once. The counter has dropped it, whatever the outcome of the report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) reports: Vec<(WorkspaceKey, Vec<Uses>)>,
    /// How many uses were dropped because the counter was full.
    pub(crate) dropped: u64,
}

impl Counter {
    /// Counts one use.
    pub(crate) fn count(&mut self, workspace: WorkspaceKey, digest: Digest, now: Timestamp) {
        self.has_new_uses = true;
        self.oldest_at.get_or_insert(now);
        let key = (workspace, now.0 / DAY, digest);
        if let Some(sum) = self.sums.get_mut(&key) {
            sum.count = sum.count.saturating_add(1);
            sum.last_used_at = sum.last_used_at.max(now);
        } else if self.is_full() {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.sums.insert(key, Sum { count: 1, last_used_at: now });
        }
    }

    /// The timer to start now, if any.
    pub(crate) fn timer(&mut self, now: Timestamp) -> Option<Timer> {
        if self.is_full() && !self.is_flush_requested {
            self.is_flush_requested = true;
            return Some(Timer { nth: 0, delay: 0 });
        }
        if !self.has_new_uses || !has_passed(BETWEEN_TIMERS, self.timer_at, now) {
            return None;
        }
        self.has_new_uses = false;
        self.timers += 1;
        self.timer_at = Some(now);
        self.running.push_back((self.timers, now));
        Some(Timer { nth: self.timers, delay: TIMER })
    }

    /// What to report now that a timer has run out: everything, if the next timer would be too late for the oldest use,
    /// if there is no next timer, or if the counter is full. After the last timer nothing remains, since a use that
    /// starts no timer is counted within a second of one that runs.
    pub(crate) fn take(&mut self, timer: Timer, now: Timestamp) -> Option<Batch> {
        // A timer that never ran out, because its request was cancelled, is skipped by the next one.
        while self.running.front().is_some_and(|(nth, _)| *nth <= timer.nth) {
            self.running.pop_front();
        }
        let can_wait = self
            .running
            .front()
            .zip(self.oldest_at)
            .is_some_and(|((_, started), oldest)| now >= oldest && started.plus(TIMER) <= oldest.plus(LATEST));
        if (can_wait && !self.is_full()) || self.sums.is_empty() {
            return None;
        }
        self.oldest_at = None;
        self.is_flush_requested = false;
        let mut reports: Vec<(WorkspaceKey, Vec<Uses>)> = Vec::new();
        for ((workspace, _, digest), Sum { count, last_used_at }) in std::mem::take(&mut self.sums) {
            let uses = Uses { digest, last_used_at, count };
            match reports.last_mut() {
                Some((same, report)) if *same == workspace && report.len() < REPORT => report.push(uses),
                _ => reports.push((workspace, vec![uses])),
            }
        }
        Some(Batch { reports, dropped: std::mem::take(&mut self.dropped) })
    }

    fn is_full(&self) -> bool {
        self.sums.len() >= CAPACITY
    }
}

impl Timer {
    /// In milliseconds.
    pub(crate) fn delay(self) -> u64 {
        self.delay
    }
}

/// Whether so much time has passed. Also true if there is no start time, or if the clock was set back.
fn has_passed(milliseconds: u64, since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_none_or(|since| now < since || now.since(since) >= milliseconds)
}
