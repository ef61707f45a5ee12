//! A ledger's records in a few large files instead of many small ones: what a verifier loads to decide with no network.
//!
//! A [`Segment`] covers all token texts of one workspace whose digest begins with certain bits, as the ledger had them
//! at one generation. It knows what is *not* issued as well as what is: a digest that it covers and does not hold was
//! unknown to the ledger then. An [`OwnerSegment`] does the same for the members of a range of numbers. A [`Manifest`]
//! names the segments that make up a workspace.
//!
//! All three are immutable and go by the SHA-256 of their bytes, so that no store can answer with an old one: see
//! [`ContentHash`]. A [`Snapshot`] is all of a workspace's in one file, signed, for where there is nobody to ask.
//!
//! Each content has one encoding, and nothing that is not exactly it is opened; a file is looked through once, on
//! opening, and after that nothing can fail. docs/format.md has the layout byte by byte; `segments.json` and
//! `snapshots.json` in `tests/vectors` pin it. A change strands verifiers in the field, so it takes a new format
//! version.
//!
//! # What a segment leaves out
//!
//! A segment has what [`decide`](crate::decide) looks at, and the token's number. Ids, names, clients and metadata are
//! absent; a token's `rate_class`, which nothing writes today, is too.
//!
//! Digests are cut to 16 bytes. To present another text that passes for a token, one has to find a second preimage of
//! one of its 128 bits: 2^128 hashes over the number of tokens. But who *imports* digests chooses them, so two that
//! agree in 16 bytes may exist; [`SegmentBuilder`] refuses the second, since it could not be told from the first.
//!
//! When a text was issued is compared with its owner's `revoked_before` alone, and is not stored either. Let a segment
//! be of generation *g*. The builder marks revoked what was issued before the `revoked_before` that held at *g*; for the
//! rest, the reader says that it was issued at *g*. That decides as the ledger does, whichever record of the owner it
//! meets:
//!
//! - `revoked_before` is a generation at which the ledger revoked all that the member had. One later than *g* is higher
//!   than *g* and than the generation at which anything here was issued: both are revoked by it.
//! - One at or before *g* is the builder's, or one from before it. What the builder left unmarked was issued at or after
//!   it; neither *g* nor the true generation is below it. What it marked stays revoked, as it does in the ledger, even
//!   where a verifier still holds an older record of the owner.
//!
//! So a change of an owner changes no segment, and a segment stays right for as long as none of its own tokens changes:
//! a manifest may name segments of earlier generations than its own.

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
