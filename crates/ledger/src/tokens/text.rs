//! The texts of a token: the one it has, and those that rotation replaced.
//!
//! A token outlives its texts. A replaced one goes on working until its grace is over, and from then on is known to be
//! revoked, for ever. The end of a grace is a promise: no later rotation brings it forward unless it is told to end the
//! texts before, so several may work at a time.

use counterfoil_protocol::{
    refusal::{ConflictCode, Refusal},
    rfc3339,
};
use counterfoil_token::{Digest, SealEpoch};
use counterfoil_verify::{RegistryKey, Timestamp, TokenRecord};

use super::TokenRow;
use crate::{
    sql::{FromValue, Row, Sql, SqlError, Value},
    work::Work,
};

/// What is kept of a text: enough to know it when it comes back, too little to make it.
pub(super) struct Text {
    pub(super) digest: Digest,
    pub(super) hint: String,
    /// Names the secret that sealed it; absent for a text that was made elsewhere.
    pub(super) seal_epoch: Option<SealEpoch>,
    /// Which editions carry it.
    pub(super) carried: Carried,
}

/// Which editions carry a text: the column `weak`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// All of them.
    Everywhere,
    /// Those for leases alone: the text may be guessed from its digest.
    InTheHouse,
    /// None: too many digests begin as this one does.
    Nowhere,
}

impl Carried {
    /// As it lies in the column.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Everywhere => 0,
            Self::InTheHouse => 1,
            Self::Nowhere => 2,
        }
    }
}

impl From<Carried> for Value {
    fn from(carried: Carried) -> Self {
        carried.number().into()
    }
}

impl FromValue for Carried {
    fn from_value(value: Value) -> Result<Self, Value> {
        match u64::from_value(value)? {
            0 => Ok(Self::Everywhere),
            1 => Ok(Self::InTheHouse),
            2 => Ok(Self::Nowhere),
            other => Err(other.into()),
        }
    }
}

/// A text that rotation replaced.
#[derive(Clone)]
pub(crate) struct ReplacedText {
    pub(super) digest: Digest,
    /// The number of its token.
    pub(super) token: u64,
    pub(super) valid_until: Timestamp,
    issued: u64,
}

/// The most texts of one token that work at a time, the one that it has included.
const MOST: usize = 8;

/// Of a text that ended at once rather than after a grace: no clock that is set back revives it.
const AT_ONCE: Timestamp = Timestamp(0);

/// The columns that [`ReplacedText::read`] takes, in its order.
const COLUMNS: &str = "digest, token, valid_until, issued";

impl ReplacedText {
    fn read(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self { digest: row.take()?, token: row.take()?, valid_until: row.take()?, issued: row.take()? })
    }

    pub(super) fn by_digest(sql: &dyn Sql, digest: Digest) -> Result<Option<Self>, SqlError> {
        let query = format!("SELECT {COLUMNS} FROM replaced_texts WHERE digest = ?");
        sql.exec(&query, &[digest.into()])?.pop().map(|mut row| Self::read(&mut row)).transpose()
    }

    /// The token's texts that are still in their grace, the next to end first.
    fn in_grace(sql: &dyn Sql, token: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        let query =
            format!("SELECT {COLUMNS} FROM replaced_texts WHERE token = ? AND valid_until > ? ORDER BY valid_until");
        sql.exec(&query, &[token.into(), now.into()])?.iter_mut().map(Self::read).collect()
    }

    /// Ends whatever grace the token's texts are in, and gives those that had one.
    fn end_all(sql: &dyn Sql, token: u64, generation: u64, now: Timestamp) -> Result<Vec<Self>, SqlError> {
        let set = "UPDATE replaced_texts SET valid_until = ?, version = ? WHERE token = ? AND valid_until > ?";
        let values = [AT_ONCE.into(), generation.into(), token.into(), now.into()];
        let ended = sql.exec(&format!("{set} RETURNING {COLUMNS}"), &values)?;
        ended.into_iter().map(|mut row| Self::read(&mut row)).collect()
    }

    /// What verifiers know of the text. Once its grace is over the record says so by itself, whatever their clocks say.
    pub(super) fn record(&self, token: &TokenRow, now: Timestamp) -> TokenRecord {
        let record = token.record();
        TokenRecord {
            revoked: record.revoked || now >= self.valid_until,
            issued: self.issued,
            replaced_until: Some(self.valid_until),
            ..record
        }
    }
}

/// Lets verifiers know of a token that has changed: a record for each of its texts that may still work.
pub(super) fn publish(work: &Work<'_>, token: &TokenRow) -> Result<(), Refusal> {
    let graced = ReplacedText::in_grace(work.sql, token.number, work.now)?;
    publish_with(work, token, &graced)
}

/// The same for each text it ever had, also those whose grace is over: their records carry what was written about it.
pub(super) fn publish_all(work: &Work<'_>, token: &TokenRow) -> Result<(), Refusal> {
    let query = format!("SELECT {COLUMNS} FROM replaced_texts WHERE token = ?");
    let texts = work.sql.exec(&query, &[token.number.into()])?;
    let texts = texts.into_iter().map(|mut row| ReplacedText::read(&mut row)).collect::<Result<Vec<_>, _>>()?;
    publish_with(work, token, &texts)
}

/// How many bytes of a digest tell it from all others, in segments too.
const TOLD_APART_BY: usize = 16;

/// Whether a text of this digest is some token's, or was; or one that segments could not tell from it. Digests that were
/// not chosen for it never agree so far.
pub(super) fn is_taken(sql: &dyn Sql, digest: Digest) -> Result<bool, SqlError> {
    let mut first = digest.as_bytes().to_vec();
    first.truncate(TOLD_APART_BY);
    let mut last = first.clone();
    last.resize(size_of::<Digest>(), u8::MAX);
    let range = "BETWEEN ? AND ? LIMIT 1";
    for table in ["tokens", "replaced_texts"] {
        let taken = format!("SELECT 1 FROM {table} WHERE digest {range}");
        if !sql.exec(&taken, &[first.clone().into(), last.clone().into()])?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks that the text that the token has may be given a grace: that not too many have one already.
///
/// # Errors
/// `TOO_MANY_TEXTS` says until when.
pub(super) fn check_grace(work: &Work<'_>, token: &TokenRow) -> Result<(), Refusal> {
    let graced = ReplacedText::in_grace(work.sql, token.number, work.now)?;
    match graced.first() {
        Some(next) if graced.len() + 1 >= MOST => {
            let detail = format!(
                "{MOST} values of this token are valid already; the next one expires at {}. Rotate again then, or without \
                 a grace period, or end the previous values (\"previous\": \"end\").",
                rfc3339::format(next.valid_until)
            );
            Err(Refusal::conflict(ConflictCode::TooManyTexts, detail))
        }
        _ => Ok(()),
    }
}

/// Gives the token another text. The one it had works until `valid_until`; those before it as long as they were promised,
/// unless they are to end now. Gives the number of those that do.
pub(super) fn replace(
    work: &Work<'_>,
    token: &mut TokenRow,
    text: Text,
    valid_until: Timestamp,
    end_previous: bool,
) -> Result<usize, Refusal> {
    let generation = work.next_generation()?;
    let mut replaced = if end_previous {
        ReplacedText::end_all(work.sql, token.number, generation, work.now)?
    } else {
        ReplacedText::in_grace(work.sql, token.number, work.now)?
    };
    let ended = if end_previous { replaced.len() } else { 0 };
    let valid_until = if valid_until > work.now { valid_until } else { AT_ONCE };
    let previous = ReplacedText { digest: token.digest, token: token.number, valid_until, issued: token.issued };
    work.sql.exec(
        "INSERT INTO replaced_texts (digest, token, valid_until, issued, seal_epoch, weak, version)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            previous.digest.into(),
            previous.token.into(),
            previous.valid_until.into(),
            previous.issued.into(),
            token.seal_epoch.as_ref().into(),
            token.carried.into(),
            generation.into(),
        ],
    )?;
    replaced.push(previous);

    token.digest = text.digest;
    token.hint = text.hint;
    token.seal_epoch = text.seal_epoch;
    token.carried = text.carried;
    token.issued = generation;
    token.version = generation;
    work.sql.exec(
        "UPDATE tokens SET digest = ?, hint = ?, seal_epoch = ?, weak = ?, issued = ?, version = ? WHERE number = ?",
        &[
            token.digest.into(),
            (&token.hint).into(),
            token.seal_epoch.as_ref().into(),
            token.carried.into(),
            generation.into(),
            generation.into(),
            token.number.into(),
        ],
    )?;
    publish_with(work, token, &replaced)?;
    Ok(ended)
}

/// Ends one text that rotation replaced. A replaced text changes together with its token only, so that has changed too.
pub(super) fn end(work: &Work<'_>, token: &mut TokenRow, digest: Digest) -> Result<(), Refusal> {
    let generation = work.next_generation()?;
    let set = "UPDATE replaced_texts SET valid_until = ?, version = ? WHERE digest = ?";
    work.sql.exec(set, &[AT_ONCE.into(), generation.into(), digest.into()])?;
    token.version = generation;
    let set = "UPDATE tokens SET version = ? WHERE number = ?";
    work.sql.exec(set, &[generation.into(), token.number.into()])?;
    let mut texts = ReplacedText::in_grace(work.sql, token.number, work.now)?;
    texts.extend(ReplacedText::by_digest(work.sql, digest)?);
    publish_with(work, token, &texts)
}

fn publish_with(work: &Work<'_>, token: &TokenRow, replaced: &[ReplacedText]) -> Result<(), Refusal> {
    let key = |digest| RegistryKey::Token(work.workspace.key, digest);
    work.publish(key(token.digest), &token.record(), token.version)?;
    for text in replaced {
        work.publish(key(text.digest), &text.record(token, work.now), token.version)?;
    }
    Ok(())
}
