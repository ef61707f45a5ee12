//! Kinds, sizes and intervals of editions.

use crate::stored::as_name;

/// The maximum average number of token values of a segment. With this size, one changed token rewrites a quarter of a
/// megabyte, and a million tokens take 128 files.
pub(crate) const TEXTS: u64 = 8_192;

/// The maximum number of token values that one step can put into a segment. Digests are evenly distributed, so it is
/// exceeded only by imports of digests that were chosen for it. See [`overfull`](super::overfull).
pub(super) const MAX_VALUES: u64 = 65_536;

/// The maximum size of a file, in bytes: the registry's limit for a value. Only a segment that is too full exceeds it.
pub(super) const LARGEST_FILE: usize = 25 * 1024 * 1024;

/// The number of token values whose segment fits into [`LARGEST_FILE`] even if each has the maximum of CIDR ranges and
/// its own scopes. Evenly distributed, a segment has hardly more than [`TEXTS`].
pub(super) const MAX_LONG_VALUES: u64 = 12_288;

/// The maximum number of owner segments of an edition, which keeps its manifest small. Verifiers query the ledger for
/// other members.
pub(super) const MAX_OWNER_SEGMENTS: u64 = 4_096;

/// The number of member numbers that an owner segment covers.
pub(super) const BLOCK: u64 = 1_024;

/// The delay between a change and the next edition, in milliseconds, so that changes made together are published
/// together.
pub(super) const GATHERING: u64 = 2_000;

/// The minimum interval between the beginnings of two editions, in milliseconds. Continuous changes cause four editions
/// a minute, and the ledger has to report few changes in addition to the newest edition.
pub(super) const INTERVAL: u64 = 15_000;

/// The retry interval if no edition can be built, in milliseconds. It is long because the cause rarely goes away: token
/// values are never deleted.
pub(super) const RETRY: u64 = 60 * 60 * 1_000;

/// How long snapshots are built after one was requested, in milliseconds. A client that downloads one each night may
/// miss a few nights.
pub(super) const WANTED: u64 = 7 * 24 * 60 * 60 * 1_000;

/// The maximum duration of a snapshot's download, in milliseconds. Its files are read one after the other while it is
/// sent.
pub(super) const DOWNLOAD: u64 = 10 * 60 * 1_000;

/// The recipients of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Verifiers that hold a lease. The edition contains everything.
    Leases,
    /// Downloaded snapshots: without CIDR ranges and without low-entropy imports. Built only while snapshots are
    /// requested.
    Snapshots,
}

as_name!(Kind { Leases: "leases", Snapshots: "snapshots" });
