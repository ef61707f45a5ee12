//! Reading one token.

use counterfoil_protocol::{
    BuiltIn,
    command::{ReadToken, TokenView},
    refusal::Refusal,
};

use crate::{rows::OwnedToken, sql::SqlError, transaction::Work};

/// The token by this id if the actor may act on it. One that it may not act on does not exist for it.
pub(super) fn find(work: &Work<'_>, id: &str) -> Result<OwnedToken, Refusal> {
    look_for(work, id)?.ok_or_else(|| Refusal::no_such("token"))
}

/// The same, to be changed: it must have a version that the request is meant for.
pub(super) fn find_to_change(work: &Work<'_>, id: &str) -> Result<OwnedToken, Refusal> {
    let held = find(work, id)?;
    match &work.if_version {
        Some(versions) if !versions.contains(&held.token.version) => Err(Refusal::Stale),
        _ => Ok(held),
    }
}

pub(super) fn look_for(work: &Work<'_>, id: &str) -> Result<Option<OwnedToken>, SqlError> {
    Ok(OwnedToken::by_id(work.sql, id)?.filter(|held| work.authority.may_act_on(held.token.owner)))
}

/// The number of the only member whose tokens the actor may act on; absent where it may act on all.
pub(super) fn visible_to(work: &Work<'_>) -> Option<u64> {
    work.authority.member().filter(|_| !work.authority.is_admin()).map(|own| own.number)
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadToken) -> Result<TokenView, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    find(work, &ask.id)?.view(work.now)
}

pub(crate) fn read_self(work: &Work<'_>) -> Result<TokenView, Refusal> {
    work.authority.token().ok_or_else(|| Refusal::no_such("token"))?.view(work.now)
}
