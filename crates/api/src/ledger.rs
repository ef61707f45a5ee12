//! The way to the ledgers and the directory: typed questions out, typed replies or problems back.

use std::net::IpAddr;

use counterfoil_ledger::{
    command::{Actor, Ask, Request},
    decode_reply,
    directory::{self, Slug},
};
use counterfoil_token::WorkspaceKey;

use crate::{app::App, credential::Caller, ports::Ports, problem::Problem, trace::Trace};

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
        let request_id = self.trace.request_id.to_string();
        let request = Request { workspace, actor, request_id, address, command: command.into() };
        let request = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
        self.trace.count_ledger_call();
        let reply = self.app.ports.ledger(workspace, request).await;
        let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
        let reply = decode_reply::<C>(&reply).map_err(|error| Problem::internal(error.to_string()))?;
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
}
