//! Queries from a verifier to the ledger and the registry, and the ledger's responses.

use alloc::{string::String, vec::Vec};

use counterfoil_token::{Digest, SealKey, WorkspaceKey};
use serde::{Deserialize, Serialize};

use crate::{
    path,
    reader::{Read, Reader},
    record::{Encoded, OwnerRecord, TokenRecord, WorkspaceRecord},
    segment::ContentHash,
    time::Timestamp,
};

/// A query to the ledger of one workspace. It carries digests, never token values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// The digests of the token values.
    pub digests: Vec<Digest>,
}

impl Question {
    /// The most digests in one query of either kind.
    pub const MOST_DIGESTS: usize = 100;
}

/// A ledger's response: everything in it is as of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The workspace whose ledger answers.
    pub key: WorkspaceKey,
    /// The ledger's clock; expiration is decided by it.
    pub as_of: Timestamp,
    /// How many changes the ledger has made.
    pub generation: u64,
    /// The workspace; `None` if it does not exist.
    pub workspace: Option<WorkspaceRecord>,
    /// The keys of the workspace's authentication tags, the current one first.
    #[serde(with = "seal_keys")]
    pub seal_keys: Vec<SealKey>,
    /// Each queried digest with its record, or `None` if this workspace never issued it. Digests whose records the
    /// ledger cannot read are absent.
    pub tokens: Vec<(Digest, Option<TokenRecord>)>,
    /// The owners of those tokens.
    pub owners: Vec<OwnerRecord>,
}

impl Encoded for Answer {
    const KIND: u8 = b'a';
}

impl Read for Answer {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            key: Read::read(reader)?,
            as_of: reader.time(),
            generation: reader.number(),
            workspace: reader.optional_item(),
            seal_keys: reader.list(|reader| Some(SealKey::from_bytes(reader.array()))),
            tokens: reader.list(|reader| Some((Digest::from_bytes(reader.array()), reader.optional_item()))),
            owners: reader.items(),
        })
    }
}

/// A position in a ledger's history: the later of two is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// When this history began, in milliseconds since 1970. A ledger that is restored to an earlier state begins a new
    /// one.
    pub epoch: u64,
    /// How many changes it has made.
    pub generation: u64,
}

/// A query for a lease: what changed since, and the records of these digests?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseQuestion {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// The verifier's position: the response is to list all changes since. `None` if it has cached nothing.
    pub since: Option<Position>,
    /// The digests of the token values.
    pub digests: Vec<Digest>,
    /// Uses that were counted since the last report, at most 1,000.
    pub uses: Vec<Use>,
    /// Set by a verifier that loads segments; without it the response names no edition.
    pub segments: Option<Segments>,
}

/// The segments of a verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// The manifest in use: the verifier knows all changes since, up to its position.
    pub manifest: Option<ContentHash>,
}

/// Uses of one token value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its digest.
    pub digest: Digest,
    /// When it was last used.
    pub last: Timestamp,
    /// How many times it was used.
    pub count: u32,
}

/// A lease: a time-limited permission to answer from the cache, with what the cache lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// See [`Position::epoch`].
    pub epoch: u64,
    /// Every change after this generation is listed below. If `None`, the verifier starts again: no record that it has
    /// cached may be used.
    pub since: Option<u64>,
    /// How long the verifier may answer from its cache, in milliseconds from before it sent the question; 0 for not at
    /// all.
    pub term: u64,
    /// The records of the queried digests.
    pub answer: Answer,
    /// Digests whose records changed. A verifier that has one cached queries it at its next use. The new records are
    /// not included: a verifier learns nothing about tokens that were not presented to it.
    pub texts: Vec<Digest>,
    /// Numbers of the owners that changed, likewise.
    pub owners: Vec<u64>,
    /// The edition whose segments may be used, except for what changed since. Only for a verifier that [loads
    /// segments](Segments); then `texts` includes new tokens. A verifier that does not use this edition yet may begin
    /// to if `since` is not after the edition's generation.
    ///
    /// The last field, encoded as no bytes at all if absent: verifiers that do not load segments read the older layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<Edition>,
}

/// Segments that the ledger has published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// The hash of its manifest.
    pub manifest: ContentHash,
    /// The generation that it describes.
    pub generation: u64,
}

impl Grant {
    /// The position of this response.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, generation: self.answer.generation }
    }
}

impl Encoded for Grant {
    const KIND: u8 = b'l';
}

impl Read for Grant {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            epoch: reader.number(),
            since: reader.optional(Reader::number),
            term: reader.number(),
            answer: Read::read(reader)?,
            texts: reader.list(|reader| Some(Digest::from_bytes(reader.array()))),
            owners: reader.list(|reader| Some(reader.number())),
            edition: match reader.left() {
                0 => None,
                _ => Some(reader.optional_item()?),
            },
        })
    }
}

impl Read for Edition {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { manifest: Read::read(reader)?, generation: reader.number() })
    }
}

/// A key in the registry. Its text form is a contract with deployed verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegistryKey {
    /// `r/<workspace key>/<hex digest>`: a [`TokenRecord`].
    Token(WorkspaceKey, Digest),
    /// `o/<workspace key>/<number>`: an [`OwnerRecord`].
    Owner(WorkspaceKey, u64),
    /// `w/<workspace key>`: a [`WorkspaceRecord`].
    Workspace(WorkspaceKey),
    /// `s/<workspace key>/<name>`: a file that is named by its hash, see [`ContentHash::path`].
    File(WorkspaceKey, ContentHash),
}

impl RegistryKey {
    /// The key in text form.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Token(workspace, digest) => path::of_hash("r/", *workspace, digest.as_bytes()),
            Self::Owner(workspace, number) => path::of_number("o/", *workspace, *number),
            Self::Workspace(workspace) => path::of_workspace("w/", *workspace),
            Self::File(workspace, name) => name.path(*workspace),
        }
    }
}

/// Tag keys are secrets and have no serialisation of their own; a response is the only place where they are
/// transmitted.
mod seal_keys {
    use alloc::vec::Vec;

    use counterfoil_token::SealKey;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(keys: &[SealKey], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(keys.iter().map(SealKey::expose))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SealKey>, D::Error> {
        let keys = Vec::<[u8; 32]>::deserialize(deserializer)?;
        Ok(keys.into_iter().map(SealKey::from_bytes).collect())
    }
}
