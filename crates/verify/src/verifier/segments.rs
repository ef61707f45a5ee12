//! Decisions from segments.
//!
//! While a lease runs, the ledger vouches for what its segments say, but for what changed since: that is in the lease's
//! [base](crate::base). So a token that no record is held of is looked up in the one segment that covers it, and its owner
//! likewise; found, both are records under the lease like any other. A foreign text that is absent is unknown, unless some
//! were left out: then the ledger is asked about it. Files are
//! fetched when they are first needed. One that is not there, or is not what its name says, tells nothing: the ledger is asked.

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::WorkspaceKey;

use super::state::{Course, FETCHES, Found, Need, Progress, Subject, Verifier, strictest};
use crate::{
    answer::RegistryKey,
    demand::{Demand, Freshness},
    memory::{File, Source},
    monotonic_time::MonotonicTime,
    record::Encoded as _,
    segment::{ContentHash, Manifest},
};

/// For how long a file is not asked for again that was not to be had, in milliseconds.
const MISSING_AGE: u64 = 10_000;

impl Verifier {
    /// Looks a text up in the segments that the running lease vouches for; nothing where they have no say.
    pub(super) fn look_up(
        &mut self,
        subject: Subject,
        course: Course,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Option<Found> {
        let Subject { workspace: key, digest, .. } = subject;
        let lease = self.memory.lease(key).copied().filter(|lease| lease.is_running(now))?;
        let workspace = self.memory.workspace(key).filter(|held| held.is_under(&lease))?;
        let is_bounded = strictest(course.freshness, demand, workspace.item) == Freshness::Bounded;
        if !is_bounded || course.fetches >= FETCHES {
            return None;
        }
        let base = self.memory.base(key, lease.run).filter(|base| base.tells_text(&digest))?;
        let edition = base.edition;
        let position = lease.position?;
        let source = Source { asked_at: lease.asked_at, run: lease.run, generation: position.generation };

        let manifest = match self.file(key, edition.manifest, now)? {
            Some(File::Manifest(manifest)) => manifest,
            _ => return Some(fetch(key, [edition.manifest])),
        };
        if !is_meant(&manifest, key, position.epoch, edition.generation) {
            return None;
        }
        let named = manifest.segment(manifest.prefix_of(&digest))?.name;
        let token = match self.file(key, named, now)? {
            Some(File::Segment(segment)) => segment.find(&digest),
            // Where there is but one owner segment, it will be needed next.
            _ => return Some(fetch(key, [named].into_iter().chain(self.only_owners(key, &manifest)))),
        };
        let Some(token) = token else {
            // A foreign text may be one of those that were left out.
            let is_told = subject.foreign.is_none() || !manifest.header().without_weak;
            return is_told.then_some(Found::Nothing(lease.as_of));
        };
        self.memory.base(key, lease.run).filter(|base| base.tells_owner(token.owner))?;
        if self.memory.owner(key, token.owner).is_none_or(|held| !held.is_under(&lease)) {
            let named = manifest.owners_of(token.owner)?.name;
            let owner = match self.file(key, named, now)? {
                Some(File::Owners(segment)) => segment.find(token.owner)?,
                _ => return Some(fetch(key, [named])),
            };
            self.memory.keep_owner(key, owner, source);
        }
        let token = self.memory.keep_token(key, digest, token, source);
        if demand.in_full && token.is_brief() {
            return Some(Found::Fetch(Vec::from([RegistryKey::Token(key, digest)])));
        }
        Some(Found::Known)
    }

    /// Goes on as segments say.
    pub(super) fn follow(
        &mut self,
        found: Found,
        subject: Subject,
        course: Course,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        match found {
            Found::Known => match self.recall(subject, course.freshness, demand, now) {
                Some(decision) => Progress::Decided(decision),
                None => self.ask(subject, course, demand, now),
            },
            Found::Nothing(as_of) => match subject.foreign {
                Some(at) => {
                    let course = Course { unknown: course.unknown.into_iter().chain([as_of]).min(), ..course };
                    self.check_foreign(subject.digest, at + 1, course, demand, now)
                }
                // Its seal is right, so it was issued: since the lease was granted. It counts at once.
                None => self.ask(subject, course, demand, now),
            },
            Found::Fetch(keys) => {
                let course = Course { fetches: course.fetches + 1, ..course };
                self.fetch(subject, Need::Registry(keys), course, now)
            }
        }
    }

    /// A file, if it is held. Nothing at all where it was lately not to be had.
    fn file(&mut self, key: WorkspaceKey, name: ContentHash, now: MonotonicTime) -> Option<Option<File>> {
        match self.memory.file(key, name) {
            Some(held) if matches!(held.item, File::Missing) => (!held.is_recent(now, MISSING_AGE)).then_some(None),
            held => Some(held.map(|held| held.item.clone())),
        }
    }

    fn only_owners(&mut self, key: WorkspaceKey, manifest: &Manifest) -> Option<ContentHash> {
        match manifest.owners() {
            [owners] if self.memory.file(key, owners.name).is_none() => Some(owners.name),
            _ => None,
        }
    }

    /// Keeps a file that was fetched for the subject's sake; `None` where it is not what it should be.
    pub(super) fn keep_file(
        &mut self,
        subject: Subject,
        name: ContentHash,
        bytes: Option<&[u8]>,
        asked_at: MonotonicTime,
    ) -> Option<()> {
        let key = subject.workspace;
        let run = self.memory.lease(key)?.run;
        let edition = self.memory.base(key, run)?.edition;
        let file = if name == edition.manifest {
            let bytes = bytes.filter(|bytes| ContentHash::of(bytes) == name);
            bytes.and_then(|bytes| Some(File::Manifest(Arc::new(Manifest::decode(bytes).ok()?))))
        } else {
            let Some(File::Manifest(manifest)) = self.memory.file(key, edition.manifest).map(|held| held.item.clone())
            else {
                return None;
            };
            bytes.and_then(|bytes| open(&manifest, subject, name, bytes))
        };
        let is_there = file.is_some();
        self.memory.keep_file(key, name, file.unwrap_or(File::Missing), asked_at);
        is_there.then_some(())
    }
}

fn fetch(key: WorkspaceKey, names: impl IntoIterator<Item = ContentHash>) -> Found {
    Found::Fetch(names.into_iter().map(|name| RegistryKey::File(key, name)).collect())
}

/// Whether the manifest is of what the ledger vouches for, and its segments tell all that decides about what they have.
fn is_meant(manifest: &Manifest, key: WorkspaceKey, epoch: u64, generation: u64) -> bool {
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
