//! What a verifier knows and how it decides.
//!
//! Three records describe everything that a check needs: one for the [token](TokenRecord), one for its
//! [owner](OwnerRecord), one for the [workspace](WorkspaceRecord). A [`Demand`] says what a request asks for.
//! [`decide`] compares them and is the only place in Counterfoil where a token is found valid. The [`Verifier`] around
//! it knows what to fetch and what to remember; it does no I/O itself, has no clock and no randomness, so that a
//! Worker, a gateway, Node and a browser all drive the very same machine.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod allowance;
mod answer;
mod asking;
mod base;
mod cache;
mod decision;
mod demand;
mod index;
mod lease;
mod memory;
mod mix;
mod monotonic_time;
#[cfg(feature = "openapi")]
mod openapi;
mod path;
mod reader;
mod record;
mod scope;
mod segment;
mod time;
mod verifier;

pub use address::{AddressBlock, InvalidAddressBlock};
pub use allowance::Allowance;
pub use answer::{Answer, Edition, Grant, LeaseQuestion, Position, Question, RegistryKey, Segments, Use};
pub use decision::{Code, Facts, decide};
pub use demand::{Demand, Freshness, NoWorkspace};
pub use lease::DELTA;
pub use record::{Encoded, OwnerRecord, RecordError, TokenRecord, WorkspaceRecord};
pub use scope::{InvalidScope, Scope, ScopePattern, ScopeSet};
pub use segment::{
    BuildError, ContentHash, DigestPrefix, InvalidManifest, Manifest, ManifestHeader, NamedOwners, NamedSegment,
    OpenError, OwnerSegment, OwnerSegmentBuilder, OwnersHeader, Segment, SegmentBuilder, SegmentHeader, Snapshot,
    SnapshotError, SnapshotHead,
};
pub use time::Timestamp;
pub use verifier::{Decision, Known, Limits, Need, Pending, Progress, Renewal, Supply, Verifier};
