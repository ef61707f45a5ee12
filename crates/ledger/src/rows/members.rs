//! The members of a workspace.

use counterfoil_protocol::command::{Owner, Role};
use counterfoil_verify::{OwnerRecord, ScopeSet, Timestamp};

use crate::{
    columns::{Columns as _, table, update},
    sql::{MAX_INTEGER, Sql, SqlError},
};

/// A member's row.
#[derive(Clone)]
pub(crate) struct MemberRow {
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) subject: Option<String>,
    /// The identity provider that `subject` belongs to. None: the first provider that identifies members by subject.
    /// Empty: it was ambiguous, so the subject is valid for no provider until an issuer is set.
    pub(crate) subject_issuer: Option<String>,
    pub(crate) role: Role,
    pub(crate) grants: ScopeSet,
    /// Absent: the workspace's default applies.
    pub(crate) quota: Option<u64>,
    pub(crate) suspended: bool,
    /// Whether an admin suspended it.
    pub(crate) suspended_by_admin: bool,
    pub(crate) revoked_before: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) version: u64,
}

table!(MemberRow: "members" {
    number, id, name, email, subject, subject_issuer, role, grants, quota, suspended, suspended_by_admin, revoked_before,
    created_at, version,
});

impl MemberRow {
    pub(crate) fn by_number(sql: &dyn Sql, number: u64) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE number = ?", &[number.into()])
    }

    /// The member with this number, unless it was erased. A number above [`MAX_INTEGER`] belongs to no member.
    pub(crate) fn present(sql: &dyn Sql, number: u64) -> Result<Option<Self>, SqlError> {
        let number = number.min(MAX_INTEGER).into();
        Self::find(sql, "WHERE number = ? AND erased_at IS NULL", &[number])
    }

    /// The member with this id. An erased member has no id.
    pub(crate) fn by_id(sql: &dyn Sql, id: &str) -> Result<Option<Self>, SqlError> {
        Self::find(sql, "WHERE id = ? AND erased_at IS NULL", &[id.into()])
    }

    /// The numbers of members that changed since that generation; at most one more than `most`.
    pub(crate) fn changed_since(sql: &dyn Sql, generation: u64, most: usize) -> Result<Vec<u64>, SqlError> {
        let changed = "SELECT number FROM members WHERE version > ? LIMIT ?";
        sql.all(changed, &[generation.into(), (most as u64 + 1).into()])
    }

    /// Writes every field of a member that can change.
    pub(crate) fn save(&self, sql: &dyn Sql) -> Result<(), SqlError> {
        update!(sql, "members": self {
            id, name, email, subject, subject_issuer, role, grants, quota, suspended, suspended_by_admin,
            revoked_before, version,
        } "number = ?", self.number)
    }

    /// An empty row: an active member without granted scopes.
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

    /// The number of live tokens that the member may have.
    pub(crate) fn quota(&self, default: u64) -> u64 {
        self.quota.unwrap_or(default)
    }

    pub(crate) fn is_active_admin(&self) -> bool {
        self.role == Role::Admin && !self.suspended
    }

    /// The member's record for verifiers.
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
}
