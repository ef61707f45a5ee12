//! Decisions from segments.
//!
//! While a lease runs, its segments are current except for what changed since, which the lease's [base](crate::base)
//! lists. So a token without a cached record is looked up in the one segment that covers it, and its owner likewise. If
//! found, both are cached as records covered by the lease. A third-party token that is absent is unknown, unless some
//! were left out; then the ledger is queried.
//!
//! Files are fetched when they are first needed. If one is missing, or does not hash to its name, it is not used and
//! the ledger is queried.

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::WorkspaceKey;

use super::state::{CheckState, FETCHES, Need, Progress, SegmentLookup, Subject, Verifier, strictest};
use crate::{
    answer::RegistryKey,
    demand::{Demand, Freshness},
    monotonic_time::MonotonicTime,
    record::Encoded as _,
    record_cache::{File, Source},
    segment::{ContentHash, Manifest},
};

/// How long a file that could not be fetched is not requested again, in milliseconds.
const MISSING_AGE: u64 = 10_000;

impl Verifier {
    /// Looks a token up in the segments that the running lease covers; `None` if they cannot decide.
    pub(super) fn look_up_in_segments(
        &mut self,
        subject: Subject,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Option<SegmentLookup> {
        let Subject { workspace: key, digest, .. } = subject;
        let lease = self.cache.lease(key).copied().filter(|lease| lease.is_running(now))?;
        let workspace = self.cache.workspace(key).filter(|held| held.is_under(&lease))?;
        let is_bounded = strictest(state.freshness, demand, workspace.item) == Freshness::Bounded;
        if !is_bounded || state.fetches >= FETCHES {
            return None;
        }
        let base = self.cache.base(key, lease.run).filter(|base| base.covers_token(&digest))?;
        let edition = base.edition;
        let position = lease.position?;
        let source = Source { asked_at: lease.asked_at, run: lease.run, generation: position.generation };

        let manifest = match self.file(key, edition.manifest, now)? {
            Some(File::Manifest(manifest)) => manifest,
            _ => return Some(fetch(key, [edition.manifest])),
        };
        if !is_expected(&manifest, key, position.epoch, edition.generation) {
            return None;
        }
        let named = manifest.segment(manifest.prefix_of(&digest))?.name;
        let token = match self.file(key, named, now)? {
            Some(File::Segment(segment)) => segment.find(&digest),
            // If there is only one owner segment, it will be needed next.
            _ => return Some(fetch(key, [named].into_iter().chain(self.only_owners(key, &manifest)))),
        };
        let Some(token) = token else {
            // A third-party token may be one of those that were left out.
            let is_conclusive = subject.foreign.is_none() || !manifest.header().without_weak;
            return is_conclusive.then_some(SegmentLookup::Nothing(lease.as_of));
        };
        self.cache.base(key, lease.run).filter(|base| base.covers_owner(token.owner))?;
        if self.cache.owner(key, token.owner).is_none_or(|held| !held.is_under(&lease)) {
            let named = manifest.owners_of(token.owner)?.name;
            let owner = match self.file(key, named, now)? {
                Some(File::Owners(segment)) => segment.find(token.owner)?,
                _ => return Some(fetch(key, [named])),
            };
            self.cache.keep_owner(key, owner, source);
        }
        let token = self.cache.keep_token(key, digest, token, source);
        if demand.in_full && token.is_brief() {
            return Some(SegmentLookup::Fetch(Vec::from([RegistryKey::Token(key, digest)])));
        }
        Some(SegmentLookup::Known)
    }

    /// Continues with the result of that lookup.
    pub(super) fn follow(
        &mut self,
        found: SegmentLookup,
        subject: Subject,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        match found {
            SegmentLookup::Known => match self.decide_from_cache(subject, state.freshness, demand, now) {
                Some(decision) => Progress::Decided(decision),
                None => self.ask(subject, state, demand, now),
            },
            SegmentLookup::Nothing(as_of) => match subject.foreign {
                Some(at) => {
                    let state = CheckState { unknown: state.unknown.into_iter().chain([as_of]).min(), ..state };
                    self.check_foreign(subject.digest, at + 1, state, demand, now)
                }
                // Its tag is right, so the token was created after the lease was granted. It is valid at once.
                None => self.ask(subject, state, demand, now),
            },
            SegmentLookup::Fetch(keys) => {
                let state = CheckState { fetches: state.fetches + 1, ..state };
                self.fetch(subject, Need::Registry(keys), state, now)
            }
        }
    }

    /// A file, if it is cached. `None` if it could not be fetched lately.
    fn file(&mut self, key: WorkspaceKey, name: ContentHash, now: MonotonicTime) -> Option<Option<File>> {
        match self.cache.file(key, name) {
            Some(held) if matches!(held.item, File::Missing) => (!held.is_recent(now, MISSING_AGE)).then_some(None),
            held => Some(held.map(|held| held.item.clone())),
        }
    }

    fn only_owners(&mut self, key: WorkspaceKey, manifest: &Manifest) -> Option<ContentHash> {
        match manifest.owners() {
            [owners] if self.cache.file(key, owners.name).is_none() => Some(owners.name),
            _ => None,
        }
    }

    /// Caches a file that was fetched; `None` if it is not the expected one.
    pub(super) fn keep_file(
        &mut self,
        subject: Subject,
        name: ContentHash,
        bytes: Option<&[u8]>,
        asked_at: MonotonicTime,
    ) -> Option<()> {
        let key = subject.workspace;
        let run = self.cache.lease(key)?.run;
        let edition = self.cache.base(key, run)?.edition;
        let file = if name == edition.manifest {
            let bytes = bytes.filter(|bytes| ContentHash::of(bytes) == name);
            bytes.and_then(|bytes| Some(File::Manifest(Arc::new(Manifest::decode(bytes).ok()?))))
        } else {
            let Some(File::Manifest(manifest)) = self.cache.file(key, edition.manifest).map(|held| held.item.clone())
            else {
                return None;
            };
            bytes.and_then(|bytes| open(&manifest, subject, name, bytes))
        };
        let is_usable = file.is_some();
        self.cache.keep_file(key, name, file.unwrap_or(File::Missing), asked_at);
        is_usable.then_some(())
    }
}

fn fetch(key: WorkspaceKey, names: impl IntoIterator<Item = ContentHash>) -> SegmentLookup {
    SegmentLookup::Fetch(names.into_iter().map(|name| RegistryKey::File(key, name)).collect())
}

/// Whether the manifest is the one that the ledger named, and its segments have everything that a decision needs.
fn is_expected(manifest: &Manifest, key: WorkspaceKey, epoch: u64, generation: u64) -> bool {
    let header = manifest.header();
    header.workspace.key == key && (header.epoch, header.generation) == (epoch, generation) && !header.without_addresses
}

/// The segment or owner segment of that name.
fn open(manifest: &Manifest, subject: Subject, name: ContentHash, bytes: &[u8]) -> Option<File> {
    let prefix = manifest.prefix_of(&subject.digest);
    if manifest.segment(prefix).is_some_and(|named| named.name == name) {
        return Some(File::Segment(Arc::new(manifest.open_segment(prefix, bytes).ok()?)));
    }
    let owners = manifest.owners().iter().find(|named| named.name == name)?;
    Some(File::Owners(Arc::new(manifest.open_owners(owners.first, bytes).ok()?)))
}
