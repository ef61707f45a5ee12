//! Commands for members and clients, and their replies.

use counterfoil_verify::{ScopePattern, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};

use super::{listing::Page, patch::Patch};
use crate::{rfc3339, status, web_address::WebAddress};

/// Lists the members by number; needs `workspace:manage`. With `tokens:read` alone, only the actor's own member.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListMembers {
    /// The requested page.
    pub page: Page,
}

/// Adds a member; needs `workspace:manage`. Only admins can create admins, and no actor can grant a member more than it
/// could grant a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateMember {
    /// 1–128 visible ASCII characters, unique in the workspace.
    pub id: String,
    /// Its number, from 1; if absent, the highest plus one.
    pub number: Option<u64>,
    /// 1–200 characters.
    pub name: String,
    /// An address with one `@`, at most 254 characters, unique in the workspace regardless of case.
    pub email: Option<String>,
    /// Its `sub` at its identity provider: 1–255 characters, unique for that provider.
    #[serde(default)]
    pub subject: Option<String>,
    /// The issuer of that provider. If absent, the only provider that identifies members by subject, or, if none does
    /// yet, the first that is configured to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_issuer: Option<WebAddress>,
    /// Its role.
    pub role: Role,
    /// The granted scopes; at most 100 patterns.
    pub grants: Vec<ScopePattern>,
    /// The maximum number of live tokens, up to a million; if absent, the workspace's default.
    pub quota: Option<u64>,
}

/// What a member can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Every member's tokens.
    Admin,
    /// Its own tokens.
    Member,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Member {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// The member's subject (`sub`) at its identity provider.
    #[serde(default)]
    pub subject: Option<String>,
    /// The issuer of that provider. If it is absent although there is a subject, the subject cannot be used to sign in:
    /// no provider identifies members by subject yet, or several do and none was chosen.
    #[serde(default)]
    pub subject_issuer: Option<String>,
    /// What the member can act on.
    pub role: Role,
    /// Granted scopes: the most that the member's tokens can be given.
    pub grants: ScopeSet,
    /// How many live tokens the member can have.
    pub quota: u64,
    /// How many live tokens the member has.
    pub live_tokens: u64,
    /// Whether it is suspended.
    #[serde(rename = "state", with = "status")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Status"))]
    pub suspended: bool,
    /// When it was added.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
}

/// Reads one member by id; needs `workspace:manage`, or `tokens:read` for the actor's own.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadMember {
    /// The member's id.
    pub id: String,
}

/// Reads one member by number, otherwise as [`ReadMember`].
#[derive(Debug, Serialize, Deserialize)]
pub struct FindMember {
    /// The member's number.
    pub number: u64,
}

/// Changes a member; needs `workspace:manage`. Absent fields are unchanged. For verifiers, a suspension, a removal of
/// granted scopes and the revocation of all tokens change one record, however many tokens are affected. A change that
/// gives a member anything (scopes, a role, a higher quota, an end of its suspension, another e-mail address or
/// subject) requires that the actor could grant everything that becomes usable; a role, a quota and an admin's
/// suspension require an admin.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateMember {
    /// The member's id.
    pub id: String,
    /// 1–200 characters.
    pub name: Option<String>,
    /// An address with one `@`, at most 254 characters, unique in the workspace regardless of case. Sessions that were
    /// signed in by the previous address end.
    pub email: Patch<String>,
    /// Its `sub` at its identity provider: 1–255 characters, unique for that provider. Sessions that were signed in by
    /// the previous subject end.
    #[serde(default)]
    pub subject: Patch<String>,
    /// The issuer of that provider, for the given subject or the existing one. Sessions that were signed in by the
    /// previous issuer end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_issuer: Option<WebAddress>,
    /// Its role. The last active admin remains an admin.
    pub role: Option<Role>,
    /// The granted scopes.
    pub grants: Option<Vec<ScopePattern>>,
    /// The maximum number of live tokens; if cleared, the workspace's default.
    pub quota: Patch<u64>,
    /// Whether it is suspended. The last active admin cannot be. Only an admin can end an admin's suspension.
    pub suspended: Option<bool>,
    /// Revokes all its tokens.
    pub revoke_all: bool,
}

/// Erases a member; needs `workspace:manage`. Its tokens are revoked and its personal data is blanked. Its number and
/// its tokens' ids remain, so that the audit log stays consistent.
#[derive(Debug, Serialize, Deserialize)]
pub struct EraseMember {
    /// The member's id.
    pub id: String,
}

/// A client: an application that tokens can be bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The scopes that a token created for the client gets.
    pub permissions: ScopeSet,
    /// When it was added.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
}

/// Lists the clients, in the order in which they were added; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListClients {
    /// The requested page.
    pub page: Page,
}

/// Reads one client by id; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadClient {
    /// The client's id.
    pub id: String,
}

/// Adds a client; needs `workspace:manage`.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateClient {
    /// 1–128 visible ASCII characters, unique in the workspace.
    pub id: String,
    /// 1–200 characters.
    pub name: String,
    /// The scopes of a token that is created for it; each in the catalogue, or a wildcard that matches one there.
    pub permissions: Vec<ScopePattern>,
}

/// Deletes a client; needs `workspace:manage`. Tokens bound to it keep its id and remain valid.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteClient {
    /// The client's id.
    pub id: String,
}
