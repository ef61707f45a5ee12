//! Creating a token on request.

use counterfoil_protocol::{
    BuiltIn,
    command::{CreateToken, Issued},
    command_error::{CommandError, ForbiddenCode, InvalidCode},
};

use super::{
    issue::{TokenDraft, issue},
    pins,
};
use crate::{
    check,
    generator::Generator,
    idempotency::Repeatable,
    limits::{self, Limits},
    rows::{MemberRow, ScopeCatalogue},
    transaction::Transaction,
};

impl Repeatable for CreateToken {
    const NEEDS: BuiltIn = BuiltIn::TokensWrite;

    fn check_access(&self, tx: &Transaction<'_>, _: &str) -> Result<(), CommandError> {
        check_rights(tx, &Limits::of(&tx.authority), &ScopeCatalogue::load(tx.sql)?, self)
    }
}

/// Checks that the actor may still create such a token for this owner.
pub(super) fn check_rights(
    tx: &Transaction<'_>,
    limits: &Limits,
    catalogue: &ScopeCatalogue,
    ask: &CreateToken,
) -> Result<(), CommandError> {
    owner(tx, ask.owner.clone())?;
    limits.check_scopes_of(ask.scopes.iter(), catalogue)
}

pub(crate) fn create(
    tx: &Transaction<'_>,
    generator: &mut Generator<'_>,
    ask: CreateToken,
) -> Result<Issued, CommandError> {
    tx.authority.require(BuiltIn::TokensWrite)?;
    let draft = draft(tx, &Limits::of(&tx.authority), &ScopeCatalogue::load(tx.sql)?, ask)?;
    issue(tx, generator, &tx.workspace, tx.next_generation()?, draft)
}

/// Validates the request against the rules and the actor's limits.
pub(super) fn draft(
    tx: &Transaction<'_>,
    limits: &Limits,
    catalogue: &ScopeCatalogue,
    ask: CreateToken,
) -> Result<TokenDraft, CommandError> {
    check::length("/name", &ask.name, 0..=200)?;
    ask.note.as_deref().map_or(Ok(()), |note| check::length("/note", note, 0..=1_000))?;
    check::scopes("/scopes", &ask.scopes)?;
    check::addresses("/allowed_addresses", &ask.allowed_addresses)?;
    let metadata = ask.metadata.map(|metadata| check::metadata("/metadata", metadata)).transpose()?;

    let owner = owner(tx, ask.owner)?;
    limits.check_scopes(&ask.scopes, catalogue, "scopes")?;
    limits::check_owner(&owner, ask.scopes.iter())?;
    let expires_at = limits.expiry(ask.lifetime, tx.now, limits::latest_end(&tx.workspace, tx.now))?;
    check::begins(ask.not_before, expires_at)?;
    let addresses = limits.addresses(ask.allowed_addresses)?;
    if let Some(client) = &ask.client_id {
        limits.check_client(client)?;
        pins::check(tx, owner.number, client)?;
    }
    Ok(TokenDraft {
        name: ask.name,
        note: ask.note,
        enabled: ask.enabled,
        not_before: ask.not_before,
        expires_at,
        pinned: ask.client_id.is_some(),
        // If the creating token has a client, the new token is labelled with it. This does not bind the new token to
        // the client.
        client_id: ask.client_id.or_else(|| tx.authority.token().and_then(|held| held.token.client_id.clone())),
        addresses,
        metadata,
        ..TokenDraft::of(owner, ask.scopes.into())
    })
}

/// The owner of the new token. Without admin rights, the error does not reveal whether another member exists.
fn owner(tx: &Transaction<'_>, asked: Option<String>) -> Result<MemberRow, CommandError> {
    let own = tx.authority.member();
    match (asked, own) {
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Err(CommandError::invalid_value(
            "/owner",
            "The root token belongs to no member. Name the new token's owner in `owner`.",
        )),
        (Some(id), Some(own)) if id == own.id => Ok(own.clone()),
        (Some(id), _) if tx.authority.is_admin() => MemberRow::by_id(tx.sql, &id)?.ok_or_else(|| {
            CommandError::invalid(
                InvalidCode::UnknownMember,
                "/owner",
                "No member has this id. Choose one from `GET /v1/members`.",
            )
        }),
        (Some(_), _) => {
            Err(CommandError::forbidden(ForbiddenCode::NotYours, "Only an admin can create tokens for other members."))
        }
    }
}
