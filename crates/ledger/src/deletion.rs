//! Deleting a workspace: everything of it goes, here and in the registry.
//!
//! One command marks it, and from then on nothing of it is known to anybody. Its rows go in steps, each a transaction of
//! its own that also puts the deletion of what it had in the registry into the outbox: however often that is cut off,
//! no row is gone whose registry key is not gone or on its way. Only when nothing is left and the outbox is empty may
//! the slug be released; the workspace's own row, which remembers that there is something to finish, goes last.

use counterfoil_protocol::{command::Deleted, command_error::CommandError};
use counterfoil_verify::{ContentHash, RegistryKey, Timestamp};

use crate::{
    audit::{self, Change},
    columns::update,
    outbox::{self, Outbox},
    rows::{WorkspaceRow, take_some},
    sql::{Sql, SqlError},
    transaction::Transaction,
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

/// How far a deletion is after a step.
pub(crate) enum DeletionStep {
    /// There is more to do at once.
    More,
    /// The registry still has something of it: come back then.
    Waits(Timestamp),
    /// Nothing is left but the workspace's own row.
    Complete,
}

/// Marks the workspace as deleted. The rest is [`step`]'s.
pub(crate) fn begin(tx: &Transaction<'_>) -> Result<Deleted, CommandError> {
    tx.authority.require_root()?;
    let key = tx.workspace.key;
    let generation = tx.next_generation()?;
    update!(tx.sql, "workspace" { deleting: true, version: generation })?;
    audit::append(tx, Change { action: "workspace.delete", subject: key.as_str(), before: None, after: None })?;
    outbox::enqueue(tx.sql, &RegistryKey::Workspace(key).path(), None, generation, tx.now)?;
    Ok(Deleted { complete: false })
}

/// Takes away some of what is left.
pub(crate) fn step(sql: &dyn Sql, workspace: &WorkspaceRow, now: Timestamp) -> Result<DeletionStep, SqlError> {
    let key = workspace.key;
    // These point to tokens and members.
    if take(sql, "sessions", "number")? {
        return Ok(DeletionStep::More);
    }
    let file = |name: ContentHash| name.path(key);
    let text = |digest| RegistryKey::Token(key, digest).path();
    let owner = |number| RegistryKey::Owner(key, number).path();
    let unpublish = |paths: Vec<String>| {
        let is_any = !paths.is_empty();
        for path in paths {
            outbox::enqueue(sql, &path, None, workspace.version, now)?;
        }
        Ok::<_, SqlError>(is_any)
    };
    if unpublish(take_some(sql, "files", "name", "name")?.into_iter().map(file).collect())?
        || unpublish(take_some(sql, "replaced_texts", "digest", "digest")?.into_iter().map(text).collect())?
        || unpublish(take_some(sql, "tokens", "number", "digest")?.into_iter().map(text).collect())?
        || unpublish(take_some(sql, "members", "number", "number")?.into_iter().map(owner).collect())?
    {
        return Ok(DeletionStep::More);
    }
    for (table, id) in INTERNAL {
        if take(sql, table, id)? {
            return Ok(DeletionStep::More);
        }
    }
    Ok(Outbox::new(sql).next_due(now)?.map_or(DeletionStep::Complete, DeletionStep::Waits))
}

/// Removes the workspace's own row, if it is the last that is left.
pub(crate) fn finish(sql: &dyn Sql, now: Timestamp) -> Result<(), SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)?.filter(|workspace| workspace.deleting) else { return Ok(()) };
    if matches!(step(sql, &workspace, now)?, DeletionStep::Complete) {
        sql.exec("DELETE FROM workspace", &[])?;
    }
    Ok(())
}

/// Removes some rows of a table, and says whether there were any.
fn take(sql: &dyn Sql, table: &str, key: &str) -> Result<bool, SqlError> {
    Ok(!take_some::<u64>(sql, table, key, "1")?.is_empty())
}
