//! What a segment says of itself.

use counterfoil_token::WorkspaceKey;
use serde::Serialize;

use super::prefix::DigestPrefix;
use crate::reader::{Read, Reader};

/// What a segment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentHeader {
    /// Whose tokens these are.
    pub workspace: WorkspaceKey,
    /// The ledger's generation whose state this is.
    pub generation: u64,
    /// Whether addresses are left out, as in what leaves the house. Such a token is known to be bound, not to what:
    /// see [`Segment::find`](super::Segment::find).
    pub without_addresses: bool,
    /// Whether imports may be left out: those marked weak, and those of which too many begin alike. An absent foreign text
    /// is then not known to be unknown.
    pub without_weak: bool,
    /// Which digests are covered.
    pub prefix: DigestPrefix,
}

impl Read for SegmentHeader {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            workspace: Read::read(reader)?,
            generation: reader.number(),
            without_addresses: reader.flag(),
            without_weak: reader.flag(),
            prefix: Read::read(reader)?,
        })
    }
}
