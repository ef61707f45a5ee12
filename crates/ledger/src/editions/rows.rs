//! The tables: how things stand for each kind, what is under way, and which file is which part of it.

use core::slice;

use counterfoil_verify::{ContentHash, Timestamp};

use super::terms::{Kind, MOST_OWNER_SEGMENTS};
use crate::{
    columns::{Columns as _, columns, update},
    sql::{Sql, SqlError, Value},
    stored::as_name,
    times::LONGEST_BACKOFF,
};

/// An edition that verifiers may go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// The name of its manifest.
    pub manifest: ContentHash,
    /// The history that its generation is of: the workspace's.
    pub epoch: u64,
    /// The generation whose state it is.
    pub generation: u64,
    /// When that was.
    pub begun_at: Timestamp,
    /// As of when it is told to be: then, or a later moment at which nothing had changed since.
    pub as_of: Timestamp,
}

impl Current {
    /// One of another history than the workspace's is not current.
    pub(crate) fn load(sql: &dyn Sql, kind: Kind) -> Result<Option<Self>, SqlError> {
        let clauses = "JOIN workspace ON workspace.epoch = editions.epoch WHERE kind = ? AND manifest IS NOT NULL";
        Self::find(sql, clauses, &[kind.into()])
    }
}

columns!(Current: "editions" { manifest, epoch, generation, begun_at, as_of });

/// How things stand for the next edition of a kind.
#[derive(Default)]
pub(super) struct Plan {
    /// When it begins; absent where nobody has noticed yet that it has to.
    pub(super) due_at: Option<Timestamp>,
    pub(super) wanted_at: Option<Timestamp>,
    /// The history that all of this is of; absent where nothing was made yet.
    pub(super) epoch: Option<u64>,
    pub(super) bits: u8,
    /// As many bits there must be, since a segment was too full with fewer.
    pub(super) least_bits: u8,
    pub(super) without_weak: bool,
    /// Segments that changes up to this generation concern were made since, or are marked to be.
    pub(super) marked: u64,
    /// How many texts there were at most when the last edition began, and the last token's number then.
    pub(super) texts: u64,
    pub(super) numbered: u64,
}

impl Plan {
    pub(super) fn load(sql: &dyn Sql, kind: Kind) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE kind = ?", &[kind.into()])
    }
}

columns!(Plan: "editions" { due_at, wanted_at, epoch, bits, least_bits, without_weak, marked, texts, numbered });

/// The edition that is under way.
pub(super) struct UnderWay {
    pub(super) kind: Kind,
    pub(super) epoch: u64,
    pub(super) generation: u64,
    begun_at: Timestamp,
    /// The workspace's record, encoded.
    pub(super) workspace: Vec<u8>,
    pub(super) stage: Stage,
    /// The version of the row that was marked last.
    pub(super) version: u64,
    /// Its number.
    pub(super) number: u64,
    /// When the next step may be taken.
    pub(super) due_at: Timestamp,
    pub(super) segments: Segmentation,
}

/// What [`Plan`] says of its kind, too.
pub(super) struct Segmentation {
    pub(super) bits: u8,
    pub(super) without_weak: bool,
    pub(super) marked: u64,
}

columns!(UnderWay: "edition" {
    kind, epoch, generation, begun_at, workspace, stage, version, number, due_at,
} { segments });

columns!(Segmentation: "editions" { bits, without_weak, marked });

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The segments of tokens that changed are being marked.
    Tokens,
    /// The owner segments of members that changed are.
    Members,
    /// Files are being made, the manifest last.
    Files,
}

as_name!(Stage { Tokens: "tokens", Members: "members", Files: "files" });

/// Which file of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The segment of a prefix, with so many texts.
    Segment { prefix: u16, tokens: u64 },
    /// The owner segment of a block of numbers.
    Owners { block: u64 },
    /// The manifest.
    Manifest,
}

impl UnderWay {
    /// Whether its next step may be taken. What would wait for longer than anything does was left by a clock that has been set
    /// back since.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now || self.due_at > now.plus(LONGEST_BACKOFF)
    }

    pub(super) fn load(sql: &dyn Sql) -> Result<Option<Self>, SqlError> {
        let columns = (Self::COLUMNS, Segmentation::COLUMNS);
        sql.one(&format!("SELECT {}, {} FROM edition JOIN editions USING (kind)", columns.0, columns.1), &[])
    }

    /// Tells it from all others.
    pub(super) fn identity(&self) -> (Kind, u64, u64) {
        (self.kind, self.epoch, self.generation)
    }

    /// Says where the next step goes on.
    pub(super) fn go_on(&self, sql: &dyn Sql, stage: Stage, passed: (u64, u64)) -> Result<(), SqlError> {
        let (version, number) = passed;
        update!(sql, "edition" { stage: stage, version: version, number: number })
    }

    /// A file has been put: the part has it from now on, and with its manifest the edition is current.
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
        leave_out_high_blocks(sql, self.kind, "true")?;
        sql.exec("UPDATE segments SET current = name WHERE kind = ? AND current IS NOT name", of_kind)?;
        sql.exec("UPDATE owner_segments SET current = name WHERE kind = ? AND current IS NOT name", of_kind)?;
        sql.exec(
            "UPDATE editions SET manifest = ?, generation = ?, begun_at = ?, as_of = ?, due_at = NULL,
             texts = (SELECT sum(tokens) FROM segments WHERE segments.kind = editions.kind) WHERE kind = ?",
            &[manifest.into(), self.generation.into(), self.begun_at.into(), self.begun_at.into(), kind],
        )?;
        end(sql)
    }

    /// What its segments go by in the table, but for their prefix.
    pub(super) fn place(&self) -> (Value, Value) {
        ((&self.kind).into(), self.segments.bits.into())
    }
}

/// Ends the edition that is under way, whatever has become of it. What was made for it serves the next.
pub(super) fn end(sql: &dyn Sql) -> Result<(), SqlError> {
    sql.exec("DELETE FROM edition", &[])?;
    Ok(())
}

/// Has an edition of this kind begin then, and not before.
pub(super) fn set_due(sql: &dyn Sql, kind: Kind, due_at: Timestamp) -> Result<(), SqlError> {
    let set =
        "INSERT INTO editions (kind, due_at) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET due_at = excluded.due_at";
    sql.exec(set, &[(&kind).into(), due_at.into()])?;
    Ok(())
}

/// No edition of this kind is current any more. What was made for it may serve the next.
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

/// Forgets all parts of editions of this kind: none of it serves any more.
pub(super) fn forget(sql: &dyn Sql, kind: Kind) -> Result<(), SqlError> {
    let kind = [(&kind).into()];
    sql.exec("DELETE FROM segments WHERE kind = ?", &kind)?;
    sql.exec("DELETE FROM owner_segments WHERE kind = ?", &kind)?;
    Ok(())
}

/// Leaves out all blocks above the lowest that an edition has room for. Members are never removed, so such a block never
/// comes among those again.
pub(super) fn leave_out_high_blocks(sql: &dyn Sql, kind: Kind, which: &str) -> Result<(), SqlError> {
    let highest = "SELECT block FROM owner_segments WHERE kind = ? ORDER BY block LIMIT 1 OFFSET ?";
    sql.exec(
        &format!("DELETE FROM owner_segments WHERE kind = ? AND {which} AND block > ({highest})"),
        &[(&kind).into(), (&kind).into(), (MOST_OWNER_SEGMENTS - 1).into()],
    )?;
    Ok(())
}

/// What the current edition names, in its manifest's order. The parts may have newer files already.
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
