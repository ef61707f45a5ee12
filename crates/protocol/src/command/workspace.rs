//! Commands about the workspace, its scope catalogue and its audit, and what they answer.

use core::net::IpAddr;

use counterfoil_token::{Prefix, WorkspaceKey};
use counterfoil_verify::{Freshness, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{identity::IdentityProvider, listing::Page, members::Role, patch::Patch, tokens::Issued};
use crate::{host::Hosts, rfc3339, slug::Slug, status};

/// Root only: makes the workspace with its first admin member (`admin`, number 1, granted everything) and that member's
/// first token. Repeated while nothing else has happened there, it revokes that token, which nobody can have used, and
/// mints another: so the API may try again after a lost answer. Later it is refused as existing. It is the directory
/// that refuses a slug which is already confirmed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The workspace's slug, as the directory has it.
    pub slug: Slug,
    /// The workspace's name, for people: 1–200 characters.
    pub name: String,
    /// The prefix of the workspace's tokens.
    pub prefix: Prefix,
}

/// The catalogue; needs `tokens:read`. An admin is shown all of it, others what they may grant.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetScopes {}

/// Replaces the scope catalogue; needs `workspace:manage`. Built-in scopes are not part of it (refused: `BUILT_IN_SCOPE`).
#[derive(Debug, Serialize, Deserialize)]
pub struct PutScopes {
    /// The whole catalogue, at most 1,000 entries, names distinct.
    pub scopes: Vec<ScopeEntry>,
}

/// One scope of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CatalogueScope"))]
pub struct ScopeEntry {
    /// The scope.
    pub name: Scope,
    /// A description of what the scope permits, at most 500 characters.
    pub description: String,
    /// Who can see the scope: only admins, or every member.
    pub visible_to: Role,
    /// Who can grant the scope: only admins, or every member that has it.
    pub grantable_by: Role,
    /// The minimum freshness level of checks that require this scope.
    pub freshness: Option<Freshness>,
}

/// The scope catalogue, as far as the caller may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Catalogue {
    /// The scopes, ordered by name.
    pub scopes: Vec<ScopeEntry>,
}

/// A workspace and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Workspace {
    /// The workspace's key, which its tokens contain.
    pub key: WorkspaceKey,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The prefix of its tokens.
    pub prefix: Prefix,
    /// When it was created.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
    /// Whether the workspace, and with it all its tokens, is suspended.
    #[serde(rename = "state", with = "status")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Status"))]
    pub suspended: bool,
    /// Its settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// How much storage is used. Present if the caller has the scope `workspace:manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Stored>,
}

/// How much of the workspace's storage is used. From nine tenths on, requests that would add to it are rejected;
/// requests that take something away still work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Storage"))]
pub struct Stored {
    /// How many bytes are used.
    pub used_bytes: u64,
    /// How many bytes can be used.
    pub limit_bytes: u64,
}

/// A workspace's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Settings {
    /// Maximum number of live tokens per member, unless the member has its own quota.
    pub default_quota: u64,
    /// Maximum token lifetime, in seconds. If absent, there is no limit.
    pub max_lifetime: Option<u64>,
    /// How long a session lasts, in seconds.
    pub session_length: u64,
    /// Lease duration in seconds: the longest time a remote verifier may accept a revoked token at `bounded` freshness.
    #[serde(default = "lease_of_old")]
    pub lease_max: u64,
    /// How long a snapshot is valid, in seconds: the longest time an offline verifier may accept a revoked token.
    #[serde(default = "snapshot_of_old")]
    pub snapshot_max: u64,
    /// For how many days audit log entries are kept. If absent, they are kept forever.
    #[serde(rename = "audit_retention_days")]
    pub audit_retention: Option<u64>,
    /// Other origins whose web pages can send requests, as browsers send them in `Origin`: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The hosts of the workspace. A third-party token that is sent to one of them need not name its workspace.
    #[serde(default)]
    pub hosts: Hosts,
    /// The identity providers that can authenticate members.
    #[serde(default)]
    pub identity_providers: Vec<IdentityProvider>,
}

/// What an object that knows no leases yet would have it be.
const fn lease_of_old() -> u64 {
    10
}

/// What an object that knows no snapshots yet would have it be.
const fn snapshot_of_old() -> u64 {
    86_400
}

/// The workspace and its settings; needs no scope but a live token.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadWorkspace {}

/// Changes the workspace; needs `workspace:manage`. What is absent stays.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateWorkspace {
    /// 1–200 characters.
    pub name: Option<String>,
    /// The prefix of tokens created from now on.
    pub prefix: Option<Prefix>,
    /// 1 to 1,000,000.
    pub default_quota: Option<u64>,
    /// 1 second to 100 years. Tokens issued before keep theirs.
    pub max_lifetime: Patch<u64>,
    /// 60 seconds to 30 days.
    pub session_length: Option<u64>,
    /// 2 to 60 seconds.
    #[serde(default)]
    pub lease_max: Option<u64>,
    /// 60 seconds to 30 days.
    #[serde(default)]
    pub snapshot_max: Option<u64>,
    /// 1 to 36,500 days.
    pub audit_retention: Patch<u64>,
    /// At most 20 origins.
    pub allowed_origins: Option<Vec<String>>,
    /// At most 4, no two of one issuer and audience. Only who may grant everything may change who vouches for members.
    #[serde(default)]
    pub identity_providers: Option<Vec<IdentityProvider>>,
}

impl UpdateWorkspace {
    /// Whether it asks for no change at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            name,
            prefix,
            default_quota,
            max_lifetime,
            session_length,
            lease_max,
            snapshot_max,
            audit_retention,
            allowed_origins,
            identity_providers,
        } = self;
        name.is_none()
            && prefix.is_none()
            && default_quota.is_none()
            && session_length.is_none()
            && lease_max.is_none()
            && snapshot_max.is_none()
            && allowed_origins.is_none()
            && identity_providers.is_none()
            && *max_lifetime == Patch::Keep
            && *audit_retention == Patch::Keep
    }
}

/// Root only: suspends the workspace, or resumes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SuspendWorkspace {
    /// Which of the two.
    pub suspended: bool,
}

/// Root only: says by which hosts the workspace is reached, as the [directory](crate::directory::AssignHosts) has it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetHosts {
    /// All of them.
    pub hosts: Hosts,
}

/// Root only: deletes the workspace. From here on nothing of it is known; its rows and its registry keys go in bounded
/// steps that the alarm drives. Said again, it tells how far that is.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteWorkspace {}

/// The progress of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Deletion"))]
pub struct Deleted {
    /// Whether all data is deleted, including the registry's.
    pub complete: bool,
}

/// The audit, newest first; needs `audit:read`. An admin sees all of it, others what they did and what was done to
/// their tokens and sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadAudit {
    /// Only what was done to this, by its id: a token, a member, a client, a session.
    pub subject: Option<String>,
    /// Only what was done by this: the id of a token or session, `root` or `sign_in`.
    pub actor: Option<String>,
    /// Which page.
    pub page: Page,
}

/// One audit log entry: a change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// A sequence number that only rises and is never reused.
    pub seq: u64,
    /// When the change was made.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub at: Timestamp,
    /// Who made the change: the id of a token or session, `root`, or `sign_in` if an identity provider authenticated
    /// the member.
    pub actor: String,
    /// The action: `token.create`, `member.update`, …
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// The changed fields before the change.
    pub before: Option<Value>,
    /// The changed fields after the change.
    pub after: Option<Value>,
    /// The id of the request that made the change.
    pub request_id: String,
    /// The IP address that sent the request.
    pub address: Option<IpAddr>,
}

/// A workspace that was just created.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "NewWorkspaceWithToken"))]
pub struct Bootstrapped {
    /// The workspace.
    pub workspace: Workspace,
    /// The first admin's token.
    #[serde(rename = "token")]
    pub admin: Issued,
}
