//! Records, requirements, the decision, and the sans-IO verifier.
//!
//! Three records hold everything that a check needs: one for the [token](TokenRecord), one for its
//! [owner](OwnerRecord), one for the [workspace](WorkspaceRecord). A [`Demand`] is the requirement of one check.
//! [`decide`] compares them; it is the only place in Counterfoil that finds a token valid. The [`Verifier`] caches
//! records and says what to fetch. It does no I/O and has neither a clock nor randomness, so a Worker, a gateway, Node
//! and a browser all run the same code.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod allowance;
mod answer;
mod base;
mod cache;
mod decision;
mod demand;
mod index;
mod lease;
mod ledger_queries;
mod mix;
mod monotonic_time;
#[cfg(feature = "openapi")]
mod openapi;
mod path;
mod reader;
mod record;
mod record_cache;
mod scope;
mod segment;
mod slots;
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
