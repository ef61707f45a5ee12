//! Pins: tokens made for one client.
//!
//! An owner has at most one live token pinned to a client, so that a client that signs in again replaces its token and
//! does not pile them up. No two commands run at once, so what is looked up here holds until the command is done.

use counterfoil_protocol::command_error::{CommandError, InvalidCode};
use counterfoil_verify::Timestamp;

use crate::{rows::clients, sql::Sql, transaction::Transaction};

/// Checks that the owner may have a token pinned to this client.
///
/// # Errors
/// `UNKNOWN_CLIENT` where there is no such client, `ALREADY_EXISTS` where the owner has such a token.
pub(super) fn check(tx: &Transaction<'_>, owner: u64, client_id: &str) -> Result<(), CommandError> {
    if !clients::exists(tx.sql, client_id)? {
        return Err(CommandError::invalid(
            InvalidCode::UnknownClient,
            "/client_id",
            "There is no client with this id.",
        ));
    }
    check_free(tx.sql, owner, client_id, tx.now)
}

/// Checks that no live token of the owner is pinned to this client.
///
/// # Errors
/// `ALREADY_EXISTS` where one is.
pub(super) fn check_free(sql: &dyn Sql, owner: u64, client_id: &str, now: Timestamp) -> Result<(), CommandError> {
    let live = "SELECT 1 FROM tokens WHERE owner = ? AND client_id = ? AND pinned = 1 AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > ?)";
    if sql.any(live, &[owner.into(), client_id.into(), now.into()])? {
        return Err(CommandError::already_exists("token", "client_id"));
    }
    Ok(())
}
