//! The workspace itself: how it begins, and what verifiers know of it.

use counterfoil_token::{Prefix, WorkspaceKey};
use counterfoil_verify::{Freshness, RegistryKey, Scope, ScopeSet, Timestamp, WorkspaceRecord};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    command::{Bootstrap, Bootstrapped, Role, Workspace},
    members::MemberRow,
    mint::Mint,
    refusal::Refusal,
    scopes,
    slug::Slug,
    sql::{Row, Sql, SqlError},
    tokens::{self, Draft},
    work::Work,
};

/// How many live tokens a member may have where nothing else is set.
const DEFAULT_QUOTA: u64 = 600;

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
    pub(crate) generation: u64,
    pub(crate) version: u64,
    pub(crate) founded: u64,
    pub(crate) suspended: bool,
    pub(crate) has_imports: bool,
    pub(crate) default_quota: u64,
}

impl WorkspaceRow {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Option<Self>, SqlError> {
        let rows = sql.exec(
            "SELECT key, slug, name, prefix, created_at, generation, version, founded, suspended, has_imports,
             default_quota FROM workspace",
            &[],
        )?;
        let read = |mut row: Row| {
            Ok(Self {
                key: row.take()?,
                slug: row.take()?,
                name: row.take()?,
                prefix: row.take()?,
                created_at: row.take()?,
                generation: row.take()?,
                version: row.take()?,
                founded: row.take()?,
                suspended: row.take()?,
                has_imports: row.take()?,
                default_quota: row.take()?,
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

    fn view(&self) -> Workspace {
        Workspace {
            key: self.key,
            slug: self.slug.clone(),
            name: self.name.clone(),
            prefix: self.prefix,
            created_at: self.created_at,
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
        generation: 0,
        version: 0,
        founded: 0,
        suspended: false,
        has_imports: false,
        default_quota: DEFAULT_QUOTA,
    };
    sql.exec(
        "INSERT INTO workspace (row, key, slug, name, prefix, created_at, generation, version, founded, last_number,
         suspended, has_imports, default_quota) VALUES (1, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?)",
        &[
            (&key).into(),
            (&founded.slug).into(),
            (&founded.name).into(),
            (&founded.prefix).into(),
            now.into(),
            DEFAULT_QUOTA.into(),
        ],
    )?;
    let admin = MemberRow {
        number: FIRST_ADMIN,
        id: "admin".to_owned(),
        name: "Admin".to_owned(),
        email: None,
        role: Role::Admin,
        grants: ScopeSet::everything(),
        quota: None,
        suspended: false,
        revoked_before: 0,
        created_at: now,
        version: 0,
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
