//! Scopes: the built-in ones, and the workspace's own catalogue.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_verify::{Freshness, RegistryKey, Scope, ScopePattern, ScopeSet, WorkspaceRecord};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit,
    authority::Authority,
    check,
    command::{self, PutScopes, Role, ScopeEntry},
    grant::Limits,
    refusal::{InvalidCode, Refusal},
    settings,
    sql::{Row, Sql, SqlError},
    work::Work,
};

/// The most scopes that a catalogue has.
const MAX_ENTRIES: usize = 1_000;
/// The largest catalogue, in bytes of JSON.
const MAX_CATALOGUE: usize = 256 * 1024;

/// How much of a change one audit row tells, in bytes.
const MAX_NOTED: usize = 32 * 1024;

/// A scope that every workspace has. It opens a part of the management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    /// See tokens.
    TokensRead,
    /// Issue, change and revoke them.
    TokensWrite,
    /// Take over such as were issued elsewhere.
    TokensImport,
    /// Give them all that their owner is granted.
    TokensGrant,
    /// Check them.
    TokensVerify,
    /// Open sessions.
    SessionsCreate,
    /// Read snapshots.
    SnapshotsRead,
    /// Read the audit.
    AuditRead,
    /// Manage all but tokens.
    WorkspaceManage,
}

impl BuiltIn {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::TokensRead,
        Self::TokensWrite,
        Self::TokensImport,
        Self::TokensGrant,
        Self::TokensVerify,
        Self::SessionsCreate,
        Self::SnapshotsRead,
        Self::AuditRead,
        Self::WorkspaceManage,
    ];

    /// The scope.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokensRead => "tokens:read",
            Self::TokensWrite => "tokens:write",
            Self::TokensImport => "tokens:import",
            Self::TokensGrant => "tokens:grant",
            Self::TokensVerify => "tokens:verify",
            Self::SessionsCreate => "sessions:create",
            Self::SnapshotsRead => "snapshots:read",
            Self::AuditRead => "audit:read",
            Self::WorkspaceManage => "workspace:manage",
        }
    }

    /// What it permits, in words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::TokensRead => "See tokens",
            Self::TokensWrite => "Issue, change and revoke tokens",
            Self::TokensImport => "Import tokens that were issued elsewhere",
            Self::TokensGrant => "Give tokens all that their owner is granted",
            Self::TokensVerify => "Check tokens",
            Self::SessionsCreate => "Open sessions",
            Self::SnapshotsRead => "Read snapshots of the tokens",
            Self::AuditRead => "Read the audit",
            Self::WorkspaceManage => "Manage members, clients, scopes and settings",
        }
    }

    /// Whether these scopes grant it.
    #[must_use]
    pub fn is_in(self, granted: &ScopeSet) -> bool {
        self.scope().is_some_and(|scope| granted.covers(&scope))
    }

    fn is_matched_by(self, pattern: &ScopePattern) -> bool {
        self.scope().is_some_and(|scope| pattern.covers(&scope))
    }

    /// Every name is a scope; were one not, nobody would hold it.
    fn scope(self) -> Option<Scope> {
        Scope::parse(self.name()).ok()
    }
}

/// The workspace's own scopes, by name.
pub(crate) struct Catalogue(BTreeMap<Scope, ScopeEntry>);

impl Catalogue {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Self, SqlError> {
        let columns = "SELECT name, description, visible_to, grantable_by, freshness FROM scopes";
        let entry = |mut row: Row| -> Result<_, SqlError> {
            let name: Scope = row.take()?;
            let entry = ScopeEntry {
                name: name.clone(),
                description: row.take()?,
                visible_to: row.take()?,
                grantable_by: row.take()?,
                freshness: row.take()?,
            };
            Ok((name, entry))
        };
        let mut entries = BTreeMap::new();
        for row in sql.exec(columns, &[])? {
            let (name, entry) = entry(row)?;
            entries.insert(name, entry);
        }
        Ok(Self(entries))
    }

    /// Whether the pattern names a scope, or a wildcard that matches one. To anybody but an admin, scopes that only
    /// admins see do not exist.
    pub(crate) fn has(&self, pattern: &ScopePattern, admin: bool) -> bool {
        *pattern == ScopePattern::everything()
            || BuiltIn::ALL.iter().any(|scope| scope.is_matched_by(pattern))
            || self.matched_by(pattern).any(|entry| admin || entry.visible_to == Role::Member)
    }

    /// Whether the pattern covers a scope that only admins grant.
    pub(crate) fn reserves_for_admins(&self, pattern: &ScopePattern) -> bool {
        self.matched_by(pattern).any(|entry| entry.grantable_by == Role::Admin)
    }

    fn matched_by(&self, pattern: &ScopePattern) -> impl Iterator<Item = &ScopeEntry> {
        self.0.values().filter(|entry| pattern.covers(&entry.name))
    }
}

pub(crate) fn read(work: &Work<'_>) -> Result<command::Catalogue, Refusal> {
    work.authority.require(BuiltIn::TokensRead)?;
    let catalogue = Catalogue::load(work.sql)?;
    let shown = |entry: &&ScopeEntry| {
        work.authority.is_admin() || entry.visible_to == Role::Member && may_grant(&work.authority, entry, &catalogue)
    };
    Ok(command::Catalogue { scopes: catalogue.0.values().filter(shown).cloned().collect() })
}

fn may_grant(authority: &Authority, entry: &ScopeEntry, catalogue: &Catalogue) -> bool {
    Limits::of(authority).allow(&entry.name.clone().into(), catalogue)
}

/// Replaces the catalogue. The workspace record names the scopes that ask for more freshness, so it changes too.
/// Putting the same catalogue again writes nothing.
pub(crate) fn replace(work: &Work<'_>, ask: PutScopes) -> Result<command::Catalogue, Refusal> {
    work.authority.require(BuiltIn::WorkspaceManage)?;
    check_entries(&ask.scopes)?;
    let before = Catalogue::load(work.sql)?.0;
    // To collect them would bring a whole sort into every isolate.
    let mut after: BTreeMap<Scope, ScopeEntry> = BTreeMap::new();
    after.extend(ask.scopes.into_iter().map(|entry| (entry.name.clone(), entry)));

    if before != after {
        let removed: Vec<_> = before.values().filter(|old| after.get(&old.name) != Some(old)).collect();
        for entry in &removed {
            settings::check_scope(&work.authority, entry, after.get(&entry.name))?;
        }
        let added: Vec<_> = after.values().filter(|new| before.get(&new.name) != Some(new)).collect();
        for entry in &removed {
            work.sql.exec("DELETE FROM scopes WHERE name = ?", &[(&entry.name).into()])?;
        }
        for entry in &added {
            insert(work.sql, entry)?;
        }
        work.storage.check(size(&after) > size(&before))?;
        note(work, &removed, &added)?;
        let version = work.next_generation()?;
        work.sql.exec("UPDATE workspace SET version = ?", &[version.into()])?;
        let record = WorkspaceRecord { version, ..work.workspace.record(stricter(work.sql)?) };
        work.publish(RegistryKey::Workspace(record.key), &record, version)?;
    }
    Ok(command::Catalogue { scopes: after.into_values().collect() })
}

/// Writes the change down, in as many rows as it takes: each with so many scopes as fit, what they were and what they are.
fn note(work: &Work<'_>, removed: &[&ScopeEntry], added: &[&ScopeEntry]) -> Result<(), Refusal> {
    let mut changed: BTreeMap<&Scope, [Option<&ScopeEntry>; 2]> = BTreeMap::new();
    for (place, entries) in [removed, added].into_iter().enumerate() {
        for entry in entries {
            if let Some(slot) = changed.entry(&entry.name).or_default().get_mut(place) {
                *slot = Some(entry);
            }
        }
    }
    let (mut before, mut after, mut bytes) = (Vec::new(), Vec::new(), 0);
    for [was, is] in changed.into_values() {
        let (was, is) = (was.map(|entry| json!(entry)), is.map(|entry| json!(entry)));
        let more: usize = was.iter().chain(&is).map(|entry| entry.to_string().len() + 1).sum();
        if bytes + more > MAX_NOTED {
            audit::append_catalogue(work, before, after)?;
            (before, after, bytes) = (Vec::new(), Vec::new(), 0);
        }
        before.extend(was);
        after.extend(is);
        bytes += more;
    }
    audit::append_catalogue(work, before, after)
}

fn size(entries: &BTreeMap<Scope, ScopeEntry>) -> usize {
    entries.values().map(|entry| entry.name.as_str().len() + entry.description.len()).sum()
}

/// The scopes for which a check needs more freshness than its demand might ask for.
pub(crate) fn stricter(sql: &dyn Sql) -> Result<Vec<(Scope, Freshness)>, SqlError> {
    let named = "SELECT name, freshness FROM scopes WHERE freshness IS NOT NULL ORDER BY name";
    sql.exec(named, &[])?.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

fn check_entries(entries: &[ScopeEntry]) -> Result<(), Refusal> {
    check::at_most(MAX_ENTRIES, entries.len(), "/scopes", "scopes")?;
    let mut names = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = |field: &str| format!("/scopes/{index}/{field}");
        if BuiltIn::ALL.iter().any(|scope| scope.name() == entry.name.as_str()) {
            let detail = format!("The scope {} is built in and is not part of the catalogue.", entry.name);
            return Err(Refusal::invalid(InvalidCode::BuiltInScope, at("name"), detail));
        }
        if !names.insert(&entry.name) {
            return Err(Refusal::invalid_value(at("name"), format!("The scope {} is named twice.", entry.name)));
        }
        check::length(&at("description"), &entry.description, 0..=500)?;
    }
    let size = json!(entries).to_string().len();
    if size > MAX_CATALOGUE {
        return Err(Refusal::invalid_value("/scopes", format!("At most {MAX_CATALOGUE} bytes of JSON.")));
    }
    Ok(())
}

fn insert(sql: &dyn Sql, entry: &ScopeEntry) -> Result<(), SqlError> {
    sql.exec(
        "INSERT INTO scopes (name, description, visible_to, grantable_by, freshness) VALUES (?, ?, ?, ?, ?)",
        &[
            (&entry.name).into(),
            (&entry.description).into(),
            (&entry.visible_to).into(),
            (&entry.grantable_by).into(),
            entry.freshness.as_ref().into(),
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_name_is_a_scope_of_its_own() {
        let names: BTreeSet<_> = BuiltIn::ALL.iter().filter_map(|scope| scope.scope()).collect();
        assert_eq!(names.len(), BuiltIn::ALL.len());
        for scope in BuiltIn::ALL {
            assert!(scope.is_in(&ScopeSet::everything()));
            assert!(!scope.is_in(&ScopeSet::default()));
        }
    }
}
