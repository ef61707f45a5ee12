//! Editions: all that verification must know, as of one generation, in files that the registry holds by their hash.
//!
//! An edition is made in steps, each a short transaction that does one thing and says what the shell has to do, and the
//! ledger goes on changing in between. It is nevertheless exactly of the generation at which it began: triggers keep what
//! a row was before its first change after that, and the views `edition_texts` and `edition_owners` put that together.
//! Only what changed since the last edition is made anew.
//!
//! Nothing is ever in the registry that the ledger does not know of: a file is written down before it is put, and goes
//! from the table after it is deleted. A step that is cut off is taken again and makes the same bytes, which have the same
//! name. Once its manifest has been put an edition is current, and what no longer belongs to one is deleted when no
//! verifier can be about to read it.

mod begin;
mod crowd;
mod files;
mod kept;
mod make;
mod mark;
mod rows;
mod terms;

use counterfoil_verify::{ContentHash, Timestamp};

pub(crate) use self::{begin::want_snapshots, rows::current_files, terms::TEXTS};
use self::{
    files::unread_after,
    make::Obstacle,
    rows::{Part, Stage, UnderWay},
    terms::RETRY,
};
pub use self::{rows::Current, terms::Kind};
use crate::{
    columns::update,
    rows::WorkspaceRow,
    sql::{Sql, SqlError},
    times::{LONGEST_BACKOFF, backoff},
};

/// What one step has the shell do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To take the next one: there is more to do at once.
    More,
    /// To put a file into the registry, and to say how that went.
    Put {
        /// The registry's key.
        key: String,
        /// The file.
        value: Vec<u8>,
        /// Which one it is.
        file: File,
    },
    /// To delete a file from the registry, and to say how that went.
    Delete {
        /// The registry's key.
        key: String,
        /// Which one it is.
        name: ContentHash,
    },
    /// To come back at this moment; absent where nothing is foreseen.
    Wait(Option<Timestamp>),
}

/// A file of an edition, on its way to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    name: ContentHash,
    part: Part,
    /// The edition: its kind, epoch and generation.
    edition: (Kind, u64, u64),
}

/// Takes one step, within a transaction. A segment is to hold so many texts at most, on average.
pub(crate) fn step(sql: &dyn Sql, now: Timestamp, texts: u64) -> Result<Step, SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)?.filter(|workspace| !workspace.deleting) else {
        return Ok(Step::Wait(None));
    };
    // First, since an edition may follow upon the other for ever.
    if let Some(name) = files::due(sql, now)? {
        return Ok(Step::Delete { key: name.path(workspace.key), name });
    }
    let next = match UnderWay::load(sql)? {
        Some(edition) if edition.is_due(now) => return advance(sql, &workspace, &edition, now),
        Some(edition) => Some(edition.due_at),
        None if kept::forget_some(sql)? => return Ok(Step::More),
        None => match begin::next(sql, &workspace, now)? {
            Some((due, kind)) if due <= now => {
                begin::begin(sql, &workspace, kind, now, texts)?;
                return Ok(Step::More);
            }
            next => next.map(|(due, _)| due),
        },
    };
    Ok(Step::Wait(next.into_iter().chain(files::next_due(sql)?).min()))
}

fn advance(sql: &dyn Sql, workspace: &WorkspaceRow, edition: &UnderWay, now: Timestamp) -> Result<Step, SqlError> {
    match edition.stage {
        Stage::Tokens => mark::tokens(sql, edition)?,
        Stage::Members => mark::members(sql, edition)?,
        Stage::Files => match make::next(sql, workspace.key, edition) {
            Ok((part, value)) => {
                let name = ContentHash::of(&value);
                files::enter(sql, name)?;
                let file = File { name, part, edition: edition.identity() };
                return Ok(Step::Put { key: name.path(workspace.key), value, file });
            }
            Err(Obstacle::Sql(error)) => return Err(error),
            Err(Obstacle::Crowded { prefix, most }) if crowd::relieve(sql, edition, prefix, most)? => {
                rows::end(sql)?;
                rows::set_due(sql, edition.kind, now)?;
            }
            Err(Obstacle::Crowded { .. } | Obstacle::Unpublishable) => {
                rows::end(sql)?;
                rows::withdraw(sql, edition.kind)?;
                rows::set_due(sql, edition.kind, now.plus(RETRY))?;
                files::retire(sql, unread_after(workspace, now))?;
            }
        },
    }
    Ok(Step::More)
}

/// A step's file has been put or deleted.
pub(crate) fn done(sql: &dyn Sql, step: &Step, now: Timestamp) -> Result<(), SqlError> {
    match step {
        Step::More | Step::Wait(_) => Ok(()),
        Step::Delete { name, .. } => files::gone(sql, *name),
        Step::Put { file, .. } => {
            // While it was put the workspace may have been deleted.
            let Some(edition) = UnderWay::load(sql)?.filter(|edition| edition.identity() == file.edition) else {
                return Ok(());
            };
            edition.take_file(sql, file.part, file.name)?;
            if file.part == Part::Manifest
                && let Some(workspace) = WorkspaceRow::load(sql)?
            {
                files::retire(sql, unread_after(&workspace, now))?;
            }
            Ok(())
        }
    }
}

/// A step's file was not put or deleted, or nobody knows. It is tried again as the outbox does.
pub(crate) fn failed(sql: &dyn Sql, step: &Step, now: Timestamp) -> Result<(), SqlError> {
    match step {
        Step::More | Step::Wait(_) => Ok(()),
        Step::Delete { name, .. } => files::failed(sql, *name, now),
        Step::Put { .. } => {
            let attempts = "UPDATE edition SET attempts = attempts + 1 RETURNING attempts";
            let Some(attempts) = sql.one(attempts, &[])? else { return Ok(()) };
            update!(sql, "edition" { due_at: now.plus(backoff(attempts)) })
        }
    }
}

/// When the next step is to be taken; absent where nobody has noticed yet that there is one.
pub(crate) fn next_due(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    // None waits for longer than this; a later moment was left by a clock that has been set back since.
    if let Some(step) = sql.one::<Timestamp>("SELECT due_at FROM edition", &[])? {
        return Ok(Some(step.min(now.plus(LONGEST_BACKOFF))));
    }
    let next: Option<Timestamp> = sql.scalar("SELECT min(due_at) FROM editions", &[])?;
    Ok(next.map(|next| next.min(now.plus(RETRY))))
}

/// When somebody last asked for snapshots, where they are being made.
pub(crate) fn snapshots_wanted_at(sql: &dyn Sql) -> Result<Option<Timestamp>, SqlError> {
    Ok(rows::Plan::load(sql, Kind::Snapshots)?.and_then(|plan| plan.wanted_at))
}

/// Nothing has changed until this moment since the current edition of that kind began: it is as of then just as well.
pub(crate) fn renew(sql: &dyn Sql, kind: Kind, as_of: Timestamp) -> Result<(), SqlError> {
    update!(sql, "editions" { as_of: as_of } "kind = ?", kind)
}
