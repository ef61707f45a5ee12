//! When an edition begins, and its initial state.

use counterfoil_verify::{DigestPrefix, Encoded as _, Timestamp};

use super::{
    files, mark, overfull,
    parameters::{GATHERING, INTERVAL, Kind, RETRY, WANTED},
    rows::{self, Current, Schedule, Stage},
};
use crate::{
    columns::{insert, update},
    rows::{WorkspaceRow, scopes},
    sql::{Sql, SqlError},
};

/// Records that a snapshot was requested. Snapshots are built for [`WANTED`](super::parameters::WANTED) from now on, the
/// first one immediately.
pub(crate) fn want_snapshots(sql: &dyn Sql, now: Timestamp) -> Result<(), SqlError> {
    let kind = Kind::Snapshots;
    let due_at = Current::load(sql, kind)?.is_none().then_some(now);
    let want = "INSERT INTO editions (kind, wanted_at, due_at) VALUES (?, ?, ?)
        ON CONFLICT (kind) DO UPDATE SET wanted_at = excluded.wanted_at,
        due_at = coalesce(editions.due_at, excluded.due_at)";
    sql.exec(want, &[(&kind).into(), now.into(), due_at.into()])?;
    Ok(())
}

/// The kind of the next edition and when it begins. Removes snapshots that are no longer requested.
pub(super) fn next(
    sql: &dyn Sql,
    workspace: &WorkspaceRow,
    now: Timestamp,
) -> Result<Option<(Timestamp, Kind)>, SqlError> {
    let leases = Schedule::load(sql, Kind::Leases)?.unwrap_or_default();
    let leases = due(sql, workspace, Kind::Leases, &leases, now)?;
    let snapshots = match Schedule::load(sql, Kind::Snapshots)? {
        None => None,
        Some(plan) => match plan.wanted_at.map(|wanted| wanted.plus(WANTED)).filter(|end| now < *end) {
            Some(end) => Some(due(sql, workspace, Kind::Snapshots, &plan, now)?.unwrap_or(end)),
            None => {
                rows::forget(sql, Kind::Snapshots)?;
                sql.exec("DELETE FROM editions WHERE kind = ?", &[(&Kind::Snapshots).into()])?;
                files::retire(sql, files::unread_after(workspace, now))?;
                None
            }
        },
    };
    let each = [leases.map(|due| (due, Kind::Leases)), snapshots.map(|due| (due, Kind::Snapshots))];
    Ok(each.into_iter().flatten().min())
}

/// When the next edition of a kind begins; absent if the current one is up to date.
fn due(
    sql: &dyn Sql,
    workspace: &WorkspaceRow,
    kind: Kind,
    plan: &Schedule,
    now: Timestamp,
) -> Result<Option<Timestamp>, SqlError> {
    let current = Current::load(sql, kind)?;
    if current.is_some_and(|current| current.generation == workspace.generation) {
        return Ok(None);
    }
    // A later time was set before the clock was set back.
    let latest = now.plus(if current.is_some() { INTERVAL } else { RETRY });
    if let Some(due) = plan.due_at.filter(|due| *due <= latest) {
        return Ok(Some(due));
    }
    let due = match current {
        Some(current) => now.plus(GATHERING).max(current.begun_at.plus(INTERVAL)).min(latest),
        // A client is waiting for it.
        None if kind == Kind::Snapshots => now,
        None => now.plus(GATHERING),
    };
    rows::set_due(sql, kind, due)?;
    Ok(Some(due))
}

/// Begins an edition, which shows the workspace's present generation.
pub(super) fn begin(
    sql: &dyn Sql,
    workspace: &WorkspaceRow,
    kind: Kind,
    now: Timestamp,
    texts_per_segment: u64,
) -> Result<(), SqlError> {
    let plan = Schedule::load(sql, kind)?.unwrap_or_default();
    let continues = plan.epoch == Some(workspace.epoch);
    let since = if continues { plan.marked } else { 0 };
    let numbered = sql.scalar::<u64>("SELECT last_number FROM workspace", &[])?;
    let texts = if continues {
        // Each new token has its own number, and each replaced value its own generation.
        plan.texts + numbered.saturating_sub(plan.numbered) + workspace.generation.saturating_sub(since)
    } else {
        numbered + sql.scalar::<u64>("SELECT replaced FROM workspace", &[])?
    };
    let enough = |bits: &u8| texts.div_ceil(1 << bits) <= texts_per_segment;
    let bits = (plan.bits.max(plan.least_bits)..=DigestPrefix::MAX_BITS).find(enough).unwrap_or(DigestPrefix::MAX_BITS);
    let without_weak = overfull::excludes(sql, kind)?;
    if !continues {
        rows::withdraw(sql, kind)?;
        rows::forget(sql, kind)?;
    }
    let goes_on = continues && bits == plan.bits && without_weak == plan.without_weak;
    if !goes_on {
        let last = (1_u64 << bits) - 1;
        sql.exec(
            "WITH RECURSIVE each (prefix) AS (SELECT 0 UNION ALL SELECT prefix + 1 FROM each WHERE prefix < ?)
             INSERT INTO segments (kind, bits, prefix) SELECT ?, CAST(? AS INTEGER), prefix FROM each WHERE true
             ON CONFLICT (kind, bits, prefix) DO UPDATE SET made = 0",
            &[last.into(), (&kind).into(), bits.into()],
        )?;
    }
    update!(sql, "editions" {
        epoch: workspace.epoch, bits: bits, without_weak: without_weak, marked: since, texts: texts,
        numbered: numbered, due_at: None::<Timestamp>,
    } "kind = ?", kind)?;
    let stage = if goes_on { Stage::Tokens } else { Stage::Members };
    let (version, place) = mark::after(since);
    insert!(sql, "edition" {
        row: 1_u64, kind: kind, epoch: workspace.epoch, generation: workspace.generation, begun_at: now,
        workspace: workspace.record(scopes::stricter(sql)?).encode(), stage: stage, version: version, number: place,
        due_at: now,
    })
}
