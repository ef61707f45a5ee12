//! Token values that rotation replaced.

use counterfoil_token::Digest;
use counterfoil_verify::{Timestamp, TokenRecord};

use super::tokens::TokenRow;
use crate::{
    columns::{Columns as _, columns, insert, update},
    sql::{Sql, SqlError},
};

/// A token value that rotation replaced.
#[derive(Clone)]
pub(crate) struct ReplacedText {
    pub(crate) digest: Digest,
    /// The number of its token.
    pub(crate) token: u64,
    pub(crate) valid_until: Timestamp,
    pub(crate) issued: u64,
}

/// The expiration of a token value that expired immediately, without a grace period. Setting the clock back does not
/// revive it.
pub(crate) const AT_ONCE: Timestamp = Timestamp(0);

columns!(ReplacedText: "replaced_texts" { digest, token, valid_until, issued });

impl ReplacedText {
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE digest = ?", &[digest.into()])
    }

    /// All earlier values of the token.
    pub(crate) fn all_of(sql: &dyn Sql, token: u64) -> Result<Vec<Self>, SqlError> {
        Self::select(sql, "WHERE token = ?", &[token.into()])
    }

    /// The token's earlier values that are in their grace period, the first to expire first.
    pub(crate) fn in_grace(sql: &dyn Sql, token: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        Self::select(sql, "WHERE token = ? AND valid_until > ? ORDER BY valid_until", &[token.into(), now.into()])
    }

    /// Adds the token value that `was` had until this generation.
    pub(crate) fn insert(&self, sql: &dyn Sql, was: &TokenRow, generation: u64) -> Result<(), SqlError> {
        insert!(sql, "replaced_texts" {
            digest: self.digest, token: self.token, valid_until: self.valid_until, issued: self.issued,
            seal_epoch: was.seal_epoch, weak: was.weak, version: generation,
        })
    }

    /// Expires one token value immediately.
    pub(crate) fn end(sql: &dyn Sql, digest: Digest, generation: u64) -> Result<(), SqlError> {
        update!(sql, "replaced_texts" { valid_until: AT_ONCE, version: generation } "digest = ?", digest)
    }

    /// Expires all values of the token that are in their grace period, and returns them.
    pub(crate) fn end_all(sql: &dyn Sql, token: u64, generation: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        let set = "UPDATE replaced_texts SET valid_until = ?, version = ? WHERE token = ? AND valid_until > ?";
        let values = [AT_ONCE.into(), generation.into(), token.into(), now.into()];
        sql.all(&format!("{set} RETURNING {}", Self::COLUMNS), &values)
    }

    /// The record of the token value for verifiers. Once its grace period has expired, the record itself says so,
    /// independent of the verifier's clock.
    pub(crate) fn record(&self, token: &TokenRow, now: Timestamp) -> TokenRecord {
        let record = token.record();
        TokenRecord {
            revoked: record.revoked || now >= self.valid_until,
            issued: self.issued,
            replaced_until: Some(self.valid_until),
            ..record
        }
    }
}

/// The number of leading bytes of a digest by which token values are distinguished, also in segments.
const TOLD_APART_BY: usize = 16;

/// Whether a token has or had a value with this digest, or with one that segments could not distinguish from it. Two
/// digests agree in so many bytes only if they were chosen to.
pub(crate) fn is_taken(sql: &dyn Sql, digest: Digest) -> Result<bool, SqlError> {
    let mut first = digest.as_bytes().to_vec();
    first.truncate(TOLD_APART_BY);
    let mut last = first.clone();
    last.resize(size_of::<Digest>(), u8::MAX);
    let range = "BETWEEN ? AND ? LIMIT 1";
    for table in ["tokens", "replaced_texts"] {
        let taken = format!("SELECT 1 FROM {table} WHERE digest {range}");
        if sql.any(&taken, &[(&first).into(), (&last).into()])? {
            return Ok(true);
        }
    }
    Ok(false)
}
