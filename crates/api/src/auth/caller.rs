//! Who is asking, and their ledger.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use counterfoil_protocol::command::{Actor, Ask};
use counterfoil_token::{Digest, Presented, WorkspaceKey};
use counterfoil_verify::Code;
use futures_util::future::BoxFuture;
use http::request::Parts;

use crate::{
    auth::credential::{client_address, named, no_credential, no_such_workspace, presented, session},
    http::{codes::ProblemCode, idempotency::Idempotency, presented::domain, problem::Problem, reply::Reply},
    ledger_client::{Gate, Source, Terms},
    memory::{admission::Kind, names::Asker},
    ports::Ports,
    state::App,
    trace::Trace,
};

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
            return Err(Problem::new(ProblemCode::RootOnly, detail));
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
                    Problem::new(ProblemCode::WorkspaceRequired, detail)
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

impl<P: Ports> Caller<P> {
    /// Has the caller's ledger carry out a command in the caller's name.
    pub(crate) fn ask<C: Ask>(&self, command: C) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_on(Terms::default(), command)
    }

    /// The same, once: where a command came under this key before, what it answered then.
    pub(crate) fn ask_once<C: Ask>(
        &self,
        Idempotency(idempotency_key): Idempotency,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_on(Terms { idempotency_key, ..Terms::default() }, command)
    }

    /// The same, on these terms.
    pub(crate) fn ask_on<C: Ask>(
        &self,
        terms: Terms,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let from = Source { address: self.address, origin: self.gate.trace.origin.clone() };
        let admitted = self.admit();
        let asked = self.gate.ask(self.workspace, self.actor, from, terms, command);
        async move {
            admitted?;
            asked.await
        }
    }

    /// Checks that the ledger may be asked about the caller: not where it has refused it a moment ago, and not too often about
    /// those that it has not let in lately.
    fn admit(&self) -> Result<(), Problem> {
        let now = self.gate.app.ports.now();
        let mut admission = self.gate.app.admission();
        admission.check_refused(self.workspace, self.actor, self.address, now)?;
        let kind = match self.actor {
            Actor::Root => return Ok(()),
            _ if admission.knows(self.workspace, self.actor, self.address, now) => return Ok(()),
            _ if self.is_sealed => Kind::Sealed,
            _ => Kind::Other,
        };
        admission.take_for(self.workspace, self.actor, kind, now)
    }
}

fn gate<P: Ports>(parts: &Parts, app: &App<P>) -> Result<Gate<P>, Problem> {
    let trace = parts.extensions.get::<Trace>().ok_or_else(|| Problem::internal("the request has no trace"))?;
    Ok(Gate { app: app.clone(), trace: trace.clone() })
}
