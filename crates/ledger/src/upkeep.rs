//! What the ledger does of its own accord: rows whose time is over, and workspaces that are deleted.
//!
//! It does so in steps, each a short transaction, whenever the shell calls it; the shell is told when to come back.

use counterfoil_protocol::Slug;
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;

use crate::{
    audit,
    deletion::{self, DeletionStep},
    idempotency,
    rows::{WorkspaceRow, sessions},
    sql::{Sql, SqlError},
    tokens,
};

/// How things stand after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// There is more to do at once.
    More,
    /// There is nothing to do before this moment; absent where nothing is foreseen.
    Wait(Option<Timestamp>),
    /// The workspace is gone, from the registry too: [`Release`](counterfoil_protocol::directory::Release) its slug, then
    /// [`forget`](crate::Ledger::forget) it.
    Release(Slug, WorkspaceKey),
}

/// Takes one step, within a transaction.
pub(crate) fn step(sql: &dyn Sql, now: Timestamp) -> Result<Upkeep, SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)? else { return Ok(Upkeep::Wait(None)) };
    if workspace.deleting {
        return Ok(match deletion::step(sql, &workspace, now)? {
            DeletionStep::More => Upkeep::More,
            DeletionStep::Waits(due) => Upkeep::Wait(Some(due)),
            DeletionStep::Complete => Upkeep::Release(workspace.slug, workspace.key),
        });
    }
    let answers = idempotency::sweep(sql, now)?;
    let sessions = sessions::sweep(sql, now)?;
    let rows = audit::retire(sql, workspace.settings.audit_retention, now)?;
    let uses = tokens::usage::sweep(sql, now)?;
    let next = [answers, sessions, rows, uses].into_iter().flatten().min();
    Ok(if next.is_some_and(|due| due <= now) { Upkeep::More } else { Upkeep::Wait(next) })
}
