//! Updating a member: identity, granted scopes, suspension, and revoking its tokens.
//!
//! For verifiers, a change that affects all tokens of a member is a single change of the owner's record.

use counterfoil_protocol::{
    BuiltIn,
    command::{Member, Patch, UpdateMember},
    command_error::CommandError,
};
use counterfoil_verify::ScopePattern;
use serde_json::{Map, Value as Json, json};

use super::{
    identity,
    read::{find, view},
    rule,
};
use crate::{
    audit::{self, Change},
    check,
    limits::Limits,
    rows::{MemberRow, ScopeCatalogue, sessions},
    sql::SqlError,
    transaction::Transaction,
};

/// The revocation reason in the rows of the member's tokens.
const REASON: &str = "all of its owner's tokens were revoked";

/// Updates a member. If nothing differs, nothing is written.
pub(crate) fn update(tx: &Transaction<'_>, ask: UpdateMember) -> Result<Member, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    let before = find(tx, &ask.id)?;
    rule::check_touch(tx, &before)?;
    let revoke_all = ask.revoke_all;
    let mut member = changed(tx, &before, ask)?;
    rule::check(tx, &before, &member)?;
    identity::check_free(tx, &before, &member)?;
    if before.is_active_admin() && !member.is_active_admin() {
        rule::check_other_admin(tx, &before)?;
    }
    let (mut was, mut is) = difference(&before, &member);
    if is.is_empty() && !revoke_all {
        return Ok(view(tx, &before)?);
    }
    tx.storage.check(grows(&before, &member))?;
    member.version = tx.next_generation()?;
    if revoke_all {
        let revoked = revoke_all_of(tx, &mut member)?;
        was.insert("revoked_before".to_owned(), json!(before.revoked_before));
        is.insert("revoked_before".to_owned(), json!(member.revoked_before));
        is.insert("revoked".to_owned(), json!(revoked));
    }
    if member.suspended && !before.suspended || identity::differs(&before, &member) {
        sessions::end_provider_sessions_of(tx.sql, member.number)?;
    }
    member.save(tx.sql)?;
    audit::append(
        tx,
        Change { action: "member.update", subject: &member.id, before: Some(was.into()), after: Some(is.into()) },
    )?;
    tx.publish_member(&member)?;
    Ok(view(tx, &member)?)
}

/// Marks all tokens of the member as revoked and returns their number. Verifiers learn it from the owner's record:
/// token values created before its present version are revoked.
pub(super) fn revoke_all_of(tx: &Transaction<'_>, member: &mut MemberRow) -> Result<u64, SqlError> {
    member.revoked_before = member.version;
    sessions::end_provider_sessions_of(tx.sql, member.number)?;
    let live = "SELECT count(*) FROM tokens WHERE owner = ? AND revoked_at IS NULL";
    let count = tx.sql.scalar(live, &[member.number.into()])?;
    tx.sql.exec(
        "UPDATE tokens SET revoked_at = ?, revoke_reason = ?, version = ? WHERE owner = ? AND revoked_at IS NULL",
        &[tx.now.into(), REASON.into(), member.version.into(), member.number.into()],
    )?;
    Ok(count)
}

/// Validates the update and returns the changed member.
fn changed(tx: &Transaction<'_>, before: &MemberRow, ask: UpdateMember) -> Result<MemberRow, CommandError> {
    let mut member = before.clone();
    if let Some(name) = ask.name {
        check::length("/name", &name, 1..=200)?;
        member.name = name;
    }
    if let Patch::Set(email) = &ask.email {
        check::email("/email", email)?;
    }
    ask.email.apply(&mut member.email);
    (member.subject, member.subject_issuer) = identity::subject(tx, before, ask.subject, ask.subject_issuer)?;
    if let Patch::Set(quota) = ask.quota {
        rule::check_quota(quota)?;
    }
    ask.quota.apply(&mut member.quota);
    member.role = ask.role.unwrap_or(member.role);
    if let Some(grants) = ask.grants {
        check::scopes("/grants", &grants)?;
        let is_new = |pattern: &ScopePattern| !before.grants.covers_pattern(pattern);
        let given = grants.iter().enumerate().filter(|(_, pattern)| is_new(pattern));
        let given = given.map(|(index, pattern)| (format!("/grants/{index}"), pattern));
        Limits::of(&tx.authority).check_each_scope(given, &ScopeCatalogue::load(tx.sql)?)?;
        member.grants = grants.into();
    }
    member.suspended = ask.suspended.unwrap_or(member.suspended);
    // A repeated suspension by an admin counts as the admin's.
    let by_admin = before.suspended_by_admin || ask.suspended == Some(true) && tx.authority.is_admin();
    member.suspended_by_admin = member.suspended && by_admin;
    Ok(member)
}

/// Whether the member takes more storage, for a reason other than reduced access.
fn grows(before: &MemberRow, after: &MemberRow) -> bool {
    let words = |member: &MemberRow| {
        let optional = [&member.email, &member.subject, &member.subject_issuer];
        member.name.len() + optional.into_iter().flatten().map(String::len).sum::<usize>()
    };
    after.grants.iter().any(|pattern| !before.grants.covers_pattern(pattern)) || words(after) > words(before)
}

/// The fields that differ, before and after. For personal data it only shows that a field changed, because audit rows
/// are permanent.
fn difference(before: &MemberRow, after: &MemberRow) -> (Map<String, Json>, Map<String, Json>) {
    let fields = |member: &MemberRow| {
        [
            ("role", json!(member.role)),
            ("grants", json!(member.grants)),
            ("quota", json!(member.quota)),
            ("suspended", json!(member.suspended)),
            ("suspended_by_admin", json!(member.suspended_by_admin)),
        ]
    };
    let (mut was, mut is) = audit::difference(fields(before), fields(after));
    let same = [
        ("name", before.name == after.name),
        ("email", before.email == after.email),
        ("subject", before.subject == after.subject),
        ("subject_issuer", before.subject_issuer == after.subject_issuer),
    ];
    for (field, same) in same {
        if !same {
            was.insert(field.to_owned(), "…".into());
            is.insert(field.to_owned(), "…".into());
        }
    }
    (was, is)
}
