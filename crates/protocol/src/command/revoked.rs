//! The result of revoking several tokens.

use serde::{Deserialize, Serialize};

/// The result for one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "RevokedToken"))]
pub struct RevokedItem {
    /// `tok_…`
    pub id: String,
    /// The result.
    pub result: RevokeResult,
}

/// The result for one token that was to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RevokeResult {
    /// The token is revoked now.
    Revoked,
    /// The token was already revoked.
    AlreadyRevoked,
    /// The digest was that of a replaced value: that value is revoked now, and the token remains valid.
    TextRevoked,
    /// The token does not exist, or the caller has no access to it. None of the tokens was revoked.
    Unknown,
    /// The token was not revoked, because another one is unknown.
    Kept,
}
