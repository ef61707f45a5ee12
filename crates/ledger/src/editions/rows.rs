//! The tables of editions: the schedule of each kind, the edition being built, and the files of each part.

use core::slice;

use counterfoil_verify::{ContentHash, Timestamp};

use super::parameters::{Kind, MAX_OWNER_SEGMENTS};
use crate::{
    columns::{Columns as _, columns, update},
    sql::{Sql, SqlError, Value},
    stored::as_name,
    times::LONGEST_BACKOFF,
};

/// An edition that verifiers may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// The name of its manifest.
    pub manifest: ContentHash,
    /// The epoch of its generation: the workspace's.
    pub epoch: u64,
    /// The generation that it shows.
    pub generation: u64,
    /// When it began.
    pub begun_at: Timestamp,
    /// The time as of which it is valid: `begun_at`, or a later time until which nothing had changed.
    pub as_of: Timestamp,
}

impl Current {
    /// The current edition of this kind. An edition of another epoch is not current.
    pub(crate) fn load(sql: &dyn Sql, kind: Kind) -> Result<Option<Self>, SqlError> {
        let clauses = "JOIN workspace ON workspace.epoch = editions.epoch WHERE kind = ? AND manifest IS NOT NULL";
        Self::find(sql, clauses, &[kind.into()])
    }
}

columns!(Current: "editions" { manifest, epoch, generation, begun_at, as_of });

/// The schedule and the segmentation of a kind of edition.
#[derive(Default)]
pub(super) struct Schedule {
    /// When the next edition begins; absent if it has not been noticed yet that one is needed.
    pub(super) due_at: Option<Timestamp>,
    pub(super) wanted_at: Option<Timestamp>,
    /// The epoch of all other fields; absent if no edition was built yet.
    pub(super) epoch: Option<u64>,
    pub(super) bits: u8,
    /// The minimum number of bits, because a segment was too full with fewer.
    pub(super) least_bits: u8,
    pub(super) without_weak: bool,
    /// Segments that changes up to this generation affect have been rebuilt or are marked.
    pub(super) marked: u64,
    /// The maximum number of token values when the last edition began, and the number of the last token then.
    pub(super) texts: u64,
    pub(super) numbered: u64,
}

impl Schedule {
    pub(super) fn load(sql: &dyn Sql, kind: Kind) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE kind = ?", &[kind.into()])
    }
}

columns!(Schedule: "editions" { due_at, wanted_at, epoch, bits, least_bits, without_weak, marked, texts, numbered });

/// The edition that is being built.
pub(super) struct EditionBuild {
    pub(super) kind: Kind,
    pub(super) epoch: u64,
    pub(super) generation: u64,
    begun_at: Timestamp,
    /// The workspace's record, encoded.
    pub(super) workspace: Vec<u8>,
    pub(super) stage: Stage,
    /// The version of the last row that was processed.
    pub(super) version: u64,
    /// The number of that row.
    pub(super) number: u64,
    /// When the next step is due.
    pub(super) due_at: Timestamp,
    pub(super) segments: Segmentation,
}

/// The segmentation, as in [`Schedule`].
pub(super) struct Segmentation {
    pub(super) bits: u8,
    pub(super) without_weak: bool,
    pub(super) marked: u64,
}

columns!(EditionBuild: "edition" {
    kind, epoch, generation, begun_at, workspace, stage, version, number, due_at,
} { segments });

columns!(Segmentation: "editions" { bits, without_weak, marked });

/// The stage of building an edition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Marking the segments of changed tokens.
    Tokens,
    /// Marking the owner segments of changed members.
    Members,
    /// Building files, the manifest last.
    Files,
}

as_name!(Stage { Tokens: "tokens", Members: "members", Files: "files" });

/// A part of an edition, which one file represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The segment of a prefix, with its number of token values.
    Segment { prefix: u16, tokens: u64 },
    /// The owner segment of a block of member numbers.
    Owners { block: u64 },
    /// The manifest.
    Manifest,
}

impl EditionBuild {
    /// Whether its next step is due. A time further ahead than the longest back-off was set before the clock was set
    /// back.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now || self.due_at > now.plus(LONGEST_BACKOFF)
    }

    pub(super) fn load(sql: &dyn Sql) -> Result<Option<Self>, SqlError> {
        let columns = (Self::COLUMNS, Segmentation::COLUMNS);
        sql.one(&format!("SELECT {}, {} FROM edition JOIN editions USING (kind)", columns.0, columns.1), &[])
    }

    /// Identifies the edition among all others.
    pub(super) fn identity(&self) -> (Kind, u64, u64) {
        (self.kind, self.epoch, self.generation)
    }

    /// Records where the next step continues.
    pub(super) fn go_on(&self, sql: &dyn Sql, stage: Stage, passed: (u64, u64)) -> Result<(), SqlError> {
        let (version, number) = passed;
        update!(sql, "edition" { stage: stage, version: version, number: number })
    }

    /// Records that the file of a part was written. With its manifest the edition becomes current.
    pub(super) fn take_file(&self, sql: &dyn Sql, part: Part, name: ContentHash) -> Result<(), SqlError> {
        let (kind, bits) = self.place();
        match part {
            Part::Segment { prefix, tokens } => sql.exec(
                "UPDATE segments SET name = ?, tokens = ?, made = 1 WHERE kind = ? AND bits = ? AND prefix = ?",
                &[name.into(), tokens.into(), kind, bits, prefix.into()],
            )?,
            Part::Owners { block } => sql.exec(
                "UPDATE owner_segments SET name = ?, made = 1 WHERE kind = ? AND block = ?",
                &[name.into(), kind, block.into()],
            )?,
            Part::Manifest => return self.become_current(sql, name),
        };
        sql.exec("UPDATE edition SET attempts = 0", &[])?;
        Ok(())
    }

    fn become_current(&self, sql: &dyn Sql, manifest: ContentHash) -> Result<(), SqlError> {
        let (kind, bits) = self.place();
        let of_kind = slice::from_ref(&kind);
        sql.exec("DELETE FROM segments WHERE kind = ? AND bits <> ?", &[kind.clone(), bits])?;
        exclude_high_blocks(sql, self.kind, "true")?;
        sql.exec("UPDATE segments SET current = name WHERE kind = ? AND current IS NOT name", of_kind)?;
        sql.exec("UPDATE owner_segments SET current = name WHERE kind = ? AND current IS NOT name", of_kind)?;
        sql.exec(
            "UPDATE editions SET manifest = ?, generation = ?, begun_at = ?, as_of = ?, due_at = NULL,
             texts = (SELECT sum(tokens) FROM segments WHERE segments.kind = editions.kind) WHERE kind = ?",
            &[manifest.into(), self.generation.into(), self.begun_at.into(), self.begun_at.into(), kind],
        )?;
        end(sql)
    }

    /// The key of its segments in the table, without their prefix.
    pub(super) fn place(&self) -> (Value, Value) {
        ((&self.kind).into(), self.segments.bits.into())
    }
}

/// Ends building the edition, completed or not. Files built for it are reused by the next one.
pub(super) fn end(sql: &dyn Sql) -> Result<(), SqlError> {
    sql.exec("DELETE FROM edition", &[])?;
    Ok(())
}

/// Schedules the next edition of this kind.
pub(super) fn set_due(sql: &dyn Sql, kind: Kind, due_at: Timestamp) -> Result<(), SqlError> {
    let set =
        "INSERT INTO editions (kind, due_at) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET due_at = excluded.due_at";
    sql.exec(set, &[(&kind).into(), due_at.into()])?;
    Ok(())
}

/// Withdraws the current edition of this kind. Its files may be reused by the next one.
pub(super) fn withdraw(sql: &dyn Sql, kind: Kind) -> Result<(), SqlError> {
    let kind = [(&kind).into()];
    sql.exec(
        "UPDATE editions SET manifest = NULL, generation = NULL, begun_at = NULL, as_of = NULL WHERE kind = ?",
        &kind,
    )?;
    sql.exec("UPDATE segments SET current = NULL WHERE kind = ? AND current IS NOT NULL", &kind)?;
    sql.exec("UPDATE owner_segments SET current = NULL WHERE kind = ? AND current IS NOT NULL", &kind)?;
    Ok(())
}

/// Deletes all parts of editions of this kind. None of them can be reused.
pub(super) fn forget(sql: &dyn Sql, kind: Kind) -> Result<(), SqlError> {
    let kind = [(&kind).into()];
    sql.exec("DELETE FROM segments WHERE kind = ?", &kind)?;
    sql.exec("DELETE FROM owner_segments WHERE kind = ?", &kind)?;
    Ok(())
}

/// Excludes all blocks beyond the maximum number of owner segments, lowest blocks first. Members' rows are never
/// deleted, so an excluded block never becomes one of the lowest again.
pub(super) fn exclude_high_blocks(sql: &dyn Sql, kind: Kind, which: &str) -> Result<(), SqlError> {
    let highest = "SELECT block FROM owner_segments WHERE kind = ? ORDER BY block LIMIT 1 OFFSET ?";
    sql.exec(
        &format!("DELETE FROM owner_segments WHERE kind = ? AND {which} AND block > ({highest})"),
        &[(&kind).into(), (&kind).into(), (MAX_OWNER_SEGMENTS - 1).into()],
    )?;
    Ok(())
}

/// The files that the current edition references, in the manifest's order. The parts may have newer files already.
pub(crate) fn current_files(sql: &dyn Sql, kind: Kind) -> Result<Vec<ContentHash>, SqlError> {
    if Current::load(sql, kind)?.is_none() {
        return Ok(Vec::new());
    }
    let named = |query| sql.all(query, &[(&kind).into()]);
    let mut files: Vec<ContentHash> =
        named("SELECT current FROM segments WHERE kind = ? AND current IS NOT NULL ORDER BY bits, prefix")?;
    files.extend(named("SELECT current FROM owner_segments WHERE kind = ? AND current IS NOT NULL ORDER BY block")?);
    Ok(files)
}
