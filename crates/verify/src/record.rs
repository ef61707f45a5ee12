//! What verification needs to know, as verifiers in the field store and read it.
//!
//! The layout is a contract: changing it strands every verifier that has the old one. A change needs a new
//! [`FORMAT`] and a test that reads the old bytes. `tests/vectors/records.json` pins it.
//!
//! Each encoded item is `[format, kind]` followed by its fields in [postcard](https://postcard.jamesmunns.com/wire-format):
//! varints for integers, length-prefixed UTF-8, a zero byte for an absent option. Nothing may follow.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    address::AddressBlock,
    demand::Freshness,
    scope::{Scope, ScopeSet},
    time::Timestamp,
};

/// The layout's version: the first byte of whatever is encoded.
const FORMAT: u8 = 1;

/// What verification needs to know of one token text. Revoked tokens keep theirs, as a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The ledger's generation at the last change of this record; a higher one is newer.
    pub version: u64,
    /// The token's public id, `tok_…`.
    pub id: Box<str>,
    /// The token's number in its workspace.
    pub number: u64,
    /// The owner's number: the key of the [`OwnerRecord`] that goes with this.
    pub owner: u64,
    /// The token's name.
    pub name: Box<str>,
    /// The client that the token is pinned to or labelled with.
    pub client_id: Option<Box<str>>,
    /// Free-form metadata, as its JSON text.
    pub metadata: Option<Box<str>>,
    /// The token's own scopes. What counts is what the owner is granted too.
    pub scopes: ScopeSet,
    /// The ledger's generation at which the text was issued; compared with [`OwnerRecord::revoked_before`].
    pub issued: u64,
    /// Whether it was revoked; for good.
    pub revoked: bool,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Valid from here on.
    pub not_before: Option<Timestamp>,
    /// Valid before this only.
    pub expires_at: Option<Timestamp>,
    /// The text was replaced by a rotation and dies here.
    pub replaced_until: Option<Timestamp>,
    /// Where the request must come from; anywhere where empty.
    pub addresses: Vec<AddressBlock>,
    /// Reserved for a class of rate limits; absent in all records written today.
    pub rate_class: Option<u8>,
}

/// What verification needs to know of one member. One such record carries a suspension, a cut of grants, or the
/// revocation of all its tokens, however many those are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// The ledger's generation at the last change of this record; a higher one is newer.
    pub version: u64,
    /// The member's number in its workspace.
    pub number: u64,
    /// The member's id.
    pub id: Box<str>,
    /// Whether the member is suspended, and all its tokens with it.
    pub suspended: bool,
    /// What the member's tokens may be granted at most.
    pub grants: ScopeSet,
    /// Texts issued at an earlier generation than this are revoked.
    pub revoked_before: u64,
}

/// What verification needs to know of one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// The ledger's generation at the last change of this record; a higher one is newer.
    pub version: u64,
    /// The workspace's key, as its tokens carry it.
    pub key: WorkspaceKey,
    /// The workspace's slug.
    pub slug: Box<str>,
    /// Whether the workspace is suspended, and all its tokens with it.
    pub suspended: bool,
    /// Whether tokens issued elsewhere were imported; where not, a foreign text is unknown without a look.
    pub has_imports: bool,
    /// Scopes that ask for more freshness than the demand might.
    pub freshness: Vec<(Scope, Freshness)>,
}

/// The bytes are no record that this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Written in a layout that this version does not know.
    UnknownFormat,
    /// Cut short, too long, of another kind, or holding a value that cannot be.
    Malformed,
}

/// An item with a binary layout of its own.
pub trait Encoded: Serialize + DeserializeOwned {
    /// The second byte: keeps one kind from being read as another.
    const KIND: u8;

    /// The item's bytes.
    fn encode(&self) -> Vec<u8> {
        // Serialising into memory fails for sequences of unknown length only; no item has one.
        postcard::to_extend(self, Vec::from([FORMAT, Self::KIND])).unwrap_or_default()
    }

    /// Reads an item.
    ///
    /// # Errors
    /// [`RecordError`]; nothing malformed is accepted.
    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (header, fields) = bytes.split_first_chunk::<2>().ok_or(RecordError::Malformed)?;
        match *header {
            [FORMAT, kind] if kind == Self::KIND => {}
            [FORMAT, _] => return Err(RecordError::Malformed),
            _ => return Err(RecordError::UnknownFormat),
        }
        match postcard::take_from_bytes(fields) {
            Ok((item, [])) => Ok(item),
            _ => Err(RecordError::Malformed),
        }
    }
}

impl Encoded for TokenRecord {
    const KIND: u8 = b'r';
}

impl Encoded for OwnerRecord {
    const KIND: u8 = b'o';
}

impl Encoded for WorkspaceRecord {
    const KIND: u8 = b'w';
}

impl WorkspaceRecord {
    /// The freshness that the workspace asks of this scope; the weakest where it asks none.
    #[must_use]
    pub fn freshness_of(&self, scope: &Scope) -> Freshness {
        let named = self.freshness.iter().find(|(name, _)| name == scope);
        named.map_or(Freshness::Eventual, |(_, freshness)| *freshness)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownFormat => "the record is in a format that this version does not know",
            Self::Malformed => "the record is malformed",
        })
    }
}

impl core::error::Error for RecordError {}
