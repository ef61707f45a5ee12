//! Rotation: a new value for the same token.

use counterfoil_protocol::{
    BuiltIn,
    command::{Issued, RotateToken, State},
    command_error::{CommandError, ConflictCode},
    rfc3339,
};

use super::{
    bound,
    issue::generate_value,
    read::{find, find_to_change},
    shown, values,
};
use crate::{
    audit::{self, Change},
    generator::Generator,
    idempotency::Repeatable,
    limits::Limits,
    rows::{ScopeCatalogue, TokenRow},
    transaction::Transaction,
};

/// The longest grace period, in seconds: 30 days.
const MAX_GRACE: u64 = 30 * 24 * 60 * 60;

impl Repeatable for RotateToken {
    const NEEDS: BuiltIn = BuiltIn::TokensWrite;

    fn check_access(&self, tx: &Transaction<'_>, _: &str) -> Result<(), CommandError> {
        let held = find(tx, &self.id)?;
        check_limits(tx, &held.token)
    }
}

/// The actor receives the new value, so it must be able to grant everything that the token has. A token may always
/// rotate itself.
fn check_limits(tx: &Transaction<'_>, token: &TokenRow) -> Result<(), CommandError> {
    let is_own = tx.authority.token().is_some_and(|own| own.token.id == token.id);
    if is_own {
        return Ok(());
    }
    Limits::of(&tx.authority).check_value_of(token, &ScopeCatalogue::load(tx.sql)?)
}

/// Gives the token a new value. An actor cannot rotate a token that exceeds what it can grant, except its own.
pub(crate) fn rotate(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    ask: &RotateToken,
) -> Result<Issued, CommandError> {
    tx.authority.require(BuiltIn::TokensWrite)?;
    if ask.grace_seconds > MAX_GRACE {
        return Err(CommandError::invalid_value(
            "/grace_seconds",
            format!("The grace period can be at most {MAX_GRACE} seconds."),
        ));
    }
    let mut held = find_to_change(tx, &ask.id)?;
    check_limits(tx, &held.token)?;
    let before = held.view(tx.now)?;
    if before.state == State::Revoked {
        return Err(CommandError::conflict(
            ConflictCode::TokenRevoked,
            "The token is revoked permanently. Create a new token.",
        ));
    }
    if before.expires_at.is_some_and(|end| tx.now >= end) {
        return Err(CommandError::conflict(
            ConflictCode::TokenExpired,
            "The token has expired. Set a later expiration before you rotate it.",
        ));
    }
    bound::check_another(tx, &held)?;
    if ask.grace_seconds > 0 && !ask.end_previous {
        values::check_grace(tx, &held.token)?;
    }
    let previous_valid_until = tx.now.plus(ask.grace_seconds * 1_000);
    let (secret, new) = generate_value(generator, &tx.workspace)?;
    let ended = values::replace(tx, &mut held.token, new, previous_valid_until, ask.end_previous)?;

    let token = held.view(tx.now)?;
    let (was, mut is) = shown::difference(&before, &token)?;
    if let Some(fields) = is.as_object_mut() {
        fields.insert("previous_valid_until".to_owned(), rfc3339::format(previous_valid_until).into());
        if ask.end_previous {
            fields.insert("previous_ended".to_owned(), ended.into());
        }
    }
    audit::append(tx, Change { action: "token.rotate", subject: &token.id, before: Some(was), after: Some(is) })?;
    Ok(Issued { previous_valid_until: Some(previous_valid_until), ..Issued::new(secret, token) })
}
