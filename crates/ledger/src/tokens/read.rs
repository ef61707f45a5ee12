//! Reading one token.

use counterfoil_protocol::{
    BuiltIn,
    command::{ReadToken, TokenView},
    command_error::CommandError,
};

use crate::{rows::OwnedToken, sql::SqlError, transaction::Transaction};

/// The token with this id, if the actor may act on it. Otherwise the error is the same as for a token that does not
/// exist.
pub(super) fn find(tx: &Transaction<'_>, id: &str) -> Result<OwnedToken, CommandError> {
    look_for(tx, id)?.ok_or_else(|| CommandError::no_such("token"))
}

/// The same for a token to be changed: its version must meet the request's precondition.
pub(super) fn find_to_change(tx: &Transaction<'_>, id: &str) -> Result<OwnedToken, CommandError> {
    let held = find(tx, id)?;
    match &tx.if_version {
        Some(versions) if !versions.contains(&held.token.version) => Err(CommandError::Stale),
        _ => Ok(held),
    }
}

pub(super) fn look_for(tx: &Transaction<'_>, id: &str) -> Result<Option<OwnedToken>, SqlError> {
    Ok(OwnedToken::by_id(tx.sql, id)?.filter(|held| tx.authority.may_act_on(held.token.owner)))
}

/// The number of the only member whose tokens the actor may act on; absent if it may act on all.
pub(super) fn visible_to(tx: &Transaction<'_>) -> Option<u64> {
    tx.authority.member().filter(|_| !tx.authority.is_admin()).map(|own| own.number)
}

pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadToken) -> Result<TokenView, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    find(tx, &ask.id)?.view(tx.now)
}

pub(crate) fn read_self(tx: &Transaction<'_>) -> Result<TokenView, CommandError> {
    tx.authority.token().ok_or_else(|| CommandError::no_such("token"))?.view(tx.now)
}
