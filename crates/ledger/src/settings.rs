//! Which actors can tighten or weaken each setting.
//!
//! Callers with `workspace:manage` can make a workspace stricter. Only admins can weaken it: scopes reserved for
//! admins, how long a revoked token may still be accepted, how long the audit log is kept, how much a member may have.
//! The tables in this module define which direction is weaker; the commands that change settings use them, and
//! docs/api.md repeats them.

use counterfoil_protocol::{
    command::{Role, ScopeEntry, Settings},
    command_error::CommandError,
};
use counterfoil_verify::Freshness;

use crate::authority::Authority;

/// The actor that a change requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredActor {
    /// An actor with `workspace:manage`.
    Manager,
    /// An admin with `workspace:manage`.
    Admin,
    /// An admin who can grant every scope.
    Everything,
    /// The root token.
    Root,
}

impl RequiredActor {
    /// The actor in words, for the documentation.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Manager => "`workspace:manage`",
            Self::Admin => "an admin",
            Self::Everything => "an admin who can grant `*`",
            Self::Root => "root",
        }
    }
}

/// The rule of one setting.
pub struct Rule<T: 'static> {
    /// Its name in the API.
    pub field: &'static str,
    /// Required for a change that does not weaken the setting.
    pub tighten: RequiredActor,
    /// Required for a change that weakens it.
    pub weaken: RequiredActor,
    /// Describes which change weakens it; empty if none does.
    pub weaker: &'static str,
    /// Whether the change from the first value to the second weakens the setting.
    weakens: fn(&T, &T) -> bool,
}

const fn free(field: &'static str) -> Rule<Settings> {
    Rule { field, tighten: RequiredActor::Manager, weaken: RequiredActor::Manager, weaker: "", weakens: |_, _| false }
}

const fn guarded<T>(field: &'static str, weaker: &'static str, weakens: fn(&T, &T) -> bool) -> Rule<T> {
    Rule { field, tighten: RequiredActor::Manager, weaken: RequiredActor::Admin, weaker, weakens }
}

/// Every change requires this actor. The command that changes the setting checks it.
const fn fixed(field: &'static str, actor: RequiredActor) -> Rule<Settings> {
    Rule { field, tighten: actor, weaken: actor, weaker: "", weakens: |_, _| false }
}

/// The rules of all workspace settings.
pub const SETTINGS: &[Rule<Settings>] = &[
    free("name"),
    free("prefix"),
    fixed("state", RequiredActor::Root),
    guarded("default_quota", "higher", |before, after| after.default_quota > before.default_quota),
    guarded("max_lifetime", "longer, or removed", |before, after| grows(before.max_lifetime, after.max_lifetime)),
    guarded("session_length", "longer", |before, after| after.session_length > before.session_length),
    guarded("lease_max", "longer", |before, after| after.lease_max > before.lease_max),
    guarded("snapshot_max", "longer", |before, after| after.snapshot_max > before.snapshot_max),
    guarded("audit_retention_days", "shorter, or set if there was none", |before, after| {
        grows(after.audit_retention, before.audit_retention)
    }),
    guarded("allowed_origins", "an origin added", |before, after| {
        after.allowed_origins.iter().any(|origin| !before.allowed_origins.contains(origin))
    }),
    fixed("identity_providers", RequiredActor::Everything),
    fixed("hosts", RequiredActor::Root),
];

/// The rules of all properties of a catalogue scope. Removing a scope is treated as changing it to one without
/// requirements.
pub const CATALOGUE: &[Rule<ScopeEntry>] = &[
    Rule {
        field: "description",
        tighten: RequiredActor::Manager,
        weaken: RequiredActor::Manager,
        weaker: "",
        weakens: |_, _| false,
    },
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

/// Whether an optional limit is raised or removed.
fn grows(before: Option<u64>, after: Option<u64>) -> bool {
    match (before, after) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after > before,
    }
}

fn strictness(freshness: Option<Freshness>) -> u8 {
    match freshness {
        // No setting has the level `snapshot`.
        None | Some(Freshness::Snapshot) => 0,
        Some(Freshness::Eventual) => 1,
        Some(Freshness::Bounded) => 2,
        Some(Freshness::Strong) => 3,
    }
}

/// Checks that the actor may change the settings from `before` to `after`.
///
/// # Errors
/// `ESCALATION` names the field.
pub(crate) fn check(authority: &Authority, before: &Settings, after: &Settings) -> Result<(), CommandError> {
    match weakened(SETTINGS, before, after).filter(|_| !authority.is_admin()) {
        None => Ok(()),
        Some(rule) => Err(CommandError::escalation(format!(
            "Only an admin can weaken the setting `{}`. Weaker means: {}.",
            rule.field, rule.weaker
        ))),
    }
}

/// Checks that the actor may change the scope from `before` to `after`, or remove it.
///
/// # Errors
/// `ESCALATION` names the scope and the property. For removing a scope that only admins can see it names neither.
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
        Some(_) => format!("Only an admin can weaken the property `{field}` of the scope {name}."),
        None if before.visible_to == Role::Member => {
            format!("Only an admin can remove the scope {name}, because of its `{field}`.")
        }
        None => {
            "The catalogue has scopes that only admins can see. Only an admin can replace it with one that lacks them."
                .to_owned()
        }
    }))
}

fn weakened<T>(rules: &'static [Rule<T>], before: &T, after: &T) -> Option<&'static Rule<T>> {
    rules.iter().find(|rule| (rule.weakens)(before, after))
}
