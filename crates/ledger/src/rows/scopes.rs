//! The workspace's own scopes: its catalogue.

use std::collections::BTreeMap;

use counterfoil_protocol::{
    BuiltIn,
    command::{Role, ScopeEntry},
};
use counterfoil_verify::{Freshness, Scope, ScopePattern};

use crate::{
    columns::{Columns as _, table},
    sql::{Sql, SqlError},
};

table!(ScopeEntry: "scopes" { name, description, visible_to, grantable_by, freshness });

/// The workspace's own scopes, by name.
pub(crate) struct ScopeCatalogue(pub(crate) BTreeMap<Scope, ScopeEntry>);

impl ScopeCatalogue {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Self, SqlError> {
        let mut entries = BTreeMap::new();
        for entry in ScopeEntry::select(sql, "", &[])? {
            entries.insert(entry.name.clone(), entry);
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

/// The scopes for which a check needs more freshness than its demand might ask for.
pub(crate) fn stricter(sql: &dyn Sql) -> Result<Vec<(Scope, Freshness)>, SqlError> {
    sql.all("SELECT name, freshness FROM scopes WHERE freshness IS NOT NULL ORDER BY name", &[])
}

pub(crate) fn remove(sql: &dyn Sql, name: &Scope) -> Result<(), SqlError> {
    sql.exec("DELETE FROM scopes WHERE name = ?", &[name.into()])?;
    Ok(())
}
