//! Revoking many tokens: all or none.

use std::collections::BTreeSet;

use counterfoil_protocol::{
    BuiltIn,
    command::{RevokeResult, RevokeTokens, RevokedItem, RevokedTokens, Selection, State, TokenFilter},
    command_error::{CommandError, InvalidCode},
};

use super::{filter::Conditions, read::look_for, revoke::end, revoke_text::end_replaced};
use crate::{check, rows::OwnedToken, transaction::Transaction};

/// The maximum number of tokens of one command.
const MAX_TOKENS: usize = 1_000;

pub(crate) fn revoke_many(tx: &Transaction<'_>, ask: RevokeTokens) -> Result<RevokedTokens, CommandError> {
    tx.authority.require(BuiltIn::TokensWrite)?;
    ask.reason.as_deref().map_or(Ok(()), |reason| check::length("/reason", reason, 0..=200))?;
    let text = match &ask.select {
        Selection::Filter(filter) => filter.digest,
        Selection::Ids(_) => None,
    };
    let selected = match ask.select {
        Selection::Ids(ids) => by_ids(tx, ids)?,
        Selection::Filter(filter) => by_filter(tx, &filter)?,
    };
    let mut generation = None;
    let mut ended = BTreeSet::new();
    let mut items = Vec::with_capacity(selected.len());
    for held in selected {
        let id = held.token.id.clone();
        // A token that is listed twice is revoked once.
        if held.state(tx.now) == State::Revoked || !ended.insert(held.token.number) {
            items.push(RevokedItem { id, result: RevokeResult::AlreadyRevoked });
            continue;
        }
        // If the digest is of a replaced value, only that value is revoked, not the token.
        if let Some(digest) = text.filter(|digest| *digest != held.token.digest) {
            let held = OwnedToken::by_digest(tx.sql, digest)?;
            if let Some(held) = held
                && end_replaced(tx, held, ask.reason.as_deref())?
            {
                items.push(RevokedItem { id, result: RevokeResult::TextRevoked });
            }
            continue;
        }
        let generation = match generation {
            Some(generation) => generation,
            None => *generation.insert(tx.next_generation()?),
        };
        end(tx, held, generation, ask.reason.as_deref())?;
        items.push(RevokedItem { id, result: RevokeResult::Revoked });
    }
    Ok(RevokedTokens { items })
}

fn by_ids(tx: &Transaction<'_>, ids: Vec<String>) -> Result<Vec<OwnedToken>, CommandError> {
    if !(1..=MAX_TOKENS).contains(&ids.len()) {
        return Err(CommandError::invalid_value("/ids", format!("Send 1 to {MAX_TOKENS} ids.")));
    }
    let found: Vec<_> = ids.iter().map(|id| look_for(tx, id)).collect::<Result<_, _>>()?;
    if found.iter().all(Option::is_some) {
        return Ok(found.into_iter().flatten().collect());
    }
    let item = |(id, held): (String, Option<OwnedToken>)| {
        let result = if held.is_some() { RevokeResult::Kept } else { RevokeResult::Unknown };
        RevokedItem { id, result }
    };
    Err(CommandError::UnknownTokens { items: ids.into_iter().zip(found).map(item).collect() })
}

/// The tokens that match the filter and are not revoked. An empty filter is rejected: it would match all tokens, which
/// is probably a mistake.
fn by_filter(tx: &Transaction<'_>, filter: &TokenFilter) -> Result<Vec<OwnedToken>, CommandError> {
    if *filter == TokenFilter::default() {
        return Err(CommandError::invalid_value("/filter", "The filter is empty. Name the tokens to revoke."));
    }
    let mut conditions = Conditions::of(tx, filter)?;
    conditions.and_not_revoked();
    // Unlike a list, this examines all tokens of the smallest source, because a revocation must not stop halfway.
    let (numbers, mut values) = conditions.source(tx)?.numbers(None, None, None);
    let (clauses, matching) = conditions.clauses();
    values.extend_from_slice(matching);
    values.push((MAX_TOKENS as u64 + 1).into());
    let clauses = format!("{clauses} ORDER BY tokens.number LIMIT ?");
    let found = OwnedToken::select_among(tx.sql, &numbers, &clauses, &values)?;
    if found.len() > MAX_TOKENS {
        let detail = format!(
            "The filter matches more than {MAX_TOKENS} tokens. Narrow it, and revoke the tokens in \
            several requests."
        );
        return Err(CommandError::invalid(InvalidCode::TooManyTokens, "/filter", detail));
    }
    Ok(found)
}
