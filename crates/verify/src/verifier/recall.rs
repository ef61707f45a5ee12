//! Decisions from memory.

use alloc::sync::Arc;

use counterfoil_token::WorkspaceKey;

use super::state::{Decision, Known, Subject, Verifier, strictest};
use crate::{
    decision::{Code, decide},
    demand::{Demand, Freshness},
    lease::Lease,
    memory::Remembered,
    monotonic_time::MonotonicTime,
    time::Timestamp,
};

impl Verifier {
    /// The decision from memory, where all three records are fresh enough.
    pub(super) fn recall(
        &mut self,
        subject: Subject,
        freshness: Freshness,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Option<Decision> {
        let Subject { workspace: key, digest, .. } = subject;
        let age = self.limits.eventual_age;
        let lease = self.memory.lease(key).copied().unwrap_or_default();
        let held = self.memory.workspace(key)?;
        let freshness = strictest(freshness, demand, held.item);
        let (workspace, known_at) = held.where_fresh(freshness, &lease, now, age)?;
        let token = self.memory.token(key, digest).filter(|held| !demand.in_full || !held.item.is_brief());
        let (token, at) = token?.where_fresh(freshness, &lease, now, age)?;
        let known_at = known_at.min(at);
        let (owner, at) = self.memory.owner(key, token.owner)?.where_fresh(freshness, &lease, now, age)?;
        let known = Known { token, owner, workspace };

        let is_bounded = freshness == Freshness::Bounded;
        let time = if is_bounded { lease.ledger_time(now) } else { now.time };
        let code = decide(known.facts(), demand, time);
        if code == Code::Valid && self.limits.count_uses {
            self.memory.count_use(key, digest, 1, time);
        }
        let renewal_due = is_bounded && !lease.is_new(now) && self.take_turn(key, now);
        Some(Decision { code, freshness, as_of: known_at.min(at), known: Some(known), renewal_due })
    }

    /// Whether it is for the caller to have the lease renewed: nobody has lately begun to.
    fn take_turn(&mut self, workspace: WorkspaceKey, now: MonotonicTime) -> bool {
        let is_free = self.memory.asking(workspace).is_none_or(|asking| asking.is_free(now));
        if is_free {
            self.memory.with_asking(workspace, |asking| asking.renew(now, false));
        }
        is_free
    }

    /// As of when nothing foreign is known to the workspace, where memory's word for it is fresh enough. A strong demand
    /// asks, since an import may just have changed that.
    pub(super) fn without_imports(
        &mut self,
        workspace: WorkspaceKey,
        freshness: Freshness,
        now: MonotonicTime,
    ) -> Option<Timestamp> {
        let age = self.limits.eventual_age;
        let lease = self.memory.lease(workspace).copied().unwrap_or_default();
        let (record, as_of) = self.memory.workspace(workspace)?.where_fresh(freshness, &lease, now, age)?;
        (!record.has_imports).then_some(as_of)
    }
}

impl<T> Remembered<'_, Arc<T>> {
    /// The item and as of when it is known, where that is fresh enough.
    fn where_fresh(
        &self,
        freshness: Freshness,
        lease: &Lease,
        now: MonotonicTime,
        age: u64,
    ) -> Option<(Arc<T>, Timestamp)> {
        let known_at = self.known_at(lease);
        let (is_fresh, as_of) = match freshness {
            Freshness::Eventual => (known_at.is_recent(now, age), known_at.time),
            Freshness::Bounded => (self.is_under(lease) && lease.is_running(now), lease.as_of),
            Freshness::Strong | Freshness::Snapshot => (false, now.time),
        };
        is_fresh.then(|| (Arc::clone(self.item), as_of))
    }
}
