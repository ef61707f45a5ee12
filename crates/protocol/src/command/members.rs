//! Commands about members and clients, and what they answer.

use counterfoil_verify::{ScopePattern, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};

use super::{listing::Page, patch::Patch};
use crate::{rfc3339, status, web_address::WebAddress};

/// The members, by number; needs `workspace:manage`. With `tokens:read` alone, the member as whom the actor acts.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListMembers {
    /// Which page.
    pub page: Page,
}

/// Adds a member; needs `workspace:manage`. Only admins make admins, and nobody grants a member more than a token could
/// be granted by it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateMember {
    /// 1–128 visible ASCII characters, unique in the workspace.
    pub id: String,
    /// Its number, from 1; one more than the highest where absent.
    pub number: Option<u64>,
    /// 1–200 characters.
    pub name: String,
    /// An address with one `@`, at most 254 characters, unique in the workspace in whatever case its letters are.
    pub email: Option<String>,
    /// By what name its identity provider knows it: 1–255 characters, unique among that provider's.
    #[serde(default)]
    pub subject: Option<String>,
    /// The issuer of that provider; where absent, the only one that finds members by subject, or the first that will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_issuer: Option<WebAddress>,
    /// What it may act on.
    pub role: Role,
    /// What its tokens may be granted at most; at most 100 patterns.
    pub grants: Vec<ScopePattern>,
    /// How many live tokens it may have, up to a million; the workspace's default where absent.
    pub quota: Option<u64>,
}

/// What a member may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Every member's tokens.
    Admin,
    /// Its own.
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
    /// By what name its identity provider knows it.
    #[serde(default)]
    pub subject: Option<String>,
    /// The issuer of that provider. Where it is absent and there is a subject, nobody signs in by that: no provider finds
    /// members by subject yet, or several do and nobody has said which is meant.
    #[serde(default)]
    pub subject_issuer: Option<String>,
    /// What it may act on.
    pub role: Role,
    /// What its tokens may be granted at most.
    pub grants: ScopeSet,
    /// How many live tokens it may have.
    pub quota: u64,
    /// How many it has.
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

/// One member by id; needs `workspace:manage`, or `tokens:read` for oneself.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadMember {
    /// The member's id.
    pub id: String,
}

/// One member by number, otherwise as [`ReadMember`].
#[derive(Debug, Serialize, Deserialize)]
pub struct FindMember {
    /// The member's number.
    pub number: u64,
}

/// Changes a member; needs `workspace:manage`. What is absent stays. Suspending a member, cutting its grants and
/// revoking all its tokens are one record to verifiers, however many tokens that touches. What gives a member anything
/// (scopes, a role, a higher quota, its suspension undone, another e-mail address or subject) needs that the actor could
/// grant all that comes alive by it, and an admin for a role, a quota and an admin's suspension.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateMember {
    /// The member's id.
    pub id: String,
    /// 1–200 characters.
    pub name: Option<String>,
    /// An address with one `@`, at most 254 characters, unique in the workspace in whatever case its letters are. What a
    /// provider vouched for by another one ends.
    pub email: Patch<String>,
    /// By what name its identity provider knows it: 1–255 characters, unique among that provider's. Likewise.
    #[serde(default)]
    pub subject: Patch<String>,
    /// The issuer of that provider, of the subject given or the one it has. Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_issuer: Option<WebAddress>,
    /// What it may act on. The last active admin stays one.
    pub role: Option<Role>,
    /// What its tokens may be granted at most.
    pub grants: Option<Vec<ScopePattern>>,
    /// How many live tokens it may have; cleared, the workspace's default.
    pub quota: Patch<u64>,
    /// Whether it is suspended. The last active admin cannot be. Only an admin undoes an admin's suspension.
    pub suspended: Option<bool>,
    /// Revokes every token it has.
    pub revoke_all: bool,
}

/// Erases a member; needs `workspace:manage`. Its tokens are revoked, and whatever says who it was is blanked; its
/// number and its tokens' ids stay, so that the audit goes on making sense.
#[derive(Debug, Serialize, Deserialize)]
pub struct EraseMember {
    /// The member's id.
    pub id: String,
}

/// An OAuth2 client that tokens may be pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The scopes that a token made for it gets.
    pub permissions: ScopeSet,
    /// When it was added.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
}

/// The clients, in the order in which they were added; needs `tokens:read`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListClients {
    /// Which page.
    pub page: Page,
}

/// One client by id; needs `tokens:read`.
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
    /// The scopes that a token made for it gets; each in the catalogue, or a wildcard that matches there.
    pub permissions: Vec<ScopePattern>,
}

/// Removes a client; needs `workspace:manage`. Tokens pinned to it keep its id and go on working.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteClient {
    /// The client's id.
    pub id: String,
}
