//! All files that the registry may hold. A file that is no longer referenced is deleted some time later.

use counterfoil_verify::{ContentHash, DELTA, Timestamp};

use super::parameters::DOWNLOAD;
use crate::{
    columns::update,
    rows::WorkspaceRow,
    sql::{Sql, SqlError},
    times::backoff,
};

/// Records a file that is about to be written. If it was scheduled for deletion, that is cancelled; it is written again
/// in any case.
pub(super) fn enter(sql: &dyn Sql, name: ContentHash) -> Result<(), SqlError> {
    let enter = "INSERT INTO files (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET due_at = NULL, attempts = 0";
    sql.exec(enter, &[name.into()])?;
    Ok(())
}

/// Schedules all files for deletion at `then` that neither a current edition nor the next one's parts reference. Must
/// not be called between [`enter`] and the outcome of the write.
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

/// A file that is due for deletion.
pub(super) fn due(sql: &dyn Sql, now: Timestamp) -> Result<Option<ContentHash>, SqlError> {
    let due = "SELECT name FROM files WHERE due_at <= ? ORDER BY due_at LIMIT 1";
    sql.one(due, &[now.into()])
}

/// When the next file is due for deletion.
pub(super) fn next_due(sql: &dyn Sql) -> Result<Option<Timestamp>, SqlError> {
    let next = "SELECT min(due_at) FROM files WHERE due_at IS NOT NULL";
    sql.scalar(next, &[])
}

/// Reports that the file was deleted.
pub(super) fn gone(sql: &dyn Sql, name: ContentHash) -> Result<(), SqlError> {
    sql.exec("DELETE FROM files WHERE name = ? AND due_at IS NOT NULL", &[name.into()])?;
    Ok(())
}

/// Reports that the deletion failed, or that its outcome is unknown.
pub(super) fn failed(sql: &dyn Sql, name: ContentHash, now: Timestamp) -> Result<(), SqlError> {
    let failed = "UPDATE files SET attempts = attempts + 1 WHERE name = ? AND due_at IS NOT NULL RETURNING attempts";
    let Some(attempts) = sql.one(failed, &[name.into()])? else { return Ok(()) };
    update!(sql, "files" { due_at: now.plus(backoff(attempts)) } "name = ?", name)
}

/// When no verifier can still be about to read a file that is unreferenced from now on: every lease that may have named
/// it has expired, with an allowance for clock skew, and every download of a snapshot that contains it has finished.
pub(super) fn unread_after(workspace: &WorkspaceRow, now: Timestamp) -> Timestamp {
    let leases = workspace.longest_lease.saturating_mul(1_000).saturating_add(DELTA);
    now.plus(leases.saturating_add(DOWNLOAD))
}
