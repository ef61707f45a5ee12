//! Decisions from snapshots, with no network.
//!
//! A snapshot is the state of a workspace at one moment; it is used until it expires. If it lacks the data for a
//! decision the code is `UNAVAILABLE`, neither `VALID` nor `UNKNOWN`: for a token that is bound to addresses, which
//! snapshots omit, and for a third-party token that is absent if low-entropy imports were left out. If the workspace
//! demands a higher freshness for one of the scopes, snapshots decide nothing.

use alloc::sync::Arc;

use counterfoil_token::{Digest, Presented};

use super::state::{Known, LoadedSnapshot, Progress, StricterFreshness, Verifier, decided, strictest};
use crate::{
    address::AddressBlock,
    decision::{Code, Facts, decide},
    demand::{Demand, Freshness},
    monotonic_time::MonotonicTime,
    segment::Snapshot,
};

impl Verifier {
    /// Loads a snapshot, for requirements with [`Freshness::Snapshot`]. It replaces an earlier one of the same
    /// workspace; a later one is kept. Its signature must have been verified: see [`Snapshot`]. It does not count
    /// towards the [limits](super::state::Limits).
    pub fn load(&mut self, snapshot: Snapshot) {
        let key = snapshot.workspace();
        let loaded = LoadedSnapshot { workspace: Arc::new(snapshot.manifest().header().workspace.clone()), snapshot };
        match self.snapshots.iter_mut().find(|held| held.snapshot.workspace() == key) {
            Some(held) if held.snapshot.as_of() > loaded.snapshot.as_of() => {}
            Some(held) => *held = loaded,
            None => self.snapshots.push(loaded),
        }
    }

    /// Decides from the snapshots, as of the earliest one that was used.
    pub(super) fn decide_offline(
        &self,
        presented: &Presented<'_>,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Result<Progress, StricterFreshness> {
        let (digest, ours) = match presented {
            Presented::Ours(token) => (token.digest(), Some(token.workspace())),
            Presented::Foreign(foreign) => (foreign.digest(), None),
        };
        let mut as_of = now.time;
        let mut code = Code::Unknown;
        for key in demand.workspaces().iter().filter(|key| ours.is_none_or(|ours| ours == **key)) {
            let loaded = self.snapshots.iter().find(|loaded| loaded.snapshot.workspace() == *key);
            let Some(loaded) = loaded.filter(|loaded| now.time < loaded.snapshot.expires_at()) else {
                code = Code::Unavailable;
                continue;
            };
            let freshness = strictest(demand.freshness, demand, &loaded.workspace);
            if freshness > Freshness::Snapshot {
                return Err(StricterFreshness(freshness));
            }
            if let Some((code, known)) = loaded.find(&digest, demand, now) {
                let as_of = loaded.snapshot.as_of();
                return Ok(decided(code, Freshness::Snapshot, as_of, known));
            }
            if ours.is_none() && loaded.may_lack_foreign() {
                code = Code::Unavailable;
            }
            as_of = as_of.min(loaded.snapshot.as_of());
        }
        Ok(decided(code, Freshness::Snapshot, as_of, None))
    }
}

impl LoadedSnapshot {
    /// The decision on a token that the snapshot contains.
    fn find(&self, digest: &Digest, demand: &Demand, now: MonotonicTime) -> Option<(Code, Option<Known>)> {
        let token = self.snapshot.find(digest)?;
        let Some(owner) = self.snapshot.owner(token.owner) else { return Some((Code::Unavailable, None)) };
        // A clock that is behind the snapshot's ledger time is wrong.
        let facts = Facts { token: &token, owner: &owner, workspace: &self.workspace };
        let code = decide(facts, demand, now.time.max(self.snapshot.as_of()));
        let is_undecidable = code == Code::AddressNotAllowed && token.addresses.contains(&AddressBlock::nowhere());
        let known = Known::of(token, Arc::new(owner), Arc::clone(&self.workspace));
        Some((if is_undecidable { Code::Unavailable } else { code }, Some(known)))
    }

    /// Whether the snapshot may lack a third-party token that was imported.
    fn may_lack_foreign(&self) -> bool {
        self.workspace.has_imports && self.snapshot.manifest().header().without_weak
    }
}
