//! Editions: all records that verifiers need, as of one generation, in files that the registry stores by their hash.
//!
//! An edition is built in steps. Each step is a short transaction that does one thing and returns what the caller must
//! do, and the ledger keeps changing in between. The edition nevertheless shows exactly the generation at which it
//! began: triggers save each row before its first later change, and the views `edition_texts` and `edition_owners`
//! combine the saved rows with the unchanged ones. Only files that changed since the last edition are rebuilt.
//!
//! The registry never holds a file that the ledger does not know: a file is recorded before it is written, and its row
//! is deleted after the file. An interrupted step is repeated and produces the same bytes, and so the same name. An
//! edition becomes current when its manifest has been written. Files that no longer belong to an edition are deleted
//! once no verifier can still be about to read them.

mod begin;
mod files;
mod make;
mod mark;
mod overfull;
mod parameters;
mod rows;
mod saved_rows;

use counterfoil_verify::{ContentHash, Timestamp};

pub(crate) use self::{begin::want_snapshots, parameters::TEXTS, rows::current_files};
use self::{
    files::unread_after,
    make::FileError,
    parameters::RETRY,
    rows::{EditionBuild, Part, Stage},
};
pub use self::{parameters::Kind, rows::Current};
use crate::{
    columns::update,
    rows::WorkspaceRow,
    sql::{Sql, SqlError},
    times::{LONGEST_BACKOFF, backoff},
};

/// What the caller must do after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the next step now.
    More,
    /// Write a file to the registry, and report the outcome.
    Put {
        /// The registry's key.
        key: String,
        /// The file.
        value: Vec<u8>,
        /// Identifies the file.
        file: File,
    },
    /// Delete a file from the registry, and report the outcome.
    Delete {
        /// The registry's key.
        key: String,
        /// Identifies the file.
        name: ContentHash,
    },
    /// Take the next step at this time; absent if none is scheduled.
    Wait(Option<Timestamp>),
}

/// A file of an edition that is being written to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    name: ContentHash,
    part: Part,
    /// The edition: its kind, epoch and generation.
    edition: (Kind, u64, u64),
}

/// Takes one step, within a transaction. `texts` is the maximum average number of token values of a segment.
pub(crate) fn step(sql: &dyn Sql, now: Timestamp, texts: u64) -> Result<Step, SqlError> {
    let Some(workspace) = WorkspaceRow::load(sql)?.filter(|workspace| !workspace.deleting) else {
        return Ok(Step::Wait(None));
    };
    // Deletions come first, since editions may follow each other without a pause.
    if let Some(name) = files::due(sql, now)? {
        return Ok(Step::Delete { key: name.path(workspace.key), name });
    }
    let next = match EditionBuild::load(sql)? {
        Some(edition) if edition.is_due(now) => return advance(sql, &workspace, &edition, now),
        Some(edition) => Some(edition.due_at),
        None if saved_rows::delete_batch(sql)? => return Ok(Step::More),
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

fn advance(sql: &dyn Sql, workspace: &WorkspaceRow, edition: &EditionBuild, now: Timestamp) -> Result<Step, SqlError> {
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
            Err(FileError::Sql(error)) => return Err(error),
            Err(FileError::TooFull { prefix, most }) if overfull::relieve(sql, edition, prefix, most)? => {
                rows::end(sql)?;
                rows::set_due(sql, edition.kind, now)?;
            }
            Err(FileError::TooFull { .. } | FileError::Unpublishable) => {
                rows::end(sql)?;
                rows::withdraw(sql, edition.kind)?;
                rows::set_due(sql, edition.kind, now.plus(RETRY))?;
                files::retire(sql, unread_after(workspace, now))?;
            }
        },
    }
    Ok(Step::More)
}

/// Reports that the file of a step was written or deleted.
pub(crate) fn done(sql: &dyn Sql, step: &Step, now: Timestamp) -> Result<(), SqlError> {
    match step {
        Step::More | Step::Wait(_) => Ok(()),
        Step::Delete { name, .. } => files::gone(sql, *name),
        Step::Put { file, .. } => {
            // The workspace may have been deleted while the file was written.
            let Some(edition) = EditionBuild::load(sql)?.filter(|edition| edition.identity() == file.edition) else {
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

/// Reports a failure or an unknown outcome. The step is retried with the outbox's back-off.
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

/// When the next step is due; absent if none is scheduled or it has not been noticed yet.
pub(crate) fn next_due(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    // No step waits longer than this. A later time was set before the clock was set back.
    if let Some(step) = sql.one::<Timestamp>("SELECT due_at FROM edition", &[])? {
        return Ok(Some(step.min(now.plus(LONGEST_BACKOFF))));
    }
    let next: Option<Timestamp> = sql.scalar("SELECT min(due_at) FROM editions", &[])?;
    Ok(next.map(|next| next.min(now.plus(RETRY))))
}

/// When a snapshot was last requested, if snapshots are being built.
pub(crate) fn snapshots_wanted_at(sql: &dyn Sql) -> Result<Option<Timestamp>, SqlError> {
    Ok(rows::Schedule::load(sql, Kind::Snapshots)?.and_then(|plan| plan.wanted_at))
}

/// Records that the state has not changed between the start of the current edition of that kind and this time, so the
/// edition is also valid as of this time.
pub(crate) fn renew(sql: &dyn Sql, kind: Kind, as_of: Timestamp) -> Result<(), SqlError> {
    update!(sql, "editions" { as_of: as_of } "kind = ?", kind)
}
