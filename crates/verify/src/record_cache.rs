//! The cache of a verifier: records and tag keys, each with the time of its request; leases; segments; and counts of
//! uses per token.

mod held;
mod key;
mod token;
mod uses;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};

pub(crate) use self::{
    held::{Cached, Source},
    token::CachedToken,
};
use self::{
    held::{Held, Standing},
    key::Key,
    uses::Uses,
};
use crate::{
    answer::Use,
    base::Base,
    cache::{Cache, CacheValue, NO_HINT, Slot},
    decision::TokenFacts as _,
    index::Index,
    lease::Lease,
    ledger_queries::LedgerQueries,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    scope::ScopeSet,
    segment::{ContentHash, Manifest, OwnerSegment, Segment},
    time::Timestamp,
};

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

/// Tokens are by far the most entries, so they are in place, and all others take no more than a reference.
#[derive(Debug)]
enum Entry {
    Token(CachedToken),
    Other(Box<Other>),
}

#[derive(Debug)]
enum Other {
    Owner(Held<OwnerRecord>),
    Workspace(Box<Shared>),
    File(File, MonotonicTime),
    /// Scopes of tokens, each set once.
    Scopes(Arc<ScopeSet>),
}

/// What a slot takes: [`RecordCache`] promises how many tokens fit into its budget.
const SLOT: usize = size_of::<Slot<Key, Entry>>() + Index::PER_POSITION;

#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Slot<Key, Entry>>() == 96, "a cached token takes no more than needed");

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
    pub(crate) workspace: Cached<'a, WorkspaceRecord>,
    pub(crate) token: Cached<'a, CachedToken>,
    pub(crate) owner: Cached<'a, OwnerRecord>,
    /// For [`count_hit`](RecordCache::count_hit).
    pub(crate) place: Place,
}

/// Where the token of a [`Hit`] is, until the cache changes.
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

impl RecordCache {
    /// An empty cache for about `budget` bytes.
    pub(crate) fn new(budget: usize) -> Self {
        Self { cache: Cache::new(budget), hand: 0, last: 0 }
    }

    /// All that a decision on a token needs: one search by hash, since the slots of the workspace and of the owner are
    /// remembered.
    #[inline]
    pub(crate) fn hit(&mut self, workspace: WorkspaceKey, digest: Digest) -> Option<Hit<'_>> {
        let shared_at = self.cache.find(self.last, &Key::workspace(workspace))?;
        self.last = shared_at;
        let token_at = self.cache.find(NO_HINT, &Key::token(workspace, digest))?;
        let Some(Entry::Token(held)) = self.cache.at_mut(token_at) else { return None };
        let (number, remembered) = (held.owner(), held.uses.owner_at);
        let owner_at = self.cache.find(remembered as usize, &Key::owner(workspace, number))?;
        if owner_at != remembered as usize
            && let Some(Entry::Token(held)) = self.cache.at_mut(token_at)
        {
            held.uses.owner_at = owner_at as u32;
        }
        let (Entry::Other(shared), Entry::Token(token), Entry::Other(owner)) =
            (self.cache.at(shared_at)?, self.cache.at(token_at)?, self.cache.at(owner_at)?)
        else {
            return None;
        };
        let (Other::Workspace(shared), Other::Owner(owner)) = (&**shared, &**owner) else { return None };
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
        if let Some(Entry::Token(held)) = self.cache.at_mut(place.0) {
            held.uses.add(1, last);
        }
    }

    pub(crate) fn token(&mut self, workspace: WorkspaceKey, digest: Digest) -> Option<Cached<'_, CachedToken>> {
        match self.cache.get(&Key::token(workspace, digest))? {
            Entry::Token(held) => Some(held.cached()),
            Entry::Other(_) => None,
        }
    }

    pub(crate) fn owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<Cached<'_, OwnerRecord>> {
        Some(self.held_owner(workspace, number)?.cached())
    }

    pub(crate) fn workspace(&mut self, key: WorkspaceKey) -> Option<Cached<'_, WorkspaceRecord>> {
        Some(self.shared(key)?.record.as_ref()?.cached())
    }

    /// The cached records of a token, its owner and its workspace, however old.
    pub(crate) fn records(
        &mut self,
        workspace: WorkspaceKey,
        digest: Digest,
    ) -> Option<(TokenRecord, Arc<OwnerRecord>, Arc<WorkspaceRecord>)> {
        let token = self.token(workspace, digest)?.item.record();
        let owner = Arc::clone(&self.held_owner(workspace, token.owner)?.record);
        Some((token, owner, Arc::clone(&self.shared(workspace)?.record.as_ref()?.record)))
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
        match self.other(&Key::file(workspace, name))? {
            Other::File(item, asked_at) => Some(Cached { item, asked_at: *asked_at, run: 0 }),
            _ => None,
        }
    }

    /// Counts uses of a token that is cached.
    pub(crate) fn count_use(&mut self, workspace: WorkspaceKey, digest: Digest, count: u32, last: Timestamp) {
        if let Some(Entry::Token(held)) = self.cache.get_mut(&Key::token(workspace, digest)) {
            held.uses.add(count, last);
        }
    }

    /// Removes at most `most` counts and returns them, for a report.
    pub(crate) fn take_uses(&mut self, of: WorkspaceKey, most: usize) -> Vec<Use> {
        let mut taken = Vec::new();
        self.hand = self.cache.round(self.hand, |key, entry| {
            if let Entry::Token(CachedToken { uses, .. }) = entry
                && let Some(digest) = key.digest_in(of)
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
    ) -> TokenRecord {
        let Source { asked_at, mut run, generation } = source;
        let key = Key::token(workspace, digest);
        let (record, uses) = match self.cache.get(&key) {
            Some(Entry::Token(token)) => {
                let held = token.record();
                let standing = Standing { version: held.version, run: token.run };
                let newer = if held.is_brief() && held.version >= record.version {
                    // The segment agrees with every response of the ledger at or after the segment's generation.
                    if generation < held.version {
                        run = standing.run;
                    }
                    held.with_details_of(&record)
                } else if standing.outranks(record.version, source) {
                    run = standing.run;
                    held
                } else if record.is_brief() {
                    record.with_details_of(&held)
                } else {
                    record
                };
                run = standing.run_for(newer.version, run);
                (newer, token.uses)
            }
            _ => (record, Uses::default()),
        };
        let scopes = self.share(workspace, &record.scopes);
        self.cache.put(key, Entry::Token(CachedToken::new(&record, scopes, asked_at, run, uses)));
        record
    }

    pub(crate) fn keep_owner(
        &mut self,
        workspace: WorkspaceKey,
        record: OwnerRecord,
        source: Source,
    ) -> Arc<OwnerRecord> {
        let key = Key::owner(workspace, record.number);
        let kept = Held::newer(self.held_owner(workspace, record.number), record, source);
        let record = Arc::clone(&kept.record);
        self.put(key, Other::Owner(kept));
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
        if let Some(Entry::Token(held)) = self.cache.get_mut(&Key::token(workspace, digest)) {
            held.run = 0;
        }
    }

    /// The owner has changed, likewise.
    pub(crate) fn invalidate_owner(&mut self, workspace: WorkspaceKey, number: u64) {
        if let Some(Entry::Other(other)) = self.cache.get_mut(&Key::owner(workspace, number))
            && let Other::Owner(held) = &mut **other
        {
            held.run = 0;
        }
    }

    /// Removes every record of a workspace: its ledger has begun a new history, in which their versions mean nothing.
    pub(crate) fn forget_workspace(&mut self, of: WorkspaceKey) {
        self.cache.forget(|key| key.is_of_record_in(of));
        self.change(of, &mut |shared| (shared.record, shared.base) = (None, None));
    }

    pub(crate) fn keep_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, asked_at: MonotonicTime) {
        let mut keys = Some((keys, asked_at));
        self.change(workspace, &mut |shared| shared.seal_keys = keys.take());
    }

    pub(crate) fn keep_lease(&mut self, workspace: WorkspaceKey, lease: Lease) {
        self.change(workspace, &mut |shared| {
            shared.lease = Some(lease);
            // Claiming a renewal during a check then allocates nothing, and so evicts nothing that the check has found.
            shared.queries.get_or_insert_default();
        });
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
        self.put(Key::file(workspace, name), Other::File(file, asked_at));
    }

    /// A set equal to this one, which all tokens of the workspace share that have it.
    fn share(&mut self, workspace: WorkspaceKey, scopes: &ScopeSet) -> Arc<ScopeSet> {
        let key = Key::scopes(workspace, scopes);
        if let Some(Other::Scopes(shared)) = self.other(&key)
            && **shared == *scopes
        {
            return Arc::clone(shared);
        }
        let shared = Arc::new(scopes.clone());
        self.put(key, Other::Scopes(Arc::clone(&shared)));
        shared
    }

    fn held_owner(&mut self, workspace: WorkspaceKey, number: u64) -> Option<&Held<OwnerRecord>> {
        match self.other(&Key::owner(workspace, number))? {
            Other::Owner(held) => Some(held),
            _ => None,
        }
    }

    fn other(&mut self, key: &Key) -> Option<&Other> {
        match self.cache.get(key)? {
            Entry::Other(other) => Some(other),
            Entry::Token(_) => None,
        }
    }

    fn put(&mut self, key: Key, other: Other) {
        self.cache.put(key, Entry::Other(Box::new(other)));
    }

    fn shared(&mut self, workspace: WorkspaceKey) -> Option<&mut Shared> {
        self.last = self.cache.find(self.last, &Key::workspace(workspace))?;
        match self.cache.at_mut(self.last)? {
            Entry::Other(other) => other.shared(),
            Entry::Token(_) => None,
        }
    }

    /// Changes what the checks of a workspace share, and accounts for its new size. A reference to the closure, so that
    /// the module contains this once.
    fn change(&mut self, workspace: WorkspaceKey, change: &mut dyn FnMut(&mut Shared)) {
        let change = &mut |entry: &mut Entry| {
            if let Entry::Other(other) = entry
                && let Some(shared) = other.shared()
            {
                change(shared);
            }
        };
        let absent = || Entry::Other(Box::new(Other::Workspace(Box::default())));
        self.cache.update(Key::workspace(workspace), absent, change);
    }
}

impl Other {
    fn shared(&mut self) -> Option<&mut Shared> {
        match self {
            Self::Workspace(shared) => Some(shared),
            _ => None,
        }
    }
}

impl CacheValue for Entry {
    /// Only records of tokens and owners have versions here: of other entries the latest is kept.
    fn version(&self) -> u64 {
        match self {
            Self::Token(held) => held.version(),
            Self::Other(other) => match &**other {
                Other::Owner(held) => held.record.version,
                Other::Workspace(_) | Other::File(..) | Other::Scopes(_) => 0,
            },
        }
    }

    fn cost(&self) -> usize {
        let more = match self {
            Self::Token(held) => held.cost(),
            Self::Other(other) => {
                let more = match &**other {
                    Other::Owner(held) => held.cost(),
                    Other::Workspace(shared) => shared.cost(),
                    Other::File(file, _) => file.size(),
                    Other::Scopes(scopes) => size_of_val(&**scopes) + scopes.cost(),
                };
                size_of_val(&**other) + more
            }
        };
        SLOT + more
    }

    fn is_shared(&self) -> bool {
        match self {
            Self::Token(_) => false,
            Self::Other(other) => match &**other {
                Other::Scopes(scopes) => Arc::strong_count(scopes) > 1,
                Other::Owner(_) | Other::Workspace(_) | Other::File(..) => false,
            },
        }
    }
}

impl File {
    fn size(&self) -> usize {
        match self {
            Self::Manifest(manifest) => manifest.size(),
            Self::Segment(segment) => segment.size(),
            Self::Owners(segment) => segment.size(),
            Self::Missing => 0,
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
        assert_eq!((held.item.is_revoked(), held.run), (true, 2));
        // A newer one is kept, without the lease.
        cache.keep_token(key, digest, record("tok_1", 6), Source::registry(asked_at));
        let held = cache.token(key, digest).unwrap();
        assert_eq!((held.item.is_revoked(), held.run), (false, 0));

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

    /// How many of 20,000 tokens a cache of a megabyte holds; each has one of so many sets of scopes.
    fn held_with(sets: u32) -> usize {
        let key = WorkspaceKey::parse("0Ab3dE").unwrap();
        let mut cache = RecordCache::new(1 << 20);
        let digest = |number: u32| Digest::of(&number.to_le_bytes());
        for number in 0..20_000 {
            let scope = alloc::format!("orders:{}", number % sets);
            let scopes = ScopeSet::from_iter([crate::scope::ScopePattern::parse(&scope).unwrap()]);
            let record = TokenRecord { scopes, ..record("tok_0123456789ABCDEFGHIJKL", 1) };
            cache.keep_token(key, digest(number), record, Source::registry(MonotonicTime::default()));
        }
        (0..20_000).filter(|number| cache.token(key, digest(*number)).is_some()).count()
    }

    #[test]
    fn budget_counts_slots_and_each_set_of_scopes_once() {
        let token = SLOT + 17 + 16 + 26 + 4;
        let (of_one, of_many) = (held_with(1), held_with(20_000));
        assert!(((1 << 20) / token).abs_diff(of_one) < 100, "{of_one}");
        // Each set takes a slot, too, until the hand passes over it after its token was evicted.
        assert!((of_one / 8..of_one / 2).contains(&of_many), "{of_many}");
    }

    #[test]
    fn response_older_than_the_segment_does_not_cover_its_record() {
        assert_eq!([9, 10, 11].map(run_after), [2, 3, 3]);
    }
}
