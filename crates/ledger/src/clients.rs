//! OAuth 2.0 clients, which tokens can be bound to.

use counterfoil_protocol::{
    BuiltIn,
    command::{Client, CreateClient, DeleteClient, ListClients, Listing, ReadClient},
    command_error::CommandError,
};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    columns::{Columns as _, TableRow as _},
    cursor::{Count, List, Window},
    idempotency::Repeatable,
    limits::Limits,
    rows::{ScopeCatalogue, clients},
    transaction::Transaction,
};

/// In the order in which they were added.
pub(crate) fn list(tx: &Transaction<'_>, ask: &ListClients) -> Result<Listing<Client>, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Clients)?;
    let items = clients::page(tx.sql, window.after.unwrap_or(0), window.rows())?;
    Ok(window.page(items, Count::exact(Client::count(tx.sql, "", &[])?)))
}

pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadClient) -> Result<Client, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    clients::by_id(tx.sql, &ask.id)?.ok_or_else(|| CommandError::no_such("client"))
}

impl Repeatable for CreateClient {
    const NEEDS: BuiltIn = BuiltIn::WorkspaceManage;

    fn check_access(&self, tx: &Transaction<'_>, _: &str) -> Result<(), CommandError> {
        Limits::of(&tx.authority).check_scopes_of(self.permissions.iter(), &ScopeCatalogue::load(tx.sql)?)
    }
}

/// Adds a client. The scopes of its future tokens are granted here, so they cannot exceed what the actor can grant.
pub(crate) fn create(tx: &Transaction<'_>, ask: CreateClient) -> Result<Client, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    check::member_id("/id", &ask.id)?;
    check::length("/name", &ask.name, 1..=200)?;
    check::scopes("/permissions", &ask.permissions)?;
    Limits::of(&tx.authority).check_scopes(&ask.permissions, &ScopeCatalogue::load(tx.sql)?, "permissions")?;
    if clients::exists(tx.sql, &ask.id)? {
        return Err(CommandError::already_exists("client", "id"));
    }
    tx.next_generation()?;
    let client = Client { id: ask.id, name: ask.name, permissions: ask.permissions.into(), created_at: tx.now };
    client.insert(tx.sql)?;
    let after = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(tx, Change { action: "client.create", subject: &client.id, before: None, after })?;
    Ok(client)
}

/// Deletes a client. Existing tokens bound to it do not change.
pub(crate) fn delete(tx: &Transaction<'_>, ask: &DeleteClient) -> Result<Client, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    let client = clients::remove(tx.sql, &ask.id)?.ok_or_else(|| CommandError::no_such("client"))?;
    tx.next_generation()?;
    let before = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(tx, Change { action: "client.delete", subject: &client.id, before, after: None })?;
    Ok(client)
}
