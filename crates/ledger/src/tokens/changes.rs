//! Texts that somebody may remember, and that have changed.

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use crate::sql::{MAX_INTEGER, Sql, SqlError, Value};

/// For how long a grace must be over, in milliseconds, for no clock that is a little off to take it to go on.
const LONG_OVER: u64 = 60_000;

/// Whether texts that were issued since, and have not changed, are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewTexts {
    /// To whoever remembers that they were not there.
    Told,
    /// Nobody can remember them wrongly.
    Untold,
}

/// Every text whose record has changed since that generation, by digest; at most one more than `most`.
///
/// Left out is what nobody can remember wrongly: a text that has not changed since it was issued; one that its owner's
/// record revokes, since that record has changed; and one that rotation replaced whose grace is long over, unless it was
/// cut short since: whoever remembers it knows when it ends. Not so a text that was issued after that generation and has
/// changed then: whoever asks may have met it while its question was on its way. Nor any that was issued since, where
/// these are to be told.
pub(crate) fn changed_since(
    sql: &dyn Sql,
    generation: u64,
    new: NewTexts,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Digest>, SqlError> {
    let limit = most as u64 + 1;
    let over = Timestamp(now.0.saturating_sub(LONG_OVER));
    // From which generation on what was issued is told in any case.
    let issued_after = if new == NewTexts::Told { generation } else { MAX_INTEGER };
    let texts = "SELECT tokens.digest FROM tokens JOIN members ON members.number = tokens.owner
        WHERE tokens.version > ? AND (tokens.issued > ? OR
            tokens.version > tokens.issued AND tokens.issued >= revoked_before) LIMIT ?";
    let replaced = "SELECT replaced_texts.digest
        FROM tokens JOIN replaced_texts ON token = tokens.number JOIN members ON members.number = tokens.owner
        WHERE tokens.version > ? AND (replaced_texts.issued > ? OR
            (replaced_texts.version > ? OR valid_until > ?) AND replaced_texts.issued >= revoked_before) LIMIT ?";
    let mut digests = sql.all(texts, &[generation.into(), issued_after.into(), limit.into()])?;
    let values = [generation, issued_after, generation, over.0, limit].map(Value::from);
    digests.extend(sql.all::<Digest>(replaced, &values)?);
    Ok(digests)
}
