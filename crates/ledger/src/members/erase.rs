//! Erasing a member: removes all personal data from the ledger, the outbox and the registry.
//!
//! Edition files that contain the member's id are rebuilt as after any other change, and deleted about eleven minutes
//! later.
//!
//! The member's number and its tokens' ids remain, and so do their audit rows, which contain no personal data. The
//! tokens are revoked. Each of their records is published again, because the old records contain user-written text.

use counterfoil_protocol::{
    BuiltIn,
    command::{EraseMember, Member, Role},
    command_error::CommandError,
};
use serde_json::json;

use super::{
    read::{find, view},
    rule,
    update::revoke_all_of,
};
use crate::{
    audit::{self, Change},
    columns::update,
    idempotency,
    rows::sessions,
    tokens,
    transaction::Transaction,
};

pub(crate) fn erase(tx: &Transaction<'_>, ask: &EraseMember) -> Result<Member, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    let mut member = find(tx, &ask.id)?;
    rule::check_erasure(tx, &member)?;
    rule::check_other_admin(tx, &member)?;

    member.version = tx.next_generation()?;
    let revoked = revoke_all_of(tx, &mut member)?;
    tokens::blank_each_of(tx, member.number, member.version)?;
    idempotency::delete_of_member(tx.sql, member.number)?;
    sessions::delete_of_member(tx.sql, member.number)?;
    // No valid id contains a space, so this one is never taken.
    member.id = format!("erased {}", member.number);
    member.name = String::new();
    member.email = None;
    member.subject = None;
    member.subject_issuer = None;
    member.role = Role::Member;
    member.grants = Vec::new().into();
    member.quota = None;
    member.suspended = true;
    member.suspended_by_admin = false;
    member.save(tx.sql)?;
    update!(tx.sql, "members" { erased_at: tx.now } "number = ?", member.number)?;
    audit::append(
        tx,
        Change {
            action: "member.erase",
            subject: &ask.id,
            before: None,
            after: Some(json!({ "number": member.number, "revoked": revoked })),
        },
    )?;
    tx.publish_member(&member)?;
    Ok(view(tx, &member)?)
}
