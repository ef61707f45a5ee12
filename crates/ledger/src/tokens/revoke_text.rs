//! Revoking a token value: its token if the value is the current one, otherwise only the value.
//!
//! A report of a leaked value may arrive after the token was rotated. The current value is then not affected and
//! remains valid.

use counterfoil_protocol::{
    BuiltIn,
    command::{Ended, RevokeText, RevokedText, State},
    command_error::CommandError,
    rfc3339,
};
use serde_json::json;

use super::{revoke::end, values};
use crate::{
    audit::{self, Change},
    check,
    rows::OwnedToken,
    transaction::Transaction,
};

/// Revokes a token value. An unknown or expired value, or one of another member, gets the same reply: there was nothing
/// to revoke.
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

/// Ends the grace period of the replaced value by which the token was found. The token does not change. Returns whether
/// the value was in its grace period.
pub(super) fn end_replaced(
    tx: &Transaction<'_>,
    mut held: OwnedToken,
    reason: Option<&str>,
) -> Result<bool, CommandError> {
    let Some(valid_until) = held.replaced_until().filter(|until| *until > tx.now) else { return Ok(false) };
    let digest = held.presented();
    values::end(tx, &mut held.token, digest)?;
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
