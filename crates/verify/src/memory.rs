//! What a verifier remembers: records and seal keys, each with when it was asked for; leases; segments; and how often
//! tokens were used.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::hash::{Hash as _, Hasher};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};

use crate::{
    answer::Use,
    asking::Asking,
    base::Base,
    cache::{Cache, Cached, Hashed},
    lease::Lease,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    segment::{ContentHash, Manifest, OwnerSegment, Segment},
    time::Timestamp,
};

/// All of it within one budget of bytes.
#[derive(Debug)]
pub(crate) struct Memory {
    cache: Cache<Key, Held>,
    /// From where on counts of uses are taken out next, so that all have their turn.
    hand: usize,
}

/// Something in memory: what it says was so when it was asked for, or later.
#[derive(Debug)]
pub(crate) struct Remembered<'a, T: ?Sized> {
    pub(crate) item: &'a T,
    pub(crate) asked_at: MonotonicTime,
    /// The run of leases in which the ledger tells of every change to it; 0 where in none.
    pub(crate) run: u32,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// When it was asked for.
    pub(crate) asked_at: MonotonicTime,
    /// The run of leases that it is under; 0 where under none.
    pub(crate) run: u32,
    /// The ledger's generation when it told it; 0 where somebody else did.
    pub(crate) generation: u64,
}

/// A file that goes by its hash.
#[derive(Clone, Debug)]
pub(crate) enum File {
    Manifest(Arc<Manifest>),
    Segment(Arc<Segment>),
    Owners(Arc<OwnerSegment>),
    /// It was not there, or was another.
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Token(WorkspaceKey, Digest),
    Owner(WorkspaceKey, u64),
    Workspace(WorkspaceKey),
    SealKeys(WorkspaceKey),
    Lease(WorkspaceKey),
    Asking(WorkspaceKey),
    Base(WorkspaceKey),
    File(WorkspaceKey, ContentHash),
}

#[derive(Debug)]
struct Held {
    item: Item,
    asked_at: MonotonicTime,
    run: u32,
    /// Of a token: how often it was used since that was reported, and when the last time was.
    uses: u32,
    last_use: Timestamp,
}

#[derive(Debug)]
enum Item {
    Token(Arc<TokenRecord>),
    Owner(Arc<OwnerRecord>),
    Workspace(Arc<WorkspaceRecord>),
    SealKeys(Vec<SealKey>),
    Lease(Lease),
    Asking(Box<Asking>),
    Base(Base),
    File(File),
}

impl Source {
    /// The registry: nobody knows how old what it holds is.
    pub(crate) fn registry(asked_at: MonotonicTime) -> Self {
        Self { asked_at, run: 0, generation: 0 }
    }
}

impl<T: ?Sized> Remembered<'_, T> {
    pub(crate) fn is_recent(&self, now: MonotonicTime, age: u64) -> bool {
        self.asked_at.is_recent(now, age)
    }

    /// As of when it is known: when it was asked for, or the lease was last renewed that it is under.
    pub(crate) fn known_at(&self, lease: &Lease) -> MonotonicTime {
        if self.is_under(lease) && self.asked_at.is_before(lease.asked_at) { lease.asked_at } else { self.asked_at }
    }

    /// Whether the lease, while it runs, vouches for it.
    pub(crate) fn is_under(&self, lease: &Lease) -> bool {
        self.run != 0 && self.run == lease.run
    }
}

impl Memory {
    /// An empty memory for about `budget` bytes of records.
    pub(crate) fn new(budget: usize) -> Self {
        Self { cache: Cache::new(budget), hand: 0 }
    }

    pub(crate) fn token(
        &mut self,
        workspace: WorkspaceKey,
        digest: Digest,
    ) -> Option<Remembered<'_, Arc<TokenRecord>>> {
        let Held { item: Item::Token(item), asked_at, run, .. } = self.cache.get(&Key::Token(workspace, digest))?
        else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at, run: *run })
    }

    pub(crate) fn owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<Remembered<'_, Arc<OwnerRecord>>> {
        let Held { item: Item::Owner(item), asked_at, run, .. } = self.cache.get(&Key::Owner(workspace, number))?
        else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at, run: *run })
    }

    pub(crate) fn workspace(&mut self, key: WorkspaceKey) -> Option<Remembered<'_, Arc<WorkspaceRecord>>> {
        let Held { item: Item::Workspace(item), asked_at, run, .. } = self.cache.get(&Key::Workspace(key))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at, run: *run })
    }

    /// The keys that seal the workspace's tokens, the current one first.
    pub(crate) fn seal_keys(&mut self, workspace: WorkspaceKey) -> Option<Remembered<'_, [SealKey]>> {
        let Held { item: Item::SealKeys(item), asked_at, run, .. } = self.cache.get(&Key::SealKeys(workspace))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at, run: *run })
    }

    /// The standing with the workspace's ledger.
    pub(crate) fn lease(&mut self, workspace: WorkspaceKey) -> Option<&mut Lease> {
        match &mut self.cache.get_mut(&Key::Lease(workspace))?.item {
            Item::Lease(lease) => Some(lease),
            _ => None,
        }
    }

    /// How questions to the workspace's ledger fare, where that is known.
    pub(crate) fn asking(&mut self, workspace: WorkspaceKey) -> Option<&Asking> {
        match &self.cache.get(&Key::Asking(workspace))?.item {
            Item::Asking(asking) => Some(asking),
            _ => None,
        }
    }

    /// Changes that; from nothing, where nothing is known.
    pub(crate) fn with_asking(&mut self, workspace: WorkspaceKey, change: impl FnOnce(&mut Asking)) {
        let mut asking = self.take_asking(workspace);
        change(&mut asking);
        // What it occupies has changed.
        self.keep_asking(workspace, asking);
    }

    // Once in the module, not once for each change.
    #[inline(never)]
    fn take_asking(&mut self, workspace: WorkspaceKey) -> Box<Asking> {
        match self.cache.take(&Key::Asking(workspace)) {
            Some(Held { item: Item::Asking(asking), .. }) => asking,
            _ => Box::default(),
        }
    }

    #[inline(never)]
    fn keep_asking(&mut self, workspace: WorkspaceKey, asking: Box<Asking>) {
        self.put(Key::Asking(workspace), Item::Asking(asking), MonotonicTime::default(), 0);
    }

    /// What segments may be gone by in that run of leases.
    pub(crate) fn base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<&Base> {
        match &self.cache.get(&Key::Base(workspace))?.item {
            Item::Base(base) if run != 0 && base.run == run => Some(base),
            _ => None,
        }
    }

    /// Takes it out.
    pub(crate) fn take_base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<Base> {
        match self.cache.take(&Key::Base(workspace))?.item {
            Item::Base(base) if run != 0 && base.run == run => Some(base),
            _ => None,
        }
    }

    /// A file of the workspace.
    pub(crate) fn file(&mut self, workspace: WorkspaceKey, name: ContentHash) -> Option<Remembered<'_, File>> {
        let Held { item: Item::File(item), asked_at, run, .. } = self.cache.get(&Key::File(workspace, name))? else {
            return None;
        };
        Some(Remembered { item, asked_at: *asked_at, run: *run })
    }

    /// Counts a use of a token that is held.
    pub(crate) fn count_use(&mut self, workspace: WorkspaceKey, digest: Digest, count: u32, last: Timestamp) {
        if let Some(held) = self.cache.get_mut(&Key::Token(workspace, digest)) {
            held.uses = held.uses.saturating_add(count);
            held.last_use = held.last_use.max(last);
        }
    }

    /// Takes at most so many counts out.
    pub(crate) fn take_uses(&mut self, of: WorkspaceKey, most: usize) -> Vec<Use> {
        let mut uses = Vec::new();
        self.hand = self.cache.round(self.hand, |key, held| {
            if let Key::Token(workspace, digest) = *key
                && workspace == of
                && held.uses > 0
            {
                uses.push(Use { digest, last: held.last_use, count: core::mem::take(&mut held.uses) });
            }
            uses.len() < most
        });
        uses
    }

    /// Keeps the newer of what is held and what came in, as recent as the question, and gives it back. So do the two
    /// below.
    ///
    /// A segment's record is [brief](TokenRecord::is_brief), and may be of an earlier version than it says. So a full one of
    /// the same version or an earlier can only be of the same state or of one before, and adds what it tells besides.
    pub(crate) fn keep_token(
        &mut self,
        workspace: WorkspaceKey,
        digest: Digest,
        record: TokenRecord,
        source: Source,
    ) -> Arc<TokenRecord> {
        let Source { asked_at, mut run, generation } = source;
        let item = match self.token(workspace, digest) {
            Some(held) if held.item.is_brief() && held.item.version >= record.version => {
                // What the ledger told at or after the segment's generation is as the segment has it.
                if generation < held.item.version {
                    run = held.run;
                }
                Arc::new(TokenRecord::clone(held.item).with_details_of(&record))
            }
            Some(held) if held.item.version > record.version => {
                run = held.run;
                Arc::clone(held.item)
            }
            Some(held) if record.is_brief() => Arc::new(record.with_details_of(held.item)),
            _ => Arc::new(record),
        };
        self.put(Key::Token(workspace, digest), Item::Token(Arc::clone(&item)), asked_at, run);
        item
    }

    pub(crate) fn keep_owner(
        &mut self,
        workspace: WorkspaceKey,
        record: OwnerRecord,
        source: Source,
    ) -> Arc<OwnerRecord> {
        let Source { asked_at, run, .. } = source;
        let number = record.number;
        let held = self.owner(workspace, number).filter(|held| held.item.version > record.version);
        let (item, run) = held.map_or_else(|| (Arc::new(record), run), |held| (Arc::clone(held.item), held.run));
        self.put(Key::Owner(workspace, number), Item::Owner(Arc::clone(&item)), asked_at, run);
        item
    }

    pub(crate) fn keep_workspace(&mut self, record: WorkspaceRecord, source: Source) -> Arc<WorkspaceRecord> {
        let Source { asked_at, run, .. } = source;
        let key = record.key;
        let held = self.workspace(key).filter(|held| held.item.version > record.version);
        let (item, run) = held.map_or_else(|| (Arc::new(record), run), |held| (Arc::clone(held.item), held.run));
        self.put(Key::Workspace(key), Item::Workspace(Arc::clone(&item)), asked_at, run);
        item
    }

    /// A token has changed: what is held of it is under no lease any more.
    pub(crate) fn doubt_token(&mut self, workspace: WorkspaceKey, digest: Digest) {
        self.doubt(&Key::Token(workspace, digest));
    }

    /// So has an owner.
    pub(crate) fn doubt_owner(&mut self, workspace: WorkspaceKey, number: u64) {
        self.doubt(&Key::Owner(workspace, number));
    }

    fn doubt(&mut self, key: &Key) {
        if let Some(held) = self.cache.get_mut(key) {
            held.run = 0;
        }
    }

    /// Forgets every record of a workspace: they are of a history that is gone, and their versions mean nothing any more.
    pub(crate) fn forget(&mut self, of: WorkspaceKey) {
        self.cache.forget(|key| match *key {
            Key::Token(workspace, _) | Key::Owner(workspace, _) | Key::Workspace(workspace) | Key::Base(workspace) => {
                workspace == of
            }
            Key::SealKeys(_) | Key::Lease(_) | Key::Asking(_) | Key::File(..) => false,
        });
    }

    pub(crate) fn keep_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, asked_at: MonotonicTime) {
        self.put(Key::SealKeys(workspace), Item::SealKeys(keys), asked_at, 0);
    }

    pub(crate) fn keep_lease(&mut self, workspace: WorkspaceKey, lease: Lease) {
        self.put(Key::Lease(workspace), Item::Lease(lease), lease.asked_at, 0);
    }

    pub(crate) fn keep_base(&mut self, workspace: WorkspaceKey, base: Base) {
        self.put(Key::Base(workspace), Item::Base(base), MonotonicTime::default(), 0);
    }

    pub(crate) fn keep_file(
        &mut self,
        workspace: WorkspaceKey,
        name: ContentHash,
        file: File,
        asked_at: MonotonicTime,
    ) {
        self.put(Key::File(workspace, name), Item::File(file), asked_at, 0);
    }

    fn put(&mut self, key: Key, item: Item, asked_at: MonotonicTime, run: u32) {
        let mut new = Held { item, asked_at, run, uses: 0, last_use: Timestamp::default() };
        if let Some(held) = self.cache.get(&key) {
            (new.uses, new.last_use) = (held.uses, held.last_use);
            // What came from elsewhere is under the lease if it is what is held under it. What is newer is not: records of
            // different moments must not be taken together, or a token could pass that was dead at each of them.
            if run == 0 && held.version() == new.version() {
                new.run = held.run;
            }
        }
        self.cache.put(key, new);
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
            Self::Token(_, digest) => Hashed::hash(digest),
            Self::File(_, name) => start_of(name.as_bytes()),
            Self::Owner(workspace, number) => of_workspace(workspace, *number),
            Self::Workspace(workspace) => of_workspace(workspace, u64::MAX),
            Self::SealKeys(workspace) => of_workspace(workspace, u64::MAX - 1),
            Self::Lease(workspace) => of_workspace(workspace, u64::MAX - 2),
            Self::Base(workspace) => of_workspace(workspace, u64::MAX - 3),
            Self::Asking(workspace) => of_workspace(workspace, u64::MAX - 4),
        }
    }
}

impl Hashed for Digest {
    /// It is as good as random.
    fn hash(&self) -> u32 {
        start_of(self.as_bytes())
    }
}

impl Hashed for u64 {
    fn hash(&self) -> u32 {
        Fold(*self).finish() as u32
    }
}

fn start_of(hash: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = *hash;
    u32::from_le_bytes([a, b, c, d])
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
    /// All but records have no version: what arrived last counts.
    fn version(&self) -> u64 {
        match &self.item {
            Item::Token(record) => record.version,
            Item::Owner(record) => record.version,
            Item::Workspace(record) => record.version,
            Item::SealKeys(_) | Item::Lease(_) | Item::Asking(_) | Item::Base(_) | Item::File(_) => 0,
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
            Item::Workspace(record) => size_of::<WorkspaceRecord>() + record.cost(),
            Item::SealKeys(keys) => size_of_val(keys.as_slice()),
            Item::Lease(lease) => size_of_val(lease),
            Item::Asking(asking) => asking.size(),
            Item::Base(base) => base.size(),
            Item::File(file) => match file {
                File::Manifest(manifest) => manifest.size(),
                File::Segment(segment) => segment.size(),
                File::Owners(segment) => segment.size(),
                File::Missing => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::ScopeSet;

    fn record(id: &str, version: u64) -> TokenRecord {
        TokenRecord {
            version,
            id: id.into(),
            number: 1,
            owner: 1,
            name: id.into(),
            client_id: None,
            metadata: None,
            scopes: ScopeSet::default(),
            issued: version,
            revoked: false,
            enabled: true,
            not_before: None,
            expires_at: None,
            replaced_until: None,
            addresses: Vec::new(),
            rate_class: None,
        }
    }

    /// A segment's record of generation 10 is held, in the second run of leases. Then comes a full one of version 5 in the
    /// third, told at this generation: in which run is it held now?
    fn run_after(generation: u64) -> u32 {
        let (key, digest) = (WorkspaceKey::parse("0Ab3dE").unwrap(), Digest::from_bytes([7; 32]));
        let asked_at = MonotonicTime::default();
        let mut memory = Memory::new(10_000);
        memory.keep_token(key, digest, record("", 10), Source { asked_at, run: 2, generation: 10 });
        let kept = memory.keep_token(key, digest, record("tok_1", 5), Source { asked_at, run: 3, generation });
        assert_eq!((kept.version, &*kept.id, kept.issued), (10, "tok_1", 10), "told in full, and else as it was");
        memory.token(key, digest).unwrap().run
    }

    #[test]
    fn what_was_told_before_a_segment_was_made_does_not_vouch_for_it() {
        assert_eq!([9, 10, 11].map(run_after), [2, 3, 3]);
    }
}
