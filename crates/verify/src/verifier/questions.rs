//! What is requested, and from where, if the cache does not suffice.

use alloc::vec::Vec;

use counterfoil_token::{Digest, WorkspaceKey};

use super::state::{CheckState, Need, Pending, Progress, REGISTRY_READS, Subject, Verifier, strictest, unavailable};
use crate::{
    answer::{LeaseQuestion, Question, RegistryKey, Segments, Use},
    decision::TokenFacts as _,
    demand::{Demand, Freshness},
    lease::Lease,
    ledger_queries::{LedgerQueries, QueryDecision, jitter},
    monotonic_time::MonotonicTime,
};

/// How long a check waits for another check's query before it resumes, in milliseconds. Twice as long after this many
/// waits, and four times after as many more.
const FIRST_WAIT: u64 = 25;
const WAITS_EACH: u8 = 8;

/// How long it waits in all, in milliseconds: longer than hosts wait for a response, so that the wait mostly ends with
/// a response or a failure. And the most waits, for a host that does not wait at all.
const LONGEST_WAIT: u64 = 5_000;
const WAITS: u8 = 250;

/// The most uses in one report.
const MAX_USES: usize = 1_000;

impl Verifier {
    /// What to fetch next if the cache does not suffice.
    pub(super) fn ask(&mut self, subject: Subject, state: CheckState, demand: &Demand, now: MonotonicTime) -> Progress {
        let workspace = self.cache.workspace(subject.workspace);
        let freshness = workspace.map_or(state.freshness, |held| strictest(state.freshness, demand, held.item));
        if freshness == Freshness::Eventual && state.registry_reads < REGISTRY_READS {
            let need = Need::Registry(self.registry_keys(subject, now));
            return self.fetch(subject, need, CheckState { registry_reads: state.registry_reads + 1, ..state }, now);
        }
        if state.without_ledger {
            return unavailable(demand, now);
        }
        match self.query_decision(subject, freshness, state, demand, now) {
            QueryDecision::Ask => {
                let digests = Vec::from([subject.digest]);
                let need = match freshness {
                    Freshness::Bounded => Need::Lease(self.lease_question(subject.workspace, digests)),
                    _ => {
                        self.count_question();
                        Need::Ledger(Question { workspace: subject.workspace, digests })
                    }
                };
                self.fetch(subject, need, state, now)
            }
            QueryDecision::Wait => self.wait(subject, state, now),
            // The ledger failed lately, and another check is the trial: a check that accepts `or_eventual` does not
            // wait for it.
            QueryDecision::WaitForTrial if !demand.or_eventual => self.wait(subject, state, now),
            _ if demand.or_eventual => self.fall_back(subject, state, demand, now),
            _ => unavailable(demand, now),
        }
    }

    pub(super) fn fetch(&self, subject: Subject, need: Need, state: CheckState, now: MonotonicTime) -> Progress {
        Progress::Fetch(Pending { subject, need, asked_at: now, nth: self.questions, out: 0, state })
    }

    /// Whether this check queries the ledger.
    fn query_decision(
        &mut self,
        subject: Subject,
        freshness: Freshness,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> QueryDecision {
        let Subject { workspace, digest, .. } = subject;
        // Its own query was just answered, but too late.
        if state.late > 0 || self.cache.ledger_queries(workspace).is_none() {
            return QueryDecision::Ask;
        }
        let is_bounded = freshness == Freshness::Bounded;
        let is_covered = is_bounded && self.needs_renewal_only(subject, demand, now);
        let at_once = self.limits.asking_at_once.max(1);
        let Some(queries) = self.cache.ledger_queries(workspace) else { return QueryDecision::Ask };
        let verdict = match queries.query_decision(&digest, is_covered, at_once, now) {
            // A strong decision needs a query of its own.
            QueryDecision::Wait if !is_bounded => QueryDecision::Ask,
            verdict => verdict,
        };
        let is_patient =
            state.waits == 0 || state.waits < WAITS && state.waiting_since.is_recent(now, LONGEST_WAIT - 1);
        match verdict {
            // No response came in all this time: it queries itself, unless too many queries are in flight.
            QueryDecision::Wait if !is_patient && queries.has_room(&digest, at_once, now) => QueryDecision::Ask,
            QueryDecision::Wait | QueryDecision::WaitForTrial if !is_patient => QueryDecision::BackOff,
            QueryDecision::Wait | QueryDecision::WaitForTrial if is_bounded && !is_covered => {
                self.cache.with_ledger_queries(workspace, |queries| queries.wait_for(digest, now));
                verdict
            }
            verdict => verdict,
        }
    }

    /// Whether the response to any lease question will serve this check, unless the response says that this token has
    /// changed.
    fn needs_renewal_only(&mut self, subject: Subject, demand: &Demand, now: MonotonicTime) -> bool {
        let Subject { workspace: key, digest, .. } = subject;
        let Some(lease) = self.cache.lease(key).copied().filter(|lease| !lease.is_running(now)) else { return false };
        if !self.cache.workspace(key).is_some_and(|held| held.is_under(&lease)) {
            return false;
        }
        if self.cache.base(key, lease.run).is_some_and(|base| base.covers_token(&digest)) {
            return true;
        }
        let token = self.cache.token(key, digest).filter(|held| !demand.in_full || !held.item.is_brief());
        let owner = token.filter(|held| held.is_under(&lease)).map(|held| held.item.owner());
        owner.is_some_and(|owner| self.cache.owner(key, owner).is_some_and(|held| held.is_under(&lease)))
    }

    fn wait(&mut self, subject: Subject, state: CheckState, now: MonotonicTime) -> Progress {
        let waiting_since = if state.waits == 0 { now } else { state.waiting_since };
        let look = FIRST_WAIT << (state.waits / WAITS_EACH).min(2);
        let state = CheckState { waits: state.waits.saturating_add(1), waiting_since, ..state };
        self.fetch(subject, Need::Wait(subject.workspace, look), state, now)
    }

    /// Continues after a wait. The responses that other checks received are in the cache now.
    pub(super) fn resume(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        let Pending { subject, state, .. } = *pending;
        if let Some(at) = subject.foreign {
            return self.check_foreign(subject.digest, at, state, demand, now);
        }
        match self.decide_from_cache(subject, state.freshness, demand, now) {
            Some(decision) => Progress::Decided(decision),
            None => self.fetch_missing(subject, state, demand, now),
        }
    }

    /// A query was answered.
    pub(super) fn succeed(&mut self, workspace: WorkspaceKey, nth: u32) {
        self.if_queried(workspace, |queries| queries.succeed(nth));
    }

    /// Changes the state of the ledger's queries, if there is one.
    pub(super) fn if_queried(&mut self, workspace: WorkspaceKey, change: impl FnMut(&mut LedgerQueries)) {
        if self.cache.ledger_queries(workspace).is_some() {
            self.cache.with_ledger_queries(workspace, change);
        }
    }

    /// A query has ended.
    pub(super) fn settle(&mut self, pending: &Pending) {
        let Pending { subject: Subject { workspace, .. }, out, .. } = *pending;
        if out > 0 {
            self.if_queried(workspace, |queries| queries.finish(out));
        }
    }

    /// A query failed, or its response was unusable.
    pub(super) fn fail(&mut self, workspace: WorkspaceKey, nth: u32, now: MonotonicTime) {
        let (asked, jitter) = (self.questions, jitter(self.seed, workspace));
        self.cache.with_ledger_queries(workspace, |queries| queries.fail(nth, asked, now, jitter));
    }

    /// The registry keys whose records are missing or too old. The owner is only known once the token's record is.
    fn registry_keys(&mut self, subject: Subject, now: MonotonicTime) -> Vec<RegistryKey> {
        let Subject { workspace, digest, .. } = subject;
        let age = self.limits.eventual_age;
        let mut keys = Vec::new();
        let token = self.cache.token(workspace, digest);
        let owner = token.as_ref().map(|held| held.item.owner());
        if !token.is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Token(workspace, digest));
        }
        if !self.cache.workspace(workspace).is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Workspace(workspace));
        }
        if let Some(owner) = owner
            && !self.cache.owner(workspace, owner).is_some_and(|held| held.is_recent(now, age))
        {
            keys.push(RegistryKey::Owner(workspace, owner));
        }
        keys
    }

    pub(super) fn lease_question(&mut self, workspace: WorkspaceKey, digests: Vec<Digest>) -> LeaseQuestion {
        if self.cache.lease(workspace).is_none() {
            self.cache.keep_lease(workspace, Lease::default());
        }
        self.count_question();
        let since = self.cache.lease(workspace).and_then(|lease| lease.position);
        let segments = self.limits.segments.then(|| self.segments_of(workspace));
        LeaseQuestion { workspace, since, digests, uses: Vec::new(), segments }
    }

    fn count_question(&mut self) {
        // It would take centuries to overflow.
        self.questions = self.questions.saturating_add(1);
    }

    /// The segments that are in use.
    fn segments_of(&mut self, workspace: WorkspaceKey) -> Segments {
        let run = self.cache.lease(workspace).map_or(0, |lease| lease.run);
        Segments { manifest: self.cache.base(workspace, run).map(|base| base.edition.manifest) }
    }

    pub(super) fn uses_to_report(&mut self, workspace: WorkspaceKey, now: MonotonicTime) -> Vec<Use> {
        let is_due = self.cache.lease(workspace).is_some_and(|lease| lease.is_report_due(now));
        let mut uses = Vec::new();
        if is_due && self.limits.count_uses {
            uses = self.cache.take_uses(workspace, MAX_USES);
        }
        if let (false, Some(lease)) = (uses.is_empty(), self.cache.lease(workspace)) {
            lease.report(now);
        }
        uses
    }
}
