//! The scopes that every workspace has.

use counterfoil_verify::{Scope, ScopePattern, ScopeSet};
use serde::{Deserialize, Serialize};

/// A scope that every workspace has. It permits a part of the management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    /// List and read tokens.
    TokensRead,
    /// Create, change and revoke tokens.
    TokensWrite,
    /// Import third-party tokens.
    TokensImport,
    /// Give tokens any scope that their owner is granted.
    TokensGrant,
    /// Verify tokens.
    TokensVerify,
    /// Create sessions.
    SessionsCreate,
    /// Read snapshots.
    SnapshotsRead,
    /// Read the audit log.
    AuditRead,
    /// Manage everything but tokens.
    WorkspaceManage,
}

impl BuiltIn {
    /// All of them.
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
            Self::TokensRead => "Read tokens",
            Self::TokensWrite => "Create, change and revoke tokens",
            Self::TokensImport => "Import third-party tokens",
            Self::TokensGrant => "Give tokens any scope that their owner is granted",
            Self::TokensVerify => "Verify tokens",
            Self::SessionsCreate => "Create sessions",
            Self::SnapshotsRead => "Download snapshots",
            Self::AuditRead => "Read the audit log",
            Self::WorkspaceManage => "Manage members, clients, scopes and settings",
        }
    }

    /// Whether these scopes grant it.
    #[must_use]
    pub fn is_in(self, granted: &ScopeSet) -> bool {
        self.scope().is_some_and(|scope| granted.covers(&scope))
    }

    /// Whether the pattern covers it.
    #[must_use]
    pub fn is_matched_by(self, pattern: &ScopePattern) -> bool {
        self.scope().is_some_and(|scope| pattern.covers(&scope))
    }

    /// Every name is a scope; if one were not, nothing would grant it.
    fn scope(self) -> Option<Scope> {
        Scope::parse(self.name()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_built_in_name_is_a_distinct_scope() {
        let names: BTreeSet<_> = BuiltIn::ALL.iter().filter_map(|scope| scope.scope()).collect();
        assert_eq!(names.len(), BuiltIn::ALL.len());
        for scope in BuiltIn::ALL {
            assert!(scope.is_in(&ScopeSet::everything()));
            assert!(!scope.is_in(&ScopeSet::default()));
        }
    }
}
