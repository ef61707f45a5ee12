//! The header of a segment.

use counterfoil_token::WorkspaceKey;
use serde::Serialize;

use super::prefix::DigestPrefix;
use crate::reader::{Read, Reader};

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentHeader {
    /// The workspace of the tokens.
    pub workspace: WorkspaceKey,
    /// The ledger's generation whose state this is.
    pub generation: u64,
    /// Whether IP ranges are left out, as in snapshots. A reader then knows that a token is bound to addresses, but not
    /// to which: see [`Segment::find`](super::Segment::find).
    pub without_addresses: bool,
    /// Whether imported tokens may be left out: low-entropy ones, and those of which too many share a digest prefix. A
    /// third-party token that is absent may then exist.
    pub without_weak: bool,
    /// The digests that the segment covers.
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
