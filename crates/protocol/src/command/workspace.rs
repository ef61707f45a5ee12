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
    /// What it permits, in words; at most 500 characters.
    pub description: String,
    /// Who is shown it: admins only, or everybody.
    pub visible_to: Role,
    /// Who may grant it: admins only, or everybody who has it.
    pub grantable_by: Role,
    /// The freshness that a check for it asks at least.
    pub freshness: Option<Freshness>,
}

/// The catalogue as the actor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Catalogue {
    /// In the order of their names.
    pub scopes: Vec<ScopeEntry>,
}

/// The workspace as its admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Workspace {
    /// Its key, as its tokens carry it.
    pub key: WorkspaceKey,
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// The prefix of its tokens.
    pub prefix: Prefix,
    /// When it was made.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
    /// Whether it is suspended, and all its tokens with it.
    #[serde(rename = "state", with = "status")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Status"))]
    pub suspended: bool,
    /// Its settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// How full its storage is, where it is read by whoever holds `workspace:manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Stored>,
}

/// How full the storage of a workspace is. From nine tenths on nothing is added to it; what takes away still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Storage"))]
pub struct Stored {
    /// How many bytes are used.
    pub used_bytes: u64,
    /// How many there may be.
    pub limit_bytes: u64,
}

/// A workspace's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Settings {
    /// How many live tokens a member may have whose own quota says nothing.
    pub default_quota: u64,
    /// The longest life of a token, in seconds; no limit where absent.
    pub max_lifetime: Option<u64>,
    /// How long a session lasts, in seconds.
    pub session_length: u64,
    /// How long a lease lasts, in seconds: for how long a verifier elsewhere may pass a token that was revoked.
    #[serde(default = "lease_of_old")]
    pub lease_max: u64,
    /// For how long a snapshot may be relied upon, in seconds, and so pass a token that was revoked.
    #[serde(default = "snapshot_of_old")]
    pub snapshot_max: u64,
    /// For how many days audit rows are kept; for ever where absent.
    #[serde(rename = "audit_retention_days")]
    pub audit_retention: Option<u64>,
    /// The origins whose web pages may send requests, each as a browser names it: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The hosts by which it is reached: a token that was issued elsewhere need not name its workspace there.
    #[serde(default)]
    pub hosts: Hosts,
    /// Who may vouch for members that sign in.
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
    /// The prefix of tokens issued from now on.
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

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Deletion"))]
pub struct Deleted {
    /// Whether everything is gone, from the registry too.
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

/// One change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Counts up; never used again.
    pub seq: u64,
    /// When.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub at: Timestamp,
    /// By whom: the id of a token or session, `root`, or `sign_in` where an identity provider vouched for a member.
    pub actor: String,
    /// What: `token.create`, `member.update`, …
    pub action: String,
    /// To what, by its id.
    pub subject: String,
    /// What was changed, as it was.
    pub before: Option<Value>,
    /// As it is since.
    pub after: Option<Value>,
    /// The id of the request.
    pub request_id: String,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// A workspace just made.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "NewWorkspaceWithToken"))]
pub struct Bootstrapped {
    /// The workspace.
    pub workspace: Workspace,
    /// The first admin's first token.
    #[serde(rename = "token")]
    pub admin: Issued,
}
