//! Commands for snapshots, and their replies.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use counterfoil_verify::ContentHash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::slug::Slug;

/// Requests the current snapshot; needs `snapshots:read`. It shows the workspace as of now, or as of the last edition
/// that was built. New snapshots are built after changes as long as they are requested at least once in 7 days.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSnapshot {}

/// Whether a snapshot is available.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// All its files are in the registry.
    Ready(SnapshotFiles),
    /// No valid snapshot is available yet. The request causes one to be built.
    NotYet {
        /// When to retry, in seconds from now; at least 1.
        retry_in: u64,
    },
}

/// The parts of a snapshot.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFiles {
    /// The workspace's slug.
    pub slug: Slug,
    /// The signed head.
    pub head: SignedHead,
    /// The files that follow the head, each preceded by its length: the manifest, then the files that it names, in the
    /// same order.
    pub files: Vec<ContentHash>,
}

/// The head of a snapshot, followed by its signature. In JSON it is base64 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead(pub Vec<u8>);

/// Reads the public keys that verify the workspace's snapshots; needs `snapshots:read`.
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
