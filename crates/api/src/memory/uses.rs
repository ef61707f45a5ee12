//! What an isolate has counted, and when it is to be reported.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use counterfoil_protocol::command::Uses;
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::Timestamp;

use crate::http::time::DAY;

/// How many texts and days there is room for: less than a megabyte.
const CAPACITY: usize = 10_000;

/// The most uses in one report: what a ledger takes.
const REPORT: usize = 1_000;

/// How long a timer runs, in milliseconds. The platform lets work go on for 30 seconds after an answer; the rest of
/// them is for the report itself.
const TIMER: u64 = 25_000;

/// No two timers are started within this time, in milliseconds: each keeps a request's context alive.
const BETWEEN_TIMERS: u64 = 1_000;

/// How old a use may become before it is reported, in milliseconds.
const LATEST: u64 = 60_000;

/// Sums of uses. It has no clock: the time is an argument, and may jump either way.
#[derive(Default)]
pub(crate) struct Counter {
    sums: BTreeMap<Place, Sum>,
    /// Uses that found no room.
    dropped: u64,
    /// Whether anything was counted since the last timer was started.
    is_stirred: bool,
    /// How many timers were started, and when the last one was.
    timers: u64,
    timer_at: Option<Timestamp>,
    /// When those were started that still run, in their order: one a second, so there are 25 at most.
    running: VecDeque<(u64, Timestamp)>,
    /// Whether somebody was told that there is no more room.
    is_hurried: bool,
    /// When the oldest use was counted that is not reported yet.
    oldest_at: Option<Timestamp>,
}

/// Where a use is counted: sums of one ledger lie together.
type Place = (WorkspaceKey, Day, Digest);

/// Days since 1970-01-01, UTC.
type Day = u64;

struct Sum {
    count: u32,
    last_used_at: Timestamp,
}

/// To be waited for in the background; then [`Counter::take`] says what to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// The first is 1; 0 is none of them, but haste.
    nth: u64,
    delay: u64,
}

/// What is to be reported, once. Whatever becomes of it, the counter has forgotten it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) reports: Vec<(WorkspaceKey, Vec<Uses>)>,
    /// How many uses found no room.
    pub(crate) dropped: u64,
}

impl Counter {
    /// Counts one use.
    pub(crate) fn count(&mut self, workspace: WorkspaceKey, digest: Digest, now: Timestamp) {
        self.is_stirred = true;
        self.oldest_at.get_or_insert(now);
        let place = (workspace, now.0 / DAY, digest);
        if let Some(sum) = self.sums.get_mut(&place) {
            sum.count = sum.count.saturating_add(1);
            sum.last_used_at = sum.last_used_at.max(now);
        } else if self.is_full() {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.sums.insert(place, Sum { count: 1, last_used_at: now });
        }
    }

    /// The timer that is to be started now, if one is.
    pub(crate) fn timer(&mut self, now: Timestamp) -> Option<Timer> {
        if self.is_full() && !self.is_hurried {
            self.is_hurried = true;
            return Some(Timer { nth: 0, delay: 0 });
        }
        if !self.is_stirred || !has_passed(BETWEEN_TIMERS, self.timer_at, now) {
            return None;
        }
        self.is_stirred = false;
        self.timers += 1;
        self.timer_at = Some(now);
        self.running.push_back((self.timers, now));
        Some(Timer { nth: self.timers, delay: TIMER })
    }

    /// What is to be reported now that a timer has run out: everything, if the next timer would be too late for the
    /// oldest use, or there is none, or if there is no more room. The last timer leaves nothing behind, since whatever
    /// was counted without a timer of its own was counted within a second of it.
    pub(crate) fn take(&mut self, timer: Timer, now: Timestamp) -> Option<Batch> {
        // One that never ran out, as its request was cut off, is passed over by the next.
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
        self.is_hurried = false;
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

/// Whether so much time has passed, or nobody knows: it never was, or the clock was set back.
fn has_passed(milliseconds: u64, since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_none_or(|since| now < since || now.since(since) >= milliseconds)
}
