//! The texts of a token: the one it has, and those that rotation replaced.
//!
//! A token outlives its texts. A replaced one goes on working until its grace is over, and from then on is known to be
//! revoked, for ever. The end of a grace is a promise: no later rotation brings it forward unless it is told to end the
//! texts before, so several may work at a time.

use counterfoil_protocol::{
    command_error::{CommandError, ConflictCode},
    rfc3339,
};
use counterfoil_token::{Digest, SealEpoch};
use counterfoil_verify::{RegistryKey, Timestamp};

use crate::{
    rows::{AT_ONCE, Carried, ReplacedText, TokenRow},
    transaction::Transaction,
};

/// What is kept of a text: enough to know it when it comes back, too little to make it.
pub(super) struct Text {
    pub(super) digest: Digest,
    pub(super) hint: String,
    /// Names the secret that sealed it; absent for a text that was made elsewhere.
    pub(super) seal_epoch: Option<SealEpoch>,
    /// Which editions carry it.
    pub(super) weak: Carried,
}

/// The most texts of one token that work at a time, the one that it has included.
const MOST: usize = 8;

/// Lets verifiers know of a token that has changed: a record for each of its texts that may still work.
pub(super) fn publish(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    let graced = ReplacedText::in_grace(tx.sql, token.number, tx.now)?;
    publish_with(tx, token, &graced)
}

/// The same for each text it ever had, also those whose grace is over: their records carry what was written about it.
pub(super) fn publish_all(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    publish_with(tx, token, &ReplacedText::all_of(tx.sql, token.number)?)
}

/// Checks that the text that the token has may be given a grace: that not too many have one already.
///
/// # Errors
/// `TOO_MANY_TEXTS` says until when.
pub(super) fn check_grace(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    let graced = ReplacedText::in_grace(tx.sql, token.number, tx.now)?;
    match graced.first() {
        Some(next) if graced.len() + 1 >= MOST => {
            let detail = format!(
                "{MOST} values of this token are valid already; the next one expires at {}. Rotate again then, or without \
                 a grace period, or end the previous values (\"previous\": \"end\").",
                rfc3339::format(next.valid_until)
            );
            Err(CommandError::conflict(ConflictCode::TooManyTexts, detail))
        }
        _ => Ok(()),
    }
}

/// Gives the token another text. The one it had works until `valid_until`; those before it as long as they were promised,
/// unless they are to end now. Gives the number of those that do.
pub(super) fn replace(
    tx: &Transaction<'_>,
    token: &mut TokenRow,
    text: Text,
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

    token.digest = text.digest;
    token.hint = text.hint;
    token.seal_epoch = text.seal_epoch;
    token.weak = text.weak;
    token.issued = generation;
    token.version = generation;
    token.save_text(tx.sql)?;
    publish_with(tx, token, &replaced)?;
    Ok(ended)
}

/// Ends one text that rotation replaced. A replaced text changes together with its token only, so that has changed too.
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
