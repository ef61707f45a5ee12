//! The way to the ledgers and the directory: typed questions out, typed replies or problems back.

use std::net::IpAddr;

use counterfoil_ledger::{
    Answered, Refusal,
    command::{Actor, Ask, IdempotencyKey, Request},
    directory::{self, Slug},
    reply_json,
};
use counterfoil_token::WorkspaceKey;
use futures_util::future::BoxFuture;

use crate::{
    answer::Reply, app::App, credential::Caller, idempotency::Idempotency, ports::Ports, problem::Problem, trace::Trace,
};

/// One request's way to the ledgers.
#[derive(Clone)]
pub(crate) struct Gate<P> {
    pub(crate) app: App<P>,
    pub(crate) trace: Trace,
}

impl<P: Ports> Gate<P> {
    /// Has a workspace's ledger carry out a command; under an idempotency key, once.
    pub(crate) async fn ask<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        address: Option<IpAddr>,
        idempotency_key: Option<IdempotencyKey>,
        command: C,
    ) -> Result<Reply<C::Reply>, Problem> {
        let request_id = self.trace.request_id.to_string();
        let request = Request { workspace, actor, request_id, address, idempotency_key, command: command.into() };
        let Answered { reply, repeated } = self.send(request).await?;
        Ok(Reply::new(reply, repeated))
    }

    /// The part of asking that is the same for every command, compiled once.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answered<Vec<u8>>, Problem>> {
        Box::pin(async move {
            let json = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
            self.trace.count_ledger_call();
            let reply = self.app.ports.ledger(request.workspace, json).await;
            let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
            let outcome = reply_json(&reply).map_err(|error| Problem::internal(error.to_string()))?;
            if !matches!(outcome, Err(Refusal::Unauthenticated { .. } | Refusal::Internal { .. })) {
                self.count_caller(request.workspace, request.actor);
            }
            let Answered { reply, repeated } = outcome?;
            Ok(Answered { reply: reply.to_owned(), repeated })
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
}

impl<P: Ports> Caller<P> {
    /// Has the caller's ledger carry out a command in the caller's name.
    pub(crate) async fn ask<C: Ask>(&self, command: C) -> Result<Reply<C::Reply>, Problem> {
        self.gate.ask(self.workspace, self.actor, self.address, None, command).await
    }

    /// The same, once: where a command came under this key before, what it answered then.
    pub(crate) async fn ask_once<C: Ask>(
        &self,
        Idempotency(key): Idempotency,
        command: C,
    ) -> Result<Reply<C::Reply>, Problem> {
        self.gate.ask(self.workspace, self.actor, self.address, key, command).await
    }
}
