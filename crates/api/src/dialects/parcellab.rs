//! parcelLab's token endpoints.
//!
//! A caller names itself twice, by a member's number and by one of that member's tokens. The token must be allowed to
//! manage tokens, which parcelLab's documentation calls the scope `generate`.

use axum::{
    Router,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use counterfoil_protocol::{
    BuiltIn,
    command::{Actor, CreateToken, RevokeToken, TokenFilter},
    rfc3339,
};
use counterfoil_verify::{Code, ScopePattern, ScopeSet};
use http::{HeaderMap, HeaderName, StatusCode, request::Parts};
use serde::Serialize;
use serde_json::Value;

use super::{
    fields::{Fields, scope, wrong},
    tokens::{self, Token},
};
use crate::{
    auth::{
        Caller,
        credential::{no_credential, presented_with},
    },
    http::{
        Json, Problem, ProblemCode,
        presented::{self, DialectCredential},
    },
    ledger_client::CommandOptions,
    ports::Ports,
    state::App,
};

/// This dialect's name of the permission to manage tokens.
const GENERATE: &str = "generate";

/// The same as scopes of the native API.
const MANAGING: [BuiltIn; 3] = [BuiltIn::TokensRead, BuiltIn::TokensWrite, BuiltIn::TokensGrant];

/// The older APIs take the token in a header of its own, the newer ones in `Authorization` with a scheme of its own.
const WAYS: DialectCredential = DialectCredential { scheme: "parcellab-api-token", header: TOKEN };
const TOKEN: &str = "token";
const USER: &str = "user";

pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .route("/tokens/list", get(list::<P>))
        .route("/tokens/generate", post(generate::<P>))
        .route("/tokens/revoke", post(revoke::<P>))
}

async fn list<P: Ports>(Manager(caller): Manager<P>) -> Result<Json<Vec<Shown>>, Problem> {
    let live = TokenFilter { live: true, ..TokenFilter::default() };
    Ok(Json(caller.tokens(live).await?.into_iter().map(Shown::from).collect()))
}

async fn generate<P: Ports>(Manager(caller): Manager<P>, mut asked: Fields) -> Result<Json<Shown>, Problem> {
    let note = asked.text("note")?;
    let scopes = scopes(&mut asked)?;
    let issued = caller.ask(CreateToken { note, ..tokens::new(String::new(), scopes) }).await?;
    Ok(Json(issued.read_as::<Token>()?.into()))
}

/// Revokes a token. As parcelLab's documentation promises, it takes effect immediately: after the response, only eventual
/// checks may still accept the token.
async fn revoke<P: Ports>(Manager(caller): Manager<P>, mut asked: Fields) -> Result<Json<Revoked>, Problem> {
    let id = asked.take("tokenId").ok_or_else(|| wrong("tokenId", "tokenId is missing."))?;
    let number = number(&id).ok_or_else(no_such_token)?;
    let filter = TokenFilter { number: Some(number), live: true, ..TokenFilter::default() };
    let Token { id, number, .. } = caller.token(filter).await?.ok_or_else(no_such_token)?;
    let options = CommandOptions { wait: true, ..CommandOptions::default() };
    caller.ask_with(options, RevokeToken { id, reason: None }).await?;
    Ok(Json(Revoked { token_id: number, revoked: true }))
}

/// A caller that may manage tokens.
struct Manager<P>(Caller<P>);

impl<P: Ports> FromRequestParts<App<P>> for Manager<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        let text = presented_with(&parts.headers, Some(&WAYS))?.ok_or_else(no_credential)?;
        let user = user(&parts.headers)?;
        let caller = Caller::presenting(parts, app, Some(text)).await?;
        if caller.actor == Actor::Root {
            let detail = "The root token belongs to no member of the account. Send a token of a member.";
            return Err(Problem::new(ProblemCode::TokenOnly, detail));
        }
        let Token { owner, effective_scopes, .. } = caller.own_token().await?;
        if user.is_some_and(|user| user != owner.number) {
            let detail =
                "The token does not belong to this user. Send the number of the token's owner in the header user.";
            return Err(Problem::credential(Code::Unknown).saying(detail));
        }
        if manages(&effective_scopes) { Ok(Self(caller)) } else { Err(Problem::missing_scope(GENERATE)) }
    }
}

/// The number of the member that the request names. Required if the token is sent as in the older APIs.
fn user(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let user = presented::single(headers, &HeaderName::from_static(USER));
    if user == Ok(None) {
        return if headers.contains_key(TOKEN) { Err(no_credential()) } else { Ok(None) };
    }
    let number = user.ok().flatten().and_then(|user| digits(&user));
    number.map(Some).ok_or_else(|| {
        let detail = "The header user must be the number of the token's owner.";
        Problem::new(ProblemCode::UnreadableCredential, detail)
    })
}

/// The scopes of a new token: `scope` or `scopes`, each a single scope or a list.
fn scopes(asked: &mut Fields) -> Result<Vec<ScopePattern>, Problem> {
    let mut scopes = None;
    for field in ["scope", "scopes"] {
        let Some(value) = asked.take(field) else { continue };
        let scopes: &mut Vec<_> = scopes.get_or_insert_default();
        for item in if let Value::Array(items) = value { items } else { vec![value] } {
            let Value::String(text) = item else {
                return Err(wrong(field, format!("{field} must be a scope, or a list of scopes.")));
            };
            if text == GENERATE {
                scopes.extend(MANAGING.iter().filter_map(|scope| ScopePattern::parse(scope.name()).ok()));
            } else {
                scopes.push(scope(field, &text)?);
            }
        }
    }
    scopes.ok_or_else(|| {
        wrong("scopes", "scopes is missing. Send the scopes of the new token, such as read, write or generate.")
    })
}

/// A token's number, as a number or as a string.
fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| digits(id.as_str()?))
}

/// A whole number that consists of digits only.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn no_such_token() -> Problem {
    let detail = "No live token has this tokenId. GET /tokens/list shows all live tokens.";
    Problem::new(ProblemCode::NotFound, detail)
}

/// Whether these scopes include everything that this dialect calls `generate`.
fn manages(scopes: &ScopeSet) -> bool {
    MANAGING.iter().all(|scope| scope.is_in(scopes))
}

/// A token, as this dialect displays it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    token_id: u64,
    note: String,
    scopes: Vec<String>,
    created_at: String,
    /// The token value, only in the response that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Token> for Shown {
    fn from(token: Token) -> Self {
        let generate = manages(&token.scopes);
        let is_shown = |name: &&str| !(generate && MANAGING.iter().any(|scope| scope.name() == *name));
        let scopes = token.scopes.iter().map(ScopePattern::as_str).filter(is_shown);
        Self {
            token_id: token.number,
            note: token.note.unwrap_or_default(),
            scopes: generate.then_some(GENERATE).into_iter().chain(scopes).map(str::to_owned).collect(),
            created_at: rfc3339::format(token.created_at),
            token: token.text,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    token_id: u64,
    revoked: bool,
}

/// Renders a problem. Whatever cannot be read, it is a bad request (400).
pub(crate) fn refuse(problem: &Problem) -> Response {
    #[derive(Serialize)]
    struct ErrorBody<'a> {
        error: &'a str,
    }

    let status = match problem.code {
        ProblemCode::InvalidBody | ProblemCode::InvalidValue => StatusCode::BAD_REQUEST,
        _ => problem.status,
    };
    let error = match problem.code {
        ProblemCode::NoCredential => "Send the headers user and token: a member's number, and a token of that member.",
        _ => &problem.detail,
    };
    (status, Json(ErrorBody { error })).into_response()
}
