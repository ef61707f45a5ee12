//! Commands for the workspace, its scope catalogue and its audit log, and their replies.

use core::net::IpAddr;

use counterfoil_token::{Prefix, WorkspaceKey};
use counterfoil_verify::{Freshness, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{identity::IdentityProvider, listing::Page, members::Role, patch::Patch, tokens::Issued};
use crate::{host::Hosts, rfc3339, slug::Slug, status};

/// Creates the workspace with its first admin (`admin`, number 1, with all scopes granted) and that admin's first
/// token; only for the root token. As long as nothing else has happened in the workspace, the command can be repeated,
/// so that the API can retry after a lost reply: it revokes the previous token, whose value no client has received, and
/// issues another. After that it is rejected, because the workspace already exists. A slug that is already confirmed is
/// rejected by the directory, not by the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The workspace's slug, as reserved in the directory.
    pub slug: Slug,
    /// The workspace's display name: 1–200 characters.
    pub name: String,
    /// The prefix of the workspace's tokens.
    pub prefix: Prefix,
}

/// Reads the scope catalogue; needs `tokens:read`. Admins see all scopes, other members those that they may see and
/// grant.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetScopes {}

/// Replaces the scope catalogue; needs `workspace:manage`. A catalogue with built-in scopes is rejected
/// (`BUILT_IN_SCOPE`).
#[derive(Debug, Serialize, Deserialize)]
pub struct PutScopes {
    /// The complete catalogue: at most 1,000 entries with distinct names.
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

/// The lease duration that applies if a ledger of a version without leases omits the field, in seconds.
const fn lease_of_old() -> u64 {
    10
}

/// The validity that applies if a ledger of a version without snapshots omits the field, in seconds.
const fn snapshot_of_old() -> u64 {
    86_400
}

/// Reads the workspace and its settings; needs a valid credential, but no scope.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadWorkspace {}

/// Updates the workspace; needs `workspace:manage`. Absent fields are unchanged. A change that weakens a setting
/// requires an admin.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateWorkspace {
    /// 1–200 characters.
    pub name: Option<String>,
    /// The prefix of tokens created from now on.
    pub prefix: Option<Prefix>,
    /// 1 to 1,000,000.
    pub default_quota: Option<u64>,
    /// 1 second to 100 years. Existing tokens keep their expiration.
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
    /// At most 4, with distinct pairs of issuer and audience. Only an admin who can grant every scope may change them,
    /// because a provider can let its users sign in as any member.
    #[serde(default)]
    pub identity_providers: Option<Vec<IdentityProvider>>,
}

impl UpdateWorkspace {
    /// Whether the command changes nothing, because every field is absent.
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

/// Suspends or resumes the workspace; only for the root token.
#[derive(Debug, Serialize, Deserialize)]
pub struct SuspendWorkspace {
    /// True to suspend it, false to resume it.
    pub suspended: bool,
}

/// Sets the workspace's hosts, which the [directory](crate::directory::AssignHosts) has assigned to it before; only for
/// the root token.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetHosts {
    /// The complete list.
    pub hosts: Hosts,
}

/// Deletes the workspace; only for the root token. From then on all its tokens are unknown. The ledger's alarm deletes
/// its rows and its registry keys in bounded steps. If the command is repeated, the reply states the progress.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteWorkspace {}

/// The progress of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Deletion"))]
pub struct Deleted {
    /// Whether all data is deleted, including the registry's.
    pub complete: bool,
}

/// Reads the audit log, newest first; needs `audit:read`. Admins see all of it, other members what they did and what
/// was done to their tokens and sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadAudit {
    /// Only changes to the token, member, client or session with this id.
    pub subject: Option<String>,
    /// Only changes by this actor: the id of a token or session, `root` or `sign_in`.
    pub actor: Option<String>,
    /// The requested page.
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
