//! The workspace itself: how it begins, and what verifiers know of it.

use core::ops::RangeInclusive;

use counterfoil_protocol::{
    BuiltIn, Hosts, Slug,
    command::{
        Bootstrap, Bootstrapped, Patch, Role, SetHosts, Settings, Stored, SuspendWorkspace, UpdateWorkspace, Workspace,
    },
    refusal::Refusal,
};
use counterfoil_token::{Prefix, WorkspaceKey};
use counterfoil_verify::{Freshness, RegistryKey, Scope, ScopeSet, Timestamp, WorkspaceRecord};
use serde_json::{Map, Value as Json, json};

use crate::{
    audit::{self, Change},
    check, identity,
    members::{self, MemberRow},
    mint::Mint,
    scopes::{self},
    sessions, settings,
    sql::{Row, Sql, SqlError, Value},
    tokens::{self, Draft},
    work::Work,
};

/// How many live tokens a member may have where nothing else is set.
const DEFAULT_QUOTA: u64 = 600;

/// How long a session lasts where nothing else is set: a working day, in seconds.
const DEFAULT_SESSION_LENGTH: u64 = 12 * 60 * 60;

/// The quotas that may be set for everybody.
const QUOTAS: RangeInclusive<u64> = 1..=1_000_000;
/// The longest lives of tokens that may be set, in seconds: up to a hundred Julian years.
const LIFETIMES: RangeInclusive<u64> = 1..=100 * 31_557_600;
/// How long sessions may last, in seconds: a minute to 30 days.
const SESSION_LENGTHS: RangeInclusive<u64> = 60..=30 * 24 * 60 * 60;
/// For how many days audit rows may be kept: up to a hundred years.
const RETENTIONS: RangeInclusive<u64> = 1..=36_500;

/// How long a lease lasts where nothing else is set, in seconds. A new row says the same.
const DEFAULT_LEASE: u64 = 10;

/// How long leases may last, in seconds. Of a shorter one nothing would be left once clocks are allowed for.
const LEASES: RangeInclusive<u64> = 2..=60;

/// For how long a snapshot may be relied upon where nothing else is set: a day, in seconds. A new row says the same.
const DEFAULT_SNAPSHOT: u64 = 24 * 60 * 60;

/// For how long it may be, in seconds: a minute to 30 days. Of less, too little would be left once the next one is made.
const SNAPSHOTS: RangeInclusive<u64> = 60..=30 * 24 * 60 * 60;

/// The number of the first admin.
const FIRST_ADMIN: u64 = 1;

/// The workspace's row.
#[derive(Clone)]
pub(crate) struct WorkspaceRow {
    pub(crate) key: WorkspaceKey,
    pub(crate) slug: Slug,
    pub(crate) name: String,
    pub(crate) prefix: Prefix,
    pub(crate) created_at: Timestamp,
    /// When this line of history began, in milliseconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) version: u64,
    pub(crate) founded: u64,
    pub(crate) suspended: bool,
    pub(crate) has_imports: bool,
    pub(crate) settings: Settings,
    /// The longest lease, in seconds, that may ever have been granted.
    pub(crate) longest_lease: u64,
    /// No lease that was granted is over later; absent where nobody has kept count.
    pub(crate) leases_until: Option<Timestamp>,
    /// The number of the instance that grants leases, where one does.
    pub(crate) grantor: Option<u64>,
    /// Until when any snapshot may be relied upon that was handed out; absent where nobody ever asked for one.
    pub(crate) snapshots_until: Option<Timestamp>,
    /// Whether it is being deleted: nobody is let in any more.
    pub(crate) deleting: bool,
}

impl WorkspaceRow {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Option<Self>, SqlError> {
        let rows = sql.exec(
            "SELECT key, slug, name, prefix, created_at, epoch, generation, version, founded, suspended, has_imports,
             default_quota, max_lifetime, session_length, lease_max, snapshot_max, audit_retention, allowed_origins,
             hosts, identity_providers, longest_lease, leases_until, grantor, snapshots_until, deleting FROM workspace",
            &[],
        )?;
        let read = |mut row: Row| {
            Ok(Self {
                key: row.take()?,
                slug: row.take()?,
                name: row.take()?,
                prefix: row.take()?,
                created_at: row.take()?,
                epoch: row.take()?,
                generation: row.take()?,
                version: row.take()?,
                founded: row.take()?,
                suspended: row.take()?,
                has_imports: row.take()?,
                settings: Settings {
                    default_quota: row.take()?,
                    max_lifetime: row.take()?,
                    session_length: row.take()?,
                    lease_max: row.take()?,
                    snapshot_max: row.take()?,
                    audit_retention: row.take()?,
                    allowed_origins: row.take_json()?,
                    hosts: row.take_json()?,
                    identity_providers: row.take_json()?,
                },
                longest_lease: row.take()?,
                leases_until: row.take()?,
                grantor: row.take()?,
                snapshots_until: row.take()?,
                deleting: row.take()?,
            })
        };
        rows.into_iter().next().map(read).transpose()
    }

    /// What verifiers know of the workspace, with the scopes that ask for more freshness.
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

    /// Writes all that may change of the workspace once it is founded, and publishes what verifiers know of it.
    fn save(&self, work: &Work<'_>) -> Result<(), Refusal> {
        let settings = &self.settings;
        work.sql.exec(
            "UPDATE workspace SET name = ?, prefix = ?, suspended = ?, default_quota = ?, max_lifetime = ?,
             session_length = ?, lease_max = ?, longest_lease = max(longest_lease, ?), snapshot_max = ?,
             audit_retention = ?, allowed_origins = ?, hosts = ?, identity_providers = ?, version = ?",
            &[
                (&self.name).into(),
                (&self.prefix).into(),
                self.suspended.into(),
                settings.default_quota.into(),
                settings.max_lifetime.into(),
                settings.session_length.into(),
                settings.lease_max.into(),
                settings.lease_max.into(),
                settings.snapshot_max.into(),
                settings.audit_retention.into(),
                Value::json(&settings.allowed_origins)?,
                Value::json(&settings.hosts)?,
                Value::json(&settings.identity_providers)?,
                self.version.into(),
            ],
        )?;
        work.publish(RegistryKey::Workspace(self.key), &self.record(scopes::stricter(work.sql)?), self.version)
    }

    fn view(&self) -> Workspace {
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

/// Makes the workspace with its first admin, at generation 0: nothing of it is seen outside before [`bootstrap`], which
/// follows in the same transaction.
pub(crate) fn found(
    sql: &dyn Sql,
    key: WorkspaceKey,
    ask: &Bootstrap,
    now: Timestamp,
) -> Result<WorkspaceRow, Refusal> {
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
    sql.exec(
        "INSERT INTO workspace (row, key, slug, name, prefix, created_at, epoch, generation, version, founded,
         last_number, suspended, has_imports, default_quota, session_length, leases_until)
         VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, ?, ?)",
        &[
            (&key).into(),
            (&founded.slug).into(),
            (&founded.name).into(),
            (&founded.prefix).into(),
            now.into(),
            founded.epoch.into(),
            DEFAULT_QUOTA.into(),
            DEFAULT_SESSION_LENGTH.into(),
            founded.leases_until.into(),
        ],
    )?;
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

/// Issues the first admin's first token. As long as nothing else has happened in the workspace this may be repeated,
/// and then replaces what the last time made.
pub(crate) fn bootstrap(work: &Work<'_>, mint: &mut Mint<'_>, ask: Bootstrap) -> Result<Bootstrapped, Refusal> {
    work.authority.require_root()?;
    check::length("/name", &ask.name, 1..=200)?;
    let untouched = work.workspace.generation == work.workspace.founded;
    if !untouched || ask.slug != work.workspace.slug {
        return Err(Refusal::already_exists("workspace", "slug"));
    }
    let mut admin = MemberRow::by_number(work.sql, FIRST_ADMIN)?
        .ok_or_else(|| Refusal::internal("the workspace has lost its first admin"))?;

    let generation = work.next_generation()?;
    let workspace = WorkspaceRow {
        name: ask.name,
        prefix: ask.prefix,
        generation,
        version: generation,
        founded: generation,
        ..work.workspace.clone()
    };
    work.sql.exec(
        "UPDATE workspace SET name = ?, prefix = ?, version = ?, founded = ?",
        &[(&workspace.name).into(), (&workspace.prefix).into(), generation.into(), generation.into()],
    )?;
    work.sql.exec("UPDATE members SET version = ? WHERE number = ?", &[generation.into(), FIRST_ADMIN.into()])?;
    admin.version = generation;
    audit::append(
        work,
        Change {
            action: "workspace.create",
            subject: workspace.key.as_str(),
            before: None,
            after: Some(json!({ "workspace": workspace.view(), "admin": admin.id })),
        },
    )?;
    work.publish(RegistryKey::Workspace(workspace.key), &workspace.record(scopes::stricter(work.sql)?), generation)?;
    work.publish(RegistryKey::Owner(workspace.key, admin.number), &admin.record(), generation)?;

    tokens::revoke_each_of(work, &admin, generation, "replaced by a repeated bootstrap")?;
    let draft = Draft { name: "First admin token".to_owned(), ..Draft::of(admin, ScopeSet::everything()) };
    let issued = tokens::issue(work, mint, &workspace, generation, draft)?;
    Ok(Bootstrapped { workspace: workspace.view(), admin: issued })
}

/// Whoever holds a live token may know which workspace it is of. Who manages it is told how full it is.
pub(crate) fn read(work: &Work<'_>) -> Result<Workspace, Refusal> {
    let manages = work.authority.holds(BuiltIn::WorkspaceManage);
    let stored = || Ok::<_, SqlError>(Stored { used_bytes: work.sql.used()?, limit_bytes: work.storage.limit() });
    Ok(Workspace { storage: manages.then(stored).transpose()?, ..work.workspace.view() })
}

/// Changes the settings. Where that makes no difference nothing is written.
pub(crate) fn update(work: &Work<'_>, ask: UpdateWorkspace) -> Result<Workspace, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    let mut after = work.workspace.clone();
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
        settings.identity_providers = identity::check_providers(work, providers)?;
        sessions::end_all_but_of(work.sql, &work.workspace.settings.identity_providers, &settings.identity_providers)?;
        members::assign_subjects(work.sql, &settings.identity_providers)?;
    }
    after.prefix = ask.prefix.unwrap_or(after.prefix);
    settings::check(&work.authority, &work.workspace.settings, &after.settings)?;
    change(work, after, "workspace.update")
}

/// Suspends the workspace, and with it all its tokens, or resumes it.
pub(crate) fn suspend(work: &Work<'_>, ask: &SuspendWorkspace) -> Result<Workspace, Refusal> {
    work.authority.require_root()?;
    let after = WorkspaceRow { suspended: ask.suspended, ..work.workspace.clone() };
    change(work, after, if ask.suspended { "workspace.suspend" } else { "workspace.resume" })
}

/// Takes down which hosts the workspace has.
pub(crate) fn set_hosts(work: &Work<'_>, ask: SetHosts) -> Result<Workspace, Refusal> {
    work.authority.require_root()?;
    let mut after = work.workspace.clone();
    after.settings.hosts = ask.hosts;
    change(work, after, "workspace.update")
}

fn change(work: &Work<'_>, mut after: WorkspaceRow, action: &'static str) -> Result<Workspace, Refusal> {
    let (mut was, mut is) = (Map::new(), Map::new());
    for ((field, old), (_, new)) in fields(&work.workspace).into_iter().zip(fields(&after)) {
        if old != new {
            was.insert(field.to_owned(), old);
            is.insert(field.to_owned(), new);
        }
    }
    if is.is_empty() {
        return Ok(after.view());
    }
    after.version = work.next_generation()?;
    after.save(work)?;
    let (before, subject) = (Some(was.into()), after.key.as_str());
    audit::append(work, Change { action, subject, before, after: Some(is.into()) })?;
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

fn within(pointer: &str, value: u64, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Refusal::invalid_value(pointer, format!("Must be {} to {}.", range.start(), range.end())))
}
