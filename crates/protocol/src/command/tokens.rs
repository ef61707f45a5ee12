//! Commands for tokens, and their replies.

use std::collections::BTreeMap;

use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, ScopePattern, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{listing::Page, patch::Patch, revoked::RevokedItem};
use crate::{command_error::CommandError, rfc3339, token_value::TokenValue};

/// Creates a token; needs `tokens:write`. The new token cannot exceed the actor's own token in scopes, expiration,
/// allowed addresses or client. If the actor's token has `tokens:grant`, only the scopes are limited, to those granted
/// to the actor's member. In any case, its owner must be granted all its scopes. Only an admin can create tokens for
/// other members.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateToken {
    /// 0–200 characters.
    pub name: String,
    /// 0–1,000 characters.
    pub note: Option<String>,
    /// The owner's member id; if absent, the actor's own member. The root token belongs to no member, so with it the
    /// owner is required.
    pub owner: Option<String>,
    /// The token's own scopes, at most 100. Each is a built-in scope, a scope of the catalogue, or a wildcard that
    /// matches at least one of these.
    pub scopes: Vec<ScopePattern>,
    /// When the token expires.
    pub lifetime: Lifetime,
    /// The time from which the token is valid. It must be earlier than the expiration.
    pub not_before: Option<Timestamp>,
    /// Whether the token is enabled from the start.
    pub enabled: bool,
    /// IP addresses or CIDR ranges from which the token can be used, at most 100. If empty, any address is allowed, or
    /// those of the creating token unless that has `tokens:grant`.
    pub allowed_addresses: Vec<AddressBlock>,
    /// The client to bind the token to. An owner has at most one live token bound to a client.
    pub client_id: Option<String>,
    /// At most 4 KiB of JSON, at most 32 levels deep.
    pub metadata: Option<Map<String, Value>>,
}

/// When a token expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// As late as the actor's limits and the workspace's maximum lifetime allow. Without any limit, the token never
    /// expires.
    Longest,
    /// At this time, which must be in the future, in the year 9999 at the latest.
    Until(Timestamp),
    /// This many seconds from now, at least one.
    Seconds(u64),
}

/// Lists the tokens that the actor may see; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListTokens {
    /// Which tokens to list.
    pub filter: TokenFilter,
    /// Their order.
    pub sort: TokenSort,
    /// The requested page.
    pub page: Page,
    /// If present, each token includes its uses on this many of the last days (UTC, including today): 1 to 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<u32>,
}

/// Selects the tokens that meet all of these conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFilter {
    /// The owner's member id.
    pub owner: Option<String>,
    /// The current state of the tokens.
    pub state: Option<State>,
    /// One of the token's own scopes, exactly.
    pub scope: Option<ScopePattern>,
    /// The client that the tokens are bound to or labelled with.
    pub client_id: Option<String>,
    /// The digest of the token's current value, or of one that a rotation replaced.
    pub digest: Option<Digest>,
    /// Text to find in the name, note, masked token (`hint`) or id, ignoring the case of ASCII letters. At most 200
    /// characters.
    pub text: Option<String>,
    /// The token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The token's number in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Only tokens of the actor's own member. The root token belongs to no member, so it finds none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mine: bool,
    /// Only tokens that are neither revoked nor expired, which are those that count against their owner's quota.
    #[serde(default, skip_serializing_if = "is_false")]
    pub live: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The order of a list of tokens. Tokens with equal values are ordered by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSort {
    /// The column.
    pub by: TokenColumn,
    /// Whether the highest value comes first.
    pub descending: bool,
}

/// What tokens can be sorted by. Tokens without a value come last in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenColumn {
    /// By number: in the order of creation.
    Number,
    /// By name, in the order of code points.
    Name,
    /// By creation time.
    CreatedAt,
    /// By expiration time.
    ExpiresAt,
    /// By the time of the last use.
    LastUsedAt,
}

/// Reads one token by id; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadToken {
    /// `tok_…`
    pub id: String,
}

/// Reads the token that the actor presents. Needs no scope.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSelf {}

/// Revokes one token permanently; needs `tokens:write`, except that a token can always revoke itself. If the token is
/// already revoked, nothing is written and the reply shows its current state.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeToken {
    /// `tok_…`
    pub id: String,
    /// A reason for the audit log, at most 200 characters.
    pub reason: Option<String>,
}

/// The owner of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Owner {
    /// The member's id.
    pub id: String,
    /// The member's number.
    pub number: u64,
}

/// Token state. If several apply, the first in this order: `revoked`, `disabled`, `expired`, `pending`, `active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "TokenState"))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Revoked permanently.
    Revoked,
    /// Disabled.
    Disabled,
    /// Expired.
    Expired,
    /// Not valid yet: `not_before` is in the future.
    Pending,
    /// Active: none of the other states applies.
    Active,
}

/// A token, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Token"))]
pub struct TokenView {
    /// `tok_…`
    pub id: String,
    /// The token's number in the workspace.
    pub number: u64,
    /// The digest of the token value.
    pub digest: Digest,
    /// The masked token: prefix and last four characters.
    pub hint: String,
    /// Its name.
    pub name: String,
    /// A note.
    pub note: Option<String>,
    /// The member that owns the token.
    pub owner: Owner,
    /// The token's own scopes.
    pub scopes: ScopeSet,
    /// Effective scopes: the token's own scopes, as far as its owner's granted scopes cover them.
    pub effective_scopes: ScopeSet,
    /// The current state.
    pub state: State,
    /// Whether the token is enabled.
    pub enabled: bool,
    /// When the token was created.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
    /// Who created the token: the id of a token or session, or `root`.
    pub created_by: String,
    /// When the token expires.
    #[serde(with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub expires_at: Option<Timestamp>,
    /// The time from which the token is valid.
    #[serde(with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub not_before: Option<Timestamp>,
    /// IP addresses or CIDR ranges from which the token can be used. If empty, any address is allowed.
    pub allowed_addresses: Vec<AddressBlock>,
    /// The client that the token is bound to or labelled with.
    pub client_id: Option<String>,
    /// Free-form metadata.
    pub metadata: Option<Map<String, Value>>,
    /// When the token was last used, as far as was reported.
    #[serde(with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub revoked_at: Option<Timestamp>,
    /// Rises with every change of the token.
    pub version: u64,
    /// How often the token was used on each of the last days (UTC), oldest first. Only in lists requested with `usage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_uses: Option<Vec<u64>>,
}

/// A token that was just created or rotated, with its value. No other response contains the value.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "IssuedToken"))]
pub struct Issued {
    /// The token value, returned only once. Absent if the request was repeated with the same `Idempotency-Key`: the
    /// value was in the first response and is not stored.
    #[serde(rename = "token")]
    pub text: Option<TokenValue>,
    /// `true` if the token value is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_shown_before: Option<bool>,
    /// If the token value is absent: what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// After a rotation: until when the previous token value is valid.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339::option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::Time>"))]
    pub previous_valid_until: Option<Timestamp>,
    /// The token.
    #[serde(flatten)]
    pub token: TokenView,
}

impl Issued {
    /// The reply that contains a token value, for the first and only time.
    #[must_use]
    pub fn new(text: TokenValue, token: TokenView) -> Self {
        Self { text: Some(text), token_shown_before: None, detail: None, previous_valid_until: None, token }
    }
}

/// Updates a token; needs `tokens:write`. Absent fields are unchanged. A token cannot change its own scopes, expiration
/// or allowed addresses. Unless the change only reduces access or concerns only the note, the actor must be able to
/// grant everything that the token has afterwards.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateToken {
    /// `tok_…`
    pub id: String,
    /// 0–200 characters.
    pub name: Option<String>,
    /// 0–1,000 characters.
    pub note: Patch<String>,
    /// Whether the token is enabled.
    pub enabled: Option<bool>,
    /// The token's own scopes.
    pub scopes: Option<ScopeChange>,
    /// When the token expires. If cleared, it never expires.
    pub lifetime: Patch<Lifetime>,
    /// The time from which the token is valid.
    pub not_before: Patch<Timestamp>,
    /// IP addresses or CIDR ranges from which the token can be used. If empty, any address is allowed.
    pub allowed_addresses: Option<Vec<AddressBlock>>,
    /// Free-form metadata.
    pub metadata: Patch<Map<String, Value>>,
}

/// A change to a token's own scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeChange {
    /// Replaces all scopes with these.
    Replace(Vec<ScopePattern>),
    /// Adds the scopes with `true` and removes those with `false`. Other scopes are unchanged.
    Merge(BTreeMap<ScopePattern, bool>),
}

/// Issues a new value for a token; needs `tokens:write`. The token's id, client binding and history do not change.
/// Values that earlier rotations replaced remain valid until their grace periods expire, unless `end_previous` is set.
/// At most eight values of a token are valid at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct RotateToken {
    /// `tok_…`
    pub id: String,
    /// How long the current token value remains valid: 0 seconds to 30 days.
    pub grace_seconds: u64,
    /// Whether the values that earlier rotations replaced are revoked now, regardless of their grace periods.
    #[serde(default, skip_serializing_if = "is_false")]
    pub end_previous: bool,
}

/// Revokes one token value, by its digest; needs `tokens:write`, except for a value of the actor's own token. If it is
/// the token's current value, the token is revoked permanently. If a rotation replaced it, only this value is revoked,
/// and the token's other values remain valid.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeText {
    /// The digest of the token value.
    pub digest: Digest,
    /// A reason for the audit log, at most 200 characters.
    pub reason: Option<String>,
}

/// The reply to [`RevokeText`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedText {
    /// What was revoked.
    pub ended: Ended,
}

/// What [`RevokeText`] revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The token, with all its values.
    Token,
    /// Only the token value.
    Text,
    /// Nothing. The value is unknown, already revoked or past its grace period, or the actor may not see its token.
    Nothing,
}

/// Revokes several tokens at once; needs `tokens:write`. If an id is unknown or more than 1,000 tokens are selected,
/// none is revoked.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeTokens {
    /// The tokens to revoke.
    pub select: Selection,
    /// A reason for the audit log, at most 200 characters.
    pub reason: Option<String>,
}

/// Selects the tokens to revoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The tokens with these ids: 1 to 1,000.
    Ids(Vec<String>),
    /// The tokens that match the filter and are not revoked. The filter must not be empty.
    Filter(TokenFilter),
}

/// The results, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RevokedTokens {
    /// One result for each token.
    pub items: Vec<RevokedItem>,
}

/// Imports third-party tokens by the digests of their values; needs `tokens:import`. The rules of [`CreateToken`] apply
/// to each line. An invalid line is rejected, and the others are imported. But if the imported tokens exceed the quota
/// of an owner, none is imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportTokens {
    /// At most 10,000 lines.
    pub lines: Vec<ImportLine>,
}

/// One token to be imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportLine {
    /// The SHA-256 of the token value.
    pub digest: Digest,
    /// Whether the token value has so little entropy that it could be recovered from its digest by brute force. Such
    /// tokens are excluded from snapshots.
    pub weak: bool,
    /// The length of the token value in characters, if it is known: 16 to 512. A value of another length could never be
    /// verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// All other properties, as for a new token.
    pub token: CreateToken,
}

/// The reply to [`ImportTokens`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One result for each line, in the order of the request: the new token's id, or the error.
    pub lines: Vec<Result<String, CommandError>>,
}
