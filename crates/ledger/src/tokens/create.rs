//! Issuing a token at somebody's request.

use super::{Draft, issue};
use crate::{
    check,
    command::{CreateToken, Issued},
    grant::{END_OF_TIME, Limits},
    members::MemberRow,
    mint::Mint,
    refusal::{ForbiddenCode, InvalidCode, Refusal},
    scopes::{BuiltIn, Catalogue},
    work::Work,
};

pub(crate) fn create(work: &Work<'_>, mint: &mut Mint<'_>, ask: CreateToken) -> Result<Issued, Refusal> {
    work.authority.require(BuiltIn::TokensWrite)?;
    let draft = draft(work, ask)?;
    issue(work, mint, &work.workspace, work.next_generation()?, draft)
}

/// What is asked for, if it is within the rules and the actor's limits.
fn draft(work: &Work<'_>, ask: CreateToken) -> Result<Draft, Refusal> {
    check::length("/name", &ask.name, 0..=200)?;
    ask.note.as_deref().map_or(Ok(()), |note| check::length("/note", note, 0..=1_000))?;
    check::scopes("/scopes", &ask.scopes)?;
    check::addresses("/allowed_addresses", &ask.allowed_addresses)?;
    let metadata = ask.metadata.map(|metadata| check::metadata("/metadata", metadata)).transpose()?;

    let owner = owner(work, ask.owner)?;
    let limits = Limits::of(&work.authority);
    limits.check_scopes(&ask.scopes, &Catalogue::load(work.sql)?, "scopes")?;
    if let Some(beyond) = ask.scopes.iter().find(|pattern| !owner.grants.covers_pattern(pattern)) {
        return Err(Refusal::escalation(format!("The scope {beyond} is more than the token's owner is granted.")));
    }
    let expires_at = limits.expiry(ask.lifetime, work.now)?;
    if let (Some(start), Some(end)) = (ask.not_before, expires_at)
        && start >= end
    {
        return Err(Refusal::invalid_value("/not_before", "A token must begin before it ends."));
    }
    if ask.not_before.is_some_and(|start| start > END_OF_TIME) {
        return Err(Refusal::invalid_value("/not_before", "A token must begin in the year 9999 at the latest."));
    }
    Ok(Draft {
        name: ask.name,
        note: ask.note,
        enabled: ask.enabled,
        not_before: ask.not_before,
        expires_at,
        // A client that the creating token belongs to is named on what it creates; that pins nothing.
        client_id: work.authority.token().and_then(|held| held.token.client_id.clone()),
        addresses: limits.addresses(ask.allowed_addresses)?,
        metadata,
        ..Draft::of(owner, ask.scopes.into())
    })
}

/// The member that the token is for. Anybody but an admin learns nothing of other members, not even that there are any.
fn owner(work: &Work<'_>, asked: Option<String>) -> Result<MemberRow, Refusal> {
    let own = work.authority.member();
    match (asked, own) {
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Err(Refusal::invalid_value("/owner", "The root token is no member: name the owner.")),
        (Some(id), Some(own)) if id == own.id => Ok(own.clone()),
        (Some(id), _) if work.authority.is_admin() => MemberRow::by_id(work.sql, &id)?
            .ok_or_else(|| Refusal::invalid(InvalidCode::UnknownMember, "/owner", "There is no member with this id.")),
        (Some(_), _) => {
            Err(Refusal::forbidden(ForbiddenCode::NotYours, "Only an admin may issue tokens to other members."))
        }
    }
}
