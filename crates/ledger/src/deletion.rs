//! Deleting a workspace: all of its data in the ledger and in the registry.
//!
//! One command marks the workspace as deleted, and from then on all its tokens are unknown. Its rows are deleted in
//! steps. Each step is a transaction that also puts the deletion of the corresponding registry keys into the outbox, so
//! even after an interruption no row is gone whose registry key is neither deleted nor in the outbox. The slug is
//! released only when no rows are left and the outbox is empty. The workspace's own row, which records that a deletion
//! is pending, is deleted last.

use counterfoil_protocol::{command::Deleted, command_error::CommandError};
use counterfoil_verify::{ContentHash, RegistryKey, Timestamp};

use crate::{
    audit::{self, Change},
    columns::update,
    outbox::{self, Outbox},
    rows::{WorkspaceRow, delete_some},
    sql::{Sql, SqlError},
    tokens::search_index,
    transaction::Transaction,
};

/// Tables that correspond to no registry keys, with the columns of their primary keys.
const INTERNAL: [(&str, &str); 15] = [
    ("uses", "day, token"),
    ("token_scopes", "scope, token"),
    ("tokens_to_index", "number"),
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

/// The state of a deletion after a step.
pub(crate) enum DeletionStep {
    /// Take the next step now.
    More,
    /// The registry still has data of the workspace. Take the next step at this time.
    Waits(Timestamp),
    /// Only the workspace's own row is left.
    Complete,
}

/// Marks the workspace as deleted. [`step`] deletes its data.
pub(crate) fn begin(tx: &Transaction<'_>) -> Result<Deleted, CommandError> {
    tx.authority.require_root()?;
    let key = tx.workspace.key;
    search_index::clear(tx.sql)?;
    let generation = tx.next_generation()?;
    update!(tx.sql, "workspace" { deleting: true, version: generation })?;
    audit::append(tx, Change { action: "workspace.delete", subject: key.as_str(), before: None, after: None })?;
    outbox::enqueue(tx.sql, &RegistryKey::Workspace(key).path(), None, generation, tx.now)?;
    Ok(Deleted { complete: false })
}

/// Deletes some of the remaining data.
pub(crate) fn step(sql: &dyn Sql, workspace: &WorkspaceRow, now: Timestamp) -> Result<DeletionStep, SqlError> {
    let key = workspace.key;
    // Sessions come first, because they reference tokens and members.
    if delete_batch(sql, "sessions", "number")? {
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
    if unpublish(delete_some(sql, "files", "name", "name")?.into_iter().map(file).collect())?
        || unpublish(delete_some(sql, "replaced_texts", "digest", "digest")?.into_iter().map(text).collect())?
        || unpublish(delete_some(sql, "tokens", "number", "digest")?.into_iter().map(text).collect())?
        || unpublish(delete_some(sql, "members", "number", "number")?.into_iter().map(owner).collect())?
    {
        return Ok(DeletionStep::More);
    }
    for (table, id) in INTERNAL {
        if delete_batch(sql, table, id)? {
            return Ok(DeletionStep::More);
        }
    }
    Ok(Outbox::new(sql).next_due(now)?.map_or(DeletionStep::Complete, DeletionStep::Waits))
}

/// Deletes the workspace's own row if it is the only one left.
pub(crate) fn finish(sql: &dyn Sql, now: Timestamp) -> Result<(), SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)?.filter(|workspace| workspace.deleting) else { return Ok(()) };
    if matches!(step(sql, &workspace, now)?, DeletionStep::Complete) {
        sql.exec("DELETE FROM workspace", &[])?;
    }
    Ok(())
}

/// Deletes some rows of a table and returns whether there were any.
fn delete_batch(sql: &dyn Sql, table: &str, key: &str) -> Result<bool, SqlError> {
    Ok(!delete_some::<u64>(sql, table, key, "1")?.is_empty())
}
