//! A workspace in one signed file, for offline verification.
//!
//! The signature covers a head of 56 bytes. The head names the manifest by its hash, and the manifest names the
//! segments, so the signature authenticates every byte of the file: no part can be changed, removed or added without
//! being detected.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use counterfoil_token::{Digest, WorkspaceKey};

use super::{
    content_hash::ContentHash,
    manifest::{Manifest, OpenError},
    owners::OwnerSegment,
    prefix::DigestPrefix,
    read::Segment,
};
use crate::{
    reader::{Read, Reader},
    record::{self, Encoded as _, OwnerRecord, RecordError, TokenRecord},
    time::Timestamp,
};

/// Every token and every member of a workspace, as of one generation, for use until it expires.
///
/// **Verify its signature before you use it.** This crate does not verify signatures. Before it opens a file, the host
/// must pass what [`signed`](Self::signed) returns to its own Ed25519 implementation, with the snapshot key of the
/// workspace whose tokens it verifies. It must have obtained that key beforehand from a trusted source; never from the
/// file, nor from the source of the file. An unsigned snapshot opens just as a signed one does.
///
/// The caller must check expiration: this type has no clock.
#[derive(Debug)]
pub struct Snapshot {
    head: SnapshotHead,
    manifest: Manifest,
    /// In the order of their prefixes.
    segments: Box<[Segment]>,
    /// In the order of their numbers.
    owners: Box<[OwnerSegment]>,
}

/// The signed part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// The workspace of the tokens.
    pub workspace: WorkspaceKey,
    /// The ledger's clock at the time of this state.
    pub as_of: Timestamp,
    /// Valid before this time, which is later than `as_of`; otherwise the file does not open.
    pub expires_at: Timestamp,
    /// The hash of the manifest's bytes.
    pub manifest: ContentHash,
}

/// The file is not a valid snapshot: the first fault that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The head or the signature: of an unsupported version, truncated, or already expired at `as_of`.
    Head(RecordError),
    /// The manifest is not the one that the head names, or is of another workspace.
    Manifest(OpenError),
    /// The files do not end at the end of the snapshot: one is missing or truncated, or bytes follow.
    Files,
    /// A segment is not the one that the manifest names.
    Segment(OpenError),
    /// An owner segment is not the one that the manifest names.
    Owners(OpenError),
}

impl Snapshot {
    /// The first byte: the layout's version.
    pub const FORMAT: u8 = record::FORMAT;
    /// The second byte.
    pub const KIND: u8 = b'p';
    /// The length of the head: header, key, two times, hash.
    pub const HEAD: usize = 2 + 6 + 8 + 8 + 32;
    /// The length of an Ed25519 signature.
    pub const SIGNATURE: usize = 64;

    /// The signed bytes and the signature: Ed25519 (RFC 8032) by the workspace's snapshot key. `None` if the file is
    /// too short. Verify it before you open the file; see [`Snapshot`].
    #[must_use]
    pub fn signed(file: &[u8]) -> Option<(&[u8; Snapshot::HEAD], &[u8; Snapshot::SIGNATURE])> {
        let (head, rest) = file.split_first_chunk()?;
        Some((head, rest.first_chunk()?))
    }

    /// Validates everything except the signature, and takes the contents. The file itself is not kept.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the bytes are not exactly a head, a signature, and the files that these
    /// authenticate.
    pub fn open(file: &[u8]) -> Result<Self, SnapshotError> {
        let mut reader = record::open(file, Snapshot::KIND).map_err(SnapshotError::Head)?;
        let head = Self::signed(file).and_then(|_| SnapshotHead::read(&mut reader));
        let head = head.ok_or(SnapshotError::Head(RecordError::Malformed))?;
        reader.bytes(Snapshot::SIGNATURE);
        let manifest = head.open_manifest(reader.sized()).map_err(SnapshotError::Manifest)?;
        let mut files = |count| -> Vec<&[u8]> { (0..count).map(|_| reader.sized()).collect() };
        let (segments, owners) = (files(manifest.segments().len()), files(manifest.owners().len()));
        if !reader.ended_well() {
            return Err(SnapshotError::Files);
        }
        let segments = DigestPrefix::all(manifest.bits()).zip(segments);
        let segments = segments.map(|(prefix, file)| manifest.open_segment(prefix, file));
        let segments = segments.collect::<Result<_, _>>().map_err(SnapshotError::Segment)?;
        let owners = manifest.owners().iter().zip(owners);
        let owners = owners.map(|(named, file)| manifest.open_owners(named.first, file));
        let owners = owners.collect::<Result<_, _>>().map_err(SnapshotError::Owners)?;
        Ok(Self { head, manifest, segments, owners })
    }

    /// The workspace of the tokens.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceKey {
        self.head.workspace
    }

    /// The ledger's clock at the time of this state.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.head.as_of
    }

    /// Valid before this time.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.head.expires_at
    }

    /// The manifest: its segments, and what they leave out.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The fields of the token's record that a decision needs, as [`Segment::find`] returns them; `None` if the
    /// snapshot does not contain the token.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<TokenRecord> {
        let prefix = self.manifest.prefix_of(digest);
        self.segments.get(usize::from(prefix.value()))?.find(digest)
    }

    /// The member of this number. `None` means that the member does not exist if the manifest
    /// [covers](Manifest::owners_of) the number; otherwise it means nothing.
    #[must_use]
    pub fn owner(&self, number: u64) -> Option<OwnerRecord> {
        let at = self.owners.partition_point(|segment| segment.header().last < number);
        self.owners.get(at)?.find(number)
    }

    /// Size in bytes of memory.
    #[must_use]
    pub fn size(&self) -> usize {
        let segments = self.segments.iter().map(Segment::size);
        let owners = self.owners.iter().map(OwnerSegment::size);
        size_of_val(self) - size_of_val(&self.manifest) + self.manifest.size() + segments.chain(owners).sum::<usize>()
    }

    /// The length prefix of a file in the snapshot.
    #[must_use]
    pub fn announce(length: usize) -> Vec<u8> {
        // Serialising into memory fails only for sequences of unknown length.
        postcard::to_allocvec(&length).unwrap_or_default()
    }
}

impl SnapshotHead {
    /// The bytes to be signed by the workspace's snapshot key.
    #[must_use]
    pub fn to_sign(&self) -> [u8; Snapshot::HEAD] {
        let times = [self.as_of, self.expires_at].map(|time| time.0.to_le_bytes());
        let begin = [Snapshot::FORMAT, Snapshot::KIND].into_iter().chain(self.workspace.as_str().bytes());
        let fields = begin.chain(times.into_iter().flatten()).chain(*self.manifest.as_bytes());
        let mut head = [0; Snapshot::HEAD];
        head.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        head
    }

    /// The first part of a snapshot. Each segment and then each owner segment follows, in the order of the manifest,
    /// each after its [length prefix](Snapshot::announce). So a large snapshot can be written without holding it in
    /// memory.
    #[must_use]
    pub fn begin(&self, signature: &[u8; Snapshot::SIGNATURE], manifest: &[u8]) -> Vec<u8> {
        [&self.to_sign()[..], signature, &Snapshot::announce(manifest.len()), manifest].concat()
    }

    fn open_manifest(&self, file: &[u8]) -> Result<Manifest, OpenError> {
        self.manifest.check(file)?;
        let manifest = Manifest::decode(file).map_err(OpenError::Unreadable)?;
        if manifest.header().workspace.key == self.workspace { Ok(manifest) } else { Err(OpenError::OtherContent) }
    }
}

impl Read for SnapshotHead {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let head = Self {
            workspace: Read::read(reader)?,
            as_of: Timestamp(reader.fixed(8)),
            expires_at: Timestamp(reader.fixed(8)),
            manifest: Read::read(reader)?,
        };
        (head.as_of < head.expires_at).then_some(head)
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(RecordError::UnknownFormat) => f.write_str("this version does not know the snapshot's format"),
            Self::Head(RecordError::Malformed) => f.write_str("the snapshot's head is malformed"),
            Self::Manifest(error) => write!(f, "the manifest: {error}"),
            Self::Files => f.write_str("the snapshot does not end with the last of its files"),
            Self::Segment(error) => write!(f, "a segment: {error}"),
            Self::Owners(error) => write!(f, "an owner segment: {error}"),
        }
    }
}

impl core::error::Error for SnapshotError {}
