//! Adding a member.

use counterfoil_protocol::{
    BuiltIn,
    command::{CreateMember, Member, Patch},
    command_error::CommandError,
};
use serde_json::json;

use super::{identity, read::view, rule};
use crate::{
    audit::{self, Change},
    check,
    columns::TableRow as _,
    idempotency::Repeatable,
    limits::Limits,
    rows::{MemberRow, ScopeCatalogue},
    sql::MAX_INTEGER,
    transaction::Transaction,
};

impl Repeatable for CreateMember {
    const NEEDS: BuiltIn = BuiltIn::WorkspaceManage;

    fn check_access(&self, tx: &Transaction<'_>, _: &str) -> Result<(), CommandError> {
        rule::check_role(tx, self.role)?;
        Limits::of(&tx.authority).check_scopes_of(self.grants.iter(), &ScopeCatalogue::load(tx.sql)?)
    }
}

pub(crate) fn create(tx: &Transaction<'_>, ask: CreateMember) -> Result<Member, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    check::member_id("/id", &ask.id)?;
    check::length("/name", &ask.name, 1..=200)?;
    ask.email.as_deref().map_or(Ok(()), |email| check::email("/email", email))?;
    check::scopes("/grants", &ask.grants)?;
    ask.quota.map_or(Ok(()), rule::check_quota)?;
    rule::check_role(tx, ask.role)?;
    Limits::of(&tx.authority).check_scopes(&ask.grants, &ScopeCatalogue::load(tx.sql)?, "grants")?;

    let nobody = MemberRow::blank(tx.now);
    let subject = ask.subject.map_or(Patch::Keep, Patch::Set);
    let (subject, subject_issuer) = identity::subject(tx, &nobody, subject, ask.subject_issuer)?;
    let mut member = MemberRow {
        id: ask.id,
        name: ask.name,
        email: ask.email,
        subject,
        subject_issuer,
        role: ask.role,
        grants: ask.grants.into(),
        quota: ask.quota,
        ..nobody.clone()
    };
    rule::check(tx, &nobody, &member)?;
    if MemberRow::by_id(tx.sql, &member.id)?.is_some() {
        return Err(CommandError::already_exists("member", "id"));
    }
    identity::check_free(tx, &nobody, &member)?;
    member.number = free_number(tx, ask.number)?;
    member.version = tx.next_generation()?;
    member.insert(tx.sql)?;
    let view = view(tx, &member)?;
    audit::append(
        tx,
        Change {
            action: "member.create",
            subject: &member.id,
            before: None,
            after: Some(json!({
                "number": member.number, "role": member.role, "grants": member.grants, "quota": member.quota,
            })),
        },
    )?;
    tx.publish_member(&member)?;
    Ok(view)
}

/// The requested number if it is free, otherwise the highest number plus one. If the maximum is taken, the first gap: a
/// client must not be able to exhaust the numbers by requesting the maximum.
fn free_number(tx: &Transaction<'_>, asked: Option<u64>) -> Result<u64, CommandError> {
    let out_of_range = || CommandError::invalid_value("/number", format!("The number must be 1 to {MAX_INTEGER}."));
    let Some(number) = asked else {
        let highest: Option<u64> = tx.sql.scalar("SELECT max(number) FROM members", &[])?;
        let next = highest.unwrap_or(0) + 1;
        if next <= MAX_INTEGER {
            return Ok(next);
        }
        let gap = "SELECT min(number) + 1 FROM members
            WHERE NOT EXISTS (SELECT 1 FROM members AS next WHERE next.number = members.number + 1)";
        let gap: Option<u64> = tx.sql.scalar(gap, &[])?;
        return gap.filter(|gap| *gap <= MAX_INTEGER).ok_or_else(out_of_range);
    };
    if !(1..=MAX_INTEGER).contains(&number) {
        return Err(out_of_range());
    }
    match MemberRow::by_number(tx.sql, number)? {
        None => Ok(number),
        Some(_) => Err(CommandError::already_exists("member", "number")),
    }
}
