//! Scopes: the built-in ones, and the workspace's catalogue.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_protocol::{
    BuiltIn,
    command::{self, PutScopes, Role, ScopeEntry},
    command_error::{CommandError, InvalidCode},
};
use counterfoil_verify::Scope;
use serde_json::json;

use crate::{
    audit,
    authority::Authority,
    check,
    columns::{TableRow as _, update},
    limits::Limits,
    rows::{ScopeCatalogue, WorkspaceRow, scopes},
    settings,
    transaction::Transaction,
};

/// The maximum number of scopes in a catalogue.
const MAX_ENTRIES: usize = 1_000;
/// The maximum size of a catalogue, in bytes of JSON.
const MAX_CATALOGUE: usize = 256 * 1024;

/// The maximum size of a change in one audit row, in bytes.
const MAX_NOTED: usize = 32 * 1024;

pub(crate) fn read(tx: &Transaction<'_>) -> Result<command::Catalogue, CommandError> {
    tx.authority.require(BuiltIn::TokensRead)?;
    let catalogue = ScopeCatalogue::load(tx.sql)?;
    let shown = |entry: &&ScopeEntry| {
        tx.authority.is_admin() || entry.visible_to == Role::Member && may_grant(&tx.authority, entry, &catalogue)
    };
    Ok(command::Catalogue { scopes: catalogue.0.values().filter(shown).cloned().collect() })
}

fn may_grant(authority: &Authority, entry: &ScopeEntry, catalogue: &ScopeCatalogue) -> bool {
    Limits::of(authority).allow(&entry.name.clone().into(), catalogue)
}

/// Replaces the catalogue. The workspace's record lists the scopes that require a minimum freshness level, so it
/// changes too. Replacing the catalogue by an equal one writes nothing.
pub(crate) fn replace(tx: &Transaction<'_>, ask: PutScopes) -> Result<command::Catalogue, CommandError> {
    tx.authority.require(BuiltIn::WorkspaceManage)?;
    check_entries(&ask.scopes)?;
    let before = ScopeCatalogue::load(tx.sql)?.0;
    // `collect` would add the code of a whole sort to the program.
    let mut after: BTreeMap<Scope, ScopeEntry> = BTreeMap::new();
    after.extend(ask.scopes.into_iter().map(|entry| (entry.name.clone(), entry)));

    if before != after {
        let removed: Vec<_> = before.values().filter(|old| after.get(&old.name) != Some(old)).collect();
        for entry in &removed {
            settings::check_scope(&tx.authority, entry, after.get(&entry.name))?;
        }
        let added: Vec<_> = after.values().filter(|new| before.get(&new.name) != Some(new)).collect();
        for entry in &removed {
            scopes::remove(tx.sql, &entry.name)?;
        }
        for entry in &added {
            entry.insert(tx.sql)?;
        }
        tx.storage.check(size(&after) > size(&before))?;
        note(tx, &removed, &added)?;
        let version = tx.next_generation()?;
        update!(tx.sql, "workspace" { version: version })?;
        tx.publish_workspace(&WorkspaceRow { version, ..tx.workspace.clone() })?;
    }
    Ok(command::Catalogue { scopes: after.into_values().collect() })
}

/// Records the change in as many audit rows as needed, each with as many scopes as fit, before and after.
fn note(tx: &Transaction<'_>, removed: &[&ScopeEntry], added: &[&ScopeEntry]) -> Result<(), CommandError> {
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
            audit::append_catalogue(tx, before, after)?;
            (before, after, bytes) = (Vec::new(), Vec::new(), 0);
        }
        before.extend(was);
        after.extend(is);
        bytes += more;
    }
    audit::append_catalogue(tx, before, after)
}

fn size(entries: &BTreeMap<Scope, ScopeEntry>) -> usize {
    entries.values().map(|entry| entry.name.as_str().len() + entry.description.len()).sum()
}

fn check_entries(entries: &[ScopeEntry]) -> Result<(), CommandError> {
    check::at_most(MAX_ENTRIES, entries.len(), "/scopes", "scopes")?;
    let mut names = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = |field: &str| format!("/scopes/{index}/{field}");
        if BuiltIn::ALL.iter().any(|scope| scope.name() == entry.name.as_str()) {
            let detail = format!("The scope {} is built in and cannot be part of the catalogue. Omit it.", entry.name);
            return Err(CommandError::invalid(InvalidCode::BuiltInScope, at("name"), detail));
        }
        if !names.insert(&entry.name) {
            return Err(CommandError::invalid_value(at("name"), format!("The scope {} occurs twice.", entry.name)));
        }
        check::length(&at("description"), &entry.description, 0..=500)?;
    }
    let size = json!(entries).to_string().len();
    if size > MAX_CATALOGUE {
        return Err(CommandError::invalid_value(
            "/scopes",
            format!("The catalogue can be at most {MAX_CATALOGUE} bytes of JSON."),
        ));
    }
    Ok(())
}
