//! The state machine of a verifier: what it caches, what it requests, and when it may decide.
//!
//! It does no I/O. [`Verifier::check`] returns a decision, or a [`Pending`] that says what to fetch. The host fetches
//! that and passes it to [`Verifier::supply`], until there is a decision. Checks share nothing but the cache, so a
//! check that its host drops blocks no other: every wait for another check's query is bounded.
//!
//! Guarantees:
//! - A strong decision follows from a query sent after the check began. The cache can only make it newer.
//! - A bounded decision follows from the cache under a lease, or from a query as above. A response that is older than
//!   the cache is ignored, and so is one that arrives after the lease it grants has expired.
//! - Segments are used only as far as the running lease covers them; tokens that changed since are queried.
//! - `VALID` needs all three records. If one is missing or unreadable the ledger is queried; if it does not answer, the
//!   code is [`Code::Unavailable`].
//! - A token value that was never issued costs no I/O once the keys of the workspace are known: its authentication tag
//!   is wrong.
//! - While a ledger fails, one check queries it per back-off: a quarter of a second at first, 2 s at most. All other
//!   checks are [`Code::Unavailable`], or eventual, at once. A query that is merely in flight makes no check
//!   unavailable: see [`Need::Wait`].

mod answers;
mod from_cache;
mod offline;
mod questions;
mod segments;
mod state;

use alloc::vec::Vec;

use counterfoil_token::{Digest, Presented, SealKey, TokenRef, WorkspaceKey};

use self::state::{CheckState, SegmentLookup, StricterFreshness, Subject, decided, decided_without_records};
pub use self::state::{Decision, Known, Limits, Need, Pending, Progress, Renewal, Supply, Verifier};
use crate::{
    allowance::Allowance,
    answer::{Grant, Question},
    decision::Code,
    demand::{Demand, Freshness},
    ledger_queries::LedgerQueries,
    monotonic_time::MonotonicTime,
    record_cache::RecordCache,
    time::Timestamp,
};

/// How long keys of authentication tags may be used to reject a token value without being confirmed again, in
/// milliseconds. A new seal secret must be known to verifiers for this long, as a secondary one, before tokens are
/// created with it.
const SEAL_KEYS_AGE: u64 = 60_000;

impl Verifier {
    /// A verifier with an empty cache.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let cache = RecordCache::new(limits.memory);
        Self {
            limits,
            cache,
            snapshots: Vec::new(),
            latest: MonotonicTime::default(),
            foreign: Allowance::default(),
            runs: 0,
            questions: 0,
            seed: 0,
        }
    }

    /// Takes a random number, by which the back-off of this verifier differs from that of others. It is not a parameter
    /// of [`new`](Self::new) because some hosts have random numbers only later.
    pub fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Sets the keys of a workspace's authentication tags, the current one first, as known at `now`. Responses of the
    /// ledger contain them too; a host that has the seal secrets need not wait for one.
    pub fn trust_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, now: Timestamp) {
        let now = self.moment(now);
        self.cache.keep_seal_keys(workspace, keys, now);
    }

    /// Whether the keys of the workspace's authentication tags are cached and recent.
    pub fn knows_seal_keys(&mut self, workspace: WorkspaceKey, now: Timestamp) -> bool {
        let now = self.moment(now);
        self.cache.seal_keys(workspace).is_some_and(|keys| keys.is_recent(now, SEAL_KEYS_AGE))
    }

    /// Verifies a token value against a requirement. A decision from the cache allocates nothing.
    #[inline]
    pub fn check(&mut self, text: &[u8], demand: &Demand, now: Timestamp) -> Progress {
        let now = self.moment(now);
        let Ok(presented) = Presented::parse(text) else { return decided_without_records(Code::Malformed, now) };
        let mut state = CheckState::of(demand.freshness);
        if demand.freshness == Freshness::Snapshot {
            match self.decide_offline(&presented, demand, now) {
                Ok(progress) => return progress,
                Err(StricterFreshness(freshness)) => state.freshness = freshness,
            }
        }
        match presented {
            Presented::Ours(token) => self.check_ours(token, token.digest(), state, demand, now),
            Presented::Foreign(foreign) => self.check_foreign(foreign.digest(), 0, state, demand, now),
        }
    }

    /// Verifies four token values, as [`check`](Self::check) does, in less time. `each` takes the results in order.
    #[inline]
    pub fn check_four(&mut self, texts: [&[u8]; 4], demand: &Demand, now: Timestamp, mut each: impl FnMut(Progress)) {
        let tokens = texts.map(|text| TokenRef::parse(text).ok().filter(|_| demand.freshness != Freshness::Snapshot));
        let [Some(first), Some(second), Some(third), Some(fourth)] = tokens else {
            return texts.into_iter().for_each(|text| each(self.check(text, demand, now)));
        };
        let now = self.moment(now);
        let tokens = [first, second, third, fourth];
        for (token, digest) in tokens.into_iter().zip(TokenRef::digests_of_four(tokens)) {
            each(self.check_ours(token, digest, CheckState::of(demand.freshness), demand, now));
        }
    }

    /// Continues a check. `demand` must be the one with which the check began.
    pub fn supply(&mut self, pending: Pending, demand: &Demand, supply: Supply<'_>, now: Timestamp) -> Progress {
        let now = self.moment(now);
        match (&pending.need, supply) {
            (Need::Ledger(_), Supply::Ledger(answer)) => self.decide_by(&pending, answer, 0, demand, now),
            (Need::Lease(_), Supply::Lease(grant)) => self.decide_under(&pending, grant, demand, now),
            (Need::Registry(keys), Supply::Registry(values)) => {
                let kept = keys.iter().zip(values).filter_map(|(key, value)| {
                    // Caches each value that was found, though others may be missing.
                    self.keep(pending.subject, *key, value.as_deref(), pending.asked_at)
                });
                let complete = kept.count() == keys.len() && keys.len() == values.len();
                self.after_registry(&pending, complete, demand, now)
            }
            (Need::Registry(keys), _) => {
                for key in keys {
                    self.keep(pending.subject, *key, None, pending.asked_at);
                }
                self.ask(pending.subject, pending.state.without_registry(), demand, now)
            }
            (Need::Wait(..), _) => self.resume(&pending, demand, now),
            (Need::Ledger(_), _) => self.after_failed_query(&pending, demand, now),
            (Need::Lease(question), _) => {
                self.lease_question_failed(question);
                self.after_failed_query(&pending, demand, now)
            }
        }
    }

    /// The question that renews a workspace's lease, for the request whose decision says
    /// [`renewal_due`](Decision::renewal_due).
    pub fn renewal(&mut self, workspace: WorkspaceKey, now: Timestamp) -> Renewal {
        let now = self.moment(now);
        let mut question = self.lease_question(workspace, Vec::new());
        question.uses = self.uses_to_report(workspace, now);
        self.cache.with_ledger_queries(workspace, |queries| queries.renew(now, true));
        Renewal { question, asked_at: now, nth: self.questions }
    }

    /// Takes the response to that question; `None` if there was none.
    pub fn renew(&mut self, renewal: &Renewal, grant: Option<&Grant>, now: Timestamp) {
        let now = self.moment(now);
        match grant {
            Some(grant) => _ = self.apply_grant(renewal.question.workspace, grant, renewal.nth, renewal.asked_at, now),
            None => {
                self.lease_question_failed(&renewal.question);
                self.fail(renewal.question.workspace, renewal.nth, now);
            }
        }
    }

    /// Call this when the host fetches what a check needs, and not if the check is dropped. Other checks can then wait
    /// for this query. If it is for a lease, counted uses and the digests of waiting checks are added to it.
    ///
    /// If the host combines several questions into one, call this for each of them and pass their number as `together`.
    /// Including the digests that are added, the combined question carries at most 100, or about as many as there are
    /// questions.
    pub fn asking(&mut self, pending: &mut Pending, together: usize) {
        let Pending { subject, need, asked_at, out, .. } = pending;
        let Subject { workspace, digest, .. } = *subject;
        let number = self.questions;
        let mut others = Vec::new();
        let room = match need {
            Need::Lease(_) => (Question::MOST_DIGESTS / together.max(1)).saturating_sub(1),
            Need::Ledger(_) if self.cache.ledger_queries(workspace).is_some_and(LedgerQueries::is_failing) => 0,
            _ => return,
        };
        self.cache.with_ledger_queries(workspace, |queries| queries.ask(number, digest, room, *asked_at, &mut others));
        if let Need::Lease(question) = need {
            question.digests.append(&mut others);
            question.uses.extend(self.uses_to_report(workspace, *asked_at));
        }
        *out = number;
    }

    /// Ends the workspace's lease, so that the next bounded check queries the ledger. For a host that has just changed
    /// something there.
    pub fn end_lease(&mut self, workspace: WorkspaceKey) {
        if let Some(lease) = self.cache.lease(workspace) {
            lease.end(self.questions);
        }
        self.if_queried(workspace, LedgerQueries::forget_in_flight);
    }

    #[inline]
    fn check_ours(
        &mut self,
        token: TokenRef<'_>,
        digest: Digest,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let workspace = token.workspace();
        if !demand.workspaces().contains(&workspace) {
            return decided_without_records(Code::Unknown, now);
        }
        let subject = Subject { workspace, digest, foreign: None };
        if let Some(decision) = self.decide_from_cache(subject, state.freshness, demand, now) {
            return Progress::Decided(decision);
        }
        if self.cache.token(workspace, subject.digest).is_none() && self.seal_is_wrong(token, now) {
            return decided_without_records(Code::Unknown, now);
        }
        self.fetch_missing(subject, state, demand, now)
    }

    /// Fetches the records that the cache lacks: from segments if possible, else as [`ask`](Self::ask) says.
    fn fetch_missing(&mut self, subject: Subject, state: CheckState, demand: &Demand, now: MonotonicTime) -> Progress {
        match self.look_up_in_segments(subject, state, demand, now) {
            Some(found) => self.follow(found, subject, state, demand, now),
            None => self.ask(subject, state, demand, now),
        }
    }

    /// Looks a third-party token up in each workspace of the requirement in turn, beginning with the `at`th.
    fn check_foreign(
        &mut self,
        digest: Digest,
        at: usize,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let freshness = state.freshness;
        for (at, workspace) in demand.workspaces().iter().enumerate().skip(at) {
            let subject = Subject { workspace: *workspace, digest, foreign: Some(at) };
            if let Some(decision) = self.decide_from_cache(subject, freshness, demand, now) {
                return Progress::Decided(decision);
            }
            if self.without_imports(*workspace, freshness, now).is_some() {
                continue;
            }
            let found = self.look_up_in_segments(subject, state, demand, now);
            if let Some(found @ (SegmentLookup::Known | SegmentLookup::Nothing(_))) = found {
                return self.follow(found, subject, state, demand, now);
            }
            let seen = state.fetches > 0 || state.waits > 0 || self.cache.token(*workspace, digest).is_some();
            if !seen && !self.foreign.take(*workspace, self.limits.foreign_per_second, now.time) {
                return decided_without_records(Code::RateLimited, now);
            }
            return match found {
                Some(found) => self.follow(found, subject, state, demand, now),
                None => self.ask(subject, state, demand, now),
            };
        }
        let workspaces = demand.workspaces().iter();
        let without_imports = workspaces.filter_map(|workspace| self.without_imports(*workspace, freshness, now));
        match without_imports.chain(state.unknown).min() {
            Some(as_of) => decided(Code::Unknown, freshness, as_of, None),
            None => decided_without_records(Code::Unknown, now),
        }
    }

    fn seal_is_wrong(&mut self, token: TokenRef<'_>, now: MonotonicTime) -> bool {
        self.cache.seal_keys(token.workspace()).is_some_and(|keys| {
            keys.is_recent(now, SEAL_KEYS_AGE)
                && !keys.item.is_empty()
                && !keys.item.iter().any(|key| token.is_sealed_by(key))
        })
    }

    #[inline]
    fn moment(&mut self, now: Timestamp) -> MonotonicTime {
        self.latest = self.latest.next(now);
        self.latest
    }
}
