//! A cached record: when it was requested, and which lease covers it.

use alloc::sync::Arc;

use crate::{
    lease::Lease,
    monotonic_time::MonotonicTime,
    record::{OwnerRecord, WorkspaceRecord},
};

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

/// A record, when it was requested, and the lease run that covers it; 0 if none.
#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) record: Arc<T>,
    pub(super) asked_at: MonotonicTime,
    pub(super) run: u32,
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
    #[inline]
    pub(crate) fn known_at(&self, lease: &Lease) -> MonotonicTime {
        if self.is_under(lease) && self.asked_at.is_before(lease.asked_at) { lease.asked_at } else { self.asked_at }
    }

    /// Whether the lease, while it runs, covers it.
    #[inline]
    pub(crate) fn is_under(&self, lease: &Lease) -> bool {
        self.run != 0 && self.run == lease.run
    }
}

/// The version of a record, and the lease run that covers it; 0 if none.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) version: u64,
    pub(super) run: u32,
}

impl Held<OwnerRecord> {
    /// Approximate size in bytes, not counting `size_of` itself.
    pub(super) fn cost(&self) -> usize {
        size_of_val(&*self.record) + self.record.id.len() + self.record.grants.cost()
    }
}

impl<T: Versioned> Held<T> {
    #[inline]
    pub(super) fn cached(&self) -> Cached<'_, T> {
        Cached { item: &self.record, asked_at: self.asked_at, run: self.run }
    }

    /// The newer of the cached record and this one. It counts as recent as the query.
    pub(super) fn newer(held: Option<&Self>, record: T, source: Source) -> Self {
        let Source { asked_at, run, .. } = source;
        let Some(held) = held else { return Self { record: Arc::new(record), asked_at, run } };
        let standing = Standing { version: held.record.version(), run: held.run };
        if standing.outranks(record.version(), source) {
            return Self { record: Arc::clone(&held.record), asked_at, run: held.run };
        }
        Self { run: standing.run_for(record.version(), run), record: Arc::new(record), asked_at }
    }
}

impl Standing {
    /// Whether this record stays in place of another: if it is newer, or if a lease covers it and the other, of the same
    /// version, is from the registry. Those two are equal, unless the ledger was restored and the registry still has a
    /// record of its earlier history, which the lease must not cover.
    pub(super) fn outranks(self, other: u64, source: Source) -> bool {
        self.version > other || (self.version == other && self.run != 0 && source.generation == 0)
    }

    /// The lease run that covers a record in place of this one. A record that the ledger returned without a lease is
    /// covered if this one, of the same version, is. A newer record is not: combining records of different moments could
    /// make a token valid that was invalid at each of them.
    pub(super) fn run_for(self, version: u64, run: u32) -> u32 {
        if run == 0 && self.version == version { self.run } else { run }
    }
}

/// A record: the higher version is newer.
pub(super) trait Versioned {
    fn version(&self) -> u64;
}

impl Versioned for OwnerRecord {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Versioned for WorkspaceRecord {
    fn version(&self) -> u64 {
        self.version
    }
}
