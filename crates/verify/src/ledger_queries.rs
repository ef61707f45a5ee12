//! Back-off and coalescing of the queries to one ledger, so that a failing ledger is not overloaded by retries.
//!
//! After a query fails, no check queries the ledger until a back-off has passed; then one check does, as a trial. The
//! back-off grows with each consecutive failure and differs between verifiers, so that those of a fleet do not retry in
//! step. A query in flight is no failure: a check that its response will serve waits for it, and so does a check that
//! arrives when too many queries are in flight. The digests of waiting checks are added to the next query.
//!
//! No decision relies on this state: if it is evicted, one additional query is sent. A host may drop a query without
//! notice, so a query counts as in flight for [`IN_FLIGHT_MAX`] only. If the clock is set back, all these times end, so
//! a back-off never lasts longer than intended.

use alloc::vec::Vec;

use counterfoil_token::{Digest, WorkspaceKey};

use crate::{mix::mix, monotonic_time::MonotonicTime};

/// How long a query counts as in flight, in milliseconds.
const IN_FLIGHT_MAX: u64 = 1_000;

/// Upper bound of the first back-off, in milliseconds. The lower bound of every back-off is two fifths of its upper
/// bound.
const FIRST_BACK_OFF: u64 = 250;

/// How often the upper bound doubles: it grows to 2 seconds.
const DOUBLINGS: u32 = 3;

/// With this many digests in flight or waiting, further ones are not recorded; their checks query when they resume.
const MAX_WAITING: usize = 2_000;

/// The state of the queries to one ledger.
#[derive(Debug, Default)]
pub(crate) struct LedgerQueries {
    /// Digests that are in flight, and digests that wait for the next query.
    digests: Vec<QueuedDigest>,
    /// When a background renewal of the lease was assigned to a request, until it ends; and whether the request has
    /// started it.
    renewal_at: Option<MonotonicTime>,
    renewal_started: bool,
    /// Consecutive failures. Queries in flight at the same time count as one.
    failures: u32,
    /// The number of the latest query at the time of the last failure.
    failed: u32,
    failed_at: MonotonicTime,
    /// How long the back-off lasts from `failed_at` on, in milliseconds.
    back_off: u64,
    /// The latest query that was answered.
    answered: u32,
}

/// A digest that is in flight, or waits for the next query.
#[derive(Clone, Copy, Debug)]
struct QueuedDigest {
    digest: Digest,
    /// The query that carries it; 0 while it waits.
    number: u32,
    asked_at: MonotonicTime,
    /// Whether it is the first digest of its query. Queries are counted by these.
    is_first: bool,
}

/// The queries in flight.
#[derive(Default)]
struct InFlight {
    questions: usize,
    /// Whether one of them carries the digest, and whether one of them was sent after the last failure.
    has_digest: bool,
    has_trial: bool,
}

/// Whether a check queries the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryDecision {
    /// It queries now.
    Ask,
    /// It waits for a query in flight.
    Wait,
    /// It waits for a query in flight, which is the trial after a failure.
    WaitForTrial,
    /// It does not query: the ledger failed just now.
    BackOff,
}

impl LedgerQueries {
    /// Whether to query for this digest. `is_covered`: any response to a lease question will serve the check.
    pub(crate) fn query_decision(
        &self,
        digest: &Digest,
        is_covered: bool,
        at_once: usize,
        now: MonotonicTime,
    ) -> QueryDecision {
        let in_flight = self.in_flight(digest, now);
        let is_renewing = self.renewal_started && self.is_renewing(now);
        if self.is_backing_off(now) {
            QueryDecision::BackOff
        } else if self.failures > 0 {
            if in_flight.has_trial || is_renewing { QueryDecision::WaitForTrial } else { QueryDecision::Ask }
        } else if in_flight.has_digest
            || in_flight.questions >= at_once
            || is_covered && (is_renewing || in_flight.questions > 0)
        {
            QueryDecision::Wait
        } else {
            QueryDecision::Ask
        }
    }

    /// Whether fewer queries are in flight than are allowed at once.
    pub(crate) fn has_room(&self, digest: &Digest, at_once: usize, now: MonotonicTime) -> bool {
        self.in_flight(digest, now).questions < at_once
    }

    /// Whether the lease may be renewed in the background: no query and no renewal has started lately.
    pub(crate) fn may_renew(&self, now: MonotonicTime) -> bool {
        let is_queried = self.digests.iter().any(|queued| queued.number > 0 && is_in_flight(queued.asked_at, now));
        !is_queried && !self.is_backing_off(now) && !self.is_renewing(now)
    }

    /// A renewal of the lease was assigned to a request, or has started.
    pub(crate) fn renew(&mut self, now: MonotonicTime, renewal_started: bool) {
        (self.renewal_at, self.renewal_started) = (Some(now), renewal_started);
    }

    /// Records a query for this digest. Adds up to `room` waiting digests to it, and appends these to `others`. Calls
    /// with the same number are one query.
    ///
    /// No check waits for the response to a query that is not for a lease. After a failure, though, any response tells
    /// whether the ledger answers again.
    pub(crate) fn ask(
        &mut self,
        number: u32,
        digest: Digest,
        room: usize,
        now: MonotonicTime,
        others: &mut Vec<Digest>,
    ) {
        self.digests.retain(|queued| match queued.number {
            0 => queued.digest != digest,
            _ => is_in_flight(queued.asked_at, now),
        });
        let is_first = !self.digests.iter().any(|queued| queued.number == number);
        for queued in self.digests.iter_mut().filter(|queued| queued.number == 0).take(room) {
            (queued.number, queued.asked_at) = (number, now);
            others.push(queued.digest);
        }
        self.digests.push(QueuedDigest { digest, number, asked_at: now, is_first });
    }

    /// Whether queries that are not for a lease are to be recorded as well.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Records that a check waits for this digest.
    pub(crate) fn wait_for(&mut self, digest: Digest, now: MonotonicTime) {
        self.digests.retain(|queued| queued.number == 0 || is_in_flight(queued.asked_at, now));
        let is_known = self.digests.iter().any(|queued| queued.digest == digest);
        if !is_known && self.digests.len() < MAX_WAITING {
            self.digests.push(QueuedDigest { digest, number: 0, asked_at: now, is_first: false });
        }
    }

    /// The query of that number has ended.
    pub(crate) fn finish(&mut self, number: u32) {
        self.digests.retain(|queued| queued.number != number);
    }

    /// The background renewal has ended.
    pub(crate) fn end_renewal(&mut self) {
        self.renewal_at = None;
    }

    /// No check may wait for the queries in flight: they were sent before a change that their responses must reflect.
    pub(crate) fn forget_in_flight(&mut self) {
        self.digests.clear();
        self.renewal_at = None;
    }

    /// The `nth` query was answered.
    pub(crate) fn succeed(&mut self, nth: u32) {
        self.failures = 0;
        self.answered = self.answered.max(nth);
    }

    /// The `nth` query failed; `asked` is the number of the latest query sent by now. Ignored if a later query was
    /// answered meanwhile, or if this one was already in flight at the last recorded failure.
    pub(crate) fn fail(&mut self, nth: u32, asked: u32, now: MonotonicTime, jitter: u64) {
        if nth < self.answered || (self.failures > 0 && nth <= self.failed) {
            return;
        }
        let most = FIRST_BACK_OFF << self.failures.min(DOUBLINGS);
        let least = most * 2 / 5;
        self.failures = self.failures.saturating_add(1);
        (self.failed, self.failed_at) = (asked, now);
        self.back_off = least + mix(jitter ^ u64::from(self.failures)) % (most - least + 1);
        self.renewal_at = None;
        self.digests.retain(|queued| queued.number > 0);
    }

    /// Approximate size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(self.digests.as_slice())
    }

    fn in_flight(&self, digest: &Digest, now: MonotonicTime) -> InFlight {
        let mut in_flight = InFlight::default();
        for queued in self.digests.iter().filter(|queued| queued.number > 0 && is_in_flight(queued.asked_at, now)) {
            in_flight.questions += usize::from(queued.is_first);
            in_flight.has_digest |= queued.digest == *digest;
            in_flight.has_trial |= queued.number > self.failed;
        }
        in_flight
    }

    fn is_backing_off(&self, now: MonotonicTime) -> bool {
        self.failures > 0 && self.back_off > 0 && self.failed_at.is_recent(now, self.back_off - 1)
    }

    fn is_renewing(&self, now: MonotonicTime) -> bool {
        self.renewal_at.is_some_and(|renewal_at| is_in_flight(renewal_at, now))
    }
}

fn is_in_flight(asked_at: MonotonicTime, now: MonotonicTime) -> bool {
    asked_at.is_recent(now, IN_FLIGHT_MAX - 1)
}

/// A number that differs between verifiers of one workspace, and between workspaces of one verifier.
pub(crate) fn jitter(seed: u64, workspace: WorkspaceKey) -> u64 {
    workspace.as_str().bytes().fold(seed, |sum, byte| mix(sum ^ u64::from(byte)))
}
