//! Texts that rotation replaced.

use counterfoil_token::Digest;
use counterfoil_verify::{Timestamp, TokenRecord};

use super::tokens::TokenRow;
use crate::{
    columns::{Columns as _, columns, insert, update},
    sql::{Sql, SqlError},
};

/// A text that rotation replaced.
#[derive(Clone)]
pub(crate) struct ReplacedText {
    pub(crate) digest: Digest,
    /// The number of its token.
    pub(crate) token: u64,
    pub(crate) valid_until: Timestamp,
    pub(crate) issued: u64,
}

/// Of a text that ended at once rather than after a grace: no clock that is set back revives it.
pub(crate) const AT_ONCE: Timestamp = Timestamp(0);

columns!(ReplacedText: "replaced_texts" { digest, token, valid_until, issued });

impl ReplacedText {
    pub(crate) fn by_digest(sql: &dyn Sql, digest: Digest) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE digest = ?", &[digest.into()])
    }

    /// All texts that the token has had.
    pub(crate) fn all_of(sql: &dyn Sql, token: u64) -> Result<Vec<Self>, SqlError> {
        Self::select(sql, "WHERE token = ?", &[token.into()])
    }

    /// The token's texts that are still in their grace, the next to end first.
    pub(crate) fn in_grace(sql: &dyn Sql, token: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        Self::select(sql, "WHERE token = ? AND valid_until > ? ORDER BY valid_until", &[token.into(), now.into()])
    }

    /// Adds the text, which was the token's until this generation.
    pub(crate) fn insert(&self, sql: &dyn Sql, was: &TokenRow, generation: u64) -> Result<(), SqlError> {
        insert!(sql, "replaced_texts" {
            digest: self.digest, token: self.token, valid_until: self.valid_until, issued: self.issued,
            seal_epoch: was.seal_epoch, weak: was.weak, version: generation,
        })
    }

    /// Ends one text at once.
    pub(crate) fn end(sql: &dyn Sql, digest: Digest, generation: u64) -> Result<(), SqlError> {
        update!(sql, "replaced_texts" { valid_until: AT_ONCE, version: generation } "digest = ?", digest)
    }

    /// Ends whatever grace the token's texts are in, and gives those that had one.
    pub(crate) fn end_all(sql: &dyn Sql, token: u64, generation: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        let set = "UPDATE replaced_texts SET valid_until = ?, version = ? WHERE token = ? AND valid_until > ?";
        let values = [AT_ONCE.into(), generation.into(), token.into(), now.into()];
        sql.all(&format!("{set} RETURNING {}", Self::COLUMNS), &values)
    }

    /// What verifiers know of the text. Once its grace is over the record says so by itself, whatever their clocks say.
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

/// How many bytes of a digest tell it from all others, in segments too.
const TOLD_APART_BY: usize = 16;

/// Whether a text of this digest is some token's, or was; or one that segments could not tell from it. Digests that were
/// not chosen for it never agree so far.
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
