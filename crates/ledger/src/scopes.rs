//! Scopes: the built-in ones, and the workspace's own catalogue.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_protocol::{
    BuiltIn,
    command::{self, PutScopes, Role, ScopeEntry},
    refusal::{InvalidCode, Refusal},
};
use counterfoil_verify::{Freshness, RegistryKey, Scope, ScopePattern, WorkspaceRecord};
use serde_json::json;

use crate::{
    audit,
    authority::Authority,
    check,
    grant::Limits,
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
