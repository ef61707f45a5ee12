//! What a verifier remembers: records and seal keys, each with when it was asked for.

use alloc::{sync::Arc, vec::Vec};
use core::hash::{Hash as _, Hasher};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};

use crate::{
    cache::{Cache, Cached, Hashed},
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    time::Timestamp,
};

/// All records and seal keys within one budget of bytes.
#[derive(Debug)]
pub(crate) struct Memory(Cache<Key, Held>);

/// A time, and by which run of the clock. A clock that is set back begins a new run: how long ago anything of an
/// earlier one was, nobody can tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    run: u32,
    pub(crate) time: Timestamp,
}

/// Something in memory: what it says was so when it was asked for, or later.
#[derive(Debug)]
pub(crate) struct Remembered<'a, T: ?Sized> {
    pub(crate) item: &'a T,
    pub(crate) asked_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Token(WorkspaceKey, Digest),
    Owner(WorkspaceKey, u64),
    Workspace(WorkspaceKey),
    SealKeys(WorkspaceKey),
}

#[derive(Debug)]
struct Held {
    item: Item,
    asked_at: Moment,
}

#[derive(Debug)]
enum Item {
    Token(Arc<TokenRecord>),
    Owner(Arc<OwnerRecord>),
    Workspace(Arc<WorkspaceRecord>),
    SealKeys(Vec<SealKey>),
}

impl Moment {
    /// The moment at which the clock shows `now`.
    pub(crate) fn next(self, now: Timestamp) -> Self {
        Self { run: self.run.wrapping_add(u32::from(now < self.time)), time: now }
    }

    /// Whether this was at most `age` milliseconds before `now`.
    pub(crate) fn is_recent(self, now: Self, age: u64) -> bool {
        self.run == now.run && now.time.since(self.time) <= age
    }
}

impl<T: ?Sized> Remembered<'_, T> {
    pub(crate) fn is_recent(&self, now: Moment, age: u64) -> bool {
        self.asked_at.is_recent(now, age)
    }
}

impl Memory {
    /// An empty memory for about `budget` bytes of records.
    pub(crate) fn new(budget: usize) -> Self {
        Self(Cache::new(budget))
    }

    pub(crate) fn token(
        &mut self,
        workspace: WorkspaceKey,
        digest: Digest,
    ) -> Option<Remembered<'_, Arc<TokenRecord>>> {
        let Held { item: Item::Token(item), asked_at } = self.0.get(&Key::Token(workspace, digest))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at })
    }

    pub(crate) fn owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<Remembered<'_, Arc<OwnerRecord>>> {
        let Held { item: Item::Owner(item), asked_at } = self.0.get(&Key::Owner(workspace, number))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at })
    }

    pub(crate) fn workspace(&mut self, key: WorkspaceKey) -> Option<Remembered<'_, Arc<WorkspaceRecord>>> {
        let Held { item: Item::Workspace(item), asked_at } = self.0.get(&Key::Workspace(key))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at })
    }

    /// The keys that seal the workspace's tokens, the current one first.
    pub(crate) fn seal_keys(&mut self, workspace: WorkspaceKey) -> Option<Remembered<'_, [SealKey]>> {
        let Held { item: Item::SealKeys(item), asked_at } = self.0.get(&Key::SealKeys(workspace))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at })
    }

    /// Keeps the newer of what is held and what came in, as recent as the question, and gives it back. So do the two
    /// below.
    pub(crate) fn keep_token(
        &mut self,
        workspace: WorkspaceKey,
        digest: Digest,
        record: TokenRecord,
        asked_at: Moment,
    ) -> Arc<TokenRecord> {
        let held = self.token(workspace, digest).filter(|held| held.item.version > record.version);
        let item = held.map_or_else(|| Arc::new(record), |held| Arc::clone(held.item));
        self.0.put(Key::Token(workspace, digest), Held { item: Item::Token(Arc::clone(&item)), asked_at });
        item
    }

    pub(crate) fn keep_owner(
        &mut self,
        workspace: WorkspaceKey,
        record: OwnerRecord,
        asked_at: Moment,
    ) -> Arc<OwnerRecord> {
        let number = record.number;
        let held = self.owner(workspace, number).filter(|held| held.item.version > record.version);
        let item = held.map_or_else(|| Arc::new(record), |held| Arc::clone(held.item));
        self.0.put(Key::Owner(workspace, number), Held { item: Item::Owner(Arc::clone(&item)), asked_at });
        item
    }

    pub(crate) fn keep_workspace(&mut self, record: WorkspaceRecord, asked_at: Moment) -> Arc<WorkspaceRecord> {
        let key = record.key;
        let held = self.workspace(key).filter(|held| held.item.version > record.version);
        let item = held.map_or_else(|| Arc::new(record), |held| Arc::clone(held.item));
        self.0.put(Key::Workspace(key), Held { item: Item::Workspace(Arc::clone(&item)), asked_at });
        item
    }

    pub(crate) fn keep_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, asked_at: Moment) {
        self.0.put(Key::SealKeys(workspace), Held { item: Item::SealKeys(keys), asked_at });
    }
}

impl Hashed for Key {
    /// A digest is as good as random. The others are few, and given out by ledgers.
    fn hash(&self) -> u32 {
        let of_workspace = |workspace: &WorkspaceKey, number: u64| {
            let mut fold = Fold(number);
            workspace.hash(&mut fold);
            fold.finish() as u32
        };
        match self {
            Self::Token(_, digest) => {
                let [a, b, c, d, ..] = *digest.as_bytes();
                u32::from_le_bytes([a, b, c, d])
            }
            Self::Owner(workspace, number) => of_workspace(workspace, *number),
            Self::Workspace(workspace) => of_workspace(workspace, u64::MAX),
            Self::SealKeys(workspace) => of_workspace(workspace, u64::MAX - 1),
        }
    }
}

struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    /// The lengths of what is hashed here are all the same.
    fn write_usize(&mut self, _: usize) {}

    /// The upper half of the product is mixed best.
    fn finish(&self) -> u64 {
        // The odd number next to 2⁶⁴ divided by the golden ratio (Knuth, TAOCP 3, section 6.4).
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}

impl Cached for Held {
    /// Seal keys have no version: the list that arrived last counts, and ages since it was asked for.
    fn version(&self) -> u64 {
        match &self.item {
            Item::Token(record) => record.version,
            Item::Owner(record) => record.version,
            Item::Workspace(record) => record.version,
            Item::SealKeys(_) => 0,
        }
    }

    fn cost(&self) -> usize {
        match &self.item {
            Item::Token(record) => {
                let texts = [Some(&record.id), Some(&record.name), record.client_id.as_ref(), record.metadata.as_ref()];
                let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
                size_of::<TokenRecord>() + texts + record.scopes.cost() + size_of_val(record.addresses.as_slice())
            }
            Item::Owner(record) => size_of::<OwnerRecord>() + record.id.len() + record.grants.cost(),
            Item::Workspace(record) => {
                let scopes = record.freshness.iter().map(|(scope, _)| size_of_val(scope) + scope.as_str().len() + 8);
                size_of::<WorkspaceRecord>() + record.slug.len() + scopes.sum::<usize>()
            }
            Item::SealKeys(keys) => size_of_val(keys.as_slice()),
        }
    }
}
