//! The limit on how many values the tokens of a member may have had in total.
//!
//! Token values are stored permanently, so that a revoked one is recognized as revoked. The quota counts live tokens
//! only. Without a further limit, a client that creates and revokes, rotates or imports repeatedly could fill the
//! ledger's storage, and a full ledger could not revoke anything. The limit grows with time, far faster than any
//! legitimate use, so that age alone never reaches it. It never prevents a revocation.

use counterfoil_protocol::command_error::CommandError;

use crate::{
    rows::{MemberRow, OwnedToken, WorkspaceRow},
    times::DAY,
    transaction::Transaction,
};

/// Allowed for every member.
const MINIMUM: u64 = 10_000;

/// Allowed for each token of the quota, if that is more.
const PER_TOKEN: u64 = 20;

/// Additionally allowed for each day since the member was added.
const PER_DAY: u64 = 1_000;

/// Checks that the owner's tokens may have this many more values.
///
/// # Errors
/// `TEXTS_EXCEEDED` if not.
pub(super) fn check(
    tx: &Transaction<'_>,
    workspace: &WorkspaceRow,
    owner: &MemberRow,
    more: u64,
) -> Result<(), CommandError> {
    let of_quota = owner.quota(workspace.settings.default_quota).saturating_mul(PER_TOKEN);
    let of_days = (tx.now.since(owner.created_at) / DAY).saturating_mul(PER_DAY);
    let bound = of_quota.max(MINIMUM).saturating_add(of_days);
    let texts: u64 = tx.sql.scalar("SELECT texts FROM members WHERE number = ?", &[owner.number.into()])?;
    if texts.saturating_add(more) <= bound { Ok(()) } else { Err(CommandError::TextsExceeded { bound }) }
}

/// Checks that this token may have another value.
pub(super) fn check_another(tx: &Transaction<'_>, held: &OwnedToken) -> Result<(), CommandError> {
    check(tx, &tx.workspace, &held.owner, 1)
}
