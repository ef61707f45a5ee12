//! What a verifier holds of a ledger's lease, and for how long it may answer from memory under it.
//!
//! A lease is counted from before its question was asked, so it ends here before the ledger counts it as over. Clocks
//! are not trusted further than docs/guarantees.md says: they may run apart by a hundredth, and within one lease they may
//! step, or stand still, by [`DELTA`] altogether. A clock that shows less than it has shown ends every lease.

use crate::{answer::Position, monotonic_time::MonotonicTime, time::Timestamp};

/// How far clocks may be off within one lease, in milliseconds, besides running apart. Whoever waits until no lease runs
/// any more adds it too.
pub const DELTA: u64 = 1_000;

/// How many hundredths of a lease are used: clocks at both ends may each run wrong by one.
const USED: u64 = 98;

/// The longest lease that there is, in milliseconds: more is promised by nobody.
const LONGEST: u64 = 60_000;

/// How long it takes at least from one report of uses to the next, in milliseconds. To add a thousand of them up is a
/// hundred times the work of a renewal.
const BETWEEN_REPORTS: u64 = 55_000;

/// A verifier's standing with one ledger.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lease {
    /// Tells records that are complete up to `position` from all others: they bear this number. 0 is nobody's.
    pub(crate) run: u32,
    /// As of when those records are complete; nothing before the first answer.
    pub(crate) position: Option<Position>,
    /// When the question was asked whose answer said so.
    pub(crate) asked_at: MonotonicTime,
    /// The ledger's clock when it answered.
    pub(crate) as_of: Timestamp,
    /// For how long, from `asked_at` on, that may be relied upon; in milliseconds.
    usable: u64,
    /// When uses were last told.
    reported: Option<MonotonicTime>,
    /// Answers to questions up to this one grant nothing more.
    ended: u32,
}

impl Lease {
    /// The beginning of another run: nothing that is held is under it.
    pub(crate) fn begin(self, run: u32) -> Self {
        Self { run, ended: self.ended, ..Self::default() }
    }

    /// Whether memory may answer for the ledger now.
    pub(crate) fn is_running(&self, now: MonotonicTime) -> bool {
        self.usable > 0 && self.asked_at.is_recent(now, self.usable - 1)
    }

    /// What the ledger's clock shows now, or a little more: its answer took a while to arrive.
    pub(crate) fn ledger_time(&self, now: MonotonicTime) -> Timestamp {
        self.as_of.plus(now.time.since(self.asked_at.time))
    }

    /// Whether not even half of it is over.
    pub(crate) fn is_new(&self, now: MonotonicTime) -> bool {
        self.asked_at.is_recent(now, self.usable / 2)
    }

    /// Whether it is time to tell of uses.
    pub(crate) fn is_report_due(&self, now: MonotonicTime) -> bool {
        !self.reported.is_some_and(|reported| reported.is_recent(now, BETWEEN_REPORTS - 1))
    }

    /// Uses are told now.
    pub(crate) fn report(&mut self, now: MonotonicTime) {
        self.reported = Some(now);
    }

    /// There was no answer: nobody knows whether uses were told.
    pub(crate) fn fail(&mut self) {
        self.reported = None;
    }

    /// Takes what the answer to the `nth` question says of the ledger's standing. An answer to an earlier question of two
    /// tells nothing new about time.
    pub(crate) fn renew(&mut self, position: Position, nth: u32, asked_at: MonotonicTime, as_of: Timestamp, term: u64) {
        self.position = Some(position);
        if nth > self.ended && !asked_at.is_before(self.asked_at) {
            (self.asked_at, self.as_of, self.usable) = (asked_at, as_of, usable(term));
        }
    }

    /// What is remembered is not to be relied upon before the answer to a later question than the `nth`.
    pub(crate) fn end(&mut self, nth: u32) {
        (self.usable, self.ended) = (0, nth);
    }
}

/// Whether an answer may still be used that grants so much, to a question asked then.
pub(crate) fn is_in_time(asked_at: MonotonicTime, term: u64, now: MonotonicTime) -> bool {
    let lease = Lease { asked_at, usable: usable(term), ..Lease::default() };
    lease.is_running(now)
}

/// How much of a lease is used, in milliseconds.
fn usable(term: u64) -> u64 {
    (term.min(LONGEST) * USED / 100).saturating_sub(DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_used_than_was_granted() {
        assert_eq!([0, 1_000, 2_000, 10_000, 60_000].map(usable), [0, 0, 960, 8_800, 57_800]);
        assert_eq!(usable(u64::MAX), usable(60_000));
    }
}
