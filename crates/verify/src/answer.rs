//! What a verifier asks of the ledger and of the registry, and what the ledger answers.

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

/// What a verifier asks the ledger of one workspace. Token text never travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Whose ledger is asked.
    pub workspace: WorkspaceKey,
    /// The texts in question, by digest.
    pub digests: Vec<Digest>,
}

impl Question {
    /// The most texts that a ledger is asked about at once, in a question of either kind.
    pub const MOST_DIGESTS: usize = 100;
}

/// What a ledger answers: all of it as of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whose ledger answers.
    pub key: WorkspaceKey,
    /// The ledger's clock; expiry is judged by it.
    pub as_of: Timestamp,
    /// How many changes the ledger had made.
    pub generation: u64,
    /// The workspace; absent where there is none by that key.
    pub workspace: Option<WorkspaceRecord>,
    /// The keys that seal the workspace's tokens, the current one first.
    #[serde(with = "seal_keys")]
    pub seal_keys: Vec<SealKey>,
    /// Every digest that was asked about, with its record where it was issued here; without those whose records the ledger
    /// cannot read.
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

/// How far a ledger's history has come: the later of two is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// When this line of history began, in milliseconds since 1970: a ledger that is set back to an earlier state begins
    /// another.
    pub epoch: u64,
    /// How many changes it had made.
    pub generation: u64,
}

/// A question for a lease: what changed, and what of these texts?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseQuestion {
    /// Whose ledger is asked.
    pub workspace: WorkspaceKey,
    /// Where the asker stands: it wants to know all changes since. Nothing where it holds nothing.
    pub since: Option<Position>,
    /// The texts in question, by digest.
    pub digests: Vec<Digest>,
    /// Uses that were counted since the last report, at most 1,000.
    pub uses: Vec<Use>,
    /// Of an asker that loads segments; who does not is told of none.
    pub segments: Option<Segments>,
}

/// What an asker has of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// The manifest that it goes by: it was told of all changes since, up to where it stands.
    pub manifest: Option<ContentHash>,
}

/// Uses of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The text's digest.
    pub digest: Digest,
    /// When the last of them was.
    pub last: Timestamp,
    /// How many.
    pub count: u32,
}

/// A lease: leave to answer from memory, with what the asker's memory lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// See [`Position::epoch`].
    pub epoch: u64,
    /// The generation since which everything that changed is named below; where absent, the asker is to start anew: nothing
    /// that it held before counts any more.
    pub since: Option<u64>,
    /// For how long, in milliseconds from before the question was asked, the asker may answer from memory; not at all
    /// where 0.
    pub term: u64,
    /// What is known of the texts that were asked about.
    pub answer: Answer,
    /// Texts that changed, by digest: whoever holds one asks about it when it is met again. What they became is told to
    /// nobody who has not met them.
    pub texts: Vec<Digest>,
    /// Owners that changed, by number, likewise.
    pub owners: Vec<u64>,
    /// The segments that may be gone by, but for what changed since; told to those only who [ask](Segments). Then new texts
    /// are among those that changed. Who does not go by these segments yet may if `since` is not after their generation.
    ///
    /// Last and without a byte where there is none, as who does not ask reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<Edition>,
}

/// Segments that the ledger has published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Its manifest.
    pub manifest: ContentHash,
    /// The generation that it is of.
    pub generation: u64,
}

impl Grant {
    /// As of when it is.
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

/// A key in the registry. The text is part of the contract with verifiers in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegistryKey {
    /// `r/<workspace key>/<hex digest>`: a [`TokenRecord`].
    Token(WorkspaceKey, Digest),
    /// `o/<workspace key>/<number>`: an [`OwnerRecord`].
    Owner(WorkspaceKey, u64),
    /// `w/<workspace key>`: a [`WorkspaceRecord`].
    Workspace(WorkspaceKey),
    /// `s/<workspace key>/<name>`: a file that goes by its hash, see [`ContentHash::path`].
    File(WorkspaceKey, ContentHash),
}

impl RegistryKey {
    /// The key as text.
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

/// Seal keys are secrets and have no serialisation of their own; an answer is the one place where they travel.
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
