//! OAuth2 clients: what tokens may be pinned to.

use counterfoil_protocol::{
    BuiltIn,
    command::{Client, CreateClient, DeleteClient, ListClients, Listing, ReadClient},
    refusal::Refusal,
};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    cursor::{List, Window},
    idempotency::Repeatable,
    limits::Limits,
    rows::{Catalogue, clients},
    transaction::Work,
};

/// In the order in which they were added.
pub(crate) fn list(work: &Work<'_>, ask: &ListClients) -> Result<Listing<Client>, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Clients)?;
    let items = clients::page(work.sql, window.after.unwrap_or(0), window.rows())?;
    Ok(window.page(items, clients::count(work.sql)?))
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadClient) -> Result<Client, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    clients::by_id(work.sql, &ask.id)?.ok_or_else(|| Refusal::no_such("client"))
}

impl Repeatable for CreateClient {
    const NEEDS: BuiltIn = BuiltIn::WorkspaceManage;

    fn check_told(&self, work: &Work<'_>, _: &str) -> Result<(), Refusal> {
        Limits::of(&work.authority).check_scopes_of(self.permissions.iter(), &Catalogue::load(work.sql)?)
    }
}

/// Adds a client. What its tokens will get is granted here, so nobody names more than they may grant.
pub(crate) fn create(work: &Work<'_>, ask: CreateClient) -> Result<Client, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    check::member_id("/id", &ask.id)?;
    check::length("/name", &ask.name, 1..=200)?;
    check::scopes("/permissions", &ask.permissions)?;
    Limits::of(&work.authority).check_scopes(&ask.permissions, &Catalogue::load(work.sql)?, "permissions")?;
    if clients::exists(work.sql, &ask.id)? {
        return Err(Refusal::already_exists("client", "id"));
    }
    work.next_generation()?;
    let client = Client { id: ask.id, name: ask.name, permissions: ask.permissions.into(), created_at: work.now };
    clients::add(work.sql, &client)?;
    let after = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(work, Change { action: "client.create", subject: &client.id, before: None, after })?;
    Ok(client)
}

/// Removes a client, for new tokens: those pinned to it stay as they are.
pub(crate) fn delete(work: &Work<'_>, ask: &DeleteClient) -> Result<Client, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    let client = clients::remove(work.sql, &ask.id)?.ok_or_else(|| Refusal::no_such("client"))?;
    work.next_generation()?;
    let before = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(work, Change { action: "client.delete", subject: &client.id, before, after: None })?;
    Ok(client)
}
