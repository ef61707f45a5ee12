//! Clients that tokens may be pinned to.

use axum::{Json as Answer, http::StatusCode, response::IntoResponse};
use counterfoil_ledger::command::{self, CreateClient, DeleteClient, ListClients};
use counterfoil_verify::{ScopePattern, ScopeSet};
use serde::{Deserialize, Serialize};

use super::shapes::{List, PageQuery};
use crate::{
    body::{Id, Json, Query},
    credential::Caller,
    idempotency::{Idempotency, replayed},
    ports::Ports,
    problem::Problem,
    time::Rfc3339,
};

/// A client.
#[derive(Serialize)]
pub(super) struct Client {
    id: String,
    name: String,
    permissions: ScopeSet,
    created_at: Rfc3339,
}

/// The body of a creation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    id: String,
    name: String,
    permissions: Vec<ScopePattern>,
}

pub(super) async fn list<P: Ports>(
    caller: Caller<P>,
    Query(page): Query<PageQuery>,
) -> Result<Answer<List<Client>>, Problem> {
    Ok(Answer(List::of(caller.ask(ListClients { page: page.into() }).await?)))
}

pub(super) async fn create<P: Ports>(
    caller: Caller<P>,
    once: Idempotency,
    Json(Create { id, name, permissions }): Json<Create>,
) -> Result<impl IntoResponse, Problem> {
    let answered = caller.ask_once(once, CreateClient { id, name, permissions }).await?;
    Ok((StatusCode::CREATED, replayed(answered.repeated), Answer(Client::from(answered.reply))))
}

pub(super) async fn delete<P: Ports>(caller: Caller<P>, Id(id): Id) -> Result<Answer<Client>, Problem> {
    Ok(Answer(caller.ask(DeleteClient { id }).await?.into()))
}

impl From<command::Client> for Client {
    fn from(client: command::Client) -> Self {
        let command::Client { id, name, permissions, created_at } = client;
        Self { id, name, permissions, created_at: Rfc3339(created_at) }
    }
}
