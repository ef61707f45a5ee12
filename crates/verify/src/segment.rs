//! A ledger's records in a few large files instead of many small ones. A verifier that has loaded them decides with no
//! network.
//!
//! A [`Segment`] covers all token values of one workspace whose digests begin with certain bits, as of one generation
//! of the ledger. It also shows which tokens do *not* exist: a digest that it covers and does not contain was unknown
//! to the ledger then. An [`OwnerSegment`] does the same for the members of a range of numbers. A [`Manifest`] names
//! the segments of a workspace.
//!
//! All three are immutable and named by the SHA-256 of their bytes, so no store can return an old one: see
//! [`ContentHash`]. A [`Snapshot`] contains all of a workspace's in one signed file, for offline verification.
//!
//! Each content has exactly one encoding, and no other bytes are opened. A file is validated once, when it is opened;
//! after that, reading cannot fail. docs/format.md specifies the layout byte by byte; `segments.json` and
//! `snapshots.json` in `tests/vectors` pin it. A change breaks deployed verifiers, so it needs a new format version.
//!
//! # What a segment leaves out
//!
//! A segment contains the fields that [`decide`](crate::decide) uses, and the token's number. Ids, names, clients and
//! metadata are absent, and so is `rate_class`, which no record has today.
//!
//! Digests are truncated to 16 bytes. To have another value accepted as a token, an attacker must find a second
//! preimage of one of these 128-bit prefixes: 2^128 hashes divided by the number of tokens. A caller that *imports*
//! digests chooses them, though, so two that agree in 16 bytes may exist. [`SegmentBuilder`] rejects the second, since
//! the two could not be distinguished.
//!
//! The generation at which a token value was issued is compared only with its owner's `revoked_before`, and is not
//! stored either. Let *g* be the segment's generation. The builder marks as revoked every value that was issued before
//! the `revoked_before` that held at *g*; for all others, the reader reports *g* as the generation of issue. With any
//! version of the owner's record, the decision is the same as the ledger's:
//!
//! - `revoked_before` is a generation at which the ledger revoked all of the member's tokens. If it is later than *g*,
//!   it is also later than the generation at which any value in the segment was issued: it revokes both.
//! - If it is *g* or earlier, it is the builder's or an older one. A value that the builder did not mark was issued at
//!   or after it, so neither *g* nor the true generation is below it. A value that the builder marked stays revoked, as
//!   in the ledger, even if a verifier still has an older record of the owner.
//!
//! So a change of an owner changes no segment, and a segment stays correct as long as none of its own tokens changes: a
//! manifest may name segments of earlier generations than its own.

mod build;
mod content_hash;
mod header;
mod layout;
mod manifest;
mod owners;
mod prefix;
mod read;
mod snapshot;
mod table;

pub use build::{BuildError, SegmentBuilder};
pub use content_hash::ContentHash;
pub use header::SegmentHeader;
pub use manifest::{InvalidManifest, Manifest, ManifestHeader, NamedOwners, NamedSegment, OpenError};
pub use owners::{OwnerSegment, OwnerSegmentBuilder, OwnersHeader};
pub use prefix::DigestPrefix;
pub use read::Segment;
pub use snapshot::{Snapshot, SnapshotError, SnapshotHead};
