//! What is done about a segment that is too full.
//!
//! Digests are evenly spread, so a segment that is fuller than others by far has digests that were chosen for it: whoever
//! imports chooses them. It must not end editions, on which everybody else relies. First, all segments are split further, as
//! far as that is cheap. Where it does not help, since the digests agree in more bits than segments have, those are left out
//! of editions from now on, and the editions say so: verifiers ask the ledger about foreign texts that they do not find.
//! Texts that were minted here are never left out; nobody chooses their digests.

use std::collections::BTreeMap;

use counterfoil_verify::DigestPrefix;

use super::{mark::range, rows::UnderWay, terms::Kind};
use crate::{
    columns::update,
    rows::Carried,
    sql::{Sql, SqlError, Value},
};

/// How many bits segments are split by at most for the sake of one of them. That is 256 files, as a million tokens have;
/// more of them would be a burden that one importer puts on everybody.
const DEEPEST: u8 = 8;

/// How many texts one step marks at most.
const STEP: u64 = 20_000;

/// Sees to it that the next attempt finds the segment less full, and says whether there was a way.
pub(super) fn relieve(sql: &dyn Sql, edition: &UnderWay, prefix: DigestPrefix, most: u64) -> Result<bool, SqlError> {
    let shares = shares(sql, prefix)?;
    let deeper = (prefix.bits() + 1..=DEEPEST).find(|bits| fullest(&shares, *bits) <= most);
    if let Some(bits) = deeper {
        update!(sql, "editions" { least_bits: bits } "kind = ?", edition.kind)?;
        return Ok(true);
    }
    // Were no share larger than this, the segment would not be too full.
    let fair = most >> (DigestPrefix::MAX_BITS - prefix.bits());
    let mut left = STEP;
    for (share, _) in shares.into_iter().filter(|(_, texts)| *texts > fair) {
        left -= leave_out(sql, share, left)?;
    }
    Ok(left < STEP)
}

/// How many texts, that are not left out yet, begin with each two bytes of the prefix.
fn shares(sql: &dyn Sql, prefix: DigestPrefix) -> Result<BTreeMap<u16, u64>, SqlError> {
    let (first, last) = range(prefix);
    let mut shares = BTreeMap::new();
    for table in ["tokens", "replaced_texts"] {
        let count = format!(
            "SELECT substr(digest, 1, 2), count(*) FROM {table} WHERE digest > ? AND digest <= ? AND weak < ? GROUP BY 1"
        );
        let values = [(&first).into(), (&last).into(), (&Carried::NoPorts).into()];
        for (begin, texts) in sql.all::<(Vec<u8>, u64)>(&count, &values)? {
            let share = begin.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
            *shares.entry(share).or_default() += texts;
        }
    }
    Ok(shares)
}

/// How many texts the fullest of these segments would have, were they told by so many bits.
fn fullest(shares: &BTreeMap<u16, u64>, bits: u8) -> u64 {
    let mut segments: BTreeMap<u16, u64> = BTreeMap::new();
    for (share, texts) in shares {
        *segments.entry(share >> (DigestPrefix::MAX_BITS - bits)).or_default() += texts;
    }
    segments.into_values().max().unwrap_or(0)
}

/// Leaves out so many foreign texts that begin with these two bytes, and says how many there were.
fn leave_out(sql: &dyn Sql, share: u16, most: u64) -> Result<u64, SqlError> {
    let Some(prefix) = DigestPrefix::new(DigestPrefix::MAX_BITS, share) else { return Ok(0) };
    let (first, last) = range(prefix);
    let mut left = most;
    for table in ["tokens", "replaced_texts"] {
        let some = format!(
            "UPDATE {table} SET weak = ? WHERE digest IN (SELECT digest FROM {table}
             WHERE digest > ? AND digest <= ? AND weak < ? AND seal_epoch IS NULL LIMIT ?) RETURNING 1"
        );
        let nowhere = Value::from(&Carried::NoPorts);
        let values = [nowhere.clone(), (&first).into(), (&last).into(), nowhere, left.into()];
        left -= sql.exec(&some, &values)?.len() as u64;
    }
    Ok(most - left)
}

/// Whether editions of this kind leave texts out.
pub(super) fn leaves_out(sql: &dyn Sql, kind: Kind) -> Result<bool, SqlError> {
    let left_out: &[Carried] = match kind {
        Kind::Leases => &[Carried::NoPorts],
        Kind::Snapshots => &[Carried::InTheHouse, Carried::NoPorts],
    };
    for carried in left_out {
        // As literals: each has an index of its own.
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
