//! A workspace in one file, signed: what decides about its tokens where there is no ledger to ask.
//!
//! What is signed is a head of 56 bytes. It names the manifest, and the manifest names the segments, so the signature
//! answers for every byte of the file: none can be changed, left out or added unseen.

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

/// Every token and every member of a workspace, as of one generation, to be relied upon until it expires.
///
/// **It counts for nothing until its signature was checked.** This crate knows no signatures: before it opens a file,
/// the host takes what [`signed`](Self::signed) gives it and verifies that with the Ed25519 that it has, under the
/// snapshot key of the very workspace whose tokens it checks. It got that key beforehand and from whom it trusts;
/// never from the file, nor from wherever the file came from. An unsigned snapshot opens as well as a signed one.
///
/// Whether it has expired is for whoever decides by it to say: there is no clock here.
#[derive(Debug)]
pub struct Snapshot {
    head: SnapshotHead,
    manifest: Manifest,
    /// In the order of their prefixes.
    segments: Box<[Segment]>,
    /// In the order of their numbers.
    owners: Box<[OwnerSegment]>,
}

/// What is signed of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Whose tokens these are.
    pub workspace: WorkspaceKey,
    /// The ledger's clock when all of this was so.
    pub as_of: Timestamp,
    /// It may be relied upon before this only; later than `as_of`, or nobody opens it.
    pub expires_at: Timestamp,
    /// What the manifest's bytes hash to.
    pub manifest: ContentHash,
}

/// A file is no snapshot: what is wrong is the first thing that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The head, or the place of its signature: not to be read by this version, cut short, or expired from the start.
    Head(RecordError),
    /// The manifest is not the one that the head names, or is another workspace's.
    Manifest(OpenError),
    /// The files do not end where the snapshot does: one is missing, or cut short, or something follows.
    Files,
    /// A segment is not the one that the manifest names there.
    Segment(OpenError),
    /// An owner segment is not the one that the manifest names there.
    Owners(OpenError),
}

impl Snapshot {
    /// The first byte: the layout's version.
    pub const FORMAT: u8 = record::FORMAT;
    /// The second byte.
    pub const KIND: u8 = b'p';
    /// How long the head is: header, key, two times, hash.
    pub const HEAD: usize = 2 + 6 + 8 + 8 + 32;
    /// How long an Ed25519 signature is.
    pub const SIGNATURE: usize = 64;

    /// What is signed, and the signature: Ed25519 (RFC 8032) by the workspace's snapshot key. `None` where the file is
    /// too short to have them. To be verified before the file is opened; see [`Snapshot`].
    #[must_use]
    pub fn signed(file: &[u8]) -> Option<(&[u8; Snapshot::HEAD], &[u8; Snapshot::SIGNATURE])> {
        let (head, rest) = file.split_first_chunk()?;
        Some((head, rest.first_chunk()?))
    }

    /// Looks a snapshot through, all but its signature, and takes what is in it. The file itself is not kept.
    ///
    /// # Errors
    /// [`SnapshotError`] where the bytes are not exactly a head, a signature, and the files that they answer for.
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

    /// Whose tokens these are.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceKey {
        self.head.workspace
    }

    /// The ledger's clock when all of this was so.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.head.as_of
    }

    /// It may be relied upon before this only.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.head.expires_at
    }

    /// Which segments it consists of, and what they leave out.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is needed to decide about this token, as [`Segment::find`] tells it; `None` where there is no such token.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<TokenRecord> {
        let prefix = self.manifest.prefix_of(digest);
        self.segments.get(usize::from(prefix.value()))?.find(digest)
    }

    /// The member of this number. `None` says that there is none, if the manifest
    /// [covers](Manifest::owners_of) the number; else it says nothing.
    #[must_use]
    pub fn owner(&self, number: u64) -> Option<OwnerRecord> {
        let at = self.owners.partition_point(|segment| segment.header().last < number);
        self.owners.get(at)?.find(number)
    }

    /// How many bytes of memory it occupies.
    #[must_use]
    pub fn size(&self) -> usize {
        let segments = self.segments.iter().map(Segment::size);
        let owners = self.owners.iter().map(OwnerSegment::size);
        size_of_val(self) - size_of_val(&self.manifest) + self.manifest.size() + segments.chain(owners).sum::<usize>()
    }

    /// What goes before each of a snapshot's files: its length.
    #[must_use]
    pub fn announce(length: usize) -> Vec<u8> {
        // Serialising into memory fails for sequences of unknown length only.
        postcard::to_allocvec(&length).unwrap_or_default()
    }
}

impl SnapshotHead {
    /// What the workspace's snapshot key is to sign.
    #[must_use]
    pub fn to_sign(&self) -> [u8; Snapshot::HEAD] {
        let times = [self.as_of, self.expires_at].map(|time| time.0.to_le_bytes());
        let begin = [Snapshot::FORMAT, Snapshot::KIND].into_iter().chain(self.workspace.as_str().bytes());
        let fields = begin.chain(times.into_iter().flatten()).chain(*self.manifest.as_bytes());
        let mut head = [0; Snapshot::HEAD];
        head.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        head
    }

    /// What a snapshot begins with. Each segment and then each owner segment follows, in the order of the manifest,
    /// [announced](Snapshot::announce) by its length; so a large snapshot is written without being held.
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
            Self::Head(RecordError::UnknownFormat) => {
                f.write_str("the snapshot is in a format that this version does not know")
            }
            Self::Head(RecordError::Malformed) => f.write_str("the snapshot's head is malformed"),
            Self::Manifest(error) => write!(f, "the manifest: {error}"),
            Self::Files => f.write_str("the snapshot does not end with the last of its files"),
            Self::Segment(error) => write!(f, "a segment: {error}"),
            Self::Owners(error) => write!(f, "an owner segment: {error}"),
        }
    }
}

impl core::error::Error for SnapshotError {}
