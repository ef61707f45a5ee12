//! Decisions from the cache.

use counterfoil_token::WorkspaceKey;

use super::state::{Decision, Known, Place, Subject, Verifier, strictest};
use crate::{
    decision::{Code, decide_on},
    demand::{Demand, Freshness},
    lease::Lease,
    monotonic_time::MonotonicTime,
    record_cache::{Cached, Hit},
    time::Timestamp,
};

impl Verifier {
    /// The decision from the cache, if all three records are fresh enough.
    #[inline]
    pub(super) fn decide_from_cache(
        &mut self,
        subject: Subject,
        freshness: Freshness,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Option<Decision> {
        let Subject { workspace: key, digest, .. } = subject;
        let age = self.limits.eventual_age;
        let Hit { lease, workspace, token, owner, place } = self.cache.hit(key, digest)?;
        let freshness = strictest(freshness, demand, workspace.item);
        let known_at = workspace.as_of(freshness, &lease, now, age)?;
        if demand.in_full && token.item.is_brief() {
            return None;
        }
        let known_at = known_at.min(token.as_of(freshness, &lease, now, age)?);
        let known_at = known_at.min(owner.as_of(freshness, &lease, now, age)?);

        let is_bounded = freshness == Freshness::Bounded;
        let time = if is_bounded { lease.ledger_time(now) } else { now.time };
        let code = decide_on(token.item, owner.item, workspace.item, demand, time);
        if code == Code::Valid && self.limits.count_uses {
            self.cache.count_hit(place, time);
        }
        let renewal_due = is_bounded && !lease.is_new(now) && self.claim_renewal(key, now);
        let known = Some(Known(Place::Cache(key, digest)));
        Some(Decision { code, freshness, as_of: known_at, known, renewal_due })
    }

    /// Adds its records to a decision, if they are in the cache. Call this before anything else is done with the verifier:
    /// later, the cached records may be newer ones. If they are gone, the decision is [`Code::Unavailable`].
    pub fn complete(&mut self, decision: &mut Decision) {
        if let Some(Known(Place::Cache(workspace, digest))) = decision.known {
            match self.cache.records(workspace, digest) {
                Some((token, owner, workspace)) => decision.known = Some(Known::of(token, owner, workspace)),
                None => decision.code = Code::Unavailable,
            }
        }
    }

    /// Whether the caller is to have the lease renewed: no renewal and no query has started lately.
    fn claim_renewal(&mut self, workspace: WorkspaceKey, now: MonotonicTime) -> bool {
        let is_free = self.cache.ledger_queries(workspace).is_none_or(|queries| queries.may_renew(now));
        if is_free {
            self.cache.with_ledger_queries(workspace, |queries| queries.renew(now, false));
        }
        is_free
    }

    /// The time as of which the workspace is known to have no imported tokens, if the cached record is fresh enough.
    /// `None` for a strong check: an import may have happened just now.
    pub(super) fn without_imports(
        &mut self,
        workspace: WorkspaceKey,
        freshness: Freshness,
        now: MonotonicTime,
    ) -> Option<Timestamp> {
        let age = self.limits.eventual_age;
        let lease = self.cache.lease(workspace).copied().unwrap_or_default();
        let held = self.cache.workspace(workspace)?;
        let as_of = held.as_of(freshness, &lease, now, age)?;
        (!held.item.has_imports).then_some(as_of)
    }
}

impl<T> Cached<'_, T> {
    /// The time as of which the record is known, if that is fresh enough.
    #[inline]
    fn as_of(&self, freshness: Freshness, lease: &Lease, now: MonotonicTime, age: u64) -> Option<Timestamp> {
        let known_at = self.known_at(lease);
        let (is_fresh, as_of) = match freshness {
            Freshness::Eventual => (known_at.is_recent(now, age), known_at.time),
            Freshness::Bounded => (self.is_under(lease) && lease.is_running(now), lease.as_of),
            Freshness::Strong | Freshness::Snapshot => (false, now.time),
        };
        is_fresh.then_some(as_of)
    }
}
