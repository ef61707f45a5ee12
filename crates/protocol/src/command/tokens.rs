//! Commands about tokens, and what they answer.

use std::collections::BTreeMap;

use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, ScopePattern, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{listing::Page, patch::Patch, revoked::RevokedItem};
use crate::{command_error::CommandError, rfc3339, token_value::TokenValue};

/// Issues a token; needs `tokens:write`. It may do no more, no longer and from nowhere else than the actor's own token;
/// where that holds `tokens:grant`, no more than the actor's member is granted. In any case no more than its owner is
/// granted. Only an admin issues to other members.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateToken {
    /// 0–200 characters.
    pub name: String,
    /// 0–1,000 characters.
    pub note: Option<String>,
    /// The owner's member id; the actor's own member where absent. Root has none and must name one.
    pub owner: Option<String>,
    /// The token's own scopes, at most 100. Each is built in, or in the catalogue, or a wildcard that matches such.
    pub scopes: Vec<ScopePattern>,
    /// When it ends, at most one way of saying so.
    pub lifetime: Lifetime,
    /// The time from which the token is valid. It must be earlier than the expiration.
    pub not_before: Option<Timestamp>,
    /// Whether it starts switched on.
    pub enabled: bool,
    /// IP addresses or CIDR ranges from which the token can be used, at most 100. If empty, any address is allowed, or
    /// those of the creating token unless that has `tokens:grant`.
    pub allowed_addresses: Vec<AddressBlock>,
    /// The client to pin the token to. An owner has at most one live token pinned to a client.
    pub client_id: Option<String>,
    /// At most 4 KiB of JSON, at most 32 levels deep.
    pub metadata: Option<Map<String, Value>>,
}

/// How long a new token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// As long as the actor may give it.
    Longest,
    /// Until this moment, which must lie ahead, in the year 9999 at the latest.
    Until(Timestamp),
    /// For so many seconds, at least one.
    Seconds(u64),
}

/// The tokens that the actor may see, newest first; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListTokens {
    /// Which of them.
    pub filter: TokenFilter,
    /// In which order.
    pub sort: TokenSort,
    /// Which page.
    pub page: Page,
    /// On how many of the last days (UTC), today's included, each token's uses are told: 1 to 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<u32>,
}

/// Which tokens: those for which all that is given holds.
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
    /// The digest of the token value.
    pub digest: Option<Digest>,
    /// Text to find in the name, note, masked token (`hint`) or id, ignoring the case of ASCII letters. At most 200
    /// characters.
    pub text: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The token's number in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Whether it belongs to the actor's own member; root has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mine: bool,
    /// Whether it is neither revoked nor expired: it counts against its owner's quota.
    #[serde(default, skip_serializing_if = "is_false")]
    pub live: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// By what tokens are sorted; by number where equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSort {
    /// The column.
    pub by: TokenColumn,
    /// From the highest down.
    pub descending: bool,
}

/// What tokens can be sorted by. Those without a value come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenColumn {
    /// In the order of their issue.
    Number,
    /// By name, by code points.
    Name,
    /// By when they were issued.
    CreatedAt,
    /// By when they end.
    ExpiresAt,
    /// By when they were last used.
    LastUsedAt,
}

/// One token by its public id; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadToken {
    /// `tok_…`
    pub id: String,
}

/// The token that the actor presents. Needs no scope: a live token may read itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSelf {}

/// Revokes one token for good; needs `tokens:write`. A token may revoke itself.
/// Revoked before, it answers as it stands and nothing is written.
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
    /// The answer that shows a token value for the first time.
    #[must_use]
    pub fn new(text: TokenValue, token: TokenView) -> Self {
        Self { text: Some(text), token_shown_before: None, detail: None, previous_valid_until: None, token }
    }
}

/// Changes a token; needs `tokens:write`. What is absent stays. Nobody changes the scopes, the expiry or the addresses of
/// the token they are using. Where a change makes more possible, the actor must be able to issue the token as it is
/// afterwards; taking away is free.
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
    /// When it ends; to clear it is to ask for no end.
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
    /// These and no others.
    Replace(Vec<ScopePattern>),
    /// Those with `true` are added, those with `false` taken away, the others stay.
    Merge(BTreeMap<ScopePattern, bool>),
}

/// Gives a token a new text; needs `tokens:write`. Its identity, pin and history stay. What an earlier rotation promised to
/// the text that it replaced holds, unless this one is told to end it. At most eight texts work at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct RotateToken {
    /// `tok_…`
    pub id: String,
    /// For how many seconds the text that it has now goes on working: 0 to 30 days.
    pub grace_seconds: u64,
    /// Whether the texts that earlier rotations replaced end now, whatever they were promised.
    #[serde(default, skip_serializing_if = "is_false")]
    pub end_previous: bool,
}

/// Ends one text, by its digest; needs `tokens:write`, but for a text of the token that is used. Where the token has it, the
/// token is revoked for good. Where rotation replaced it, it ends alone, and the token goes on with the text that it has.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeText {
    /// The digest of the text.
    pub digest: Digest,
    /// A reason for the audit log, at most 200 characters.
    pub reason: Option<String>,
}

/// What [`RevokeText`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedText {
    /// What ended.
    pub ended: Ended,
}

/// What ended with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The token.
    Token,
    /// The text alone.
    Text,
    /// Nothing: no text by this digest works that the actor may see.
    Nothing,
}

/// Revokes many at once; needs `tokens:write`. All or nothing: an unknown id, or more than 1,000 tokens, and none is.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeTokens {
    /// Which.
    pub select: Selection,
    /// A reason for the audit log, at most 200 characters.
    pub reason: Option<String>,
}

/// Which tokens are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Revoke the tokens with these ids: 1 to 1,000.
    Ids(Vec<String>),
    /// Those that the filter finds and that are not revoked.
    Filter(TokenFilter),
}

/// The results, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RevokedTokens {
    /// One result for each token.
    pub items: Vec<RevokedItem>,
}

/// Takes over tokens that were issued elsewhere, by their digests; needs `tokens:import`, with the rules of
/// [`CreateToken`] for each line. A line that is wrong is refused and the others imported; but if the quota does not
/// hold them all, none is.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportTokens {
    /// At most 10,000 lines.
    pub lines: Vec<ImportLine>,
}

/// One token to be imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportLine {
    /// SHA-256 of its text.
    pub digest: Digest,
    /// Whether the token value has so little entropy that it could be recovered from its digest by brute force. Such
    /// tokens are excluded from snapshots.
    pub weak: bool,
    /// How many characters its text has, where that is known: 16 to 512, or it could never be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Everything else, as for a new token.
    pub token: CreateToken,
}

/// What [`ImportTokens`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each line, in their order: the new token's id, or why it was refused.
    pub lines: Vec<Result<String, CommandError>>,
}
