//! Removes user-written text from tokens when their owner is erased.

use counterfoil_protocol::command_error::CommandError;

use super::values;
use crate::{rows::OwnedToken, transaction::Transaction};

/// How many tokens are read at a time.
const STEP: u64 = 500;

/// Blanks all tokens that a member has or had, and publishes their new records.
pub(crate) fn blank_each_of(tx: &Transaction<'_>, owner: u64, generation: u64) -> Result<(), CommandError> {
    tx.sql.exec(
        "UPDATE tokens SET name = '', note = NULL, metadata = NULL, addresses = '[]', revoke_reason = NULL, version = ?
         WHERE owner = ?",
        &[generation.into(), owner.into()],
    )?;
    let mut after = 0;
    loop {
        let page = "WHERE tokens.owner = ? AND tokens.number > ? ORDER BY tokens.number LIMIT ?";
        let held = OwnedToken::select(tx.sql, page, &[owner.into(), after.into(), STEP.into()])?;
        let Some(last) = held.last() else { return Ok(()) };
        after = last.token.number;
        for held in &held {
            values::publish_all(tx, &held.token)?;
        }
    }
}
