//! Every file that the registry may hold. One that nothing names any more is deleted, a while later.

use counterfoil_verify::{ContentHash, DELTA, Timestamp};

use super::terms::DOWNLOAD;
use crate::{
    columns::update,
    rows::WorkspaceRow,
    sql::{Sql, SqlError},
    times::backoff,
};

/// Writes a file down that is about to be put. One that was to be deleted is not any more: it is put again, whatever has
/// become of it.
pub(super) fn enter(sql: &dyn Sql, name: ContentHash) -> Result<(), SqlError> {
    let enter = "INSERT INTO files (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET due_at = NULL, attempts = 0";
    sql.exec(enter, &[name.into()])?;
    Ok(())
}

/// Has all files deleted, then, that neither a current edition nor the next one's parts name. Not to be called between a
/// file's entry and what becomes of its put.
pub(super) fn retire(sql: &dyn Sql, then: Timestamp) -> Result<(), SqlError> {
    let retire = "UPDATE files SET due_at = ? WHERE due_at IS NULL AND name NOT IN (
        SELECT name FROM segments WHERE name IS NOT NULL
        UNION ALL SELECT current FROM segments WHERE current IS NOT NULL
        UNION ALL SELECT name FROM owner_segments WHERE name IS NOT NULL
        UNION ALL SELECT current FROM owner_segments WHERE current IS NOT NULL
        UNION ALL SELECT manifest FROM editions WHERE manifest IS NOT NULL)";
    sql.exec(retire, &[then.into()])?;
    Ok(())
}

/// A file that is to be deleted now.
pub(super) fn due(sql: &dyn Sql, now: Timestamp) -> Result<Option<ContentHash>, SqlError> {
    let due = "SELECT name FROM files WHERE due_at <= ? ORDER BY due_at LIMIT 1";
    sql.one(due, &[now.into()])
}

/// When the next file is to be deleted.
pub(super) fn next_due(sql: &dyn Sql) -> Result<Option<Timestamp>, SqlError> {
    let next = "SELECT min(due_at) FROM files WHERE due_at IS NOT NULL";
    sql.scalar(next, &[])
}

/// The file has been deleted.
pub(super) fn gone(sql: &dyn Sql, name: ContentHash) -> Result<(), SqlError> {
    sql.exec("DELETE FROM files WHERE name = ? AND due_at IS NOT NULL", &[name.into()])?;
    Ok(())
}

/// It has not, or nobody knows.
pub(super) fn failed(sql: &dyn Sql, name: ContentHash, now: Timestamp) -> Result<(), SqlError> {
    let failed = "UPDATE files SET attempts = attempts + 1 WHERE name = ? AND due_at IS NOT NULL RETURNING attempts";
    let Some(attempts) = sql.one(failed, &[name.into()])? else { return Ok(()) };
    update!(sql, "files" { due_at: now.plus(backoff(attempts)) } "name = ?", name)
}

/// When nobody is about to read a file any more that is named no more from now on: when every lease is over whose answer
/// may have named it, however clocks are off, and whoever was sent a snapshot of it has that.
pub(super) fn unread_after(workspace: &WorkspaceRow, now: Timestamp) -> Timestamp {
    let leases = workspace.longest_lease.saturating_mul(1_000).saturating_add(DELTA);
    now.plus(leases.saturating_add(DOWNLOAD))
}
