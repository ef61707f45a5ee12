//! Ending one text: of the token where it is the one that the token has, else the text alone.
//!
//! Whoever reports a text that leaked may be late: the token may have been rotated since. Then the text that took its place
//! has nothing to do with it, and goes on.

use counterfoil_protocol::{
    BuiltIn,
    command::{Ended, RevokeText, RevokedText, State},
    command_error::CommandError,
    rfc3339,
};
use serde_json::json;

use super::{revoke::end, text};
use crate::{
    audit::{self, Change},
    check,
    rows::OwnedToken,
    transaction::Transaction,
};

/// Ends a text. What is unknown, over, or another member's answers alike: nothing was there to be ended.
pub(crate) fn revoke_text(tx: &Transaction<'_>, ask: &RevokeText) -> Result<RevokedText, CommandError> {
    let found = OwnedToken::by_digest(tx.sql, ask.digest)?;
    let is_own = |held: &OwnedToken| tx.authority.token().is_some_and(|own| own.token.number == held.token.number);
    if !found.as_ref().is_some_and(is_own) {
        tx.authority.require(BuiltIn::TokensWrite)?;
    }
    let reason = ask.reason.as_deref();
    reason.map_or(Ok(()), |reason| check::length("/reason", reason, 0..=200))?;
    let found = found.filter(|held| tx.authority.may_act_on(held.token.owner));
    let Some(held) = found.filter(|held| held.state(tx.now) != State::Revoked) else {
        return Ok(RevokedText { ended: Ended::Nothing });
    };
    if held.replaced_until().is_none() {
        end(tx, held, tx.next_generation()?, reason)?;
        return Ok(RevokedText { ended: Ended::Token });
    }
    let ended = if end_replaced(tx, held, reason)? { Ended::Text } else { Ended::Nothing };
    Ok(RevokedText { ended })
}

/// Ends the text by which the token was found, where rotation has replaced it and its grace goes on; the token stays as it
/// is. Says whether that was so.
pub(super) fn end_replaced(
    tx: &Transaction<'_>,
    mut held: OwnedToken,
    reason: Option<&str>,
) -> Result<bool, CommandError> {
    let Some(valid_until) = held.replaced_until().filter(|until| *until > tx.now) else { return Ok(false) };
    let digest = held.presented();
    text::end(tx, &mut held.token, digest)?;
    audit::append(
        tx,
        Change {
            action: "token.revoke_text",
            subject: &held.token.id,
            before: Some(json!({ "digest": digest, "valid_until": rfc3339::format(valid_until) })),
            after: Some(json!({ "valid_until": rfc3339::format(tx.now), "reason": reason })),
        },
    )?;
    Ok(true)
}
