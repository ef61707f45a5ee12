//! Authorization of changes to a member.
//!
//! A change that reduces access needs only `workspace:manage`. A change that adds access requires that the actor can
//! grant everything that becomes usable: a manager reverts only what it could have done itself, and grants only what it
//! has. Two things are reserved for admins, whatever scopes an actor has: changing an admin, and reverting an admin's
//! decision (a role, a higher quota, a suspension). Every command that creates or changes a member is checked here,
//! with the member before and after.

use counterfoil_protocol::{
    command::Role,
    command_error::{CommandError, ConflictCode, ForbiddenCode},
};
use counterfoil_verify::ScopePattern;

use super::identity;
use crate::{
    limits::Limits,
    rows::{MemberRow, ScopeCatalogue, live_of},
    transaction::Transaction,
};

/// The highest quota that can be set.
const MAX_QUOTA: u64 = 1_000_000;

const ANOTHER_ADMIN: &str = "Only an admin can make a member an admin.";
const SUSPENDED_BY_ADMIN: &str =
    "An admin suspended this member. Only an admin can reactivate or erase it, or change how it signs in.";
const UNBOUND: &str = "Your token has an expiration, an IP restriction or a client binding, so it cannot extend the \
    rights of a member that has tokens or can sign in. The member would not inherit those limits.";
const UNBOUND_ENTRANCE: &str = "A token with an expiration, IP restriction or client binding cannot change how a \
    member signs in, because the member's sessions would not inherit those limits.";

/// Checks that the actor may change the member from `before` to `after`. The caller has checked that the member exists
/// and that its fields are valid.
///
/// # Errors
/// `ESCALATION` says what exceeds what the actor can grant.
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
            return Err(CommandError::escalation("Only an admin can raise a member's quota."));
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
    let who = if opened { "Anyone who signs in as the member" } else { "The member" };
    limits.check_reactivated(who, alive, &ScopeCatalogue::load(tx.sql)?)?;

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
/// `NOT_YOURS` for an admin. `ESCALATION` for a member that an admin suspended, because it could be created again.
pub(super) fn check_erasure(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    check_touch(tx, member)?;
    if member.suspended_by_admin && !tx.authority.is_admin() {
        return Err(CommandError::escalation(SUSPENDED_BY_ADMIN));
    }
    Ok(())
}

/// Only admins may change admins: a manager must not be able to lock out the admins of a workspace. This is checked
/// before anything else.
///
/// # Errors
/// `NOT_YOURS`
pub(super) fn check_touch(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    if member.role == Role::Admin && !tx.authority.is_admin() {
        return Err(CommandError::forbidden(ForbiddenCode::NotYours, "Only an admin can change an admin."));
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
/// `INVALID_VALUE` for a quota out of range.
pub(super) fn check_quota(quota: u64) -> Result<(), CommandError> {
    if quota <= MAX_QUOTA {
        Ok(())
    } else {
        Err(CommandError::invalid_value("/quota", format!("The quota can be at most {MAX_QUOTA}.")))
    }
}

/// Checks that the workspace has another active admin besides this member.
///
/// # Errors
/// `LAST_ADMIN` if it has none.
pub(super) fn check_other_admin(tx: &Transaction<'_>, member: &MemberRow) -> Result<(), CommandError> {
    // The conditions are literals, so that SQLite uses its partial index.
    let others = "SELECT 1 FROM members
        WHERE role = 'admin' AND suspended = 0 AND erased_at IS NULL AND number <> ? LIMIT 1";
    if !member.is_active_admin() || tx.sql.any(others, &[member.number.into()])? {
        return Ok(());
    }
    Err(CommandError::conflict(
        ConflictCode::LastAdmin,
        "This is the last active admin. Make another member an admin first.",
    ))
}
