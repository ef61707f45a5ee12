//! The workspace: a table with one row.

use counterfoil_protocol::{
    Slug,
    command::{Settings, Workspace},
};
use counterfoil_token::{Prefix, WorkspaceKey};
use counterfoil_verify::{Freshness, Scope, Timestamp, WorkspaceRecord};

use crate::{
    columns::{Columns, columns, insert, update},
    sql::{Sql, SqlError},
};

/// The workspace's row.
#[derive(Clone)]
pub(crate) struct WorkspaceRow {
    pub(crate) key: WorkspaceKey,
    pub(crate) slug: Slug,
    pub(crate) name: String,
    pub(crate) prefix: Prefix,
    pub(crate) created_at: Timestamp,
    /// When this history began, in milliseconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) version: u64,
    pub(crate) founded: u64,
    pub(crate) suspended: bool,
    pub(crate) has_imports: bool,
    pub(crate) settings: Settings,
    /// The longest lease, in seconds, that may ever have been granted.
    pub(crate) longest_lease: u64,
    /// All granted leases expire by then; absent if this was never recorded.
    pub(crate) leases_until: Option<Timestamp>,
    /// The number of the instance that grants leases, if any.
    pub(crate) grantor: Option<u64>,
    /// When the last snapshot that was served expires; absent if none was ever requested.
    pub(crate) snapshots_until: Option<Timestamp>,
    /// Whether the workspace is being deleted. All requests are refused then.
    pub(crate) deleting: bool,
}

columns!(WorkspaceRow: "workspace" {
    key, slug, name, prefix, created_at, epoch, generation, version, founded, suspended, has_imports, longest_lease,
    leases_until, grantor, snapshots_until, deleting,
} { settings });

columns!(Settings: "workspace" {
    default_quota, max_lifetime, session_length, lease_max, snapshot_max, audit_retention, allowed_origins, hosts,
    identity_providers,
});

impl WorkspaceRow {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Option<Self>, SqlError> {
        sql.one(&format!("SELECT {}, {} FROM workspace", Self::COLUMNS, Settings::COLUMNS), &[])
    }

    /// Inserts the row. Columns that it does not name get the schema's defaults.
    pub(crate) fn insert(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        insert!(sql, "workspace" {
            row: 1_u64, key: self.key, slug: self.slug, name: self.name, prefix: self.prefix,
            created_at: self.created_at, epoch: self.epoch, generation: self.generation, version: self.version,
            founded: self.founded, last_number: 0_u64, suspended: self.suspended, has_imports: self.has_imports,
            default_quota: self.settings.default_quota, session_length: self.settings.session_length,
            leases_until: self.leases_until,
        })
    }

    /// Writes every field that can change after the workspace was created.
    pub(crate) fn save(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        let settings = &self.settings;
        update!(sql, "workspace" {
            name: self.name, prefix: self.prefix, suspended: self.suspended, default_quota: settings.default_quota,
            max_lifetime: settings.max_lifetime, session_length: settings.session_length,
            lease_max: settings.lease_max, longest_lease: self.longest_lease.max(settings.lease_max),
            snapshot_max: settings.snapshot_max, audit_retention: settings.audit_retention,
            allowed_origins: settings.allowed_origins, hosts: settings.hosts,
            identity_providers: settings.identity_providers, version: self.version,
        })
    }

    /// The workspace's record for verifiers, with the scopes that require a minimum freshness level.
    pub(crate) fn record(&self, freshness: Vec<(Scope, Freshness)>) -> WorkspaceRecord {
        WorkspaceRecord {
            version: self.version,
            key: self.key,
            slug: self.slug.as_str().into(),
            suspended: self.suspended,
            has_imports: self.has_imports,
            freshness,
        }
    }

    /// The workspace and its settings as callers see them.
    pub(crate) fn view(&self) -> Workspace {
        Workspace {
            key: self.key,
            slug: self.slug.clone(),
            name: self.name.clone(),
            prefix: self.prefix,
            created_at: self.created_at,
            suspended: self.suspended,
            settings: self.settings.clone(),
            storage: None,
        }
    }
}
