//! Who may change what of a member.
//!
//! What takes something away is free to whoever manages the workspace. What gives something needs that the actor could
//! grant all that comes alive by it: a manager undoes nothing that it could not have done, and hands on nothing that it has
//! not. Two things are an admin's alone, whatever anybody is granted: an admin, and what an admin has decided (a role, a
//! higher quota, a suspension). Every command that makes or changes a member asks here, with the
//! member as it was and as it is to be.

use counterfoil_protocol::{
    command::Role,
    command_error::{CommandError, ConflictCode, ForbiddenCode},
};
use counterfoil_verify::ScopePattern;

use super::identity;
use crate::{
    columns::Columns as _,
    limits::Limits,
    rows::{MemberRow, ScopeCatalogue, live_of},
    transaction::Transaction,
};

/// The highest quota that may be set.
const MAX_QUOTA: u64 = 1_000_000;

const ANOTHER_ADMIN: &str = "Only an admin may make another.";
const SUSPENDED_BY_ADMIN: &str =
    "An admin has suspended this member: only an admin reactivates or erases it, or changes how it signs in.";
const UNBOUND: &str =
    "The member has tokens, or signs in, and is not bound as the token presented is: to a time, addresses or a client.";
const UNBOUND_ENTRANCE: &str =
    "Who signs in as the member is not bound as the token presented is: to a time, addresses or a client.";

/// Checks that the actor may make of the one member the other. That it exists, and what its fields may hold, has been seen
/// to.
///
/// # Errors
/// `ESCALATION` says what is more than the actor may give.
pub(super) fn check(tx: &Transaction<'_>, before: &MemberRow, after: &MemberRow) -> Result<(), CommandError> {
    let default = tx.workspace.settings.default_quota;
    let reactivated = before.suspended && !after.suspended;
    let promoted = before.role != Role::Admin && after.role == Role::Admin;
    let raised = after.quota(default) > before.quota(default);
    let opened = identity::opens(before, after);
    if !tx.authority.is_admin() {
        if before.suspended_by_admin && (reactivated || identity::differs(before, after)) {
            return Err(CommandError::escalation(SUSPENDED_BY_ADMIN));
        }
        if promoted {
            return Err(CommandError::escalation(ANOTHER_ADMIN));
        }
        if raised {
            return Err(CommandError::escalation("Only an admin may raise a member's quota."));
        }
    }
    let is_new = |pattern: &&ScopePattern| !before.grants.covers_pattern(pattern);
    let all = reactivated || promoted || raised || opened;
    let mut alive = after.grants.iter().filter(|pattern| all || is_new(pattern)).peekable();
    let widens = alive.peek().is_some();
    if !all && !widens {
        return Ok(());
    }
    let limits = Limits::of(&tx.authority);
    let who = if opened { "Who signs in as the member" } else { "The member" };
    limits.check_alive(who, alive, &ScopeCatalogue::load(tx.sql)?)?;

    let enters = !tx.workspace.settings.identity_providers.is_empty();
    let may_enter = enters && (after.email.is_some() || after.subject.is_some());
    if opened && enters {
        return limits.check_unbound(UNBOUND_ENTRANCE);
    }
    let lives = may_enter || before.number > 0 && live_of(tx.sql, before.number, tx.now)? > 0;
    if lives && (reactivated || promoted || widens) {
        return limits.check_unbound(UNBOUND);
    }
    Ok(())
}

/// Checks that the actor may erase the member.
///
/// # Errors
/// `NOT_YOURS` for an admin; `ESCALATION` for one that an admin suspended: it could be made anew.
pub(super) fn check_erasure(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    check_touch(tx, member)?;
    if member.suspended_by_admin && !tx.authority.is_admin() {
        return Err(CommandError::escalation(SUSPENDED_BY_ADMIN));
    }
    Ok(())
}

/// Only admins lay hands on admins: whoever manages the workspace for them must not be able to put them out. This comes
/// before anything else is looked at.
///
/// # Errors
/// `NOT_YOURS`
pub(super) fn check_touch(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    if member.role == Role::Admin && !tx.authority.is_admin() {
        return Err(CommandError::forbidden(ForbiddenCode::NotYours, "Only an admin may change an admin."));
    }
    Ok(())
}

/// Checks that the actor may give a new member this role.
///
/// # Errors
/// `ESCALATION`
pub(super) fn check_role(tx: &Transaction<'_>, role: Role) -> Result<(), CommandError> {
    if role == Role::Admin && !tx.authority.is_admin() {
        return Err(CommandError::escalation(ANOTHER_ADMIN));
    }
    Ok(())
}

/// # Errors
/// `INVALID_VALUE` for a quota that nobody has.
pub(super) fn check_quota(quota: u64) -> Result<(), CommandError> {
    if quota <= MAX_QUOTA {
        Ok(())
    } else {
        Err(CommandError::invalid_value("/quota", format!("At most {MAX_QUOTA}.")))
    }
}

/// Whether anybody else could administer the workspace if this member could not.
///
/// # Errors
/// `LAST_ADMIN` where nobody could.
pub(super) fn check_other_admin(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    let others = "WHERE role = 'admin' AND suspended = 0 AND erased_at IS NULL AND number <> ?";
    let others = MemberRow::count(tx.sql, others, &[member.number.into()])?;
    if others > 0 || !member.is_active_admin() {
        return Ok(());
    }
    Err(CommandError::conflict(ConflictCode::LastAdmin, "This is the last active admin: make another one first."))
}
