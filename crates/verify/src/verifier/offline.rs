//! Decisions from snapshots, with no network.
//!
//! A snapshot is a workspace as it was, until it expires. What it cannot know it does not call valid, and not unknown
//! either: a token that is bound to addresses, since they are left out; a foreign text that is not there, where imports
//! marked weak were left out. A scope for which the workspace asks for more freshness is not decided here at all.

use alloc::sync::Arc;

use counterfoil_token::{Digest, Presented};

use super::state::{Known, Loaded, Progress, Stricter, Verifier, decided, strictest};
use crate::{
    address::AddressBlock,
    decision::{Code, decide},
    demand::{Demand, Freshness},
    monotonic_time::MonotonicTime,
    segment::Snapshot,
};

impl Verifier {
    /// Takes a snapshot, for demands of [`Freshness::Snapshot`], in place of an earlier one of the same workspace; a later one
    /// stays. Its signature must have been verified: see [`Snapshot`]. It is held besides what the [limits](super::state::Limits) say.
    pub fn load(&mut self, snapshot: Snapshot) {
        let key = snapshot.workspace();
        let loaded = Loaded { workspace: Arc::new(snapshot.manifest().header().workspace.clone()), snapshot };
        match self.snapshots.iter_mut().find(|held| held.snapshot.workspace() == key) {
            Some(held) if held.snapshot.as_of() > loaded.snapshot.as_of() => {}
            Some(held) => *held = loaded,
            None => self.snapshots.push(loaded),
        }
    }

    /// Decides about a text that was presented, as of when the snapshots are that have a say.
    pub(super) fn decide_offline(
        &self,
        presented: &Presented<'_>,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Result<Progress, Stricter> {
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
                return Err(Stricter(freshness));
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

impl Loaded {
    /// What a token that is there comes to.
    fn find(&self, digest: &Digest, demand: &Demand, now: MonotonicTime) -> Option<(Code, Option<Known>)> {
        let token = self.snapshot.find(digest)?;
        let Some(owner) = self.snapshot.owner(token.owner) else { return Some((Code::Unavailable, None)) };
        let known = Known { token: Arc::new(token), owner: Arc::new(owner), workspace: Arc::clone(&self.workspace) };
        // A clock that shows less than the ledger's did then is wrong.
        let code = decide(known.facts(), demand, now.time.max(self.snapshot.as_of()));
        let is_untold = code == Code::AddressNotAllowed && known.token.addresses.contains(&AddressBlock::nowhere());
        Some((if is_untold { Code::Unavailable } else { code }, Some(known)))
    }

    /// Whether a foreign text may have been imported that is not there.
    fn may_lack_foreign(&self) -> bool {
        self.workspace.has_imports && self.snapshot.manifest().header().without_weak
    }
}
