//! The result of revoking several tokens.

use serde::{Deserialize, Serialize};

/// What became of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "RevokedToken"))]
pub struct RevokedItem {
    /// `tok_…`
    pub id: String,
    /// What became of it.
    pub result: RevokeResult,
}

/// What became of one token that was to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RevokeResult {
    /// It is revoked now.
    Revoked,
    /// It was before.
    AlreadyRevoked,
    /// The digest was that of a value that a rotation replaced: that value is revoked now, and the token stays valid.
    TextRevoked,
    /// There is none by that id that the actor may see; then none was revoked.
    Unknown,
    /// It stands as it did, because another is unknown.
    Kept,
}
