//! How many texts a member's tokens may ever have had.
//!
//! A text stays for ever, since a dead one is known to be dead. The quota counts live tokens alone, so without a bound whoever
//! issues and revokes, rotates or imports again and again could fill the ledger's storage; and a ledger that is full can
//! revoke nothing. The bound grows with time, far faster than anybody has use for, so that nobody meets it by living long.
//! Nothing that ends a token is ever held up by it.

use counterfoil_protocol::command_error::CommandError;

use crate::{
    rows::{MemberRow, OwnedToken, WorkspaceRow},
    times::DAY,
    transaction::Transaction,
};

/// How many texts any member's tokens may have had.
const LEAST: u64 = 10_000;

/// How many for each token of the quota, where that is more.
const PER_TOKEN: u64 = 20;

/// How many more for each day since the member was added.
const PER_DAY: u64 = 1_000;

/// Checks that the owner's tokens may have so many more texts.
///
/// # Errors
/// `TEXTS_EXCEEDED` where they may not.
pub(super) fn check(
    tx: &Transaction<'_>,
    workspace: &WorkspaceRow,
    owner: &MemberRow,
    more: u64,
) -> Result<(), CommandError> {
    let of_quota = owner.quota(workspace.settings.default_quota).saturating_mul(PER_TOKEN);
    let of_days = (tx.now.since(owner.created_at) / DAY).saturating_mul(PER_DAY);
    let bound = of_quota.max(LEAST).saturating_add(of_days);
    let texts: u64 = tx.sql.scalar("SELECT texts FROM members WHERE number = ?", &[owner.number.into()])?;
    if texts.saturating_add(more) <= bound { Ok(()) } else { Err(CommandError::TextsExceeded { bound }) }
}

/// The same for another text of this token.
pub(super) fn check_another(tx: &Transaction<'_>, held: &OwnedToken) -> Result<(), CommandError> {
    check(tx, &tx.workspace, &held.owner, 1)
}
