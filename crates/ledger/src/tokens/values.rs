//! The values of a token: the current one, and those that rotation replaced.
//!
//! A replaced value remains valid until its grace period expires, and is known as revoked permanently after that. A
//! grace period is a promise: a later rotation does not shorten it unless it explicitly ends previous values, so
//! several values may be valid at a time.

use counterfoil_protocol::{
    command_error::{CommandError, ConflictCode},
    rfc3339,
};
use counterfoil_token::{Digest, SealEpoch};
use counterfoil_verify::{RegistryKey, Timestamp};

use crate::{
    rows::{AT_ONCE, Inclusion, ReplacedText, TokenRow},
    transaction::Transaction,
};

/// What is stored of a token value: enough to recognize it, too little to reconstruct it.
pub(super) struct StoredValue {
    pub(super) digest: Digest,
    pub(super) hint: String,
    /// The epoch of the secret that its authentication tag was made with; absent for a third-party token.
    pub(super) seal_epoch: Option<SealEpoch>,
    /// Which editions include it.
    pub(super) weak: Inclusion,
}

/// The maximum number of valid values of one token at a time, including the current one.
const MAX_VALID_VALUES: usize = 8;

/// Publishes a changed token: a record for each of its values that may be valid.
pub(super) fn publish(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    let graced = ReplacedText::in_grace(tx.sql, token.number, tx.now)?;
    publish_with(tx, token, &graced)
}

/// The same for all values it ever had. Expired ones are included because their records contain user-written text.
pub(super) fn publish_all(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    publish_with(tx, token, &ReplacedText::all_of(tx.sql, token.number)?)
}

/// Checks that the current value may get a grace period: not too many earlier values are in theirs.
///
/// # Errors
/// `TOO_MANY_TEXTS` says until when.
pub(super) fn check_grace(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    let graced = ReplacedText::in_grace(tx.sql, token.number, tx.now)?;
    match graced.first() {
        Some(next) if graced.len() + 1 >= MAX_VALID_VALUES => {
            let detail = format!(
                "This token already has {MAX_VALID_VALUES} valid values; the next one expires at {}. Rotate again \
                 then, rotate without `grace_seconds`, or end the previous values with `\"previous\": \"end\"`.",
                rfc3339::format(next.valid_until)
            );
            Err(CommandError::conflict(ConflictCode::TooManyTexts, detail))
        }
        _ => Ok(()),
    }
}

/// Replaces the token's value. The previous one is valid until `valid_until`. The grace periods of earlier ones do not
/// change, unless they are to end now. Returns how many ended.
pub(super) fn replace(
    tx: &Transaction<'_>,
    token: &mut TokenRow,
    value: StoredValue,
    valid_until: Timestamp,
    end_previous: bool,
) -> Result<usize, CommandError> {
    let generation = tx.next_generation()?;
    let mut replaced = if end_previous {
        ReplacedText::end_all(tx.sql, token.number, generation, tx.now)?
    } else {
        ReplacedText::in_grace(tx.sql, token.number, tx.now)?
    };
    let ended = if end_previous { replaced.len() } else { 0 };
    let valid_until = if valid_until > tx.now { valid_until } else { AT_ONCE };
    let previous = ReplacedText { digest: token.digest, token: token.number, valid_until, issued: token.issued };
    previous.insert(tx.sql, token, generation)?;
    replaced.push(previous);

    token.digest = value.digest;
    token.hint = value.hint;
    token.seal_epoch = value.seal_epoch;
    token.weak = value.weak;
    token.issued = generation;
    token.version = generation;
    token.save_value(tx.sql)?;
    publish_with(tx, token, &replaced)?;
    Ok(ended)
}

/// Revokes one replaced value. A replaced value changes only together with its token, so the token's version changes
/// too.
pub(super) fn end(tx: &Transaction<'_>, token: &mut TokenRow, digest: Digest) -> Result<(), CommandError> {
    let generation = tx.next_generation()?;
    ReplacedText::end(tx.sql, digest, generation)?;
    token.version = generation;
    token.save_version(tx.sql)?;
    let mut texts = ReplacedText::in_grace(tx.sql, token.number, tx.now)?;
    texts.extend(ReplacedText::by_digest(tx.sql, digest)?);
    publish_with(tx, token, &texts)
}

fn publish_with(tx: &Transaction<'_>, token: &TokenRow, replaced: &[ReplacedText]) -> Result<(), CommandError> {
    let key = |digest| RegistryKey::Token(tx.workspace.key, digest);
    tx.publish(key(token.digest), &token.record(), token.version)?;
    for text in replaced {
        tx.publish(key(text.digest), &text.record(token, tx.now), token.version)?;
    }
    Ok(())
}
