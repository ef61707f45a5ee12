//! What editions are for, and how large and how frequent they are.

use crate::stored::as_name;

/// How many texts a segment holds at most, on average: one changed token has a quarter of a megabyte put anew, and a
/// million tokens are 128 files.
pub(crate) const TEXTS: u64 = 8_192;

/// How many texts a segment may hold for one step to make it. Digests are evenly spread: only who imports digests that
/// were chosen for it gets there. See [`crowd`](super::crowd).
pub(super) const MOST_TEXTS: u64 = 65_536;

/// The longest file, in bytes: the registry takes no longer value. Only a segment gets there that is too full.
pub(super) const LARGEST_FILE: usize = 25 * 1024 * 1024;

/// How many texts a segment holds that is no longer than that, whatever they have: so many addresses each, and scopes
/// of their own. Spread evenly there are hardly more than [`TEXTS`].
pub(super) const MOST_LONG_TEXTS: u64 = 12_288;

/// The most owner segments that an edition has, so that its manifest stays small. Verifiers ask about other numbers.
pub(super) const MOST_OWNER_SEGMENTS: u64 = 4_096;

/// How many members' numbers an owner segment covers.
pub(super) const BLOCK: u64 = 1_024;

/// For how long a change is waited for company, in milliseconds: what is done together is published together.
pub(super) const GATHERING: u64 = 2_000;

/// From the beginning of one edition to that of the next, in milliseconds: whoever changes something all the time has four
/// a minute made, and what a verifier has to be told besides the newest one stays little.
pub(super) const INTERVAL: u64 = 15_000;

/// When it is tried again where no edition can be made, in milliseconds. Little changes that: texts stay.
pub(super) const RETRY: u64 = 60 * 60 * 1_000;

/// For how long snapshots are made after somebody asked for one, in milliseconds: who takes one each night, and misses a
/// few, still finds them.
pub(super) const WANTED: u64 = 7 * 24 * 60 * 60 * 1_000;

/// For how long a snapshot may be on its way to who fetches it, in milliseconds: its files are read one after the other, as
/// they are sent.
pub(super) const DOWNLOAD: u64 = 10 * 60 * 1_000;

/// Whom an edition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Verifiers that hold a lease. It has everything.
    Leases,
    /// Whoever takes a snapshot out of the house: without addresses, and without imports that are marked weak. It is made
    /// only as long as somebody asks for it.
    Snapshots,
}

as_name!(Kind { Leases: "leases", Snapshots: "snapshots" });
