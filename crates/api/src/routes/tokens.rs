//! Tokens: issue, list, read, revoke.

use axum::{Json as Answer, extract::Path, http::StatusCode};
use counterfoil_ledger::command::{CreateToken, Lifetime, ListTokens, ReadSelf, ReadToken, RevokeToken};
use counterfoil_verify::{AddressBlock, ScopePattern};
use http::header;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::shapes::{IssuedToken, List, PageQuery, Token};
use crate::{
    body::{Json, Query},
    credential::Caller,
    ports::Ports,
    problem::Problem,
    time::Rfc3339,
};

/// The body of a creation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    note: Option<String>,
    owner: Option<String>,
    scopes: Vec<ScopePattern>,
    expires_at: Option<Rfc3339>,
    expires_in: Option<u64>,
    not_before: Option<Rfc3339>,
    enabled: Option<bool>,
    #[serde(default)]
    allowed_addresses: Vec<AddressBlock>,
    metadata: Option<Map<String, Value>>,
}

pub(super) async fn create<P: Ports>(
    caller: Caller<P>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, [(header::HeaderName, String); 1], Answer<IssuedToken>), Problem> {
    let lifetime = match (body.expires_at, body.expires_in) {
        (None, None) => Lifetime::Longest,
        (Some(Rfc3339(end)), None) => Lifetime::Until(end),
        (None, Some(seconds)) => Lifetime::Seconds(seconds),
        (Some(_), Some(_)) => {
            let detail = "Give expires_at or expires_in, not both.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_VALUE", detail).at("/expires_in"));
        }
    };
    let command = CreateToken {
        name: body.name,
        note: body.note,
        owner: body.owner,
        scopes: body.scopes,
        lifetime,
        not_before: body.not_before.map(|Rfc3339(start)| start),
        enabled: body.enabled.unwrap_or(true),
        allowed_addresses: body.allowed_addresses,
        metadata: body.metadata,
    };
    let issued = caller.ask(command).await?;
    let location = format!("/v1/tokens/{}", issued.token.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Answer(issued.into())))
}

pub(super) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Answer<List<Token>>, Problem> {
    let listing = caller.ask(ListTokens { page: page.into() }).await?;
    Ok(Answer(List::of(listing)))
}

pub(super) async fn read<P: Ports>(caller: Caller<P>, Path(id): Path<String>) -> Result<Answer<Token>, Problem> {
    Ok(Answer(caller.ask(ReadToken { id }).await?.into()))
}

pub(super) async fn read_self<P: Ports>(caller: Caller<P>) -> Result<Answer<Token>, Problem> {
    Ok(Answer(caller.ask(ReadSelf {}).await?.into()))
}

/// The query of a revocation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    reason: Option<String>,
}

pub(super) async fn revoke<P: Ports>(
    caller: Caller<P>,
    Path(id): Path<String>,
    Query(Revoke { reason }): Query<Revoke>,
) -> Result<Answer<Token>, Problem> {
    Ok(Answer(caller.ask(RevokeToken { id, reason }).await?.into()))
}
