//! The workspace's scope catalogue.

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

/// The scopes that the workspace defines, by name.
pub(crate) struct ScopeCatalogue(pub(crate) BTreeMap<Scope, ScopeEntry>);

impl ScopeCatalogue {
    pub(crate) fn load(sql: &dyn Sql) -> Result<Self, SqlError> {
        let mut entries = BTreeMap::new();
        for entry in ScopeEntry::select(sql, "", &[])? {
            entries.insert(entry.name.clone(), entry);
        }
        Ok(Self(entries))
    }

    /// Whether the pattern names an existing scope, or is a wildcard that matches one. Scopes that only admins can see
    /// do not exist for other members.
    pub(crate) fn has(&self, pattern: &ScopePattern, admin: bool) -> bool {
        *pattern == ScopePattern::everything()
            || BuiltIn::ALL.iter().any(|scope| scope.is_matched_by(pattern))
            || self.matched_by(pattern).any(|entry| admin || entry.visible_to == Role::Member)
    }

    /// Whether the pattern covers a scope that only admins can grant.
    pub(crate) fn reserves_for_admins(&self, pattern: &ScopePattern) -> bool {
        self.matched_by(pattern).any(|entry| entry.grantable_by == Role::Admin)
    }

    fn matched_by(&self, pattern: &ScopePattern) -> impl Iterator<Item = &ScopeEntry> {
        self.0.values().filter(|entry| pattern.covers(&entry.name))
    }
}

/// The scopes that require a minimum freshness level.
pub(crate) fn stricter(sql: &dyn Sql) -> Result<Vec<(Scope, Freshness)>, SqlError> {
    sql.all("SELECT name, freshness FROM scopes WHERE freshness IS NOT NULL ORDER BY name", &[])
}

pub(crate) fn remove(sql: &dyn Sql, name: &Scope) -> Result<(), SqlError> {
    sql.exec("DELETE FROM scopes WHERE name = ?", &[name.into()])?;
    Ok(())
}
