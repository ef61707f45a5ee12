//! The cache of a verifier: records and tag keys, each with the time of its request; leases; segments; and counts of
//! uses per token.

mod held;
mod key;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};

use crate::{
    answer::Use,
    base::Base,
    cache::{Cache, CacheValue, NO_HINT},
    lease::Lease,
    ledger_queries::LedgerQueries,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    segment::{ContentHash, Manifest, OwnerSegment, Segment},
    time::Timestamp,
};

pub(crate) use self::held::{Cached, Source};
use self::{held::Held, key::Key};

/// Everything that a verifier caches, within one budget in bytes.
#[derive(Debug)]
pub(crate) struct RecordCache {
    cache: Cache<Key, Entry>,
    /// The slot at which the next report of uses begins, so that all tokens are reported in turn.
    hand: usize,
    /// The slot of the workspace that was looked up last. Most verifiers serve one.
    last: usize,
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

#[derive(Debug)]
enum Entry {
    Token(Held<TokenRecord>, Uses),
    Owner(Held<OwnerRecord>),
    Workspace(Box<Shared>),
    File(File, MonotonicTime),
}

/// What a hit on a token changes in its entry.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    /// How often the token was used since the last report.
    count: u32,
    /// The slot where its owner's record was found last.
    owner_at: u32,
    last: Timestamp,
}

/// What all checks of a workspace share.
#[derive(Debug, Default)]
struct Shared {
    lease: Option<Lease>,
    record: Option<Held<WorkspaceRecord>>,
    seal_keys: Option<(Vec<SealKey>, MonotonicTime)>,
    queries: Option<Box<LedgerQueries>>,
    base: Option<Base>,
}

/// The records of a token, found in one look-up.
pub(crate) struct Hit<'a> {
    pub(crate) lease: Lease,
    pub(crate) workspace: Cached<'a, Arc<WorkspaceRecord>>,
    pub(crate) token: Cached<'a, Arc<TokenRecord>>,
    pub(crate) owner: Cached<'a, Arc<OwnerRecord>>,
    /// For [`count_hit`](RecordCache::count_hit).
    pub(crate) place: Place,
}

/// Where the token of a [`Hit`] is, until the cache changes.
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

impl RecordCache {
    /// An empty cache for about `budget` bytes of records.
    pub(crate) fn new(budget: usize) -> Self {
        Self { cache: Cache::new(budget), hand: 0, last: 0 }
    }

    /// All that a decision on a token needs: one search by hash, since the slots of the workspace and of the owner are
    /// remembered.
    #[inline]
    pub(crate) fn hit(&mut self, workspace: WorkspaceKey, digest: Digest) -> Option<Hit<'_>> {
        let shared_at = self.cache.find(self.last, &Key::Workspace(workspace))?;
        self.last = shared_at;
        let token_at = self.cache.find(NO_HINT, &Key::Token(workspace, digest))?;
        let Some(Entry::Token(held, uses)) = self.cache.at_mut(token_at) else { return None };
        let (number, remembered) = (held.record.owner, uses.owner_at);
        let owner_at = self.cache.find(remembered as usize, &Key::Owner(workspace, number))?;
        if owner_at != remembered as usize
            && let Some(Entry::Token(_, uses)) = self.cache.at_mut(token_at)
        {
            uses.owner_at = owner_at as u32;
        }
        let (Entry::Workspace(shared), Entry::Token(token, _), Entry::Owner(owner)) =
            (self.cache.at(shared_at)?, self.cache.at(token_at)?, self.cache.at(owner_at)?)
        else {
            return None;
        };
        Some(Hit {
            lease: shared.lease.unwrap_or_default(),
            workspace: shared.record.as_ref()?.cached(),
            token: token.cached(),
            owner: owner.cached(),
            place: Place(token_at),
        })
    }

    /// Counts a use of the token that was just found there.
    #[inline]
    pub(crate) fn count_hit(&mut self, place: Place, last: Timestamp) {
        if let Some(Entry::Token(_, uses)) = self.cache.at_mut(place.0) {
            uses.add(1, last);
        }
    }

    pub(crate) fn token(&mut self, workspace: WorkspaceKey, digest: Digest) -> Option<Cached<'_, Arc<TokenRecord>>> {
        match self.cache.get(&Key::Token(workspace, digest))? {
            Entry::Token(held, _) => Some(held.cached()),
            _ => None,
        }
    }

    pub(crate) fn owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<Cached<'_, Arc<OwnerRecord>>> {
        match self.cache.get(&Key::Owner(workspace, number))? {
            Entry::Owner(held) => Some(held.cached()),
            _ => None,
        }
    }

    pub(crate) fn workspace(&mut self, key: WorkspaceKey) -> Option<Cached<'_, Arc<WorkspaceRecord>>> {
        Some(self.shared(key)?.record.as_ref()?.cached())
    }

    /// The keys of the workspace's authentication tags, the current one first.
    pub(crate) fn seal_keys(&mut self, workspace: WorkspaceKey) -> Option<Cached<'_, [SealKey]>> {
        let (item, asked_at) = self.shared(workspace)?.seal_keys.as_ref()?;
        Some(Cached { item, asked_at: *asked_at, run: 0 })
    }

    /// The state of the lease from the workspace's ledger.
    pub(crate) fn lease(&mut self, workspace: WorkspaceKey) -> Option<&mut Lease> {
        self.shared(workspace)?.lease.as_mut()
    }

    /// The state of the queries to the workspace's ledger, if cached.
    pub(crate) fn ledger_queries(&mut self, workspace: WorkspaceKey) -> Option<&LedgerQueries> {
        self.shared(workspace)?.queries.as_deref()
    }

    /// Changes that state, beginning with an empty one if none is cached.
    pub(crate) fn with_ledger_queries(&mut self, workspace: WorkspaceKey, mut change: impl FnMut(&mut LedgerQueries)) {
        self.change(workspace, &mut |shared| change(shared.queries.get_or_insert_default()));
    }

    /// The segments that may be used in that lease run.
    pub(crate) fn base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<&Base> {
        self.shared(workspace)?.base.as_ref().filter(|base| run != 0 && base.run == run)
    }

    /// Removes and returns them.
    pub(crate) fn take_base(&mut self, workspace: WorkspaceKey, run: u32) -> Option<Base> {
        self.shared(workspace)?.base.as_ref()?;
        let mut taken = None;
        self.change(workspace, &mut |shared| taken = shared.base.take());
        taken.filter(|base| run != 0 && base.run == run)
    }

    /// A file of the workspace.
    pub(crate) fn file(&mut self, workspace: WorkspaceKey, name: ContentHash) -> Option<Cached<'_, File>> {
        match self.cache.get(&Key::File(workspace, name))? {
            Entry::File(item, asked_at) => Some(Cached { item, asked_at: *asked_at, run: 0 }),
            _ => None,
        }
    }

    /// Counts uses of a token that is cached.
    pub(crate) fn count_use(&mut self, workspace: WorkspaceKey, digest: Digest, count: u32, last: Timestamp) {
        if let Some(Entry::Token(_, uses)) = self.cache.get_mut(&Key::Token(workspace, digest)) {
            uses.add(count, last);
        }
    }

    /// Removes at most `most` counts and returns them, for a report.
    pub(crate) fn take_uses(&mut self, of: WorkspaceKey, most: usize) -> Vec<Use> {
        let mut taken = Vec::new();
        self.hand = self.cache.round(self.hand, |key, entry| {
            if let (Key::Token(workspace, digest), Entry::Token(_, uses)) = (*key, entry)
                && workspace == of
                && uses.count > 0
            {
                taken.push(Use { digest, last: uses.last, count: core::mem::take(&mut uses.count) });
            }
            taken.len() < most
        });
        taken
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
        let key = Key::Token(workspace, digest);
        let (record, uses) = match self.cache.get(&key) {
            Some(Entry::Token(held, uses)) => {
                let newer = if held.record.is_brief() && held.record.version >= record.version {
                    // The segment agrees with every response of the ledger at or after the segment's generation.
                    if generation < held.record.version {
                        run = held.run;
                    }
                    Arc::new(TokenRecord::clone(&held.record).with_details_of(&record))
                } else if held.outranks(&record, source) {
                    run = held.run;
                    Arc::clone(&held.record)
                } else if record.is_brief() {
                    Arc::new(record.with_details_of(&held.record))
                } else {
                    Arc::new(record)
                };
                run = held.run_for(&newer, run);
                (newer, *uses)
            }
            _ => (Arc::new(record), Uses::default()),
        };
        let kept = Arc::clone(&record);
        self.cache.put(key, Entry::Token(Held { record, asked_at, run }, uses));
        kept
    }

    pub(crate) fn keep_owner(
        &mut self,
        workspace: WorkspaceKey,
        record: OwnerRecord,
        source: Source,
    ) -> Arc<OwnerRecord> {
        let key = Key::Owner(workspace, record.number);
        let held = match self.cache.get(&key) {
            Some(Entry::Owner(held)) => Some(held),
            _ => None,
        };
        let kept = Held::newer(held, record, source);
        let record = Arc::clone(&kept.record);
        self.cache.put(key, Entry::Owner(kept));
        record
    }

    pub(crate) fn keep_workspace(&mut self, record: WorkspaceRecord, source: Source) -> Arc<WorkspaceRecord> {
        let key = record.key;
        let held = self.shared(key).and_then(|shared| shared.record.as_ref());
        let kept = Held::newer(held, record, source);
        let record = Arc::clone(&kept.record);
        let mut kept = Some(kept);
        self.change(key, &mut |shared| shared.record = kept.take());
        record
    }

    /// The token has changed: its cached record is no longer covered by the lease.
    pub(crate) fn invalidate_token(&mut self, workspace: WorkspaceKey, digest: Digest) {
        if let Some(Entry::Token(held, _)) = self.cache.get_mut(&Key::Token(workspace, digest)) {
            held.run = 0;
        }
    }

    /// The owner has changed, likewise.
    pub(crate) fn invalidate_owner(&mut self, workspace: WorkspaceKey, number: u64) {
        if let Some(Entry::Owner(held)) = self.cache.get_mut(&Key::Owner(workspace, number)) {
            held.run = 0;
        }
    }

    /// Removes every record of a workspace: its ledger has begun a new history, in which their versions mean nothing.
    pub(crate) fn forget_workspace(&mut self, of: WorkspaceKey) {
        self.cache.forget(|key| match *key {
            Key::Token(workspace, _) | Key::Owner(workspace, _) => workspace == of,
            Key::Workspace(_) | Key::File(..) => false,
        });
        self.change(of, &mut |shared| (shared.record, shared.base) = (None, None));
    }

    pub(crate) fn keep_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, asked_at: MonotonicTime) {
        let mut keys = Some((keys, asked_at));
        self.change(workspace, &mut |shared| shared.seal_keys = keys.take());
    }

    pub(crate) fn keep_lease(&mut self, workspace: WorkspaceKey, lease: Lease) {
        self.change(workspace, &mut |shared| shared.lease = Some(lease));
    }

    pub(crate) fn keep_base(&mut self, workspace: WorkspaceKey, base: Base) {
        let mut base = Some(base);
        self.change(workspace, &mut |shared| shared.base = base.take());
    }

    pub(crate) fn keep_file(
        &mut self,
        workspace: WorkspaceKey,
        name: ContentHash,
        file: File,
        asked_at: MonotonicTime,
    ) {
        self.cache.put(Key::File(workspace, name), Entry::File(file, asked_at));
    }

    fn shared(&mut self, workspace: WorkspaceKey) -> Option<&mut Shared> {
        self.last = self.cache.find(self.last, &Key::Workspace(workspace))?;
        match self.cache.at_mut(self.last)? {
            Entry::Workspace(shared) => Some(shared),
            _ => None,
        }
    }

    /// Changes what the checks of a workspace share, and accounts for its new size. A reference to the closure, so that
    /// the module contains this once.
    fn change(&mut self, workspace: WorkspaceKey, change: &mut dyn FnMut(&mut Shared)) {
        let change = &mut |entry: &mut Entry| {
            if let Entry::Workspace(shared) = entry {
                change(shared);
            }
        };
        self.cache.update(Key::Workspace(workspace), || Entry::Workspace(Box::default()), change);
    }
}

impl Uses {
    fn add(&mut self, count: u32, last: Timestamp) {
        self.count = self.count.saturating_add(count);
        self.last = self.last.max(last);
    }
}

impl CacheValue for Entry {
    /// Only records of tokens and owners have versions here: of other entries the latest is kept.
    fn version(&self) -> u64 {
        match self {
            Self::Token(held, _) => held.record.version,
            Self::Owner(held) => held.record.version,
            Self::Workspace(_) | Self::File(..) => 0,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Token(Held { record, .. }, _) => {
                let texts = [Some(&record.id), Some(&record.name), record.client_id.as_ref(), record.metadata.as_ref()];
                let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
                size_of::<TokenRecord>() + texts + record.scopes.cost() + size_of_val(record.addresses.as_slice())
            }
            Self::Owner(Held { record, .. }) => size_of::<OwnerRecord>() + record.id.len() + record.grants.cost(),
            Self::Workspace(shared) => shared.cost(),
            Self::File(file, _) => match file {
                File::Manifest(manifest) => manifest.size(),
                File::Segment(segment) => segment.size(),
                File::Owners(segment) => segment.size(),
                File::Missing => 0,
            },
        }
    }
}

impl Shared {
    fn cost(&self) -> usize {
        let record = self.record.as_ref().map_or(0, |held| size_of::<WorkspaceRecord>() + held.record.cost());
        let keys = self.seal_keys.as_ref().map_or(0, |(keys, _)| size_of_val(keys.as_slice()));
        let queries = self.queries.as_ref().map_or(0, |queries| queries.size());
        let base = self.base.as_ref().map_or(0, Base::size);
        size_of_val(self) + record + keys + queries + base
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
    fn registry_record_of_another_history_is_not_covered_by_the_lease() {
        let (key, digest) = (WorkspaceKey::parse("0Ab3dE").unwrap(), Digest::from_bytes([7; 32]));
        let asked_at = MonotonicTime::default();
        let mut cache = RecordCache::new(10_000);
        let revoked = TokenRecord { revoked: true, ..record("tok_1", 5) };
        cache.keep_token(key, digest, revoked, Source { asked_at, run: 2, generation: 9 });
        // The same version, from a history that a restored ledger has lost.
        cache.keep_token(key, digest, record("tok_1", 5), Source::registry(asked_at));
        let held = cache.token(key, digest).unwrap();
        assert_eq!((held.item.revoked, held.run), (true, 2));
        // A newer one is kept, without the lease.
        cache.keep_token(key, digest, record("tok_1", 6), Source::registry(asked_at));
        let held = cache.token(key, digest).unwrap();
        assert_eq!((held.item.revoked, held.run), (false, 0));

        let owner = |suspended| OwnerRecord {
            version: 5,
            number: 1,
            id: "ada".into(),
            suspended,
            grants: ScopeSet::default(),
            revoked_before: 0,
        };
        cache.keep_owner(key, owner(true), Source { asked_at, run: 2, generation: 9 });
        cache.keep_owner(key, owner(false), Source::registry(asked_at));
        let held = cache.owner(key, 1).unwrap();
        assert_eq!((held.item.suspended, held.run), (true, 2));
    }

    #[test]
    fn response_older_than_the_segment_does_not_cover_its_record() {
        assert_eq!([9, 10, 11].map(run_after), [2, 3, 3]);
    }
}
