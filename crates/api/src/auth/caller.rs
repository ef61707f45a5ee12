//! The caller of a request, with the client of its ledger.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use counterfoil_protocol::command::{Actor, Ask};
use counterfoil_token::{Digest, Presented, WorkspaceKey};
use counterfoil_verify::Code;
use futures_util::future::BoxFuture;
use http::request::Parts;

use crate::{
    auth::credential::{client_address, named_workspace, no_credential, no_such_workspace, presented, session},
    cache::{admission::QueryKind, names::Requester},
    http::{Idempotency, Problem, ProblemCode, Reply, presented::domain},
    ledger_client::{CommandOptions, LedgerClient, Source},
    ports::Ports,
    state::App,
    trace::Trace,
};

/// A caller that is not authenticated yet: the ledger or the verifier authenticates a token, the ledger a session.
pub(crate) struct Caller<P> {
    /// The client of the workspace's ledger.
    pub(crate) ledger: LedgerClient<P>,
    /// The workspace that the request is about.
    pub(crate) workspace: WorkspaceKey,
    /// The actor that the credential identifies.
    pub(crate) actor: Actor,
    /// Whether the credential has a valid authentication tag, so this deployment once issued it. The root token has none.
    pub(crate) is_sealed: bool,
    /// The token value, for the verifier; empty for a session, which verifiers do not know. Never logged, never stored.
    pub(crate) text: PresentedValue,
    /// The client's address, if it is known.
    pub(crate) address: Option<IpAddr>,
}

/// A request with the deployment's root token, in no workspace.
pub(crate) struct Root<P> {
    pub(crate) ledger: LedgerClient<P>,
    pub(crate) address: Option<IpAddr>,
}

/// A caller who presents no credential.
pub(crate) struct AnonymousCaller<P> {
    pub(crate) ledger: LedgerClient<P>,
    pub(crate) from: Source,
}

/// A credential's value. It has no `Debug` or `Display`, so that it cannot be shown by accident.
pub(crate) struct PresentedValue(String);

impl PresentedValue {
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
            let detail = "Only the deployment's root token can do this.";
            return Err(Problem::new(ProblemCode::RootOnly, detail));
        }
        let ledger = ledger(parts, app)?;
        if ledger.trace.origin.is_some() {
            return Err(Problem::origin_not_allowed());
        }
        Ok(Self { ledger, address: client_address(&parts.headers) })
    }
}

impl<P: Ports> FromRequestParts<App<P>> for AnonymousCaller<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<P>) -> Result<Self, Problem> {
        Self::of(parts, app)
    }
}

impl<P: Ports> AnonymousCaller<P> {
    pub(crate) fn of(parts: &Parts, app: &App<P>) -> Result<Self, Problem> {
        let ledger = ledger(parts, app)?;
        let from = Source { address: client_address(&parts.headers), origin: ledger.trace.origin.clone() };
        Ok(Self { ledger, from })
    }
}

/// The caller of a request. One function for all routes, so that it is not compiled into each of them.
fn caller<'a, P: Ports>(parts: &'a Parts, app: &'a App<P>) -> BoxFuture<'a, Result<Caller<P>, Problem>> {
    Box::pin(async move { Caller::presenting(parts, app, presented(&parts.headers)?).await })
}

impl<P: Ports> Caller<P> {
    /// The caller that presents this token value or, if there is none, the session in the browser's cookie.
    pub(crate) fn presenting<'a>(
        parts: &'a Parts,
        app: &'a App<P>,
        text: Option<String>,
    ) -> BoxFuture<'a, Result<Self, Problem>> {
        Box::pin(async move {
            let ledger = ledger(parts, app)?;
            let address = client_address(&parts.headers);
            let Some(text) = text else {
                let (workspace, actor) = session(parts, app)?.ok_or_else(no_credential)?;
                let text = PresentedValue(String::new());
                return Caller { ledger, workspace, actor, is_sealed: true, text, address }.check();
            };
            let digest = Digest::of(text.as_bytes());
            let (workspace, actor, is_sealed) = if app.config().is_root(digest) {
                let slug = named_workspace(&parts.headers, &text)?.ok_or_else(|| {
                    let detail =
                        "The root token belongs to no workspace. Name the slug of one in `X-Counterfoil-Workspace`.";
                    Problem::new(ProblemCode::WorkspaceRequired, detail)
                })?;
                (ledger.resolve(&slug, Requester::Root).await?.ok_or_else(no_such_workspace)?, Actor::Root, false)
            } else {
                let (workspace, is_sealed) = match Presented::parse(text.as_bytes()) {
                    Err(why) => return Err(Problem::malformed(why)),
                    Ok(Presented::Ours(token)) => {
                        let workspace = token.workspace();
                        // A token without a valid tag was never issued: no ledger is queried, none is even started.
                        let workspace = match (app.config().has_sealed(&token), domain(&parts.headers, &text)) {
                            (false, _) => None,
                            (true, None) => Some(workspace),
                            (true, Some(domain)) => {
                                let requester = Requester::Sealed(workspace);
                                ledger.resolve(domain, requester).await?.filter(|key| *key == workspace)
                            }
                        };
                        (workspace, true)
                    }
                    Ok(Presented::Foreign(_)) => match named_workspace(&parts.headers, &text)? {
                        Some(slug) => (ledger.resolve(&slug, ledger.anonymous(address)).await?, false),
                        None => (ledger.resolve_host(&parts.uri, ledger.anonymous(address)).await?, false),
                    },
                };
                let workspace = workspace.ok_or_else(|| Problem::credential(Code::Unknown))?;
                (workspace, Actor::Token(digest), is_sealed)
            };
            Caller { ledger, workspace, actor, is_sealed, text: PresentedValue(text), address }.check()
        })
    }
}

impl<P: Ports> Caller<P> {
    /// Rejects, before anything else is read, a credential that the ledger rejected a moment ago, and requests from an
    /// address that is blocked because too many of these come from it.
    fn check(self) -> Result<Self, Problem> {
        let now = self.ledger.app.ports.now();
        let admission = self.ledger.app.admission();
        admission.check_rejected(self.workspace, self.actor, self.address, now)?;
        let is_free = self.actor == Actor::Root
            || self.ledger.trace.is_urgent()
            || admission.is_admitted(self.workspace, self.actor, self.address, now);
        if !is_free {
            admission.check_address(self.address, now)?;
        }
        drop(admission);
        Ok(self)
    }

    /// Sends a command to the caller's ledger, in the caller's name.
    pub(crate) fn ask<C: Ask>(&self, command: C) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_with(CommandOptions::default(), command)
    }

    /// Like [`Self::ask`], once: if a command came under this key before, the response is the earlier one.
    pub(crate) fn ask_once<C: Ask>(
        &self,
        Idempotency(idempotency_key): Idempotency,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_with(CommandOptions { idempotency_key, ..CommandOptions::default() }, command)
    }

    /// Like [`Self::ask`], with options.
    pub(crate) fn ask_with<C: Ask>(
        &self,
        options: CommandOptions,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let from = Source { address: self.address, origin: self.ledger.trace.origin.clone() };
        let admitted = self.admit();
        let asked = self.ledger.ask_with(self.workspace, self.actor, from, options, command);
        async move {
            admitted?;
            asked.await
        }
    }

    /// Checks that the ledger may be queried about the caller: not if it rejected the caller a moment ago, and at a
    /// limited rate for callers that it has not admitted recently.
    fn admit(&self) -> Result<(), Problem> {
        let now = self.ledger.app.ports.now();
        let mut admission = self.ledger.app.admission();
        admission.check_rejected(self.workspace, self.actor, self.address, now)?;
        let kind = match self.actor {
            Actor::Root => return Ok(()),
            _ if admission.is_admitted(self.workspace, self.actor, self.address, now) => return Ok(()),
            _ if self.is_sealed => QueryKind::Sealed,
            _ => QueryKind::Other,
        };
        admission.take_allowance_for(self.workspace, self.actor, kind, now)
    }
}

fn ledger<P: Ports>(parts: &Parts, app: &App<P>) -> Result<LedgerClient<P>, Problem> {
    let trace = parts.extensions.get::<Trace>().ok_or_else(|| Problem::internal("the request has no trace"))?;
    Ok(LedgerClient { app: app.clone(), trace: trace.clone() })
}
