//! Marking what has to be made anew: the segments of every text, and of every member, that changed since the last
//! edition.
//!
//! Rows are looked through by the version of their last change. What changes meanwhile comes again later, so no row is
//! missed; that it may have changed only after the generation at which the edition began does no harm.

use std::collections::BTreeSet;

use counterfoil_token::Digest;
use counterfoil_verify::DigestPrefix;

use super::{
    rows::{self, Stage, UnderWay},
    terms::BLOCK,
};
use crate::{
    columns::update,
    sql::{FromRow, MAX_INTEGER, Sql, SqlError, Value},
};

/// How many rows one step looks at.
const BATCH: usize = 5_000;

/// The next rows after a version and a number. Many may have the same version, which a comparison of pairs would look
/// through from its beginning for every page.
pub(super) const TOKENS: &str = "SELECT version, number, digest FROM tokens WHERE version = ? AND number > ?
    UNION ALL SELECT version, number, digest FROM tokens WHERE version > ? ORDER BY version, number LIMIT ?";

pub(super) const MEMBERS: &str = "SELECT version, number FROM members WHERE version = ? AND number > ?
    UNION ALL SELECT version, number FROM members WHERE version > ? ORDER BY version, number LIMIT ?";

/// The replaced texts of some tokens.
pub(super) const REPLACED: &str = "SELECT digest FROM json_each(?) CROSS JOIN replaced_texts WHERE token = value";

/// The place before all rows that changed after that generation.
pub(super) const fn after(generation: u64) -> (u64, u64) {
    (generation, MAX_INTEGER)
}

/// Marks the segments of some tokens: of the texts they have, and of those that rotation replaced.
pub(super) fn tokens(sql: &dyn Sql, edition: &UnderWay) -> Result<(), SqlError> {
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
pub(super) fn members(sql: &dyn Sql, edition: &UnderWay) -> Result<(), SqlError> {
    let rows: Vec<(u64, u64)> = batch(sql, MEMBERS, edition)?;
    let blocks: BTreeSet<u64> = rows.iter().map(|(_, number)| number / BLOCK).collect();
    sql.exec(
        "INSERT INTO owner_segments (kind, block) SELECT ?, value FROM json_each(?) WHERE true
         ON CONFLICT (kind, block) DO UPDATE SET made = 0",
        &[(&edition.kind).into(), Value::json(&blocks)],
    )?;
    rows::leave_out_high_blocks(sql, edition.kind, "current IS NULL")?;
    if let Some(place) = rows.last().copied().filter(|_| rows.len() == BATCH) {
        return edition.go_on(sql, Stage::Members, place);
    }
    update!(sql, "editions" { marked: edition.generation } "kind = ?", edition.kind)?;
    edition.go_on(sql, Stage::Files, after(edition.generation))
}

/// The next rows; after a batch that is not full there are no more.
fn batch<T: FromRow>(sql: &dyn Sql, query: &str, edition: &UnderWay) -> Result<Vec<T>, SqlError> {
    let UnderWay { version, number, .. } = *edition;
    sql.all(query, &[version.into(), number.into(), version.into(), (BATCH as u64).into()])
}

/// The place of a digest's segment among those of prefixes of so many bits.
pub(super) fn prefix_of(digest: Digest, bits: u8) -> u16 {
    let first = digest.as_bytes().first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    first.checked_shr(u32::from(DigestPrefix::MAX_BITS.saturating_sub(bits))).unwrap_or(0)
}

/// What comes right before all digests that begin so, and the last of them, as bytes are compared.
pub(super) fn range(prefix: DigestPrefix) -> (Vec<u8>, Vec<u8>) {
    let free = u32::from(DigestPrefix::MAX_BITS - prefix.bits());
    let first = prefix.value().checked_shl(free).unwrap_or(0);
    let last = first | u16::MAX.checked_shr(u32::from(prefix.bits())).unwrap_or(0);
    let mut end = last.to_be_bytes().to_vec();
    end.resize(size_of::<Digest>(), u8::MAX);
    (first.to_be_bytes().to_vec(), end)
}
