//! Tokens bound to a client.
//!
//! An owner has at most one live token bound to a client, so that repeated sign-ins replace the token instead of
//! accumulating tokens. Commands never run concurrently, so a check remains valid until the command completes.

use counterfoil_protocol::command_error::{CommandError, InvalidCode};
use counterfoil_verify::Timestamp;

use crate::{rows::clients, sql::Sql, transaction::Transaction};

/// Checks that the owner may have a token bound to this client.
///
/// # Errors
/// `UNKNOWN_CLIENT` if the client does not exist, `ALREADY_EXISTS` if the owner has such a token.
pub(super) fn check(tx: &Transaction<'_>, owner: u64, client_id: &str) -> Result<(), CommandError> {
    if !clients::exists(tx.sql, client_id)? {
        return Err(CommandError::invalid(
            InvalidCode::UnknownClient,
            "/client_id",
            "No client has this id. Choose one from `GET /v1/clients`.",
        ));
    }
    check_free(tx.sql, owner, client_id, tx.now)
}

/// Checks that the owner has no live token bound to this client.
///
/// # Errors
/// `ALREADY_EXISTS` if it has.
pub(super) fn check_free(sql: &dyn Sql, owner: u64, client_id: &str, now: Timestamp) -> Result<(), CommandError> {
    let live = "SELECT 1 FROM tokens WHERE owner = ? AND client_id = ? AND pinned = 1 AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > ?)";
    if sql.any(live, &[owner.into(), client_id.into(), now.into()])? {
        return Err(CommandError::already_exists("token", "client_id"));
    }
    Ok(())
}
