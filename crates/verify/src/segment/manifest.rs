//! The list of a workspace's segments.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use counterfoil_token::Digest;
use serde::Serialize;

use super::{
    content_hash::ContentHash,
    header::SegmentHeader,
    owners::{OwnerSegment, OwnersHeader},
    prefix::{DigestPrefix, bits_of, cut},
    read::Segment,
};
use crate::{
    reader::{Read, Reader},
    record::{Encoded, RecordError, WorkspaceRecord},
};

/// The header of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManifestHeader {
    /// The ledger's epoch. A restore begins another; generations of different epochs cannot be compared.
    pub epoch: u64,
    /// The ledger's generation whose state this is. Segments may be of an earlier one.
    pub generation: u64,
    /// Whether the segments are [without addresses](SegmentHeader::without_addresses).
    pub without_addresses: bool,
    /// Whether the segments may be [without low-entropy imports](SegmentHeader::without_weak).
    pub without_weak: bool,
    /// The workspace.
    pub workspace: WorkspaceRecord,
}

/// Names the segments of a workspace, as of one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    header: ManifestHeader,
    segments: Vec<NamedSegment>,
    owners: Vec<NamedOwners>,
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NamedSegment {
    /// The hash of its bytes.
    pub name: ContentHash,
    /// How many tokens it contains.
    pub tokens: u64,
}

/// One owner segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NamedOwners {
    /// The first number that it covers.
    pub first: u64,
    /// The last number that it covers; not below the first.
    pub last: u64,
    /// The hash of its bytes.
    pub name: ContentHash,
}

/// The parts do not form a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidManifest {
    /// The segments are not one for each prefix of a length from 0 to 16 bits: 1, 2, 4, … or 65,536 in all.
    Segments,
    /// The ranges of owner numbers are out of order, overlap, or end before they begin.
    Owners,
    /// The workspace's record is of a later generation.
    TooNew,
}

/// The file is not the one that the manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The manifest names no such file.
    NotNamed,
    /// The bytes do not hash to the name.
    OtherBytes,
    /// They do, but this version cannot read them.
    Unreadable(RecordError),
    /// They do, but the content contradicts the manifest: the publisher made a mistake.
    OtherContent,
}

impl Manifest {
    /// A manifest of one segment per prefix, in order, and of owner segments, sorted by the numbers that they cover.
    ///
    /// # Errors
    ///
    /// [`InvalidManifest`] if the parts do not form a manifest.
    pub fn new(
        header: ManifestHeader,
        segments: Vec<NamedSegment>,
        owners: Vec<NamedOwners>,
    ) -> Result<Self, InvalidManifest> {
        if !segments.len().is_power_of_two() || segments.len() > 1 << DigestPrefix::MAX_BITS {
            return Err(InvalidManifest::Segments);
        }
        let begin_before_they_end = owners.iter().all(|range| range.first <= range.last);
        if !begin_before_they_end || !owners.is_sorted_by(|a, b| a.last < b.first) {
            return Err(InvalidManifest::Owners);
        }
        if header.workspace.version > header.generation {
            return Err(InvalidManifest::TooNew);
        }
        Ok(Self { header, segments, owners })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &ManifestHeader {
        &self.header
    }

    /// How many leading bits of a digest determine its segment.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.segments.len().trailing_zeros() as u8
    }

    /// The segments, in the order of their prefixes.
    #[must_use]
    pub fn segments(&self) -> &[NamedSegment] {
        &self.segments
    }

    /// The owner segments, sorted by the numbers that they cover. The ledger must be queried for a number that none
    /// covers.
    #[must_use]
    pub fn owners(&self) -> &[NamedOwners] {
        &self.owners
    }

    /// The prefix of the one segment that covers the digest.
    #[must_use]
    pub fn prefix_of(&self, digest: &Digest) -> DigestPrefix {
        let bits = self.bits();
        DigestPrefix::new(bits, bits_of(cut(digest), 0, bits) as u16).unwrap_or(DigestPrefix::NONE)
    }

    /// The segment of a prefix; `None` if this manifest's prefixes have another length.
    #[must_use]
    pub fn segment(&self, prefix: DigestPrefix) -> Option<&NamedSegment> {
        self.segments.get(usize::from(prefix.value())).filter(|_| prefix.bits() == self.bits())
    }

    /// The owner segment that covers a number.
    #[must_use]
    pub fn owners_of(&self, number: u64) -> Option<&NamedOwners> {
        let at = self.owners.partition_point(|range| range.last < number);
        self.owners.get(at).filter(|range| range.first <= number)
    }

    /// Approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let lists = size_of_val(self.segments.as_slice()) + size_of_val(self.owners.as_slice());
        size_of_val(self) + lists + self.header.workspace.cost()
    }

    /// Opens the segment of a prefix from bytes of any source.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the bytes are not that segment.
    pub fn open_segment(&self, prefix: DigestPrefix, file: impl Into<Box<[u8]>>) -> Result<Segment, OpenError> {
        let file = file.into();
        let named = self.segment(prefix).ok_or(OpenError::NotNamed)?;
        named.name.check(&file)?;
        let segment = Segment::open(file).map_err(OpenError::Unreadable)?;
        let header = segment.header();
        let meant = SegmentHeader {
            workspace: self.header.workspace.key,
            generation: header.generation.min(self.header.generation),
            without_addresses: self.header.without_addresses,
            without_weak: self.header.without_weak,
            prefix,
        };
        let is_meant = *header == meant && segment.len() as u64 == named.tokens;
        if is_meant { Ok(segment) } else { Err(OpenError::OtherContent) }
    }

    /// Opens the owner segment that covers a number from bytes of any source.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the bytes are not that owner segment.
    pub fn open_owners(&self, number: u64, file: impl Into<Box<[u8]>>) -> Result<OwnerSegment, OpenError> {
        let file = file.into();
        let named = self.owners_of(number).ok_or(OpenError::NotNamed)?;
        named.name.check(&file)?;
        let segment = OwnerSegment::open(file).map_err(OpenError::Unreadable)?;
        let header = segment.header();
        let meant = OwnersHeader {
            workspace: self.header.workspace.key,
            generation: header.generation.min(self.header.generation),
            first: named.first,
            last: named.last,
        };
        if *header == meant { Ok(segment) } else { Err(OpenError::OtherContent) }
    }
}

impl ContentHash {
    pub(super) fn check(self, file: &[u8]) -> Result<(), OpenError> {
        if Self::of(file) == self { Ok(()) } else { Err(OpenError::OtherBytes) }
    }
}

impl Encoded for Manifest {
    const KIND: u8 = b'm';
}

impl Read for Manifest {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::new(Read::read(reader)?, reader.items(), reader.items()).ok()
    }
}

impl Read for ManifestHeader {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            epoch: reader.number(),
            generation: reader.number(),
            without_addresses: reader.flag(),
            without_weak: reader.flag(),
            workspace: Read::read(reader)?,
        })
    }
}

impl Read for NamedSegment {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { name: Read::read(reader)?, tokens: reader.number() })
    }
}

impl Read for NamedOwners {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { first: reader.number(), last: reader.number(), name: Read::read(reader)? })
    }
}

impl fmt::Display for InvalidManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Segments => "there must be one segment for each prefix of the same length, up to 16 bits",
            Self::Owners => "the owner ranges must be sorted and must not overlap",
            Self::TooNew => "the workspace's generation is later than the manifest's",
        })
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNamed => "the manifest names no such file",
            Self::OtherBytes => "the content does not match the hash in the file's name",
            Self::Unreadable(RecordError::UnknownFormat) => "this version does not know the file's format",
            Self::Unreadable(RecordError::Malformed) => "the file is malformed",
            Self::OtherContent => "the file's content does not match its place in the manifest",
        })
    }
}

impl core::error::Error for InvalidManifest {}

impl core::error::Error for OpenError {}
