//! Who may move which setting in which direction.
//!
//! Whoever manages the workspace may make it stricter. Weaker, it is an admin's to make: what admins have reserved, how long
//! something revoked may still pass, how long the audit is kept, how much a member may have. One table says which direction
//! is which; the commands that change settings ask it, and docs/api.md repeats it.

use counterfoil_protocol::{
    command::{Role, ScopeEntry, Settings},
    command_error::CommandError,
};
use counterfoil_verify::Freshness;

use crate::authority::Authority;

/// Who may change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever holds `workspace:manage`.
    Manager,
    /// An admin who does.
    Admin,
    /// An admin who may grant everything.
    Everything,
    /// The root token.
    Root,
}

impl Who {
    /// Who that is, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Manager => "`workspace:manage`",
            Self::Admin => "an admin",
            Self::Everything => "an admin who may grant everything",
            Self::Root => "root",
        }
    }
}

/// One setting.
pub struct Rule<T: 'static> {
    /// Its name in the API.
    pub field: &'static str,
    /// Who may move it where it grows no weaker.
    pub tighten: Who,
    /// Who may move it where it does.
    pub weaken: Who,
    /// What makes it weaker, in words; empty where nothing does.
    pub weaker: &'static str,
    /// Whether it is weaker afterwards.
    weakens: fn(&T, &T) -> bool,
}

const fn free(field: &'static str) -> Rule<Settings> {
    Rule { field, tighten: Who::Manager, weaken: Who::Manager, weaker: "", weakens: |_, _| false }
}

const fn guarded<T>(field: &'static str, weaker: &'static str, weakens: fn(&T, &T) -> bool) -> Rule<T> {
    Rule { field, tighten: Who::Manager, weaken: Who::Admin, weaker, weakens }
}

/// What only these may change at all. The command that changes it checks that itself.
const fn fixed(field: &'static str, who: Who) -> Rule<Settings> {
    Rule { field, tighten: who, weaken: who, weaker: "", weakens: |_, _| false }
}

/// The settings of the workspace, every one that it has.
pub const SETTINGS: &[Rule<Settings>] = &[
    free("name"),
    free("prefix"),
    fixed("state", Who::Root),
    guarded("default_quota", "higher", |before, after| after.default_quota > before.default_quota),
    guarded("max_lifetime", "longer, or removed", |before, after| grows(before.max_lifetime, after.max_lifetime)),
    guarded("session_length", "longer", |before, after| after.session_length > before.session_length),
    guarded("lease_max", "longer", |before, after| after.lease_max > before.lease_max),
    guarded("snapshot_max", "longer", |before, after| after.snapshot_max > before.snapshot_max),
    guarded("audit_retention_days", "shorter, or set where there was none", |before, after| {
        grows(after.audit_retention, before.audit_retention)
    }),
    guarded("allowed_origins", "an origin added", |before, after| {
        after.allowed_origins.iter().any(|origin| !before.allowed_origins.contains(origin))
    }),
    fixed("identity_providers", Who::Everything),
    fixed("hosts", Who::Root),
];

/// The properties of a scope in the catalogue, every one that it has. Of a scope that is removed they are as of one that
/// asks nothing.
pub const CATALOGUE: &[Rule<ScopeEntry>] = &[
    Rule { field: "description", tighten: Who::Manager, weaken: Who::Manager, weaker: "", weakens: |_, _| false },
    guarded("visible_to", "`admin` to `member`, or the scope removed", |before, after| {
        before.visible_to == Role::Admin && after.visible_to != Role::Admin
    }),
    guarded("grantable_by", "`admin` to `member`, or the scope removed", |before, after| {
        before.grantable_by == Role::Admin && after.grantable_by != Role::Admin
    }),
    guarded("freshness", "less fresh, or the scope removed", |before, after| {
        strictness(after.freshness) < strictness(before.freshness)
    }),
];

/// Whether a limit grows that may be missing.
fn grows(before: Option<u64>, after: Option<u64>) -> bool {
    match (before, after) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after > before,
    }
}

fn strictness(freshness: Option<Freshness>) -> u8 {
    match freshness {
        // A snapshot is nobody's setting.
        None | Some(Freshness::Snapshot) => 0,
        Some(Freshness::Eventual) => 1,
        Some(Freshness::Bounded) => 2,
        Some(Freshness::Strong) => 3,
    }
}

/// Checks that the actor may make of the one settings the other.
///
/// # Errors
/// `ESCALATION` names the field.
pub(crate) fn check(authority: &Authority, before: &Settings, after: &Settings) -> Result<(), CommandError> {
    match weakened(SETTINGS, before, after).filter(|_| !authority.is_admin()) {
        None => Ok(()),
        Some(rule) => {
            Err(CommandError::escalation(format!("{}: only an admin may make this {}.", rule.field, rule.weaker)))
        }
    }
}

/// Checks that the actor may make of the one scope the other, or remove it.
///
/// # Errors
/// `ESCALATION` names the scope and the property; where the scope is one that only admins see, and the actor does not name
/// it, neither.
pub(crate) fn check_scope(
    authority: &Authority,
    before: &ScopeEntry,
    after: Option<&ScopeEntry>,
) -> Result<(), CommandError> {
    let nothing =
        ScopeEntry { visible_to: Role::Member, grantable_by: Role::Member, freshness: None, ..before.clone() };
    let Some(rule) = weakened(CATALOGUE, before, after.unwrap_or(&nothing)).filter(|_| !authority.is_admin()) else {
        return Ok(());
    };
    let (name, field) = (&before.name, rule.field);
    Err(CommandError::escalation(match after {
        Some(_) => format!("The scope {name}: only an admin may weaken its {field}."),
        None if before.visible_to == Role::Member => {
            format!("The scope {name}: only an admin may remove it, for its {field}.")
        }
        None => "The catalogue has scopes that only admins see. Only an admin may replace it by one without them."
            .to_owned(),
    }))
}

fn weakened<T>(rules: &'static [Rule<T>], before: &T, after: &T) -> Option<&'static Rule<T>> {
    rules.iter().find(|rule| (rule.weakens)(before, after))
}
