//! OAuth 2.0 clients. Apart from its number, a row holds exactly what callers see.

use counterfoil_protocol::command::Client;

use crate::{
    columns::{Columns as _, table},
    sql::{Sql, SqlError},
};

table!(Client: "clients" { id, name, permissions, created_at });

pub(crate) fn by_id(sql: &dyn Sql, id: &str) -> Result<Option<Client>, SqlError> {
    Client::find(sql, "WHERE id = ?", &[id.into()])
}

/// Whether a client with this id exists, even if its row cannot be read.
pub(crate) fn exists(sql: &dyn Sql, id: &str) -> Result<bool, SqlError> {
    sql.any("SELECT 1 FROM clients WHERE id = ?", &[id.into()])
}

/// The next clients after a number, each with its own number.
pub(crate) fn page(sql: &dyn Sql, after: u64, rows: u64) -> Result<Vec<(u64, Client)>, SqlError> {
    let page = format!("SELECT number, {} FROM clients WHERE number > ? ORDER BY number LIMIT ?", Client::COLUMNS);
    sql.all(&page, &[after.into(), rows.into()])
}

/// Removes the client with this id, if it exists.
pub(crate) fn remove(sql: &dyn Sql, id: &str) -> Result<Option<Client>, SqlError> {
    sql.one(&format!("DELETE FROM clients WHERE id = ? RETURNING {}", Client::COLUMNS), &[id.into()])
}
