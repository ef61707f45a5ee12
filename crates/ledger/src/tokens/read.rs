//! Reading tokens: one, one's own, all.

use super::OwnedToken;
use crate::{
    command::{ListTokens, Listing, ReadToken, TokenView},
    cursor::{List, Window},
    refusal::Refusal,
    scopes::BuiltIn,
    sql::MAX_INTEGER,
    work::Work,
};

/// The token by this id if the actor may act on it. One that it may not act on does not exist for it.
pub(super) fn find(work: &Work<'_>, id: &str) -> Result<OwnedToken, Refusal> {
    OwnedToken::by_id(work.sql, id)?
        .filter(|held| work.authority.may_act_on(held.token.owner))
        .ok_or_else(|| Refusal::no_such("token"))
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadToken) -> Result<TokenView, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    find(work, &ask.id)?.view(work.now)
}

pub(crate) fn read_self(work: &Work<'_>) -> Result<TokenView, Refusal> {
    work.authority.token().ok_or_else(|| Refusal::no_such("token"))?.view(work.now)
}

/// The newest first: an admin sees all, others their own.
pub(crate) fn list(work: &Work<'_>, ask: &ListTokens) -> Result<Listing<TokenView>, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Tokens)?;
    let below = window.after.unwrap_or(MAX_INTEGER);
    let only = work.authority.member().filter(|_| !work.authority.is_admin());
    let (mut count, held) = match only {
        None => {
            let page = "WHERE tokens.number < ? ORDER BY tokens.number DESC LIMIT ?";
            (
                work.sql.exec("SELECT count(*) FROM tokens", &[])?,
                OwnedToken::select(work.sql, page, &[below.into(), window.rows().into()])?,
            )
        }
        Some(own) => {
            let page = "WHERE tokens.owner = ? AND tokens.number < ? ORDER BY tokens.number DESC LIMIT ?";
            let own = own.number.into();
            (
                work.sql.exec("SELECT count(*) FROM tokens WHERE owner = ?", std::slice::from_ref(&own))?,
                OwnedToken::select(work.sql, page, &[own, below.into(), window.rows().into()])?,
            )
        }
    };
    let total = count.pop().map_or(Ok(0), |mut row| row.take())?;
    let views = held.into_iter().map(|held| Ok((held.token.number, held.view(work.now)?)));
    Ok(window.page(views.collect::<Result<_, Refusal>>()?, total))
}
