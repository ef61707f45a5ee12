//! Reading members.

use counterfoil_protocol::{
    BuiltIn,
    command::{FindMember, ListMembers, Listing, Member, ReadMember},
    command_error::CommandError,
};

use crate::{
    columns::Columns as _,
    cursor::{Count, List, Window},
    rows::{MemberRow, live_of},
    sql::{MAX_INTEGER, SqlError},
    transaction::Transaction,
};

/// Callers with `workspace:manage` see all members; callers with only `tokens:read` see their own.
pub(crate) fn list(tx: &Transaction<'_>, ask: &ListMembers) -> Result<Listing<Member>, CommandError> {
    let manages = tx.authority.holds(BuiltIn::WorkspaceManage);
    if !manages {
        tx.authority.require(BuiltIn::TokensRead)?;
    }
    let window = Window::of(&ask.page, List::Members)?;
    let only = tx.authority.member().filter(|_| !manages);
    let (first, last) = only.map_or((1, MAX_INTEGER), |own| (own.number, own.number));
    let from = window.after.map_or(first, |after| first.max(after.saturating_add(1)));

    // This index contains no erased members, of which there may be more than of all others.
    let between = "INDEXED BY members_present WHERE erased_at IS NULL AND number BETWEEN ? AND ?";
    let total = Count::of(tx.sql, &format!("SELECT 1 FROM members {between}"), &[first.into(), last.into()])?;
    let page = format!("{between} ORDER BY number LIMIT ?");
    let rows = MemberRow::select(tx.sql, &page, &[from.into(), last.into(), window.rows().into()])?;
    let members = rows.into_iter().map(|member| Ok((member.number, view(tx, &member)?)));
    Ok(window.page(members.collect::<Result<_, SqlError>>()?, total))
}

pub(super) fn find(tx: &Transaction<'_>, id: &str) -> Result<MemberRow, CommandError> {
    MemberRow::by_id(tx.sql, id)?.ok_or_else(|| CommandError::no_such("member"))
}

pub(crate) fn read(tx: &Transaction<'_>, ask: &ReadMember) -> Result<Member, CommandError> {
    show(tx, MemberRow::by_id(tx.sql, &ask.id)?)
}

pub(crate) fn find_by_number(tx: &Transaction<'_>, ask: &FindMember) -> Result<Member, CommandError> {
    show(tx, MemberRow::present(tx.sql, ask.number)?)
}

/// Callers with `tokens:read` see their own member. For callers without `workspace:manage`, other members do not exist.
fn show(tx: &Transaction<'_>, found: Option<MemberRow>) -> Result<Member, CommandError> {
    let manages = tx.authority.holds(BuiltIn::WorkspaceManage);
    if !manages {
        tx.authority.require(BuiltIn::TokensRead)?;
    }
    let is_own = |number| tx.authority.member().is_some_and(|own| own.number == number);
    let shown = found.filter(|member| manages || is_own(member.number));
    Ok(view(tx, &shown.ok_or_else(|| CommandError::no_such("member"))?)?)
}

/// The view of a member.
pub(super) fn view(tx: &Transaction<'_>, member: &MemberRow) -> Result<Member, SqlError> {
    Ok(Member {
        id: member.id.clone(),
        number: member.number,
        name: member.name.clone(),
        email: member.email.clone(),
        subject: member.subject.clone(),
        subject_issuer: member.subject_issuer.clone().filter(|issuer| !issuer.is_empty()),
        role: member.role,
        grants: member.grants.clone(),
        quota: member.quota(tx.workspace.settings.default_quota),
        live_tokens: live_of(tx.sql, member.number, tx.now)?,
        suspended: member.suspended,
        created_at: member.created_at,
    })
}
