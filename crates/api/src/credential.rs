//! Who is asking: the token or session that a request presents, and the workspace that it acts in.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use counterfoil_protocol::command::Actor;
use counterfoil_token::{Digest, Presented, TokenRef, WorkspaceKey};
use counterfoil_verify::Code;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, StatusCode, request::Parts};

use crate::{
    app::App,
    cookie,
    ledger::{Gate, Source},
    names::Asker,
    ports::Ports,
    presented::{self, Fault},
    problem::Problem,
    refused::{AMBIGUOUS_CREDENTIAL, NO_CREDENTIAL, UNREADABLE_CREDENTIAL, WORKSPACE_REQUIRED},
    trace::Trace,
};

pub(crate) use crate::presented::{Also, domain};

const WORKSPACE: HeaderName = HeaderName::from_static("x-counterfoil-workspace");
/// Cloudflare sets this one and lets no client do so.
const CLIENT_ADDRESS: &str = "cf-connecting-ip";

/// An authenticated-to-be: the ledger or the verifier has the last word on the token, the ledger on the session.
pub(crate) struct Caller<P> {
    /// The way to the workspace's ledger.
    pub(crate) gate: Gate<P>,
    /// In which workspace.
    pub(crate) workspace: WorkspaceKey,
    /// Who.
    pub(crate) actor: Actor,
    /// Whether it has our seal, and so was issued here once. Root's has none.
    pub(crate) is_sealed: bool,
    /// The token's text, for the verifier; empty for a session, of which verifiers know nothing. Never logged, never
    /// stored.
    pub(crate) text: PresentedText,
    /// From where, where that is known.
    pub(crate) address: Option<IpAddr>,
}

/// The bearer of the deployment's root token, in no workspace.
pub(crate) struct Root<P> {
    pub(crate) gate: Gate<P>,
    pub(crate) address: Option<IpAddr>,
}

/// Somebody who has not said who they are yet.
pub(crate) struct Visitor<P> {
    pub(crate) gate: Gate<P>,
    pub(crate) from: Source,
}

/// A credential's text, which shows nothing of itself.
pub(crate) struct PresentedText(String);

impl PresentedText {
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl<P: Ports> FromRequestParts<App<P>> for Caller<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        caller(parts, app).await
    }
}

impl<P: Ports> FromRequestParts<App<P>> for Root<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        let text = presented(&parts.headers)?.ok_or_else(no_credential)?;
        if !app.config().is_root(Digest::of(text.as_bytes())) {
            let detail = "Only the deployment's root token may do this.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "ROOT_ONLY", detail));
        }
        let gate = gate(parts, app)?;
        if gate.trace.origin.is_some() {
            return Err(Problem::origin_not_allowed());
        }
        Ok(Self { gate, address: client_address(&parts.headers) })
    }
}

impl<P: Ports> FromRequestParts<App<P>> for Visitor<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        Self::of(parts, app)
    }
}

impl<P: Ports> Visitor<P> {
    pub(crate) fn of(parts: &Parts, app: &App<P>) -> Result<Self, Problem> {
        let gate = gate(parts, app)?;
        let from = Source { address: client_address(&parts.headers), origin: gate.trace.origin.clone() };
        Ok(Self { gate, from })
    }
}

/// Who sent this; one function for all routes, which would else be compiled into each of them.
fn caller<'a, P: Ports>(parts: &'a Parts, app: &'a App<P>) -> BoxFuture<'a, Result<Caller<P>, Problem>> {
    Box::pin(async move { Caller::presenting(parts, app, presented(&parts.headers)?).await })
}

impl<P: Ports> Caller<P> {
    /// Who presents this token; where there is none, the session that the browser sends along.
    pub(crate) fn presenting<'a>(
        parts: &'a Parts,
        app: &'a App<P>,
        text: Option<String>,
    ) -> BoxFuture<'a, Result<Self, Problem>> {
        Box::pin(async move {
            let gate = gate(parts, app)?;
            let address = client_address(&parts.headers);
            let Some(text) = text else {
                let (workspace, actor) = session(parts, app)?.ok_or_else(no_credential)?;
                let text = PresentedText(String::new());
                return Caller { gate, workspace, actor, is_sealed: true, text, address }.check();
            };
            let digest = Digest::of(text.as_bytes());
            let (workspace, actor, is_sealed) = if app.config().is_root(digest) {
                let slug = named(&parts.headers, &text)?.ok_or_else(|| {
                    let detail = "The root token acts in one workspace: name its slug in X-Counterfoil-Workspace.";
                    Problem::new(StatusCode::BAD_REQUEST, "WORKSPACE_REQUIRED", detail)
                })?;
                (gate.resolve(&slug, Asker::Root).await?.ok_or_else(no_such_workspace)?, Actor::Root, false)
            } else {
                let (workspace, is_sealed) = match Presented::parse(text.as_bytes()) {
                    Err(why) => return Err(Problem::malformed(why)),
                    Ok(Presented::Ours(token)) => {
                        let workspace = token.workspace();
                        // A wrong seal was never issued: no ledger is asked, none is even brought to life.
                        let workspace = match (app.config().has_sealed(&token), domain(&parts.headers, &text)) {
                            (false, _) => None,
                            (true, None) => Some(workspace),
                            (true, Some(domain)) => {
                                let asker = Asker::Sealed(workspace);
                                gate.resolve(domain, asker).await?.filter(|key| *key == workspace)
                            }
                        };
                        (workspace, true)
                    }
                    Ok(Presented::Foreign(_)) => match named(&parts.headers, &text)? {
                        Some(slug) => (gate.resolve(&slug, gate.stranger(address)).await?, false),
                        None => (gate.resolve_host(&parts.uri, gate.stranger(address)).await?, false),
                    },
                };
                let workspace = workspace.ok_or_else(|| Problem::credential(Code::Unknown))?;
                (workspace, Actor::Token(digest), is_sealed)
            };
            Caller { gate, workspace, actor, is_sealed, text: PresentedText(text), address }.check()
        })
    }
}

impl<P: Ports> Caller<P> {
    /// Refuses, before anything else is read, whoever the ledger has refused a moment ago, and whoever comes from where too
    /// many of those come from.
    fn check(self) -> Result<Self, Problem> {
        let now = self.gate.app.ports.now();
        let admission = self.gate.app.admission();
        admission.check_refused(self.workspace, self.actor, self.address, now)?;
        let is_free = self.actor == Actor::Root
            || self.gate.trace.is_urgent()
            || admission.knows(self.workspace, self.actor, self.address, now);
        if !is_free {
            admission.check_address(self.address, now)?;
        }
        drop(admission);
        Ok(self)
    }
}

fn gate<P: Ports>(parts: &Parts, app: &App<P>) -> Result<Gate<P>, Problem> {
    let trace = parts.extensions.get::<Trace>().ok_or_else(|| Problem::internal("the request has no trace"))?;
    Ok(Gate { app: app.clone(), trace: trace.clone() })
}

/// The session that the browser sends along. It counts only where nothing else is presented: who signs in with a token
/// may well have the cookie of a session that is over.
fn session<P: Ports>(parts: &Parts, app: &App<P>) -> Result<Option<(WorkspaceKey, Actor)>, Problem> {
    let Some(text) = cookie::session(&parts.headers)? else { return Ok(None) };
    cookie::check_origin(parts)?;
    let text = TokenRef::parse(text).map_err(|_| Problem::session_ended())?;
    let workspace = text.workspace();
    // As with tokens: what was never sealed was never opened, and no ledger is asked.
    if !app.config().session_keys(workspace).any(|key| text.is_sealed_by(&key)) {
        return Err(Problem::session_ended());
    }
    Ok(Some((workspace, Actor::Session(text.digest()))))
}

/// The one token that the request presents: see [`presented::presented`].
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    presented_also(headers, None)
}

/// The one token that the request presents, in this way too. Beside a session another scheme counts for nothing either: a
/// browser goes on sending what a proxy in between has asked it for.
pub(crate) fn presented_also(headers: &HeaderMap, also: Option<&Also>) -> Result<Option<String>, Problem> {
    match presented::presented(headers, also) {
        Err(Fault::OtherScheme) if cookie::session(headers)?.is_some() => Ok(None),
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

/// The slug of the workspace that the request names, for a token that does not.
fn named(headers: &HeaderMap, token: &str) -> Result<Option<String>, Problem> {
    let named = presented::word(headers, &WORKSPACE).map_err(|_| no_such_workspace())?;
    match (named, domain(headers, token)) {
        (Some(slug), Some(domain)) if slug != domain => Err(Problem::credential(Code::Unknown)),
        (slug, domain) => Ok(slug.or_else(|| domain.map(str::to_owned))),
    }
}

fn no_such_workspace() -> Problem {
    let detail = "There is no workspace by the slug that X-Counterfoil-Workspace names.";
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
}

pub(crate) fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get(CLIENT_ADDRESS)?.to_str().ok()?.parse().ok()
}
