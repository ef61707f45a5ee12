//! Background work of the ledger: the search index, expired rows, and workspaces being deleted.
//!
//! It runs in steps, each a short transaction, when the caller asks for one. Each step returns when the next one is
//! due.

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

/// The state after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Take the next step now.
    More,
    /// Take the next step at this time; absent if none is scheduled.
    Wait(Option<Timestamp>),
    /// All data of the workspace is deleted, also in the registry.
    /// [`Release`](counterfoil_protocol::directory::Release) its slug, then [`forget`](crate::Ledger::forget) it.
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
    let more = tokens::search_index::step(sql)?;
    let answers = idempotency::sweep(sql, now)?;
    let sessions = sessions::sweep(sql, now)?;
    let rows = audit::retire(sql, workspace.settings.audit_retention, now)?;
    let uses = tokens::usage::sweep(sql, now)?;
    let next = [answers, sessions, rows, uses].into_iter().flatten().min();
    Ok(if more || next.is_some_and(|due| due <= now) { Upkeep::More } else { Upkeep::Wait(next) })
}
