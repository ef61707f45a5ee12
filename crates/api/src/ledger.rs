//! The way to the ledgers and the directory: typed questions out, typed replies or problems back.

use std::{net::IpAddr, sync::Arc};

use counterfoil_ledger::{
    Answered, Refusal,
    command::{Actor, Ask, Command, IdempotencyKey, Request},
    directory::{self, Host, Slug},
    reply_json,
};
use counterfoil_token::WorkspaceKey;
use futures_util::future::BoxFuture;
use http::Uri;

use crate::{
    answer::Reply, app::App, credential::Caller, idempotency::Idempotency, ports::Ports, problem::Problem,
    trace::Trace, waiting::Waited,
};

/// One request's way to the ledgers.
#[derive(Clone)]
pub(crate) struct Gate<P> {
    pub(crate) app: App<P>,
    pub(crate) trace: Trace,
}

/// Where a request comes from, as far as that is known.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) address: Option<IpAddr>,
    /// The origin of the web page, where that is not the API's own.
    pub(crate) origin: Option<Arc<str>>,
}

/// On what terms a command is to be carried out.
#[derive(Default)]
pub(crate) struct Terms {
    /// Once under this key.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// While the token has one of these versions.
    pub(crate) if_version: Option<Vec<u64>>,
    /// Answered only when it counts for every check that is not eventual.
    pub(crate) wait: bool,
}

impl<P: Ports> Gate<P> {
    /// Has a workspace's ledger carry out a command. Where the ledger has let the actor in, with the page that it acts
    /// through, that page may read the answer.
    pub(crate) fn ask<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        terms: Terms,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let sent = self.send(workspace, actor, from, terms, command.into());
        async move { sent.await.map(|Answered { reply, repeated, .. }| Reply::new(reply, repeated)) }
    }

    /// The part of asking that is the same for every command, compiled once.
    fn send(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        terms: Terms,
        command: Command,
    ) -> BoxFuture<'_, Result<Answered<Vec<u8>>, Problem>> {
        Box::pin(async move {
            let request = Request {
                workspace,
                actor,
                request_id: self.trace.request_id.to_string(),
                address: from.address,
                idempotency_key: terms.idempotency_key,
                origin: from.origin.as_deref().map(str::to_owned),
                if_version: terms.if_version,
                wait: terms.wait,
                command,
            };
            let changes = !request.command.is_question();
            let json = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
            self.trace.count_ledger_call();
            let reply = self.app.ports.ledger(request.workspace, json).await;
            if changes {
                // Whoever changed something may check it here at once. Where nobody knows whether it was changed, too.
                self.app.verifier().end_lease(request.workspace);
            }
            let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
            let outcome = reply_json(&reply).map_err(|error| Problem::internal(error.to_string()))?;
            if !outcome.as_ref().is_err_and(Refusal::shuts_out) {
                if request.origin.is_some() {
                    self.trace.let_page_read();
                }
                self.count_caller(request.workspace, request.actor);
            }
            let Answered { reply, repeated, safe_in, snapshots_until } = outcome?;
            let mut reply = reply.to_owned();
            if let Some(milliseconds) = safe_in {
                let began_at = self.app.ports.now();
                self.app.ports.sleep(milliseconds).await;
                reply = Waited::new(self.app.ports.now().since(began_at), snapshots_until).add_to(reply)?;
            }
            Ok(Answered { reply, repeated, safe_in, snapshots_until })
        })
    }

    /// Has the directory carry out a request.
    pub(crate) async fn directory<R: directory::Ask>(&self, request: R) -> Result<R::Reply, Problem> {
        let request = serde_json::to_vec(&request.into()).map_err(|error| Problem::internal(error.to_string()))?;
        self.trace.count_ledger_call();
        let reply = self.app.ports.directory(request).await;
        let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
        let reply = directory::decode_reply::<R>(&reply).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(reply?)
    }

    /// The key of the workspace with this slug.
    pub(crate) async fn resolve(&self, slug: &str) -> Result<Option<WorkspaceKey>, Problem> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        Ok(self.directory(directory::Resolve { slug }).await?.key)
    }

    /// The key of the workspace that is reached by the host of this URI.
    pub(crate) async fn resolve_host(&self, uri: &Uri) -> Result<Option<WorkspaceKey>, Problem> {
        let host = uri.authority().and_then(|authority| Host::parse(authority.as_str()).ok());
        let Some(host) = host else { return Ok(None) };
        let known = self.app.hosts().look_up(&host, self.app.ports.now());
        if let Some(key) = known {
            return Ok(key);
        }
        let key = self.directory(directory::ResolveHost { host: host.clone() }).await?.key;
        self.app.hosts().remember(host, key, self.app.ports.now());
        Ok(key)
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
        self.gate.ask(self.workspace, self.actor, from, terms, command)
    }
}
