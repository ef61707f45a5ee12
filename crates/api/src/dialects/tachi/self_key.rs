//! Authentication: "Self Key", a session of the user that the path names. Tokens are not accepted, nor are admins for
//! other users.

use axum::extract::{FromRequestParts, RawPathParams};
use counterfoil_protocol::{
    BuiltIn,
    command::{FindMember, Owner, ReadMember, ReadSession, ReadWorkspace},
};
use counterfoil_verify::ScopeSet;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use serde::Deserialize;

use crate::{
    auth::{Caller, credential},
    http::{Problem, ProblemCode},
    ports::Ports,
    state::App,
};

/// A session that acts for its own member.
pub(super) struct SelfKey<P> {
    pub(super) caller: Caller<P>,
    /// How the path names the token; empty if it names none.
    pub(super) token: String,
}

/// The part of a session that identifies its member.
#[derive(Deserialize)]
struct Session {
    member: Owner,
    scopes: ScopeSet,
}

impl<P: Ports> FromRequestParts<App<P>> for SelfKey<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        self_key(parts, app).await
    }
}

/// Checks the session first, then the user. One function for all routes, so that it is not compiled into each of them.
fn self_key<'a, P: Ports>(parts: &'a mut Parts, app: &'a App<P>) -> BoxFuture<'a, Result<SelfKey<P>, Problem>> {
    Box::pin(async move {
        let (caller, session) = signed_in(parts, app).await?;
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| no_such_user())?;
        let named = |name| path.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        let (user, token) = (named("user"), named("token").to_owned());
        let Owner { id, number } = &session.member;
        if user == "me" || user == id || user == number.to_string() {
            return Ok(SelfKey { caller, token });
        }
        Err(refuse_other(&caller, &session, user).await)
    })
}

async fn signed_in<P: Ports>(parts: &Parts, app: &App<P>) -> Result<(Caller<P>, Session), Problem> {
    check_scheme(&parts.headers)?;
    let text = credential::presented(&parts.headers)?;
    if text.is_some() {
        // The ledger decides whether the token is valid. In either case it is not accepted here.
        Caller::presenting(parts, app, text).await?.ask(ReadWorkspace {}).await?;
        return Err(not_yours());
    }
    let caller = Caller::presenting(parts, app, None).await.map_err(signed_out)?;
    let session = caller.ask(ReadSession {}).await.map_err(signed_out)?;
    Ok((caller, session.read_as()?))
}

/// Why the session may not act for another user. Only a caller that may see members learns whether the user exists.
async fn refuse_other<P: Ports>(caller: &Caller<P>, session: &Session, user: &str) -> Problem {
    if !BuiltIn::WorkspaceManage.is_in(&session.scopes) {
        return not_yours();
    }
    let unread = match user.parse() {
        Ok(number) => caller.ask(FindMember { number }).await.err(),
        Err(_) => caller.ask(ReadMember { id: user.to_owned() }).await.err(),
    };
    match unread {
        None => not_yours(),
        Some(problem) if problem.status == StatusCode::NOT_FOUND => no_such_user(),
        Some(problem) => problem,
    }
}

/// Tachi rejects another scheme as a malformed request (400), unlike an invalid token.
fn check_scheme(headers: &HeaderMap) -> Result<(), Problem> {
    let is_bearer = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    if headers.get_all(header::AUTHORIZATION).iter().all(is_bearer) {
        return Ok(());
    }
    let detail = "Invalid Authorization type. Expected Bearer.";
    Err(Problem::new(ProblemCode::UnreadableCredential, detail).with_status(StatusCode::BAD_REQUEST))
}

/// There is no session, or it has ended: both give the same response.
fn signed_out(problem: Problem) -> Problem {
    match problem.status {
        StatusCode::UNAUTHORIZED => problem.saying("This endpoint requires session-level authentication."),
        _ => problem,
    }
}

fn not_yours() -> Problem {
    let detail = "This request cannot be performed by an API key, and requires authentication.";
    Problem::new(ProblemCode::NotYours, detail)
}

fn no_such_user() -> Problem {
    Problem::new(ProblemCode::NotFound, "This user does not exist.")
}
