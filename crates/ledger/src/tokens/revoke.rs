//! Revoking tokens. A revocation cannot be undone.

use counterfoil_protocol::{
    BuiltIn,
    command::{RevokeToken, TokenView},
    command_error::CommandError,
};
use serde_json::json;

use super::{read::find_to_change, values};
use crate::{
    audit::{self, Change},
    check,
    rows::{MemberRow, OwnedToken},
    transaction::Transaction,
};

/// Revokes one token. Every token may revoke itself, so that the finder of a leaked token can make it harmless.
pub(crate) fn revoke(tx: &Transaction<'_>, ask: &RevokeToken) -> Result<TokenView, CommandError> {
    let is_own = tx.authority.token().is_some_and(|held| held.token.id == ask.id);
    if !is_own {
        tx.authority.require(BuiltIn::TokensWrite)?;
    }
    ask.reason.as_deref().map_or(Ok(()), |reason| check::length("/reason", reason, 0..=200))?;
    let mut held = find_to_change(tx, &ask.id)?;
    if held.token.revoked_at.is_none() {
        held = end(tx, held, tx.next_generation()?, ask.reason.as_deref())?;
    }
    held.view(tx.now)
}

/// Revokes each token of a member that is not revoked yet, one row at a time.
pub(crate) fn revoke_each_of(
    tx: &Transaction<'_>,
    owner: &MemberRow,
    generation: u64,
    reason: &str,
) -> Result<(), CommandError> {
    let unrevoked = "WHERE tokens.owner = ? AND tokens.revoked_at IS NULL";
    for held in OwnedToken::select(tx.sql, unrevoked, &[owner.number.into()])? {
        end(tx, held, generation, Some(reason))?;
    }
    Ok(())
}

pub(super) fn end(
    tx: &Transaction<'_>,
    mut held: OwnedToken,
    generation: u64,
    reason: Option<&str>,
) -> Result<OwnedToken, CommandError> {
    let token = &mut held.token;
    token.revoked_at = Some(tx.now);
    // The audit log contains the reason in any case.
    let kept = reason.filter(|_| !tx.storage.is_full());
    token.revoke_reason = kept.map(str::to_owned);
    token.version = generation;
    token.save_revocation(tx.sql)?;
    audit::append(
        tx,
        Change {
            action: "token.revoke",
            subject: &token.id,
            before: Some(json!({ "revoked_at": null })),
            after: Some(json!({ "revoked_at": tx.now, "reason": reason })),
        },
    )?;
    values::publish(tx, token)?;
    Ok(held)
}
