//! The way to the ledgers and the directory: typed questions out, typed replies or problems back.

use std::net::IpAddr;

use counterfoil_ledger::{
    Answered,
    command::{Actor, Ask, IdempotencyKey, Request},
    decode_answer,
    directory::{self, Slug},
};
use counterfoil_token::WorkspaceKey;

use crate::{app::App, credential::Caller, idempotency::Idempotency, ports::Ports, problem::Problem, trace::Trace};

/// One request's way to the ledgers.
#[derive(Clone)]
pub(crate) struct Gate<P> {
    pub(crate) app: App<P>,
    pub(crate) trace: Trace,
}

impl<P: Ports> Gate<P> {
    /// Has a workspace's ledger carry out a command.
    pub(crate) async fn ask<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        address: Option<IpAddr>,
        command: C,
    ) -> Result<C::Reply, Problem> {
        Ok(self.ask_once(workspace, actor, address, None, command).await?.reply)
    }

    /// The same, once: where a command came under this key before, what it answered then.
    async fn ask_once<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        address: Option<IpAddr>,
        idempotency_key: Option<IdempotencyKey>,
        command: C,
    ) -> Result<Answered<C::Reply>, Problem> {
        let request_id = self.trace.request_id.to_string();
        let request = Request { workspace, actor, request_id, address, idempotency_key, command: command.into() };
        let request = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
        self.trace.count_ledger_call();
        let reply = self.app.ports.ledger(workspace, request).await;
        let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
        let reply = decode_answer::<C>(&reply).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(reply?)
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
    pub(crate) async fn ask<C: Ask>(&self, command: C) -> Result<C::Reply, Problem> {
        self.gate.ask(self.workspace, self.actor, self.address, command).await
    }

    /// The same, once: where a command came under this key before, what it answered then.
    pub(crate) async fn ask_once<C: Ask>(
        &self,
        Idempotency(key): Idempotency,
        command: C,
    ) -> Result<Answered<C::Reply>, Problem> {
        self.gate.ask_once(self.workspace, self.actor, self.address, key, command).await
    }
}
