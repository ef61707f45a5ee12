//! The members of a workspace.

mod erase;
mod identity;
mod rule;
mod update;

use counterfoil_protocol::{
    BuiltIn,
    command::{CreateMember, FindMember, ListMembers, Listing, Member, Owner, Patch, ReadMember, Role},
    refusal::{ConflictCode, Refusal},
};
use counterfoil_verify::{OwnerRecord, RegistryKey, ScopeSet, Timestamp};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    cursor::{List, Window},
    grant::Limits,
    idempotency::Repeatable,
    scopes::Catalogue,
    sql::{MAX_INTEGER, Row, Sql, SqlError, Value},
    tokens,
    work::Work,
};

pub(crate) use self::{
    erase::erase,
    identity::{Found, assign_subjects},
    update::update,
};

/// The highest quota that may be set.
const MAX_QUOTA: u64 = 1_000_000;

/// A member's row.
#[derive(Clone)]
pub(crate) struct MemberRow {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) subject: Option<String>,
    /// Whose subject it is; absent and empty as the schema has it.
    pub(crate) subject_issuer: Option<String>,
    pub(crate) role: Role,
    pub(crate) grants: ScopeSet,
    /// The workspace's default where absent.
    pub(crate) quota: Option<u64>,
    pub(crate) suspended: bool,
    /// Whether an admin suspended it.
    pub(crate) suspended_by_admin: bool,
    pub(crate) revoked_before: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) version: u64,
}

/// The columns that [`MemberRow::read`] takes, in its order.
pub(crate) const COLUMNS: &str = "members.number, members.id, members.name, members.email, members.subject, \
    members.subject_issuer, members.role, members.grants, members.quota, members.suspended, members.suspended_by_admin, \
    members.revoked_before, members.created_at, members.version";

impl MemberRow {
    /// Takes [`COLUMNS`] from a row.
    pub(crate) fn read(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self {
            number: row.take()?,
            id: row.take()?,
            name: row.take()?,
            email: row.take()?,
            subject: row.take()?,
            subject_issuer: row.take()?,
            role: row.take()?,
            grants: row.take_json()?,
            quota: row.take()?,
            suspended: row.take()?,
            suspended_by_admin: row.take()?,
            revoked_before: row.take()?,
            created_at: row.take()?,
            version: row.take()?,
        })
    }

    pub(crate) fn by_number(sql: &dyn Sql, number: u64) -> Result<Option<Self>, SqlError> {
        Self::one(sql, "number = ?", number.into())
    }

    /// The member by this id. Who was erased has none any more.
    pub(crate) fn by_id(sql: &dyn Sql, id: &str) -> Result<Option<Self>, SqlError> {
        Self::one(sql, "id = ? AND erased_at IS NULL", id.into())
    }

    /// Every member changed since that generation, by number; at most one more than `most`.
    pub(crate) fn changed_since(sql: &dyn Sql, generation: u64, most: usize) -> Result<Vec<u64>, SqlError> {
        let changed = "SELECT number FROM members WHERE version > ? LIMIT ?";
        let mut rows = sql.exec(changed, &[generation.into(), (most as u64 + 1).into()])?;
        rows.iter_mut().map(Row::take).collect()
    }

    fn one(sql: &dyn Sql, condition: &str, value: Value) -> Result<Option<Self>, SqlError> {
        let rows = sql.exec(&format!("SELECT {COLUMNS} FROM members WHERE {condition}"), &[value])?;
        rows.into_iter().next().map(|mut row| Self::read(&mut row)).transpose()
    }

    pub(crate) fn insert(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        sql.exec(
            "INSERT INTO members (number, id, name, email, subject, subject_issuer, role, grants, quota, suspended,
             suspended_by_admin, revoked_before, created_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                self.number.into(),
                (&self.id).into(),
                (&self.name).into(),
                self.email.as_ref().into(),
                self.subject.as_ref().into(),
                self.subject_issuer.as_ref().into(),
                (&self.role).into(),
                Value::json(&self.grants)?,
                self.quota.into(),
                self.suspended.into(),
                self.suspended_by_admin.into(),
                self.revoked_before.into(),
                self.created_at.into(),
                self.version.into(),
            ],
        )?;
        Ok(())
    }

    /// Writes all that may change of a member.
    fn save(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        sql.exec(
            "UPDATE members SET id = ?, name = ?, email = ?, subject = ?, subject_issuer = ?, role = ?, grants = ?,
             quota = ?, suspended = ?, suspended_by_admin = ?, revoked_before = ?, version = ? WHERE number = ?",
            &[
                (&self.id).into(),
                (&self.name).into(),
                self.email.as_ref().into(),
                self.subject.as_ref().into(),
                self.subject_issuer.as_ref().into(),
                (&self.role).into(),
                Value::json(&self.grants)?,
                self.quota.into(),
                self.suspended.into(),
                self.suspended_by_admin.into(),
                self.revoked_before.into(),
                self.version.into(),
                self.number.into(),
            ],
        )?;
        Ok(())
    }

    /// A member that nobody is: active, and granted nothing.
    pub(crate) fn blank(now: Timestamp) -> Self {
        Self {
            number: 0,
            id: String::new(),
            name: String::new(),
            email: None,
            subject: None,
            subject_issuer: None,
            role: Role::Member,
            grants: ScopeSet::default(),
            quota: None,
            suspended: false,
            suspended_by_admin: false,
            revoked_before: 0,
            created_at: now,
            version: 0,
        }
    }

    /// How many live tokens the member may have.
    pub(crate) fn quota(&self, default: u64) -> u64 {
        self.quota.unwrap_or(default)
    }

    fn is_active_admin(&self) -> bool {
        self.role == Role::Admin && !self.suspended
    }

    /// What verifiers know of the member.
    pub(crate) fn record(&self) -> OwnerRecord {
        OwnerRecord {
            version: self.version,
            number: self.number,
            id: self.id.as_str().into(),
            suspended: self.suspended,
            grants: self.grants.clone(),
            revoked_before: self.revoked_before,
        }
    }

    /// The member as the owner of a token.
    pub(crate) fn as_owner(&self) -> Owner {
        Owner { id: self.id.clone(), number: self.number }
    }

    fn view(&self, work: &Work<'_>) -> Result<Member, SqlError> {
        Ok(Member {
            id: self.id.clone(),
            number: self.number,
            name: self.name.clone(),
            email: self.email.clone(),
            subject: self.subject.clone(),
            subject_issuer: self.subject_issuer.clone().filter(|issuer| !issuer.is_empty()),
            role: self.role,
            grants: self.grants.clone(),
            quota: self.quota(work.workspace.settings.default_quota),
            live_tokens: tokens::live_of(work.sql, self.number, work.now)?,
            suspended: self.suspended,
            created_at: self.created_at,
        })
    }
}

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

    let count = "SELECT count(*) FROM members WHERE erased_at IS NULL AND number BETWEEN ? AND ?";
    let total = work.sql.exec(count, &[first.into(), last.into()])?.pop().map_or(Ok(0), |mut row| row.take())?;
    let page = format!(
        "SELECT {COLUMNS} FROM members WHERE erased_at IS NULL AND number BETWEEN ? AND ? ORDER BY number LIMIT ?"
    );
    let rows = work.sql.exec(&page, &[from.into(), last.into(), window.rows().into()])?;
    let members = rows.into_iter().map(|mut row| {
        let member = MemberRow::read(&mut row)?;
        Ok((member.number, member.view(work)?))
    });
    Ok(window.page(members.collect::<Result<_, SqlError>>()?, total))
}

fn find(work: &Work<'_>, id: &str) -> Result<MemberRow, Refusal> {
    MemberRow::by_id(work.sql, id)?.ok_or_else(|| Refusal::no_such("member"))
}

pub(crate) fn read(work: &Work<'_>, ask: &ReadMember) -> Result<Member, Refusal> {
    show(work, MemberRow::by_id(work.sql, &ask.id)?)
}

pub(crate) fn find_by_number(work: &Work<'_>, ask: &FindMember) -> Result<Member, Refusal> {
    // A number that no column can hold is no member's.
    let found = MemberRow::one(work.sql, "number = ? AND erased_at IS NULL", ask.number.min(MAX_INTEGER).into())?;
    show(work, found)
}

/// Everybody who may read tokens is shown itself. To others than managers nobody else exists.
fn show(work: &Work<'_>, found: Option<MemberRow>) -> Result<Member, Refusal> {
    let manages = work.authority.holds(BuiltIn::WorkspaceManage);
    if !manages {
        work.authority.require(BuiltIn::TokensRead)?;
    }
    let is_own = |number| work.authority.member().is_some_and(|own| own.number == number);
    let shown = found.filter(|member| manages || is_own(member.number));
    Ok(shown.ok_or_else(|| Refusal::no_such("member"))?.view(work)?)
}

impl Repeatable for CreateMember {
    const NEEDS: BuiltIn = BuiltIn::WorkspaceManage;

    fn check_told(&self, work: &Work<'_>, _: &str) -> Result<(), Refusal> {
        check_role(work, self.role)?;
        Limits::of(&work.authority).check_scopes_of(self.grants.iter(), &Catalogue::load(work.sql)?)
    }
}

fn check_role(work: &Work<'_>, role: Role) -> Result<(), Refusal> {
    if role == Role::Admin && !work.authority.is_admin() {
        return Err(Refusal::escalation("Only an admin may make another."));
    }
    Ok(())
}

pub(crate) fn create(work: &Work<'_>, ask: CreateMember) -> Result<Member, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    check::member_id("/id", &ask.id)?;
    check::length("/name", &ask.name, 1..=200)?;
    ask.email.as_deref().map_or(Ok(()), |email| check::email("/email", email))?;
    check::scopes("/grants", &ask.grants)?;
    ask.quota.map_or(Ok(()), check_quota)?;
    check_role(work, ask.role)?;
    Limits::of(&work.authority).check_scopes(&ask.grants, &Catalogue::load(work.sql)?, "grants")?;

    let nobody = MemberRow::blank(work.now);
    let subject = ask.subject.map_or(Patch::Keep, Patch::Set);
    let (subject, subject_issuer) = identity::subject(work, &nobody, subject, ask.subject_issuer)?;
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
    rule::check(work, &nobody, &member)?;
    if MemberRow::by_id(work.sql, &member.id)?.is_some() {
        return Err(Refusal::already_exists("member", "id"));
    }
    identity::check_free(work, &nobody, &member)?;
    member.number = free_number(work, ask.number)?;
    member.version = work.next_generation()?;
    member.insert(work.sql)?;
    let view = member.view(work)?;
    audit::append(
        work,
        Change {
            action: "member.create",
            subject: &member.id,
            before: None,
            after: Some(json!({
                "number": member.number, "role": member.role, "grants": member.grants, "quota": member.quota,
            })),
        },
    )?;
    work.publish(RegistryKey::Owner(work.workspace.key, member.number), &member.record(), member.version)?;
    Ok(view)
}

fn check_quota(quota: u64) -> Result<(), Refusal> {
    if quota <= MAX_QUOTA { Ok(()) } else { Err(Refusal::invalid_value("/quota", format!("At most {MAX_QUOTA}."))) }
}

/// Whether anybody else could administer the workspace if this member could not.
///
/// # Errors
/// `LAST_ADMIN` where nobody could.
fn check_other_admin(work: &Work<'_>, member: &MemberRow) -> Result<(), Refusal> {
    let others = "SELECT count(*) FROM members
        WHERE role = 'admin' AND suspended = 0 AND erased_at IS NULL AND number <> ?";
    let others = work.sql.exec(others, &[member.number.into()])?.pop().map_or(Ok(0), |mut row| row.take::<u64>())?;
    if others > 0 || !member.is_active_admin() {
        return Ok(());
    }
    Err(Refusal::conflict(ConflictCode::LastAdmin, "This is the last active admin: make another one first."))
}

/// The number asked for where it is free, else the one after the highest. Where somebody has asked for the very last one, the
/// first gap: nobody must be able to use numbers up by taking one.
fn free_number(work: &Work<'_>, asked: Option<u64>) -> Result<u64, Refusal> {
    let out_of_range = || Refusal::invalid_value("/number", format!("A number is 1 to {MAX_INTEGER}."));
    let Some(number) = asked else {
        let first = |query: &str| -> Result<Option<u64>, SqlError> {
            work.sql.exec(query, &[])?.pop().map_or(Ok(None), |mut row| row.take())
        };
        let next = first("SELECT max(number) FROM members")?.unwrap_or(0) + 1;
        if next <= MAX_INTEGER {
            return Ok(next);
        }
        let gap = "SELECT min(number) + 1 FROM members
            WHERE NOT EXISTS (SELECT 1 FROM members AS next WHERE next.number = members.number + 1)";
        return first(gap)?.filter(|gap| *gap <= MAX_INTEGER).ok_or_else(out_of_range);
    };
    if !(1..=MAX_INTEGER).contains(&number) {
        return Err(out_of_range());
    }
    match MemberRow::by_number(work.sql, number)? {
        None => Ok(number),
        Some(_) => Err(Refusal::already_exists("member", "number")),
    }
}
