//! The records that verification needs, in the layout in which verifiers store and read them.
//!
//! The layout is a contract: changing it breaks every deployed verifier. A change needs a new [`FORMAT`] and a test
//! that reads the old bytes. `tests/vectors/records.json` pins it.
//!
//! Each encoded item is `[format, kind]` followed by its fields in
//! [postcard](https://postcard.jamesmunns.com/wire-format): varints for integers, length-prefixed UTF-8, a zero byte
//! for an absent option. Nothing may follow. Each item has one encoding: varints are as short as possible, scopes are
//! sorted and distinct.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize};

use crate::{
    address::AddressBlock,
    demand::Freshness,
    reader::{Read, Reader},
    scope::{Scope, ScopeSet},
    time::Timestamp,
};

/// The version of the layout: the first byte of every encoded item.
pub(crate) const FORMAT: u8 = 1;

/// The record of one token value. Revoked tokens keep theirs, as a tombstone.
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
    /// The client that the token is bound to, or labelled with.
    pub client_id: Option<Box<str>>,
    /// Free-form metadata, as its JSON text.
    pub metadata: Option<Box<str>>,
    /// The token's own scopes. The owner's granted scopes limit them.
    pub scopes: ScopeSet,
    /// The ledger's generation when the token value was issued; compared with [`OwnerRecord::revoked_before`].
    pub issued: u64,
    /// Whether it is permanently revoked.
    pub revoked: bool,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Valid from this time on.
    pub not_before: Option<Timestamp>,
    /// Valid before this time.
    pub expires_at: Option<Timestamp>,
    /// The value was replaced by a rotation, and its grace period ends at this time.
    pub replaced_until: Option<Timestamp>,
    /// The IP ranges from which it may be used; any address if empty.
    pub addresses: Vec<AddressBlock>,
    /// Reserved for a class of rate limits; absent in all records written today.
    pub rate_class: Option<u8>,
}

/// The record of one member. A suspension, a removal of granted scopes, or the revocation of all its tokens changes
/// this one record, however many tokens it has.
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
    /// The granted scopes.
    pub grants: ScopeSet,
    /// Token values issued at an earlier generation are revoked.
    pub revoked_before: u64,
}

/// The record of one workspace.
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
    /// Whether third-party tokens were imported. If not, a third-party token is unknown without a lookup.
    pub has_imports: bool,
    /// Scopes with a minimum freshness.
    pub freshness: Vec<(Scope, Freshness)>,
}

/// The bytes are not a record that this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The layout is of a version that is not supported.
    UnknownFormat,
    /// Truncated, too long, of another kind, or with an invalid value.
    Malformed,
}

/// An item with a binary layout.
#[expect(private_bounds, reason = "only this crate has such items")]
pub trait Encoded: Serialize + Read {
    /// The second byte: prevents one kind from being read as another.
    const KIND: u8;

    /// The item's bytes.
    fn encode(&self) -> Vec<u8> {
        // Serialising into memory fails for sequences of unknown length only; no item has one.
        postcard::to_extend(self, Vec::from([FORMAT, Self::KIND])).unwrap_or_default()
    }

    /// Reads an item.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; nothing malformed is accepted.
    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = open(bytes, Self::KIND)?;
        Self::read(&mut reader).filter(|_| reader.ended_well()).ok_or(RecordError::Malformed)
    }
}

/// A reader of the fields, if the header has that kind.
pub(crate) fn open(bytes: &[u8], kind: u8) -> Result<Reader<'_>, RecordError> {
    match bytes.split_first_chunk() {
        Some(([FORMAT, announced], fields)) if *announced == kind => Ok(Reader::new(fields)),
        None | Some(([FORMAT, _], _)) => Err(RecordError::Malformed),
        Some(_) => Err(RecordError::UnknownFormat),
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

impl Read for TokenRecord {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            version: reader.number(),
            id: reader.text(),
            number: reader.number(),
            owner: reader.number(),
            name: reader.text(),
            client_id: reader.optional(Reader::text),
            metadata: reader.optional(Reader::text),
            scopes: Read::read(reader)?,
            issued: reader.number(),
            revoked: reader.flag(),
            enabled: reader.flag(),
            not_before: reader.optional(Reader::time),
            expires_at: reader.optional(Reader::time),
            replaced_until: reader.optional(Reader::time),
            addresses: reader.items(),
            rate_class: reader.optional(Reader::byte),
        })
    }
}

impl Read for OwnerRecord {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            version: reader.number(),
            number: reader.number(),
            id: reader.text(),
            suspended: reader.flag(),
            grants: Read::read(reader)?,
            revoked_before: reader.number(),
        })
    }
}

impl Read for WorkspaceRecord {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            version: reader.number(),
            key: Read::read(reader)?,
            slug: reader.text(),
            suspended: reader.flag(),
            has_imports: reader.flag(),
            freshness: reader.list(|reader| Some((Read::read(reader)?, Read::read(reader)?))),
        })
    }
}

impl Read for WorkspaceKey {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let key = reader.array::<6>();
        Self::parse(core::str::from_utf8(&key).ok()?).ok()
    }
}

impl TokenRecord {
    /// Whether it comes from a segment: of the fields that identify the token, only the number is set.
    #[must_use]
    pub fn is_brief(&self) -> bool {
        self.id.is_empty()
    }

    /// The same, with the identifying fields of another record of this token.
    pub(crate) fn with_details_of(self, other: &Self) -> Self {
        if (self.number, self.owner) != (other.number, other.owner) {
            return self;
        }
        Self {
            id: other.id.clone(),
            name: other.name.clone(),
            client_id: other.client_id.clone(),
            metadata: other.metadata.clone(),
            ..self
        }
    }
}

impl WorkspaceRecord {
    /// The freshness that the workspace demands for this scope; the weakest if it demands none.
    #[must_use]
    pub fn freshness_of(&self, scope: &Scope) -> Freshness {
        let named = self.freshness.iter().find(|(name, _)| name == scope);
        named.map_or(Freshness::Snapshot, |(_, freshness)| *freshness)
    }

    /// Approximate size in bytes, not counting `size_of` itself.
    pub(crate) fn cost(&self) -> usize {
        let scopes = self.freshness.iter().map(|(scope, _)| size_of_val(scope) + scope.as_str().len() + 8);
        self.slug.len() + scopes.sum::<usize>()
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownFormat => "this version does not know the record's format",
            Self::Malformed => "the record is malformed",
        })
    }
}

impl core::error::Error for RecordError {}
