//! Tachi's API tokens: users manage their own, on pages that they are signed in to.
//!
//! Tachi stores the values of its tokens and lists them. Here a value is returned once; from then on `token` is the
//! token's public id. Calls that name a token accept either.

mod self_key;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use counterfoil_protocol::command::{CreateToken, Ended, ReadClient, RevokeText, RevokeToken, TokenFilter};
use counterfoil_token::Digest;
use counterfoil_verify::ScopeSet;
use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};

use self::self_key::SelfKey;
use super::{
    fields::{Fields, wrong},
    tokens::{self, Token},
};
use crate::{
    auth::Caller,
    http::{Json, Problem, ProblemCode},
    ports::Ports,
    state::App,
};

pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .route("/api/v1/users/{user}/api-tokens", get(list::<P>))
        .route("/api/v1/users/{user}/api-tokens/create", post(create::<P>))
        // The path of Tachi's server, and the path in its documentation.
        .route("/api/v1/users/{user}/api-tokens/{token}", delete(remove::<P>))
        .route("/api/v1/users/{user}/api-token/{token}", delete(remove::<P>))
}

/// The wrapper of every successful response.
#[derive(Serialize)]
struct Success<B> {
    success: bool,
    description: String,
    body: B,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    description: &'a str,
}

/// A token, in Tachi's format.
#[derive(Serialize)]
struct Document {
    identifier: String,
    #[serde(serialize_with = "each_true")]
    permissions: ScopeSet,
    /// The token value if the token was created just now, otherwise its id.
    token: String,
    #[serde(rename = "userID")]
    user: u64,
    #[serde(rename = "fromAPIClient")]
    client: Option<String>,
}

/// An empty body.
#[derive(Serialize)]
struct Nothing {}

/// The parts of a client that its tokens use.
#[derive(Deserialize)]
struct Client {
    name: String,
    permissions: ScopeSet,
}

fn success<B: Serialize>(description: impl Into<String>, body: B) -> Response {
    Json(Success { success: true, description: description.into(), body }).into_response()
}

/// Renders a problem. Tachi uses 400 for whatever is wrong with a request or is not permitted to it.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let detail = &*problem.detail;
    let (status, description) = match problem.code {
        ProblemCode::UnknownClient => (StatusCode::NOT_FOUND, "This client does not exist."),
        ProblemCode::AlreadyExists => {
            (StatusCode::CONFLICT, "You already have a token for this client. Remove that one to create another.")
        }
        ProblemCode::Escalation | ProblemCode::QuotaExceeded | ProblemCode::TextsExceeded => {
            (StatusCode::BAD_REQUEST, detail)
        }
        _ if problem.status == StatusCode::UNPROCESSABLE_ENTITY => (StatusCode::BAD_REQUEST, detail),
        _ => (problem.status, detail),
    };
    let mut response = Json(Failure { success: false, description }).into_response();
    *response.status_mut() = status;
    response
}

async fn list<P: Ports>(SelfKey { caller, .. }: SelfKey<P>) -> Result<Response, Problem> {
    let tokens = caller.tokens(own()).await?;
    let documents: Vec<_> = tokens.into_iter().map(Document::of).collect();
    Ok(success(format!("Returned {} keys.", documents.len()), documents))
}

async fn create<P: Ports>(SelfKey { caller, .. }: SelfKey<P>, fields: Fields) -> Result<Response, Problem> {
    let wanted = wanted(&caller, fields).await?;
    let issued = caller.ask(wanted).await?;
    Ok(success("Successfully created new API Token.", Document::of(issued.read_as()?)))
}

async fn remove<P: Ports>(SelfKey { caller, token }: SelfKey<P>) -> Result<Response, Problem> {
    let no_such_key = || Problem::new(ProblemCode::NotFound, "This key does not exist.");
    match named(&token) {
        TokenName::Id(id) => {
            let filter = TokenFilter { id: Some(id), ..own() };
            let Token { id, .. } = caller.token(filter).await?.ok_or_else(no_such_key)?;
            caller.ask(RevokeToken { id, reason: None }).await?;
        }
        TokenName::Text(digest) => {
            let filter = TokenFilter { digest: Some(digest), ..own() };
            caller.token(filter).await?.ok_or_else(no_such_key)?;
            // A value that rotation replaced is revoked alone: removing it must not revoke the current one.
            if caller.ask(RevokeText { digest, reason: None }).await?.read()?.ended == Ended::Nothing {
                return Err(no_such_key());
            }
        }
    }
    Ok(success("Removed Token.", Nothing {}))
}

/// The token to create: with permissions of its own, or bound to a client.
async fn wanted<P: Ports>(caller: &Caller<P>, mut fields: Fields) -> Result<CreateToken, Problem> {
    match (fields.text("clientID")?, fields.scopes("permissions")?) {
        (None, None) => Err(wrong("permissions", "Invalid request, must specify either clientID or permissions.")),
        (Some(_), Some(_)) => {
            let detail = "Cannot use ClientID creation and permissions creation at the same time!";
            Err(wrong("clientID", detail))
        }
        (None, Some(permissions)) => {
            let name = fields.text("identifier")?.unwrap_or_else(|| "Custom Token".to_owned());
            Ok(tokens::new(name, permissions))
        }
        (Some(id), None) => {
            let Client { name, permissions } = client(caller, id.clone()).await?;
            Ok(CreateToken { client_id: Some(id), ..tokens::new(name, permissions.into()) })
        }
    }
}

async fn client<P: Ports>(caller: &Caller<P>, id: String) -> Result<Client, Problem> {
    let client = caller.ask(ReadClient { id }).await.map_err(|problem| match problem.status {
        StatusCode::NOT_FOUND => problem.with(|problem| problem.code = ProblemCode::UnknownClient),
        _ => problem,
    })?;
    client.read_as()
}

/// The caller's own live tokens.
fn own() -> TokenFilter {
    TokenFilter { mine: true, live: true, ..TokenFilter::default() }
}

/// How a token is named.
enum TokenName {
    Id(String),
    Text(Digest),
}

/// `tok_` and 22 characters are an id. An imported token value may look like that too; that token must be named by its
/// id.
fn named(name: &str) -> TokenName {
    if name.len() == 26 && name.starts_with("tok_") {
        TokenName::Id(name.to_owned())
    } else {
        TokenName::Text(Digest::of(name.as_bytes()))
    }
}

impl Document {
    fn of(token: Token) -> Self {
        Self {
            identifier: token.name,
            permissions: token.scopes,
            token: token.text.unwrap_or(token.id),
            user: token.owner.number,
            client: token.client_id,
        }
    }
}

/// A map of each scope to `true`.
fn each_true<S: Serializer>(scopes: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(scopes.iter().map(|scope| (scope.as_str(), true)))
}
