//! Handling of segments that are too full.
//!
//! Digests are evenly distributed. A segment that is much fuller than others contains digests that were chosen for it,
//! which is possible by importing tokens. This must not stop the building of editions, which all other clients rely on.
//! First, all segments are split further, as long as that is cheap. If that does not help, because the digests share
//! more bits than segments are split by, these token values are excluded from editions and the edition says so:
//! verifiers then ask the ledger about third-party tokens that they do not find. Token values that Counterfoil
//! generated are never excluded, because no client can choose their digests.

use std::collections::BTreeMap;

use counterfoil_verify::DigestPrefix;

use super::{mark::range, parameters::Kind, rows::EditionBuild};
use crate::{
    columns::update,
    rows::Inclusion,
    sql::{Sql, SqlError, Value},
};

/// The maximum number of bits that segments are split by because one of them is too full. It results in 256 files, as
/// many as a million tokens need. More files would let one importer slow down all other clients.
const MAX_SPLIT_BITS: u8 = 8;

/// The maximum number of token values that one step excludes.
const STEP: u64 = 20_000;

/// Makes the segment less full for the next attempt, and returns whether that was possible.
pub(super) fn relieve(
    sql: &dyn Sql,
    edition: &EditionBuild,
    prefix: DigestPrefix,
    most: u64,
) -> Result<bool, SqlError> {
    let shares = shares(sql, prefix)?;
    let deeper = (prefix.bits() + 1..=MAX_SPLIT_BITS).find(|bits| fullest(&shares, *bits) <= most);
    if let Some(bits) = deeper {
        update!(sql, "editions" { least_bits: bits } "kind = ?", edition.kind)?;
        return Ok(true);
    }
    // If no share were larger than this, the segment would not be too full.
    let fair = most >> (DigestPrefix::MAX_BITS - prefix.bits());
    let mut left = STEP;
    for (share, _) in shares.into_iter().filter(|(_, texts)| *texts > fair) {
        left -= exclude(sql, share, left)?;
    }
    Ok(left < STEP)
}

/// The number of token values that are not excluded yet, for each two-byte prefix within the segment.
fn shares(sql: &dyn Sql, prefix: DigestPrefix) -> Result<BTreeMap<u16, u64>, SqlError> {
    let (first, last) = range(prefix);
    let mut shares = BTreeMap::new();
    for table in ["tokens", "replaced_texts"] {
        let count = format!(
            "SELECT substr(digest, 1, 2), count(*) FROM {table} WHERE digest > ? AND digest <= ? AND weak < ? GROUP BY 1"
        );
        let values = [(&first).into(), (&last).into(), (&Inclusion::Excluded).into()];
        for (begin, texts) in sql.all::<(Vec<u8>, u64)>(&count, &values)? {
            let share = begin.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
            *shares.entry(share).or_default() += texts;
        }
    }
    Ok(shares)
}

/// The size of the fullest segment if these were split by this many bits.
fn fullest(shares: &BTreeMap<u16, u64>, bits: u8) -> u64 {
    let mut segments: BTreeMap<u16, u64> = BTreeMap::new();
    for (share, texts) in shares {
        *segments.entry(share >> (DigestPrefix::MAX_BITS - bits)).or_default() += texts;
    }
    segments.into_values().max().unwrap_or(0)
}

/// Excludes up to `most` third-party token values with this two-byte prefix, and returns how many it excluded.
fn exclude(sql: &dyn Sql, share: u16, most: u64) -> Result<u64, SqlError> {
    let Some(prefix) = DigestPrefix::new(DigestPrefix::MAX_BITS, share) else { return Ok(0) };
    let (first, last) = range(prefix);
    let mut left = most;
    for table in ["tokens", "replaced_texts"] {
        let some = format!(
            "UPDATE {table} SET weak = ? WHERE digest IN (SELECT digest FROM {table}
             WHERE digest > ? AND digest <= ? AND weak < ? AND seal_epoch IS NULL LIMIT ?) RETURNING 1"
        );
        let nowhere = Value::from(&Inclusion::Excluded);
        let values = [nowhere.clone(), (&first).into(), (&last).into(), nowhere, left.into()];
        left -= sql.exec(&some, &values)?.len() as u64;
    }
    Ok(most - left)
}

/// Whether editions of this kind exclude any token values.
pub(super) fn excludes(sql: &dyn Sql, kind: Kind) -> Result<bool, SqlError> {
    let left_out: &[Inclusion] = match kind {
        Kind::Leases => &[Inclusion::Excluded],
        Kind::Snapshots => &[Inclusion::LeasesOnly, Inclusion::Excluded],
    };
    for carried in left_out {
        // Literals, so that each statement uses its own partial index.
        let weak = carried.number();
        let any = format!(
            "SELECT EXISTS (SELECT 1 FROM tokens WHERE weak = {weak}) OR EXISTS (SELECT 1 FROM replaced_texts WHERE weak = {weak})"
        );
        if sql.scalar(&any, &[])? {
            return Ok(true);
        }
    }
    Ok(false)
}
