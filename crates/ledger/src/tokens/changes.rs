//! Changed token values that verifiers may have cached.

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;

use crate::sql::{MAX_INTEGER, Sql, SqlError, Value};

/// How long a grace period must have expired, in milliseconds, before clock skew can no longer make a verifier accept
/// the value.
const LONG_OVER: u64 = 60_000;

/// Whether unchanged token values that were created since then are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewValues {
    /// Included: the verifier may have cached that they do not exist.
    Included,
    /// Omitted: no verifier can have a wrong record of them.
    Omitted,
}

/// The digests of all token values whose record has changed since that generation; at most one more than `most`.
///
/// Omitted are values of which no verifier can have a wrong record: values that have not changed since they were
/// created; values that are revoked by their owner's record, because that record has changed; and replaced values whose
/// grace period expired long ago, unless it was shortened since (the cached record contains its end). Values that were
/// created after that generation and have changed since are included, because the verifier may have cached them while
/// its request was under way. With [`NewValues::Included`], all values created since are included.
pub(crate) fn changed_since(
    sql: &dyn Sql,
    generation: u64,
    new: NewValues,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Digest>, SqlError> {
    let limit = most as u64 + 1;
    let over = Timestamp(now.0.saturating_sub(LONG_OVER));
    // The generation from which on created values are always included.
    let issued_after = if new == NewValues::Included { generation } else { MAX_INTEGER };
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
