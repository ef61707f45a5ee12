//! Marks the segments to rebuild: those of all token values and members that changed since the last edition.
//!
//! Rows are read in the order of the version that last changed them. A row that changes meanwhile moves to a later
//! position, so none is missed. It may be marked although it changed only after the edition's generation, which is
//! harmless.

use std::collections::BTreeSet;

use counterfoil_token::Digest;
use counterfoil_verify::DigestPrefix;

use super::{
    parameters::BLOCK,
    rows::{self, EditionBuild, Stage},
};
use crate::{
    columns::update,
    sql::{FromRow, MAX_INTEGER, Sql, SqlError, Value},
};

/// The number of rows that one step reads.
const BATCH: usize = 5_000;

/// The next rows after a version and a number. A comparison of pairs would start at the beginning of the version for
/// each page, and many rows may share a version.
pub(super) const TOKENS: &str = "SELECT version, number, digest FROM tokens WHERE version = ? AND number > ?
    UNION ALL SELECT version, number, digest FROM tokens WHERE version > ? ORDER BY version, number LIMIT ?";

pub(super) const MEMBERS: &str = "SELECT version, number FROM members WHERE version = ? AND number > ?
    UNION ALL SELECT version, number FROM members WHERE version > ? ORDER BY version, number LIMIT ?";

/// The replaced values of some tokens.
pub(super) const REPLACED: &str = "SELECT digest FROM json_each(?) CROSS JOIN replaced_texts WHERE token = value";

/// The position before all rows that changed after that generation.
pub(super) const fn after(generation: u64) -> (u64, u64) {
    (generation, MAX_INTEGER)
}

/// Marks the segments of some tokens: of their current and their replaced values.
pub(super) fn tokens(sql: &dyn Sql, edition: &EditionBuild) -> Result<(), SqlError> {
    let rows: Vec<(u64, u64, Digest)> = batch(sql, TOKENS, edition)?;
    let numbers: Vec<u64> = rows.iter().map(|(_, number, _)| *number).collect();
    let replaced: Vec<Digest> = sql.all(REPLACED, &[Value::json(&numbers)])?;
    let digests = rows.iter().map(|(.., digest)| digest).chain(&replaced);
    let prefixes: BTreeSet<u16> = digests.map(|digest| prefix_of(*digest, edition.segments.bits)).collect();
    sql.exec(
        "UPDATE segments SET made = 0 WHERE kind = ? AND bits = ? AND prefix IN (SELECT value FROM json_each(?))",
        &[(&edition.kind).into(), edition.segments.bits.into(), Value::json(&prefixes)],
    )?;
    let passed = rows.last().map(|(version, number, _)| (*version, *number));
    match passed.filter(|_| rows.len() == BATCH) {
        Some(place) => edition.go_on(sql, Stage::Tokens, place),
        None => edition.go_on(sql, Stage::Members, after(edition.segments.marked)),
    }
}

/// Marks the owner segments of some members.
pub(super) fn members(sql: &dyn Sql, edition: &EditionBuild) -> Result<(), SqlError> {
    let rows: Vec<(u64, u64)> = batch(sql, MEMBERS, edition)?;
    let blocks: BTreeSet<u64> = rows.iter().map(|(_, number)| number / BLOCK).collect();
    sql.exec(
        "INSERT INTO owner_segments (kind, block) SELECT ?, value FROM json_each(?) WHERE true
         ON CONFLICT (kind, block) DO UPDATE SET made = 0",
        &[(&edition.kind).into(), Value::json(&blocks)],
    )?;
    rows::exclude_high_blocks(sql, edition.kind, "current IS NULL")?;
    if let Some(place) = rows.last().copied().filter(|_| rows.len() == BATCH) {
        return edition.go_on(sql, Stage::Members, place);
    }
    update!(sql, "editions" { marked: edition.generation } "kind = ?", edition.kind)?;
    edition.go_on(sql, Stage::Files, after(edition.generation))
}

/// The next rows. A batch that is not full is the last one.
fn batch<T: FromRow>(sql: &dyn Sql, query: &str, edition: &EditionBuild) -> Result<Vec<T>, SqlError> {
    let EditionBuild { version, number, .. } = *edition;
    sql.all(query, &[version.into(), number.into(), version.into(), (BATCH as u64).into()])
}

/// The index of a digest's segment if segments are split by this many bits.
pub(super) fn prefix_of(digest: Digest, bits: u8) -> u16 {
    let first = digest.as_bytes().first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    first.checked_shr(u32::from(DigestPrefix::MAX_BITS.saturating_sub(bits))).unwrap_or(0)
}

/// The exclusive lower and the inclusive upper bound of all digests with this prefix, compared as bytes.
pub(super) fn range(prefix: DigestPrefix) -> (Vec<u8>, Vec<u8>) {
    let free = u32::from(DigestPrefix::MAX_BITS - prefix.bits());
    let first = prefix.value().checked_shl(free).unwrap_or(0);
    let last = first | u16::MAX.checked_shr(u32::from(prefix.bits())).unwrap_or(0);
    let mut end = last.to_be_bytes().to_vec();
    end.resize(size_of::<Digest>(), u8::MAX);
    (first.to_be_bytes().to_vec(), end)
}
