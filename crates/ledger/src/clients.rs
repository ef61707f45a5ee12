//! OAuth2 clients: what tokens may be pinned to.

use counterfoil_protocol::{
    BuiltIn,
    command::{Client, CreateClient, DeleteClient, ListClients, Listing, ReadClient},
    refusal::Refusal,
};
use counterfoil_verify::{ScopeSet, Timestamp};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    cursor::{List, Window},
    grant::Limits,
    idempotency::Repeatable,
    scopes::Catalogue,
    sql::{Row, Sql, SqlError, Value},
    work::Work,
};

/// A client's row, with its number.
fn of_row(mut row: Row) -> Result<(u64, Client), SqlError> {
    let number = row.take()?;
    let (id, name, permissions, created_at): (_, _, ScopeSet, Timestamp) =
        (row.take()?, row.take()?, row.take_json()?, row.take()?);
    Ok((number, Client { id, name, permissions, created_at }))
}

/// Whether there is a client by this id.
pub(crate) fn exists(sql: &dyn Sql, id: &str) -> Result<bool, SqlError> {
    Ok(!sql.exec("SELECT 1 FROM clients WHERE id = ?", &[id.into()])?.is_empty())
}

/// In the order in which they were added.
pub(crate) fn list(work: &Work<'_>, ask: &ListClients) -> Result<Listing<Client>, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let window = Window::of(&ask.page, List::Clients)?;
    let total = work.sql.exec("SELECT count(*) FROM clients", &[])?.pop().map_or(Ok(0), |mut row| row.take())?;
    let page = "SELECT number, id, name, permissions, created_at FROM clients WHERE number > ? ORDER BY number LIMIT ?";
    let rows = work.sql.exec(page, &[window.after.unwrap_or(0).into(), window.rows().into()])?;
    Ok(window.page(rows.into_iter().map(of_row).collect::<Result<_, _>>()?, total))
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadClient) -> Result<Client, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let one = "SELECT number, id, name, permissions, created_at FROM clients WHERE id = ?";
    let row = work.sql.exec(one, &[(&ask.id).into()])?.pop().ok_or_else(|| Refusal::no_such("client"))?;
    Ok(of_row(row)?.1)
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
    if exists(work.sql, &ask.id)? {
        return Err(Refusal::already_exists("client", "id"));
    }
    work.next_generation()?;
    let client = Client { id: ask.id, name: ask.name, permissions: ask.permissions.into(), created_at: work.now };
    work.sql.exec(
        "INSERT INTO clients (id, name, permissions, created_at) VALUES (?, ?, ?, ?)",
        &[(&client.id).into(), (&client.name).into(), Value::json(&client.permissions)?, work.now.into()],
    )?;
    let after = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(work, Change { action: "client.create", subject: &client.id, before: None, after })?;
    Ok(client)
}

/// Removes a client, for new tokens: those pinned to it stay as they are.
pub(crate) fn delete(work: &Work<'_>, ask: &DeleteClient) -> Result<Client, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    let removed = "DELETE FROM clients WHERE id = ? RETURNING number, id, name, permissions, created_at";
    let row = work.sql.exec(removed, &[(&ask.id).into()])?.pop().ok_or_else(|| Refusal::no_such("client"))?;
    let (_, client) = of_row(row)?;
    work.next_generation()?;
    let before = Some(json!({ "name": client.name, "permissions": client.permissions }));
    audit::append(work, Change { action: "client.delete", subject: &client.id, before, after: None })?;
    Ok(client)
}
