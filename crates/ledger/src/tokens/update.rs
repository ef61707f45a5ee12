//! Updating a token: its name, scopes, validity period and CIDR ranges.
//!
//! [`Limits::check_change`] ensures that the actor either could create the token in its new state, or only reduces its
//! access. A token cannot change its own scopes or validity period, so that a thief cannot extend a stolen token, and
//! no client locks itself out by accident.

use counterfoil_protocol::{
    BuiltIn,
    command::{Lifetime, Patch, ScopeChange, State, TokenView, UpdateToken},
    command_error::{CommandError, ConflictCode, ForbiddenCode},
};
use counterfoil_verify::{ScopePattern, ScopeSet, Timestamp};

use super::{issue::check_room, pins, read::find_to_change, shown, values};
use crate::{
    audit::{self, Change},
    check,
    limits::{self, Limits},
    rows::{OwnedToken, ScopeCatalogue, TokenRow},
    transaction::Transaction,
};

/// Updates a token. If nothing differs, nothing is written.
pub(crate) fn update(tx: &Transaction<'_>, ask: UpdateToken) -> Result<TokenView, CommandError> {
    tx.authority.require(BuiltIn::TokensWrite)?;
    let mut held = find_to_change(tx, &ask.id)?;
    let is_own = tx.authority.token().is_some_and(|own| own.token.id == ask.id);
    let moves = ask.allowed_addresses.as_ref().is_some_and(|asked| *asked != held.token.addresses);
    if is_own && (ask.scopes.is_some() || ask.lifetime != Patch::Keep || moves) {
        let detail = "A token cannot change its own scopes, expiration or allowed addresses. Use a different token.";
        return Err(CommandError::forbidden(ForbiddenCode::OwnToken, detail));
    }
    let before = held.view(tx.now)?;
    if before.state == State::Revoked {
        return Err(CommandError::conflict(
            ConflictCode::TokenRevoked,
            "The token is revoked permanently. Create a new token.",
        ));
    }
    let catalogue = ScopeCatalogue::load(tx.sql)?;
    let limits = Limits::of(&tx.authority);
    let was = held.token.clone();
    apply(tx, &limits, &catalogue, &mut held, ask)?;
    limits.check_change(&was, &held, &catalogue, tx.now)?;
    let after = held.view(tx.now)?;
    if after == before {
        return Ok(before);
    }
    tx.storage.check(grows(&was, &held.token))?;
    if !is_live(before.expires_at, tx.now) && is_live(after.expires_at, tx.now) {
        check_revival(tx, &held)?;
    }
    held.token.version = tx.next_generation()?;
    let after = held.view(tx.now)?;
    held.token.save_change(tx.sql)?;
    let (was, is) = shown::difference(&before, &after)?;
    audit::append(tx, Change { action: "token.update", subject: &after.id, before: Some(was), after: Some(is) })?;
    values::publish(tx, &held.token)?;
    Ok(after)
}

/// Applies the update after validating each field. The actor's rights are checked elsewhere, except for added scopes:
/// here the error can point to the scope.
fn apply(
    tx: &Transaction<'_>,
    limits: &Limits,
    catalogue: &ScopeCatalogue,
    held: &mut OwnedToken,
    ask: UpdateToken,
) -> Result<(), CommandError> {
    if let Some(change) = ask.scopes {
        held.token.scopes = scopes(limits, catalogue, held, change)?;
    }
    let token = &mut held.token;
    if let Some(name) = ask.name {
        check::length("/name", &name, 0..=200)?;
        token.name = name;
    }
    if let Patch::Set(note) = &ask.note {
        check::length("/note", note, 0..=1_000)?;
    }
    ask.note.apply(&mut token.note);
    if let Some(enabled) = ask.enabled {
        token.enabled = enabled;
    }
    let moves = ask.lifetime != Patch::Keep || ask.not_before != Patch::Keep;
    token.expires_at = expiry(tx, limits, token, ask.lifetime)?;
    ask.not_before.apply(&mut token.not_before);
    if moves {
        check::begins(token.not_before, token.expires_at)?;
    }
    if let Some(blocks) = ask.allowed_addresses {
        check::addresses("/allowed_addresses", &blocks)?;
        token.addresses = blocks;
    }
    match ask.metadata {
        Patch::Keep => {}
        Patch::Clear => token.metadata = None,
        Patch::Set(metadata) => token.metadata = Some(check::metadata("/metadata", metadata)?),
    }
    Ok(())
}

/// The new scopes of the token. Only added scopes are checked against what the actor can grant.
fn scopes(
    limits: &Limits,
    catalogue: &ScopeCatalogue,
    held: &OwnedToken,
    change: ScopeChange,
) -> Result<ScopeSet, CommandError> {
    let has = |pattern: &ScopePattern| held.token.scopes.iter().any(|own| own == pattern);
    let (asked, result): (Vec<(String, ScopePattern)>, Vec<ScopePattern>) = match change {
        ScopeChange::Replace(patterns) => {
            let places =
                patterns.iter().enumerate().map(|(index, pattern)| (format!("/scopes/{index}"), pattern.clone()));
            (places.collect(), patterns)
        }
        ScopeChange::Merge(changes) => {
            let stays = |own: &&ScopePattern| changes.get(*own) != Some(&false);
            let kept = held.token.scopes.iter().filter(stays).cloned();
            let added = changes.iter().filter(|(_, wanted)| **wanted).map(|(pattern, _)| pattern);
            // Scope names contain no character that a JSON pointer must escape.
            let places = added.clone().map(|pattern| (format!("/scopes/{pattern}"), pattern.clone())).collect();
            (places, kept.chain(added.cloned()).collect())
        }
    };
    let result = ScopeSet::from(result);
    check::at_most_scopes("/scopes", result.iter().len())?;
    let unnamed = asked.iter().filter(|(_, pattern)| !has(pattern));
    limits.check_known(unnamed.map(|(place, pattern)| (place.clone(), pattern)), catalogue)?;
    let given = asked.iter().map(|(_, pattern)| pattern).filter(|pattern| !held.token.scopes.covers_pattern(pattern));
    limits.check_scopes_of(given.clone(), catalogue)?;
    limits::check_owner(&held.owner, given)?;
    Ok(result)
}

/// Whether the token takes more storage, for a reason other than reduced access.
fn grows(was: &TokenRow, is: &TokenRow) -> bool {
    let words = |token: &TokenRow| {
        token.name.len() + [&token.note, &token.metadata].into_iter().flatten().map(String::len).sum::<usize>()
    };
    let gains = is.scopes.iter().any(|pattern| !was.scopes.covers_pattern(pattern));
    let moves = !was.addresses.is_empty() && is.addresses.len() > was.addresses.len();
    gains || moves || words(is) > words(was)
}

fn expiry(
    tx: &Transaction<'_>,
    limits: &Limits,
    token: &TokenRow,
    change: Patch<Lifetime>,
) -> Result<Option<Timestamp>, CommandError> {
    let latest = limits::latest_end(&tx.workspace, token.created_at);
    match change {
        Patch::Keep => Ok(token.expires_at),
        Patch::Clear if token.expires_at.is_none() => Ok(None),
        Patch::Clear if latest.is_some() => Err(CommandError::invalid_value("/expires_at", limits::TOO_LONG)),
        Patch::Clear => Ok(None),
        Patch::Set(lifetime) => limits.end(lifetime, tx.now, latest),
    }
}

fn is_live(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_none_or(|end| now < end)
}

/// An expired token that gets a later expiration counts as a new one.
fn check_revival(tx: &Transaction<'_>, held: &OwnedToken) -> Result<(), CommandError> {
    check_room(tx, &tx.workspace, &held.owner, 1)?;
    match &held.token.client_id {
        Some(client) if held.token.pinned => pins::check_free(tx.sql, held.owner.number, client, tx.now),
        _ => Ok(()),
    }
}
