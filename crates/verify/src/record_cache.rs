//! The cache of a verifier: records and tag keys, each with the time of its request; leases; segments; and counts of
//! uses per token.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::hash::{Hash as _, Hasher};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};

use crate::{
    answer::Use,
    base::Base,
    cache::{Cache, CacheKey, CacheValue},
    lease::Lease,
    ledger_queries::LedgerQueries,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    segment::{ContentHash, Manifest, OwnerSegment, Segment},
    time::Timestamp,
};

/// Everything that a verifier caches, within one budget in bytes.
#[derive(Debug)]
pub(crate) struct RecordCache {
    cache: Cache<Key, Entry>,
    /// The slot at which the next report of uses begins, so that all tokens are reported in turn.
    hand: usize,
}

/// A cached item. It was current when it was requested, or later.
#[derive(Debug)]
pub(crate) struct Cached<'a, T: ?Sized> {
    pub(crate) item: &'a T,
    pub(crate) asked_at: MonotonicTime,
    /// The lease run in which the ledger reports every change to it; 0 if none.
    pub(crate) run: u32,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// When it was requested.
    pub(crate) asked_at: MonotonicTime,
    /// The lease run that covers it; 0 if none.
    pub(crate) run: u32,
    /// The ledger's generation when it returned the record; 0 if the record is not from the ledger.
    pub(crate) generation: u64,
}

/// A file that is named by its hash.
#[derive(Clone, Debug)]
pub(crate) enum File {
    Manifest(Arc<Manifest>),
    Segment(Arc<Segment>),
    Owners(Arc<OwnerSegment>),
    /// The registry did not have it, or had other content.
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Token(WorkspaceKey, Digest),
    Owner(WorkspaceKey, u64),
    Workspace(WorkspaceKey),
    SealKeys(WorkspaceKey),
    Lease(WorkspaceKey),
    LedgerQueries(WorkspaceKey),
    Base(WorkspaceKey),
    File(WorkspaceKey, ContentHash),
}

#[derive(Debug)]
struct Entry {
    item: Item,
    asked_at: MonotonicTime,
    run: u32,
    /// For a token: how often it was used since the last report, and when it was last used.
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
    LedgerQueries(Box<LedgerQueries>),
    Base(Base),
    File(File),
}

impl Source {
    /// A record from the registry: its age is unknown.
    pub(crate) fn registry(asked_at: MonotonicTime) -> Self {
        Self { asked_at, run: 0, generation: 0 }
    }
}

impl<T: ?Sized> Cached<'_, T> {
    pub(crate) fn is_recent(&self, now: MonotonicTime, age: u64) -> bool {
        self.asked_at.is_recent(now, age)
    }

    /// The time as of which it is known to be current: its own request, or the last renewal of the lease that covers
    /// it.
    pub(crate) fn known_at(&self, lease: &Lease) -> MonotonicTime {
        if self.is_under(lease) && self.asked_at.is_before(lease.asked_at) { lease.asked_at } else { self.asked_at }
    }

    /// Whether the lease, while it runs, covers it.
    pub(crate) fn is_under(&self, lease: &Lease) -> bool {
        self.run != 0 && self.run == lease.run
    }
}

impl RecordCache {
    /// An empty cache for about `budget` bytes of records.
    pub(crate) fn new(budget: usize) -> Self {
        Self { cache: Cache::new(budget), hand: 0 }
    }

    pub(crate) fn token(&mut self, workspace: WorkspaceKey, digest: Digest) -> Option<Cached<'_, Arc<TokenRecord>>> {
        let Entry { item: Item::Token(item), asked_at, run, .. } = self.cache.get(&Key::Token(workspace, digest))?
        else {
            return None;
        };
        Some(Cached { item, asked_at: *asked_at, run: *run })
    }

    pub(crate) fn owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<Cached<'_, Arc<OwnerRecord>>> {
        let Entry { item: Item::Owner(item), asked_at, run, .. } = self.cache.get(&Key::Owner(workspace, number))?
        else {
            return None;
        };
        Some(Cached { item, asked_at: *asked_at, run: *run })
    }

    pub(crate) fn workspace(&mut self, key: WorkspaceKey) -> Option<Cached<'_, Arc<WorkspaceRecord>>> {
        let Entry { item: Item::Workspace(item), asked_at, run, .. } = self.cache.get(&Key::Workspace(key))? else {
            return None;
        };
        Some(Cached { item, asked_at: *asked_at, run: *run })
    }

    /// The keys of the workspace's authentication tags, the current one first.
    pub(crate) fn seal_keys(&mut self, workspace: WorkspaceKey) -> Option<Cached<'_, [SealKey]>> {
        let Entry { item: Item::SealKeys(item), asked_at, run, .. } = self.cache.get(&Key::SealKeys(workspace))? else {
            return None;
        };
        Some(Cached { item, asked_at: *asked_at, run: *run })
    }

    /// The state of the lease from the workspace's ledger.
    pub(crate) fn lease(&mut self, workspace: WorkspaceKey) -> Option<&mut Lease> {
        match &mut self.cache.get_mut(&Key::Lease(workspace))?.item {
            Item::Lease(lease) => Some(lease),
            _ => None,
        }
    }

    /// The state of the queries to the workspace's ledger, if cached.
    pub(crate) fn ledger_queries(&mut self, workspace: WorkspaceKey) -> Option<&LedgerQueries> {
        match &self.cache.get(&Key::LedgerQueries(workspace))?.item {
            Item::LedgerQueries(queries) => Some(queries),
            _ => None,
        }
    }

    /// Changes that state, beginning with an empty one if none is cached.
    pub(crate) fn with_ledger_queries(&mut self, workspace: WorkspaceKey, change: impl FnOnce(&mut LedgerQueries)) {
        let mut queries = self.take_ledger_queries(workspace);
        change(&mut queries);
        // Stored again, because its size has changed.
        self.keep_ledger_queries(workspace, queries);
    }

    // Not inlined: it would be duplicated in the module for each closure.
    #[inline(never)]
    fn take_ledger_queries(&mut self, workspace: WorkspaceKey) -> Box<LedgerQueries> {
        match self.cache.take(&Key::LedgerQueries(workspace)) {
            Some(Entry { item: Item::LedgerQueries(queries), .. }) => queries,
            _ => Box::default(),
        }
    }

    #[inline(never)]
    fn keep_ledger_queries(&mut self, workspace: WorkspaceKey, queries: Box<LedgerQueries>) {
        self.put(Key::LedgerQueries(workspace), Item::LedgerQueries(queries), MonotonicTime::default(), 0);
    }

    /// The segments that may be used in that lease run.
    pub(crate) fn base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<&Base> {
        match &self.cache.get(&Key::Base(workspace))?.item {
            Item::Base(base) if run != 0 && base.run == run => Some(base),
            _ => None,
        }
    }

    /// Removes and returns them.
    pub(crate) fn take_base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<Base> {
        match self.cache.take(&Key::Base(workspace))?.item {
            Item::Base(base) if run != 0 && base.run == run => Some(base),
            _ => None,
        }
    }

    /// A file of the workspace.
    pub(crate) fn file(&mut self, workspace: WorkspaceKey, name: ContentHash) -> Option<Cached<'_, File>> {
        let Entry { item: Item::File(item), asked_at, run, .. } = self.cache.get(&Key::File(workspace, name))? else {
            return None;
        };
        Some(Cached { item, asked_at: *asked_at, run: *run })
    }

    /// Counts uses of a token that is cached.
    pub(crate) fn count_use(&mut self, workspace: WorkspaceKey, digest: Digest, count: u32, last: Timestamp) {
        if let Some(held) = self.cache.get_mut(&Key::Token(workspace, digest)) {
            held.uses = held.uses.saturating_add(count);
            held.last_use = held.last_use.max(last);
        }
    }

    /// Removes at most `most` counts and returns them, for a report.
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

    /// Caches the newer of the cached record and this one, and returns it. It counts as recent as the query.
    /// `keep_owner` and `keep_workspace` do the same.
    ///
    /// A segment's record is [brief](TokenRecord::is_brief), and its version is the segment's generation, which may be
    /// later than the true one. So a full record of the same or an earlier version describes the same state or an
    /// earlier one; only its additional fields are taken.
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
                // The segment agrees with every response of the ledger at or after the segment's generation.
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

    /// The token has changed: its cached record is no longer covered by the lease.
    pub(crate) fn invalidate_token(&mut self, workspace: WorkspaceKey, digest: Digest) {
        self.invalidate(&Key::Token(workspace, digest));
    }

    /// The owner has changed, likewise.
    pub(crate) fn invalidate_owner(&mut self, workspace: WorkspaceKey, number: u64) {
        self.invalidate(&Key::Owner(workspace, number));
    }

    fn invalidate(&mut self, key: &Key) {
        if let Some(held) = self.cache.get_mut(key) {
            held.run = 0;
        }
    }

    /// Removes every record of a workspace: its ledger has begun a new history, in which their versions mean nothing.
    pub(crate) fn forget_workspace(&mut self, of: WorkspaceKey) {
        self.cache.forget(|key| match *key {
            Key::Token(workspace, _) | Key::Owner(workspace, _) | Key::Workspace(workspace) | Key::Base(workspace) => {
                workspace == of
            }
            Key::SealKeys(_) | Key::Lease(_) | Key::LedgerQueries(_) | Key::File(..) => false,
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
        let mut new = Entry { item, asked_at, run, uses: 0, last_use: Timestamp::default() };
        if let Some(held) = self.cache.get(&key) {
            (new.uses, new.last_use) = (held.uses, held.last_use);
            // A record from elsewhere is covered by the lease if the cached record of the same version is. A newer
            // record is not: combining records of different moments could make a token valid that was invalid at each
            // of them.
            if run == 0 && held.version() == new.version() {
                new.run = held.run;
            }
        }
        self.cache.put(key, new);
    }
}

impl CacheKey for Key {
    /// A digest is as good as random. The other keys are few, and ledgers assign them.
    fn hash(&self) -> u32 {
        let of_workspace = |workspace: &WorkspaceKey, number: u64| {
            let mut fold = Fold(number);
            workspace.hash(&mut fold);
            fold.finish() as u32
        };
        match self {
            Self::Token(_, digest) => CacheKey::hash(digest),
            Self::File(_, name) => start_of(name.as_bytes()),
            Self::Owner(workspace, number) => of_workspace(workspace, *number),
            Self::Workspace(workspace) => of_workspace(workspace, u64::MAX),
            Self::SealKeys(workspace) => of_workspace(workspace, u64::MAX - 1),
            Self::Lease(workspace) => of_workspace(workspace, u64::MAX - 2),
            Self::Base(workspace) => of_workspace(workspace, u64::MAX - 3),
            Self::LedgerQueries(workspace) => of_workspace(workspace, u64::MAX - 4),
        }
    }
}

impl CacheKey for Digest {
    /// A digest is as good as random.
    fn hash(&self) -> u32 {
        start_of(self.as_bytes())
    }
}

impl CacheKey for u64 {
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

    /// All hashed items have the same length.
    fn write_usize(&mut self, _: usize) {}

    /// The upper half of the product is mixed best.
    fn finish(&self) -> u64 {
        // The odd number next to 2⁶⁴ divided by the golden ratio (Knuth, TAOCP 3, section 6.4).
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}

impl CacheValue for Entry {
    /// Only records have versions: of other items the latest arrival is kept.
    fn version(&self) -> u64 {
        match &self.item {
            Item::Token(record) => record.version,
            Item::Owner(record) => record.version,
            Item::Workspace(record) => record.version,
            Item::SealKeys(_) | Item::Lease(_) | Item::LedgerQueries(_) | Item::Base(_) | Item::File(_) => 0,
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
            Item::LedgerQueries(queries) => queries.size(),
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

    /// Caches a segment's record of generation 10 in the second lease run. Then a full record of version 5 arrives in
    /// the third run, returned at this generation. Returns the run of the result.
    fn run_after(generation: u64) -> u32 {
        let (key, digest) = (WorkspaceKey::parse("0Ab3dE").unwrap(), Digest::from_bytes([7; 32]));
        let asked_at = MonotonicTime::default();
        let mut cache = RecordCache::new(10_000);
        cache.keep_token(key, digest, record("", 10), Source { asked_at, run: 2, generation: 10 });
        let kept = cache.keep_token(key, digest, record("tok_1", 5), Source { asked_at, run: 3, generation });
        assert_eq!(
            (kept.version, &*kept.id, kept.issued),
            (10, "tok_1", 10),
            "the full record adds its id and changes nothing else"
        );
        cache.token(key, digest).unwrap().run
    }

    #[test]
    fn response_older_than_the_segment_does_not_cover_its_record() {
        assert_eq!([9, 10, 11].map(run_after), [2, 3, 3]);
    }
}
