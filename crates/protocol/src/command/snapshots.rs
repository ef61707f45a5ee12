//! Commands about snapshots, and what they answer.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_verify::ContentHash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::slug::Slug;

/// The snapshot as of now, or as of the last moment that there is one of; needs `snapshots:read`. As long as somebody asks
/// now and then, one is made of each change.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSnapshot {}

/// How things stand with it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// All of it is in the registry.
    Ready(SnapshotFiles),
    /// It is being made.
    NotYet {
        /// In how many seconds it is worth asking again.
        retry_in: u64,
    },
}

/// What a snapshot consists of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFiles {
    /// Whose it is.
    pub slug: Slug,
    /// Its head.
    pub head: SignedHead,
    /// What follows, each announced by its length: the manifest and all that it names, in its order.
    pub files: Vec<ContentHash>,
}

/// The head of a snapshot and its signature. In JSON it is that as text, in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead(pub Vec<u8>);

/// The keys that sign the workspace's snapshots; needs `snapshots:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSnapshotKeys {}

/// A JWK set (RFC 7517, section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SnapshotKeys {
    /// The keys, the current one first. Snapshots that are signed by the others remain valid until they expire.
    pub keys: Vec<SnapshotKey>,
}

/// The public half of a key that signs snapshots (RFC 8037, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SnapshotKey {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    pub r#use: String,
    /// The key's thumbprint (RFC 7638), in base64url.
    pub kid: String,
    /// The key's 32 bytes, in base64url.
    pub x: String,
}

impl Serialize for SignedHead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SignedHead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("expected the head of a snapshot"))
    }
}
