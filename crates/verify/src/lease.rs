//! A verifier's lease, and how long the verifier may answer from its cache under it.
//!
//! The verifier counts a lease from before it sent the question, so the lease expires here before it expires for the
//! ledger. Clocks are trusted only as docs/guarantees.md says: they may run apart by one percent, and within one lease
//! they may step, or stand still, by [`DELTA`] in all. If a clock shows less than it has shown before, every lease
//! ends.

use crate::{answer::Position, monotonic_time::MonotonicTime, time::Timestamp};

/// How far clocks may be off within one lease, in milliseconds, in addition to running apart. A change that waits until
/// every lease has expired adds it too.
pub const DELTA: u64 = 1_000;

/// The percentage of a lease that is used: the clocks at both ends may each be wrong by one percent.
const USED: u64 = 98;

/// The longest lease that a ledger grants, in milliseconds.
const LONGEST: u64 = 60_000;

/// The least time from one report of uses to the next, in milliseconds. Adding up a thousand uses is a hundred times
/// the work of a renewal.
const BETWEEN_REPORTS: u64 = 55_000;

/// The state of a verifier's lease from one ledger.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lease {
    /// The lease run: an uninterrupted series of leases. Records with this number are complete up to `position`; 0
    /// belongs to no record.
    pub(crate) run: u32,
    /// The position up to which those records are complete; `None` before the first response.
    pub(crate) position: Option<Position>,
    /// When the question was sent whose response said so.
    pub(crate) asked_at: MonotonicTime,
    /// The ledger's clock at that response.
    pub(crate) as_of: Timestamp,
    /// How long, from `asked_at` on, the cache may be used; in milliseconds.
    usable: u64,
    /// When uses were last reported.
    reported: Option<MonotonicTime>,
    /// Responses to questions up to this one grant nothing.
    ended: u32,
}

impl Lease {
    /// The start of another run, which covers no cached record yet.
    pub(crate) fn begin(self, run: u32) -> Self {
        Self { run, ended: self.ended, ..Self::default() }
    }

    /// Whether the cache may be used now.
    #[inline]
    pub(crate) fn is_running(&self, now: MonotonicTime) -> bool {
        self.usable > 0 && self.asked_at.is_recent(now, self.usable - 1)
    }

    /// The ledger's time now, or a little later, because its response took a while to arrive.
    #[inline]
    pub(crate) fn ledger_time(&self, now: MonotonicTime) -> Timestamp {
        self.as_of.plus(now.time.since(self.asked_at.time))
    }

    /// Whether less than half of it has passed.
    #[inline]
    pub(crate) fn is_new(&self, now: MonotonicTime) -> bool {
        self.asked_at.is_recent(now, self.usable / 2)
    }

    /// Whether a report of uses is due.
    pub(crate) fn is_report_due(&self, now: MonotonicTime) -> bool {
        !self.reported.is_some_and(|reported| reported.is_recent(now, BETWEEN_REPORTS - 1))
    }

    /// Uses are reported now.
    pub(crate) fn report(&mut self, now: MonotonicTime) {
        self.reported = Some(now);
    }

    /// There was no response: it is unknown whether the uses arrived.
    pub(crate) fn report_failed(&mut self) {
        self.reported = None;
    }

    /// Takes the position and the term from the response to the `nth` question. If a later question was answered first,
    /// only the position is taken.
    pub(crate) fn renew(&mut self, position: Position, nth: u32, asked_at: MonotonicTime, as_of: Timestamp, term: u64) {
        self.position = Some(position);
        if nth > self.ended && !asked_at.is_before(self.asked_at) {
            (self.asked_at, self.as_of, self.usable) = (asked_at, as_of, usable(term));
        }
    }

    /// Ends the lease. Only the response to a question after the `nth` can start it again.
    pub(crate) fn end(&mut self, nth: u32) {
        (self.usable, self.ended) = (0, nth);
    }
}

/// Whether a response that grants this term to a question sent at `asked_at` may still be used.
pub(crate) fn is_in_time(asked_at: MonotonicTime, term: u64, now: MonotonicTime) -> bool {
    let lease = Lease { asked_at, usable: usable(term), ..Lease::default() };
    lease.is_running(now)
}

/// The part of a term that is used, in milliseconds.
fn usable(term: u64) -> u64 {
    (term.min(LONGEST) * USED / 100).saturating_sub(DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_part_of_a_lease_is_shorter_than_its_term() {
        assert_eq!([0, 1_000, 2_000, 10_000, 60_000].map(usable), [0, 0, 960, 8_800, 57_800]);
        assert_eq!(usable(u64::MAX), usable(60_000));
    }
}
