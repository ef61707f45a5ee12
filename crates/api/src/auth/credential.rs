//! The credential that a request presents: a token or a session, and the name of a workspace.

use std::net::IpAddr;

use counterfoil_protocol::command::Actor;
use counterfoil_token::{TokenRef, WorkspaceKey};
use counterfoil_verify::Code;
use http::{HeaderMap, HeaderName, request::Parts};

use crate::{
    http::{
        Problem, ProblemCode, cookies,
        presented::{self, DialectCredential, Fault, domain},
        refused::{AMBIGUOUS_CREDENTIAL, NO_CREDENTIAL, UNREADABLE_CREDENTIAL, WORKSPACE_REQUIRED},
    },
    ports::Ports,
    state::App,
};

const WORKSPACE: HeaderName = HeaderName::from_static("x-counterfoil-workspace");
/// Cloudflare sets this header; clients cannot.
const CLIENT_ADDRESS: &str = "cf-connecting-ip";

/// The session in the browser's cookie. It is used only if nothing else is presented: a user who signs in with a token
/// may still have the cookie of an ended session.
pub(crate) fn session<P: Ports>(parts: &Parts, app: &App<P>) -> Result<Option<(WorkspaceKey, Actor)>, Problem> {
    let Some(text) = cookies::session(&parts.headers)? else { return Ok(None) };
    cookies::check_origin(parts)?;
    let text = TokenRef::parse(text).map_err(|_| Problem::session_ended())?;
    let workspace = text.workspace();
    // As for tokens: without a valid tag it was never opened, and no ledger is queried.
    if !app.config().session_keys(workspace).any(|key| text.is_sealed_by(&key)) {
        return Err(Problem::session_ended());
    }
    Ok(Some((workspace, Actor::Session(text.digest()))))
}

/// The one token value that the request presents: see [`presented::presented`].
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    presented_with(headers, None)
}

/// The one token value that the request presents, also in the dialect's own way. A request that has a session cookie may
/// have another scheme in `Authorization`: a browser keeps sending what a proxy in between has asked for.
pub(crate) fn presented_with(headers: &HeaderMap, also: Option<&DialectCredential>) -> Result<Option<String>, Problem> {
    match presented::presented(headers, also) {
        Err(Fault::OtherScheme) if cookies::session(headers)?.is_some() => Ok(None),
        found => Ok(found?),
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unreadable | Fault::OtherScheme => UNREADABLE_CREDENTIAL.into(),
            Fault::Ambiguous => AMBIGUOUS_CREDENTIAL.into(),
            Fault::WorkspaceRequired => WORKSPACE_REQUIRED.into(),
        }
    }
}

pub(crate) fn no_credential() -> Problem {
    NO_CREDENTIAL.into()
}

/// The slug of the workspace that the request names, for a token that does not name one.
pub(crate) fn named_workspace(headers: &HeaderMap, token: &str) -> Result<Option<String>, Problem> {
    let named = presented::single(headers, &WORKSPACE).map_err(|_| no_such_workspace())?;
    match (named, domain(headers, token)) {
        (Some(slug), Some(domain)) if slug != domain => Err(Problem::credential(Code::Unknown)),
        (slug, domain) => Ok(slug.or_else(|| domain.map(str::to_owned))),
    }
}

pub(crate) fn no_such_workspace() -> Problem {
    let detail = "No workspace has the slug that `X-Counterfoil-Workspace` names.";
    Problem::new(ProblemCode::NotFound, detail)
}

pub(crate) fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get(CLIENT_ADDRESS)?.to_str().ok()?.parse().ok()
}
