//! The Databricks Token API 2.0: `/api/2.0/token` for the caller's own tokens, `/api/2.0/token-management` for admins,
//! over everybody's.
//!
//! A token's id is its digest in hex, its comment is Counterfoil's name, its user is Counterfoil's member. Revoked and
//! expired tokens are treated as nonexistent.

mod envelope;
mod info;

use axum::{
    Router,
    extract::{FromRequestParts, RawQuery},
    routing::{get, patch, post},
};
use counterfoil_protocol::{
    BuiltIn,
    command::{
        Actor, CreateToken, Ended, Lifetime, ReadMember, ReadSession, RevokeText, Role, ScopeChange, TokenFilter,
        UpdateToken,
    },
};
use counterfoil_token::Digest;
use counterfoil_verify::{ScopePattern, ScopeSet};
use futures_util::future::BoxFuture;
use http::request::Parts;
use serde::Deserialize;

pub(crate) use self::envelope::refuse;
use self::info::{Content, Info};
use super::{
    fields::{Fields, wrong},
    tokens::{self, Token},
};
use crate::{
    auth::Caller,
    http::{Id, Json, Problem, ProblemCode},
    ports::Ports,
    state::App,
};

/// Which tokens a call can access.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The tokens of the caller's own member.
    Own,
    /// All tokens: for admins.
    All,
}

pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .route("/api/2.0/token/create", post(create::<P>))
        .route("/api/2.0/token/list", get(list::<P>))
        .route("/api/2.0/token/delete", post(delete::<P>))
        .route("/api/2.0/token/{id}", patch(update::<P>))
        .route("/api/2.0/token-management/tokens", get(list_all::<P>))
        .route(
            "/api/2.0/token-management/tokens/{id}",
            get(read_any::<P>).delete(delete_any::<P>).patch(update_any::<P>),
        )
        .route("/api/2.0/token-management/on-behalf-of/tokens", post(create_for::<P>))
}

/// A caller that is an admin. Others are rejected before anything else, so the response does not disclose what exists.
struct Admin<P>(Caller<P>);

impl<P: Ports> FromRequestParts<App<P>> for Admin<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if is_admin(&caller).await? {
            return Ok(Self(caller));
        }
        let detail = "Only admins of the workspace can administer tokens.";
        Err(Problem::new(ProblemCode::NotYours, detail))
    }
}

fn is_admin<P: Ports>(caller: &Caller<P>) -> BoxFuture<'_, Result<bool, Problem>> {
    #[derive(Deserialize)]
    struct Acting {
        role: Role,
    }
    Box::pin(async move {
        let id = match caller.actor {
            Actor::Root => return Ok(true),
            Actor::Session(_) => caller.ask(ReadSession {}).await?.read()?.member.id,
            Actor::Token(_) | Actor::Verifier | Actor::SignIn => caller.own_token().await?.owner.id,
        };
        let Acting { role } = caller.ask(ReadMember { id }).await?.read_as()?;
        Ok(role == Role::Admin)
    })
}

async fn create<P: Ports>(caller: Caller<P>, fields: Fields) -> Result<Json<Content>, Problem> {
    let issued = issue(&caller, None, fields).await?;
    Ok(Json(Content::issued(Info::of(&issued), issued.text)))
}

/// Creates a token for another member, which represents a service principal.
async fn create_for<P: Ports>(Admin(caller): Admin<P>, mut fields: Fields) -> Result<Json<Content>, Problem> {
    let owner = required(&mut fields, "application_id")?;
    let issued = issue(&caller, Some(owner), fields).await?;
    Ok(Json(Content::issued(Info::in_full(&issued, caller.workspace), issued.text)))
}

async fn list<P: Ports>(caller: Caller<P>) -> Result<Json<Content>, Problem> {
    let tokens = caller.tokens(TokenFilter { live: true, mine: true, ..TokenFilter::default() }).await?;
    Ok(Json(Content::listed(tokens.iter().map(Info::of).collect())))
}

async fn list_all<P: Ports>(Admin(caller): Admin<P>, RawQuery(query): RawQuery) -> Result<Json<Content>, Problem> {
    let mut filter = TokenFilter { live: true, ..TokenFilter::default() };
    let mut number = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            _ if value.is_empty() => {}
            "created_by_id" => number = Some(value.parse::<u64>().map_err(|_| not_a_number("created_by_id"))?),
            "created_by_username" => filter.owner = Some(value.into_owned()),
            _ => {}
        }
    }
    let mut tokens = caller.tokens(filter).await?;
    tokens.retain(|token| number.is_none_or(|number| number == token.owner.number));
    Ok(Json(Content::listed(tokens.iter().map(|token| Info::in_full(token, caller.workspace)).collect())))
}

async fn read_any<P: Ports>(Admin(caller): Admin<P>, Id(id): Id) -> Result<Json<Content>, Problem> {
    let token = find(&caller, Reach::All, &id).await?;
    Ok(Json(Content::of(Info::in_full(&token, caller.workspace))))
}

async fn delete<P: Ports>(caller: Caller<P>, mut fields: Fields) -> Result<Json<Content>, Problem> {
    let id = required(&mut fields, "token_id")?;
    revoke(&caller, Reach::Own, &id).await
}

async fn delete_any<P: Ports>(Admin(caller): Admin<P>, Id(id): Id) -> Result<Json<Content>, Problem> {
    revoke(&caller, Reach::All, &id).await
}

async fn update<P: Ports>(caller: Caller<P>, Id(id): Id, fields: Fields) -> Result<Json<Content>, Problem> {
    change(&caller, Reach::Own, &id, fields).await?;
    Ok(Json(Content::default()))
}

async fn update_any<P: Ports>(Admin(caller): Admin<P>, Id(id): Id, fields: Fields) -> Result<Json<Info>, Problem> {
    let token = change(&caller, Reach::All, &id, fields).await?;
    Ok(Json(Info::in_full(&token, caller.workspace)))
}

/// Creates a token for this member, or for the caller's own.
async fn issue<P: Ports>(caller: &Caller<P>, owner: Option<String>, mut fields: Fields) -> Result<Token, Problem> {
    let name = fields.text("comment")?.unwrap_or_default();
    let lifetime = fields.number("lifetime_seconds")?.map_or(Lifetime::Longest, Lifetime::Seconds);
    let scopes = match fields.scopes("scopes")? {
        Some(scopes) => scopes,
        None => grantable(caller, owner.as_deref()).await?,
    };
    caller.ask(CreateToken { owner, lifetime, ..tokens::new(name, scopes) }).await?.read_as()
}

/// All scopes that the caller may grant to a token of this member, or of its own, as far as the caller can know. The
/// ledger makes the final decision.
async fn grantable<P: Ports>(caller: &Caller<P>, owner: Option<&str>) -> Result<Vec<ScopePattern>, Problem> {
    let mut most = ScopeSet::everything();
    if caller.actor != Actor::Root {
        let own = caller.own_token().await?;
        most = own.effective_scopes;
        if BuiltIn::TokensGrant.is_in(&most) {
            most = grants(caller, own.owner.id).await?.unwrap_or(most);
        }
    }
    if let Some(owner) = owner {
        let grants = grants(caller, owner.to_owned()).await?;
        most = grants.map_or_else(|| most.clone(), |grants| grants.intersection(&most));
    }
    Ok(most.iter().cloned().collect())
}

/// The member's granted scopes; `None` if the caller may not read them.
async fn grants<P: Ports>(caller: &Caller<P>, id: String) -> Result<Option<ScopeSet>, Problem> {
    match caller.grants(id).await {
        Ok(grants) => Ok(Some(grants)),
        Err(problem) if matches!(problem.code, ProblemCode::NotFound | ProblemCode::InsufficientScope) => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn revoke<P: Ports>(caller: &Caller<P>, reach: Reach, id: &str) -> Result<Json<Content>, Problem> {
    let digest = digest(id);
    find_by_digest(caller, reach, digest).await?.ok_or_else(|| no_token(id))?;
    // If this is the id of a value that rotation replaced and that is in its grace period, only that value is revoked.
    match caller.ask(RevokeText { digest, reason: None }).await?.read()?.ended {
        Ended::Nothing => Err(no_token(id)),
        Ended::Token | Ended::Text => Ok(Json(Content::default())),
    }
}

/// Changes the fields that the mask names. A field that is in the mask but not in the body is cleared: clients omit empty
/// fields.
async fn change<P: Ports>(caller: &Caller<P>, reach: Reach, id: &str, mut fields: Fields) -> Result<Token, Problem> {
    let mask = fields.text("update_mask")?.unwrap_or_default();
    let masked: Vec<&str> = mask.split(',').map(str::trim).collect();
    if masked.iter().any(|field| !matches!(*field, "comment" | "scopes" | "*")) {
        return Err(wrong(
            "update_mask",
            "update_mask must name comment, scopes, or both; nothing else can be changed.",
        ));
    }
    let names = |field| masked.contains(&field) || masked.contains(&"*");
    let mut token = fields.take("token").map_or_else(|| Ok(Fields::default()), Fields::of)?;
    let name = if names("comment") { Some(token.text("comment")?.unwrap_or_default()) } else { None };
    let scopes = if names("scopes") { Some(token.scopes("scopes")?.unwrap_or_default()) } else { None };

    // Without a field at fault the code is NOT_FOUND, which the clients expect of a change, and of no other call.
    let found = find(caller, reach, id).await.map_err(|problem| problem.with(|problem| problem.pointer = None))?;
    let change = UpdateToken { name, scopes: scopes.map(ScopeChange::Replace), ..tokens::change(found.id) };
    caller.ask(change).await?.read_as()
}

/// The live token with this id.
///
/// # Errors
/// `NOT_FOUND` at `token_id`, whether the token does not exist or the caller may not see it.
async fn find<P: Ports>(caller: &Caller<P>, reach: Reach, id: &str) -> Result<Token, Problem> {
    let digest = digest(id);
    let found = find_by_digest(caller, reach, digest).await?;
    // The filter also matches a value that rotation replaced, but the id is the digest of the current value.
    found.filter(|token| token.digest == digest).ok_or_else(|| no_token(id))
}

/// The live token that has, or had, the value with this digest.
async fn find_by_digest<P: Ports>(caller: &Caller<P>, reach: Reach, digest: Digest) -> Result<Option<Token>, Problem> {
    if caller.actor == Actor::Token(digest) {
        // The holder of a token may read and revoke it, whatever its scopes.
        return caller.own_token().await.map(Some);
    }
    let mine = reach == Reach::Own;
    caller.token(TokenFilter { digest: Some(digest), live: true, mine, ..TokenFilter::default() }).await
}

/// The digest in this id. If it is not a digest, that of the empty string, which no token has: the ledger is queried all
/// the same, since it authenticates the caller.
fn digest(id: &str) -> Digest {
    Digest::from_hex(id).unwrap_or_else(|_| Digest::of(&[]))
}

fn no_token(id: &str) -> Problem {
    // An id that is not a digest and is long enough to be a token may be one, sent by mistake, so it is not repeated.
    let is_harmless = id.len() < 16 || Digest::from_hex(id).is_ok();
    let detail = if is_harmless {
        format!("No valid token with ID {id} found.")
    } else {
        "No valid token with this ID found.".to_owned()
    };
    Problem::new(ProblemCode::NotFound, detail).at("/token_id")
}

fn required(fields: &mut Fields, field: &str) -> Result<String, Problem> {
    fields.text(field)?.ok_or_else(|| wrong(field, format!("{field} is missing.")))
}

fn not_a_number(field: &str) -> Problem {
    wrong(field, format!("{field} must be a whole number."))
}
