//! Clients, which tokens can be bound to.

use counterfoil_protocol::command::{Client, CreateClient, DeleteClient, ListClients, Listing, ReadClient};
use counterfoil_verify::ScopePattern;
use serde::Deserialize;

use super::shapes::PageQuery;
use crate::{
    auth::Caller,
    http::{Id, Idempotency, Json, Problem, Query, Reply, reply::location},
    ports::Ports,
};

/// The body of a request that creates one.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClient {
    /// 1–128 visible ASCII characters, unique in the workspace.
    id: String,
    /// 1–200 characters.
    name: String,
    /// The scopes that a token created for the client gets. Each is in the catalogue, or is a wildcard that matches a
    /// scope there.
    permissions: Vec<ScopePattern>,
}

pub(crate) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Listing<Client>>, Problem> {
    caller.ask(ListClients { page: page.into() }).await
}

pub(crate) async fn create<P: Ports>(
    caller: Caller<P>,
    once: Idempotency,
    Json(NewClient { id, name, permissions }): Json<NewClient>,
) -> Result<Reply<Client>, Problem> {
    let location = location("/v1/clients/", &id);
    Ok(caller.ask_once(once, CreateClient { id, name, permissions }).await?.created(location))
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<Client>, Problem> {
    caller.ask(ReadClient { id }).await
}

pub(crate) async fn delete<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Reply<Client>, Problem> {
    caller.ask(DeleteClient { id }).await
}
