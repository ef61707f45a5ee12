//! The members of a workspace.

mod erase;
mod update;

use counterfoil_verify::{OwnerRecord, RegistryKey, ScopeSet, Timestamp};
use serde_json::json;

use crate::{
    audit::{self, Change},
    check,
    command::{CreateMember, FindMember, ListMembers, Listing, Member, Owner, ReadMember, Role},
    cursor::{List, Window},
    grant::Limits,
    idempotency::Repeatable,
    refusal::{ConflictCode, ForbiddenCode, Refusal},
    scopes::{BuiltIn, Catalogue},
    sql::{MAX_INTEGER, Row, Sql, SqlError, Value},
    tokens,
    work::Work,
};

pub(crate) use self::{erase::erase, update::update};

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
    pub(crate) role: Role,
    pub(crate) grants: ScopeSet,
    /// The workspace's default where absent.
    pub(crate) quota: Option<u64>,
    pub(crate) suspended: bool,
    pub(crate) revoked_before: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) version: u64,
}

/// The columns that [`MemberRow::read`] takes, in its order.
pub(crate) const COLUMNS: &str = "members.number, members.id, members.name, members.email, members.subject, \
    members.role, members.grants, members.quota, members.suspended, members.revoked_before, members.created_at, \
    members.version";

impl MemberRow {
    /// Takes [`COLUMNS`] from a row.
    pub(crate) fn read(row: &mut Row) -> Result<Self, SqlError> {
        Ok(Self {
            number: row.take()?,
            id: row.take()?,
            name: row.take()?,
            email: row.take()?,
            subject: row.take()?,
            role: row.take()?,
            grants: row.take_json()?,
            quota: row.take()?,
            suspended: row.take()?,
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

    /// The member that providers know by this subject.
    pub(crate) fn by_subject(sql: &dyn Sql, subject: &str) -> Result<Option<Self>, SqlError> {
        Self::one(sql, "subject = ?", subject.into())
    }

    /// The active member with this e-mail address, in whatever case its ASCII letters are; nobody where there are two.
    pub(crate) fn by_email(sql: &dyn Sql, email: &str) -> Result<Option<Self>, SqlError> {
        let active = "WHERE email = ? COLLATE NOCASE AND suspended = 0 AND erased_at IS NULL LIMIT 2";
        let mut rows = sql.exec(&format!("SELECT {COLUMNS} FROM members {active}"), &[email.into()])?;
        if rows.len() > 1 {
            return Ok(None);
        }
        rows.pop().map(|mut row| Self::read(&mut row)).transpose()
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
            "INSERT INTO members (number, id, name, email, subject, role, grants, quota, suspended, revoked_before,
             created_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                self.number.into(),
                (&self.id).into(),
                (&self.name).into(),
                self.email.as_ref().into(),
                self.subject.as_ref().into(),
                (&self.role).into(),
                Value::json(&self.grants)?,
                self.quota.into(),
                self.suspended.into(),
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
            "UPDATE members SET id = ?, name = ?, email = ?, subject = ?, role = ?, grants = ?, quota = ?, suspended = ?,
             revoked_before = ?, version = ? WHERE number = ?",
            &[
                (&self.id).into(),
                (&self.name).into(),
                self.email.as_ref().into(),
                self.subject.as_ref().into(),
                (&self.role).into(),
                Value::json(&self.grants)?,
                self.quota.into(),
                self.suspended.into(),
                self.revoked_before.into(),
                self.version.into(),
                self.number.into(),
            ],
        )?;
        Ok(())
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
        check_limits(work, self)
    }
}

/// Nobody makes a member who may do more than they may grant.
fn check_limits(work: &Work<'_>, ask: &CreateMember) -> Result<(), Refusal> {
    if ask.role == Role::Admin && !work.authority.is_admin() {
        return Err(Refusal::escalation("Only an admin may make another."));
    }
    Limits::of(&work.authority).check_scopes(&ask.grants, &Catalogue::load(work.sql)?, "grants")
}

pub(crate) fn create(work: &Work<'_>, ask: CreateMember) -> Result<Member, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    check::member_id("/id", &ask.id)?;
    check::length("/name", &ask.name, 1..=200)?;
    ask.email.as_deref().map_or(Ok(()), |email| check::email("/email", email))?;
    ask.subject.as_deref().map_or(Ok(()), |subject| check::length("/subject", subject, 1..=255))?;
    check::scopes("/grants", &ask.grants)?;
    ask.quota.map_or(Ok(()), check_quota)?;
    check_limits(work, &ask)?;

    let grants = ScopeSet::from(ask.grants);
    if ask.email.is_some() || ask.subject.is_some() {
        check_may_let_in(work, &grants)?;
    }
    if MemberRow::by_id(work.sql, &ask.id)?.is_some() {
        return Err(Refusal::already_exists("member", "id"));
    }
    ask.subject.as_deref().map_or(Ok(()), |subject| check_free_subject(work, subject))?;
    let number = free_number(work, ask.number)?;
    let generation = work.next_generation()?;
    let member = MemberRow {
        number,
        id: ask.id,
        name: ask.name,
        email: ask.email,
        subject: ask.subject,
        role: ask.role,
        grants,
        quota: ask.quota,
        suspended: false,
        revoked_before: 0,
        created_at: work.now,
        version: generation,
    };
    member.insert(work.sql)?;
    let view = member.view(work)?;
    audit::append(
        work,
        Change {
            action: "member.create",
            subject: &member.id,
            before: None,
            after: Some(json!({
                "number": number, "role": member.role, "grants": member.grants, "quota": member.quota,
            })),
        },
    )?;
    work.publish(RegistryKey::Owner(work.workspace.key, number), &member.record(), generation)?;
    Ok(view)
}

fn check_quota(quota: u64) -> Result<(), Refusal> {
    if quota <= MAX_QUOTA { Ok(()) } else { Err(Refusal::invalid_value("/quota", format!("At most {MAX_QUOTA}."))) }
}

/// Checks that the actor may say how somebody signs in who is granted this, where anybody does.
fn check_may_let_in(work: &Work<'_>, grants: &ScopeSet) -> Result<(), Refusal> {
    if work.workspace.settings.identity_providers.is_empty() {
        return Ok(());
    }
    Limits::of(&work.authority).check_entrance(grants)
}

/// # Errors
/// `ALREADY_EXISTS` where a provider that knows somebody by this subject would mean another member.
fn check_free_subject(work: &Work<'_>, subject: &str) -> Result<(), Refusal> {
    match MemberRow::by_subject(work.sql, subject)? {
        None => Ok(()),
        Some(_) => Err(Refusal::already_exists("member", "subject")),
    }
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

/// Only admins lay hands on admins: whoever manages the workspace for them must not be able to put them out.
fn check_may_change(work: &Work<'_>, member: &MemberRow) -> Result<(), Refusal> {
    if member.role == Role::Admin && !work.authority.is_admin() {
        return Err(Refusal::forbidden(ForbiddenCode::NotYours, "Only an admin may change an admin."));
    }
    Ok(())
}

/// The number asked for where it is free, else the one after the highest.
fn free_number(work: &Work<'_>, asked: Option<u64>) -> Result<u64, Refusal> {
    let out_of_range = || Refusal::invalid_value("/number", format!("A number is 1 to {MAX_INTEGER}."));
    let Some(number) = asked else {
        let highest = work.sql.exec("SELECT max(number) FROM members", &[])?.pop();
        let highest: Option<u64> = highest.map_or(Ok(None), |mut row| row.take())?;
        let next = highest.unwrap_or(0) + 1;
        return if next <= MAX_INTEGER { Ok(next) } else { Err(out_of_range()) };
    };
    if !(1..=MAX_INTEGER).contains(&number) {
        return Err(out_of_range());
    }
    match MemberRow::by_number(work.sql, number)? {
        None => Ok(number),
        Some(_) => Err(Refusal::already_exists("member", "number")),
    }
}
