//! Deleting a workspace: everything of it goes, here and in the registry.
//!
//! One command marks it, and from then on nothing of it is known to anybody. Its rows go in steps, each a transaction of
//! its own that also puts the deletion of what it had in the registry into the outbox: however often that is cut off,
//! no row is gone whose registry key is not gone or on its way. Only when nothing is left and the outbox is empty may
//! the slug be released; the workspace's own row, which remembers that there is something to finish, goes last.

use counterfoil_protocol::{command::Deleted, refusal::Refusal};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Name, RegistryKey, Timestamp};

use crate::{
    audit::{self, Change},
    outbox::{self, Outbox},
    sql::{Row, Sql, SqlError},
    upkeep::{STEP, Upkeep},
    work::Work,
    workspace::WorkspaceRow,
};

/// Tables whose rows nobody outside knows of, with what tells their rows apart.
const INTERNAL: [(&str, &str); 13] = [
    ("uses", "day, token"),
    ("clients", "number"),
    ("scopes", "name"),
    ("idempotency", "place"),
    ("audit", "seq"),
    ("spent", "what, member"),
    ("edition", "row"),
    ("editions", "kind"),
    ("segments", "kind, bits, prefix"),
    ("owner_segments", "kind, block"),
    ("kept_tokens", "number"),
    ("kept_texts", "digest"),
    ("kept_members", "number"),
];

/// The registry's key of what a row stood for.
type KeyOf = fn(WorkspaceKey, Row) -> Result<String, SqlError>;

/// Marks the workspace as deleted. The rest is [`step`]'s.
pub(crate) fn begin(work: &Work<'_>) -> Result<Deleted, Refusal> {
    work.authority.require_root()?;
    let key = work.workspace.key;
    let generation = work.next_generation()?;
    work.sql.exec("UPDATE workspace SET deleting = 1, version = ?", &[generation.into()])?;
    audit::append(work, Change { action: "workspace.delete", subject: key.as_str(), before: None, after: None })?;
    outbox::enqueue(work.sql, &RegistryKey::Workspace(key).path(), None, generation, work.now)?;
    Ok(Deleted { complete: false })
}

/// Takes away some of what is left.
pub(crate) fn step(sql: &dyn Sql, workspace: &WorkspaceRow, now: Timestamp) -> Result<Upkeep, SqlError> {
    let key = workspace.key;
    // These point to tokens and members.
    if !take(sql, "sessions", "number", "1")?.is_empty() {
        return Ok(Upkeep::More);
    }
    let published: [(&str, &str, &str, KeyOf); 4] = [
        ("files", "name", "name", |key, mut row| Ok(row.take::<Name>()?.path(key))),
        ("replaced_texts", "digest", "digest", |key, mut row| Ok(RegistryKey::Token(key, row.take()?).path())),
        ("tokens", "number", "digest", |key, mut row| Ok(RegistryKey::Token(key, row.take()?).path())),
        ("members", "number", "number", |key, mut row| Ok(RegistryKey::Owner(key, row.take()?).path())),
    ];
    for (table, id, named, key_of) in published {
        let gone = take(sql, table, id, named)?;
        if !gone.is_empty() {
            for row in gone {
                outbox::enqueue(sql, &key_of(key, row)?, None, workspace.version, now)?;
            }
            return Ok(Upkeep::More);
        }
    }
    for (table, id) in INTERNAL {
        if !take(sql, table, id, "1")?.is_empty() {
            return Ok(Upkeep::More);
        }
    }
    Ok(match Outbox::new(sql).next_due(now)? {
        Some(due) => Upkeep::Wait(Some(due)),
        None => Upkeep::Release(workspace.slug.clone(), key),
    })
}

/// Removes the workspace's own row, if it is the last that is left.
pub(crate) fn finish(sql: &dyn Sql, now: Timestamp) -> Result<(), SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)?.filter(|workspace| workspace.deleting) else { return Ok(()) };
    if matches!(step(sql, &workspace, now)?, Upkeep::Release(..)) {
        sql.exec("DELETE FROM workspace", &[])?;
    }
    Ok(())
}

/// Removes some rows of a table and gives one column of each.
fn take(sql: &dyn Sql, table: &str, id: &str, named: &str) -> Result<Vec<Row>, SqlError> {
    let some = format!("DELETE FROM {table} WHERE ({id}) IN (SELECT {id} FROM {table} LIMIT ?) RETURNING {named}");
    sql.exec(&some, &[STEP.into()])
}
