//! How identity providers identify a member: by e-mail address, or by its subject at one provider.
//!
//! A subject is unique only within its issuer (OpenID Connect Core 1.0, section 5.7), so a member is bound to the pair
//! of issuer and subject. Two members never share an address or a subject: neither could sign in then, and a manager
//! could lock out an admin that way.

use counterfoil_protocol::{
    WebAddress,
    command::{IdentityProvider, MemberBy, Patch},
    command_error::CommandError,
};

use crate::{
    check,
    columns::Columns as _,
    rows::MemberRow,
    sql::{Sql, SqlError, Value},
    transaction::Transaction,
};

/// The issuer is ambiguous.
const UNDECIDED: &str = "";

/// The result of looking up a member by an identity.
pub(crate) enum MemberLookup {
    /// One active member.
    One(Box<MemberRow>),
    /// A suspended member.
    Suspended,
    /// More than one member: data that predates the uniqueness rule.
    Several,
    /// A member with this subject whose issuer is ambiguous.
    Undecided,
    Nobody,
}

impl MemberLookup {
    /// The member with this subject at this issuer.
    pub(crate) fn by_subject(sql: &dyn Sql, issuer: &str, subject: &str) -> Result<Self, SqlError> {
        let clauses = "WHERE subject = ? AND coalesce(subject_issuer, '') IN (?, ?)";
        let members = MemberRow::select(sql, clauses, &[subject.into(), issuer.into(), UNDECIDED.into()])?;
        let is_any = !members.is_empty();
        let bound = members.into_iter().find(|member| member.subject_issuer.as_deref() == Some(issuer));
        Ok(match bound {
            Some(member) if member.suspended => Self::Suspended,
            Some(member) => Self::One(Box::new(member)),
            None if is_any => Self::Undecided,
            None => Self::Nobody,
        })
    }

    /// The only active member with this e-mail address. ASCII letters are compared without case.
    pub(crate) fn by_email(sql: &dyn Sql, email: &str) -> Result<Self, SqlError> {
        // Active members are sorted first: if two rows are found, either both are active or at most one is.
        let clauses = format!("{WITH_EMAIL} ORDER BY suspended LIMIT 2");
        let mut members = MemberRow::select(sql, &clauses, &[email.into()])?.into_iter();
        Ok(match (members.next(), members.next()) {
            (None, _) => Self::Nobody,
            (Some(one), _) if one.suspended => Self::Suspended,
            (Some(_), Some(other)) if !other.suspended => Self::Several,
            (Some(one), _) => Self::One(Box::new(one)),
        })
    }
}

const WITH_EMAIL: &str = "WHERE email = ? COLLATE NOCASE AND erased_at IS NULL";

/// The new subject and issuer of a member.
///
/// # Errors
/// `INVALID_VALUE` if the subject is malformed, or its issuer is ambiguous or impossible.
pub(super) fn subject(
    tx: &Transaction<'_>,
    before: &MemberRow,
    asked: Patch<String>,
    issuer: Option<WebAddress>,
) -> Result<(Option<String>, Option<String>), CommandError> {
    const AT: &str = "/subject_issuer";
    let stays = asked == Patch::Keep;
    let mut subject = before.subject.clone();
    asked.apply(&mut subject);
    let Some(subject) = subject else {
        return match issuer {
            Some(_) => {
                Err(CommandError::invalid_value(AT, "The field `subject_issuer` requires `subject`. Send both."))
            }
            None => Ok((None, None)),
        };
    };
    check::length("/subject", &subject, 1..=255)?;
    let issuers = issuers(&tx.workspace.settings.identity_providers);
    let issuer = match (issuer, &issuers[..]) {
        (Some(issuer), known) if known.is_empty() || known.contains(&issuer.as_str()) => Some(issuer.to_string()),
        (Some(_), known) => {
            let detail = format!(
                "No identity provider with this issuer identifies members by subject. These do: {}.",
                known.join(", ")
            );
            return Err(CommandError::invalid_value(AT, detail));
        }
        // An existing binding to an issuer is kept.
        (None, _) if stays || before.subject.as_ref() == Some(&subject) => before.subject_issuer.clone(),
        (None, []) => None,
        (None, [only]) => Some((*only).to_owned()),
        (None, several) => {
            let detail = format!(
                "Several identity providers identify members by subject. Name one in `subject_issuer`: {}.",
                several.join(", ")
            );
            return Err(CommandError::invalid_value(AT, detail));
        }
    };
    Ok((Some(subject), issuer))
}

/// The distinct issuers that identify members by subject.
fn issuers(providers: &[IdentityProvider]) -> Vec<&str> {
    let mut issuers: Vec<&str> = Vec::new();
    for provider in providers.iter().filter(|provider| provider.member_by == MemberBy::Subject) {
        if !issuers.contains(&provider.issuer.as_str()) {
            issuers.push(provider.issuer.as_str());
        }
    }
    issuers
}

/// When providers start to identify members by subject, existing subjects are assigned to that provider's issuer. With
/// several such issuers they are ambiguous until an admin sets one. A subject that is already taken at the issuer is
/// ambiguous too.
pub(crate) fn assign_subjects(sql: &dyn Sql, providers: &[IdentityProvider]) -> Result<(), SqlError> {
    let waiting = "WHERE subject IS NOT NULL AND subject_issuer IS NULL";
    let assign = |issuer: &str, how: &str| {
        let assign = format!("UPDATE {how} members SET subject_issuer = ? {waiting}");
        sql.exec(&assign, &[issuer.into()]).map(drop)
    };
    match &issuers(providers)[..] {
        [] => return Ok(()),
        [only] => assign(only, "OR IGNORE")?,
        _ => {}
    }
    assign(UNDECIDED, "")
}

/// Whether the member's identity has changed.
pub(super) fn differs(before: &MemberRow, after: &MemberRow) -> bool {
    before.email != after.email || is_renamed(before, after)
}

/// Whether the change allows a sign-in that was not possible before.
pub(super) fn opens(before: &MemberRow, after: &MemberRow) -> bool {
    after.email.is_some() && before.email != after.email || after.subject.is_some() && is_renamed(before, after)
}

/// Whether subject or issuer have changed.
fn is_renamed(before: &MemberRow, after: &MemberRow) -> bool {
    (&before.subject, &before.subject_issuer) != (&after.subject, &after.subject_issuer)
}

/// Checks that no other member has this identity.
///
/// # Errors
/// `ALREADY_EXISTS` names the field.
pub(super) fn check_free(tx: &Transaction<'_>, before: &MemberRow, after: &MemberRow) -> Result<(), CommandError> {
    let is_taken = |clauses: &str, values: &[Value]| Ok::<_, SqlError>(MemberRow::count(tx.sql, clauses, values)? > 0);
    // A reactivated member may collide with a member whose equal address predates the uniqueness rule.
    let by_email = tx.workspace.settings.identity_providers.iter().any(|one| one.member_by == MemberBy::Email);
    let returns = before.suspended && !after.suspended && by_email;
    if let Some(email) = after.email.as_ref().filter(|_| before.email != after.email || returns) {
        let only_active = if before.email == after.email { "AND suspended = 0" } else { "" };
        let others = format!("{WITH_EMAIL} AND number <> ? {only_active}");
        if is_taken(&others, &[email.into(), after.number.into()])? {
            return Err(CommandError::already_exists("member", "email"));
        }
    }
    if let Some(subject) = after.subject.as_ref().filter(|_| is_renamed(before, after)) {
        // A subject with an ambiguous issuer may later be assigned to any issuer.
        let others = "WHERE subject = ? AND (? = '' OR coalesce(subject_issuer, '') IN (?, '')) AND number <> ?";
        let issuer = after.subject_issuer.as_deref().unwrap_or(UNDECIDED);
        if is_taken(others, &[subject.into(), issuer.into(), issuer.into(), after.number.into()])? {
            return Err(CommandError::already_exists("member", "subject"));
        }
    }
    Ok(())
}
