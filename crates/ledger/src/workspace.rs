//! The workspace: creation, settings, and its record for verifiers.

use core::ops::RangeInclusive;

use counterfoil_protocol::{
    BuiltIn, Hosts,
    command::{
        Bootstrap, Bootstrapped, Patch, Role, SetHosts, Settings, Stored, SuspendWorkspace, UpdateWorkspace, Workspace,
    },
    command_error::CommandError,
};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{ScopeSet, Timestamp};
use serde_json::{Value as Json, json};

use crate::{
    audit::{self, Change},
    check,
    columns::{TableRow as _, update},
    generator::Generator,
    identity, members,
    rows::{MemberRow, WorkspaceRow, sessions},
    settings,
    sql::{Sql, SqlError},
    tokens::{self, TokenDraft},
    transaction::Transaction,
};

/// The default quota of live tokens of a member.
const DEFAULT_QUOTA: u64 = 600;

/// The default session length: half a day, in seconds.
const DEFAULT_SESSION_LENGTH: u64 = 12 * 60 * 60;

/// The range of the default quota.
const QUOTAS: RangeInclusive<u64> = 1..=1_000_000;
/// The range of the maximum token lifetime, in seconds: up to a hundred Julian years.
const LIFETIMES: RangeInclusive<u64> = 1..=100 * 31_557_600;
/// The range of the session length, in seconds: a minute to 30 days.
const SESSION_LENGTHS: RangeInclusive<u64> = 60..=30 * 24 * 60 * 60;
/// The range of the audit retention, in days: up to a hundred years.
const RETENTIONS: RangeInclusive<u64> = 1..=36_500;

/// The default lease, in seconds. The schema has the same default.
const DEFAULT_LEASE: u64 = 10;

/// The range of leases, in seconds. A shorter lease would have no usable time left after the allowance for clock skew.
const LEASES: RangeInclusive<u64> = 2..=60;

/// The default validity of a snapshot: a day, in seconds. The schema has the same default.
const DEFAULT_SNAPSHOT: u64 = 24 * 60 * 60;

/// The range of the validity of a snapshot, in seconds: a minute to 30 days. A shorter one would expire too soon after
/// the next snapshot is built.
const SNAPSHOTS: RangeInclusive<u64> = 60..=30 * 24 * 60 * 60;

/// The number of the first admin.
const FIRST_ADMIN: u64 = 1;

/// Creates the workspace with its first admin, at generation 0. It is not visible before [`bootstrap`], which follows
/// in the same transaction.
pub(crate) fn create(
    sql: &dyn Sql,
    key: WorkspaceKey,
    ask: &Bootstrap,
    now: Timestamp,
) -> Result<WorkspaceRow, CommandError> {
    let founded = WorkspaceRow {
        key,
        slug: ask.slug.clone(),
        name: ask.name.clone(),
        prefix: ask.prefix,
        created_at: now,
        epoch: now.0,
        generation: 0,
        version: 0,
        founded: 0,
        suspended: false,
        has_imports: false,
        settings: Settings {
            default_quota: DEFAULT_QUOTA,
            max_lifetime: None,
            session_length: DEFAULT_SESSION_LENGTH,
            lease_max: DEFAULT_LEASE,
            snapshot_max: DEFAULT_SNAPSHOT,
            audit_retention: None,
            allowed_origins: Vec::new(),
            hosts: Hosts::default(),
            identity_providers: Vec::new(),
        },
        longest_lease: DEFAULT_LEASE,
        leases_until: Some(now),
        grantor: None,
        snapshots_until: None,
        deleting: false,
    };
    founded.insert(sql)?;
    let admin = MemberRow {
        number: FIRST_ADMIN,
        id: "admin".to_owned(),
        name: "Admin".to_owned(),
        role: Role::Admin,
        grants: ScopeSet::everything(),
        ..MemberRow::blank(now)
    };
    admin.insert(sql)?;
    Ok(founded)
}

/// Creates the first admin's first token. This can be repeated as long as nothing else has happened in the workspace;
/// it then replaces the previous token.
pub(crate) fn bootstrap(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    ask: Bootstrap,
) -> Result<Bootstrapped, CommandError> {
    tx.authority.require_root()?;
    check::length("/name", &ask.name, 1..=200)?;
    let untouched = tx.workspace.generation == tx.workspace.founded;
    if !untouched || ask.slug != tx.workspace.slug {
        return Err(CommandError::already_exists("workspace", "slug"));
    }
    let mut admin = MemberRow::by_number(tx.sql, FIRST_ADMIN)?
        .ok_or_else(|| CommandError::internal("the workspace's first admin is missing"))?;

    let generation = tx.next_generation()?;
    let workspace = WorkspaceRow {
        name: ask.name,
        prefix: ask.prefix,
        generation,
        version: generation,
        founded: generation,
        ..tx.workspace.clone()
    };
    update!(tx.sql, "workspace": workspace { name, prefix, version, founded })?;
    admin.version = generation;
    update!(tx.sql, "members" { version: admin.version } "number = ?", admin.number)?;
    audit::append(
        tx,
        Change {
            action: "workspace.create",
            subject: workspace.key.as_str(),
            before: None,
            after: Some(json!({ "workspace": workspace.view(), "admin": admin.id })),
        },
    )?;
    tx.publish_workspace(&workspace)?;
    tx.publish_member(&admin)?;

    tokens::revoke_each_of(tx, &admin, generation, "replaced by a repeated bootstrap")?;
    let draft = TokenDraft { name: "First admin token".to_owned(), ..TokenDraft::of(admin, ScopeSet::everything()) };
    let issued = tokens::issue(tx, generator, &workspace, generation, draft)?;
    Ok(Bootstrapped { workspace: workspace.view(), admin: issued })
}

/// Every caller with a valid token may read the workspace's name and settings. With `workspace:manage` the storage size
/// is included.
pub(crate) fn read(tx: &Transaction<'_>) -> Result<Workspace, CommandError> {
    let manages = tx.authority.holds(BuiltIn::WorkspaceManage);
    let stored = || Ok::<_, SqlError>(Stored { used_bytes: tx.sql.used()?, limit_bytes: tx.storage.limit() });
    Ok(Workspace { storage: manages.then(stored).transpose()?, ..tx.workspace.view() })
}

/// Updates the settings. If nothing differs, nothing is written.
pub(crate) fn update(tx: &Transaction<'_>, ask: UpdateWorkspace) -> Result<Workspace, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    let mut after = tx.workspace.clone();
    if let Some(name) = ask.name {
        check::length("/name", &name, 1..=200)?;
        after.name = name;
    }
    let settings = &mut after.settings;
    if let Some(quota) = ask.default_quota {
        settings.default_quota = within("/default_quota", quota, QUOTAS)?;
    }
    if let Patch::Set(seconds) = ask.max_lifetime {
        within("/max_lifetime", seconds, LIFETIMES)?;
    }
    ask.max_lifetime.apply(&mut settings.max_lifetime);
    if let Some(seconds) = ask.session_length {
        settings.session_length = within("/session_length", seconds, SESSION_LENGTHS)?;
    }
    if let Some(seconds) = ask.lease_max {
        settings.lease_max = within("/lease_max", seconds, LEASES)?;
    }
    if let Some(seconds) = ask.snapshot_max {
        settings.snapshot_max = within("/snapshot_max", seconds, SNAPSHOTS)?;
    }
    if let Patch::Set(days) = ask.audit_retention {
        within("/audit_retention_days", days, RETENTIONS)?;
    }
    ask.audit_retention.apply(&mut settings.audit_retention);
    if let Some(origins) = ask.allowed_origins {
        settings.allowed_origins = check::origins("/allowed_origins", origins)?;
    }
    if let Some(providers) = ask.identity_providers {
        settings.identity_providers = identity::check_providers(tx, providers)?;
        sessions::end_of_changed_providers(
            tx.sql,
            &tx.workspace.settings.identity_providers,
            &settings.identity_providers,
        )?;
        members::assign_subjects(tx.sql, &settings.identity_providers)?;
    }
    after.prefix = ask.prefix.unwrap_or(after.prefix);
    settings::check(&tx.authority, &tx.workspace.settings, &after.settings)?;
    change(tx, after, "workspace.update")
}

/// Suspends the workspace, which invalidates all its tokens, or resumes it.
pub(crate) fn suspend(tx: &Transaction<'_>, ask: &SuspendWorkspace) -> Result<Workspace, CommandError> {
    tx.authority.require_root()?;
    let after = WorkspaceRow { suspended: ask.suspended, ..tx.workspace.clone() };
    change(tx, after, if ask.suspended { "workspace.suspend" } else { "workspace.resume" })
}

/// Records the workspace's hosts.
pub(crate) fn set_hosts(tx: &Transaction<'_>, ask: SetHosts) -> Result<Workspace, CommandError> {
    tx.authority.require_root()?;
    let mut after = tx.workspace.clone();
    after.settings.hosts = ask.hosts;
    change(tx, after, "workspace.update")
}

fn change(tx: &Transaction<'_>, mut after: WorkspaceRow, action: &'static str) -> Result<Workspace, CommandError> {
    let (was, is) = audit::difference(fields(&tx.workspace), fields(&after));
    if is.is_empty() {
        return Ok(after.view());
    }
    after.version = tx.next_generation()?;
    after.save(tx.sql)?;
    tx.publish_workspace(&after)?;
    let (before, subject) = (Some(was.into()), after.key.as_str());
    audit::append(tx, Change { action, subject, before, after: Some(is.into()) })?;
    Ok(after.view())
}

fn fields(workspace: &WorkspaceRow) -> [(&'static str, Json); 12] {
    let settings = &workspace.settings;
    [
        ("name", json!(workspace.name)),
        ("prefix", json!(workspace.prefix)),
        ("suspended", json!(workspace.suspended)),
        ("default_quota", json!(settings.default_quota)),
        ("max_lifetime", json!(settings.max_lifetime)),
        ("session_length", json!(settings.session_length)),
        ("lease_max", json!(settings.lease_max)),
        ("snapshot_max", json!(settings.snapshot_max)),
        ("audit_retention_days", json!(settings.audit_retention)),
        ("allowed_origins", json!(settings.allowed_origins)),
        ("hosts", json!(settings.hosts)),
        ("identity_providers", json!(settings.identity_providers)),
    ]
}

fn within(pointer: &str, value: u64, range: RangeInclusive<u64>) -> Result<u64, CommandError> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(CommandError::invalid_value(pointer, format!("The value must be {} to {}.", range.start(), range.end())))
}
