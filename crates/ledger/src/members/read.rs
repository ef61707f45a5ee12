//! Reading members.

use counterfoil_protocol::{
    BuiltIn,
    command::{FindMember, ListMembers, Listing, Member, ReadMember},
    refusal::Refusal,
};

use crate::{
    cursor::{List, Window},
    rows::{MemberRow, live_of},
    sql::{MAX_INTEGER, SqlError},
    transaction::Work,
};

/// Who manages the workspace sees all members; who may only read tokens, the member it acts as.
pub(crate) fn list(work: &Work<'_>, ask: &ListMembers) -> Result<Listing<Member>, Refusal> {
    let manages = work.authority.holds(BuiltIn::WorkspaceManage);
    if !manages {
        work.authority.require(BuiltIn::TokensRead)?;
    }
    let window = Window::of(&ask.page, List::Members)?;
    let only = work.authority.member().filter(|_| !manages);
    let (first, last) = only.map_or((1, MAX_INTEGER), |own| (own.number, own.number));
    let from = window.after.map_or(first, |after| first.max(after.saturating_add(1)));

    let between = "WHERE erased_at IS NULL AND number BETWEEN ? AND ?";
    let total = MemberRow::count(work.sql, between, &[first.into(), last.into()])?;
    let page = format!("{between} ORDER BY number LIMIT ?");
    let rows = MemberRow::select(work.sql, &page, &[from.into(), last.into(), window.rows().into()])?;
    let members = rows.into_iter().map(|member| Ok((member.number, view(work, &member)?)));
    Ok(window.page(members.collect::<Result<_, SqlError>>()?, total))
}

pub(super) fn find(work: &Work<'_>, id: &str) -> Result<MemberRow, Refusal> {
    MemberRow::by_id(work.sql, id)?.ok_or_else(|| Refusal::no_such("member"))
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadMember) -> Result<Member, Refusal> {
    show(work, MemberRow::by_id(work.sql, &ask.id)?)
}

pub(crate) fn find_by_number(work: &Work<'_>, ask: &FindMember) -> Result<Member, Refusal> {
    show(work, MemberRow::present(work.sql, ask.number)?)
}

/// Everybody who may read tokens is shown itself. To others than managers nobody else exists.
fn show(work: &Work<'_>, found: Option<MemberRow>) -> Result<Member, Refusal> {
    let manages = work.authority.holds(BuiltIn::WorkspaceManage);
    if !manages {
        work.authority.require(BuiltIn::TokensRead)?;
    }
    let is_own = |number| work.authority.member().is_some_and(|own| own.number == number);
    let shown = found.filter(|member| manages || is_own(member.number));
    Ok(view(work, &shown.ok_or_else(|| Refusal::no_such("member"))?)?)
}

/// What is shown of a member.
pub(super) fn view(work: &Work<'_>, member: &MemberRow) -> Result<Member, SqlError> {
    Ok(Member {
        id: member.id.clone(),
        number: member.number,
        name: member.name.clone(),
        email: member.email.clone(),
        subject: member.subject.clone(),
        subject_issuer: member.subject_issuer.clone().filter(|issuer| !issuer.is_empty()),
        role: member.role,
        grants: member.grants.clone(),
        quota: member.quota(work.workspace.settings.default_quota),
        live_tokens: live_of(work.sql, member.number, work.now)?,
        suspended: member.suspended,
        created_at: member.created_at,
    })
}
