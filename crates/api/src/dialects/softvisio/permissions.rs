//! Permissions: this dialect's name for scopes.

use std::collections::BTreeMap;

use counterfoil_protocol::{BuiltIn, command::GetScopes};
use counterfoil_verify::{Scope, ScopePattern, ScopeSet};
use serde::Deserialize;
use serde_json::Value;

use super::tokens::Permission;
use crate::{
    auth::Caller,
    dialects::{
        fields::{Fields, wrong},
        tokens::Token,
    },
    http::{Problem, ProblemCode},
    ports::Ports,
};

/// The part of the catalogue that is needed here.
#[derive(Deserialize)]
struct Catalogue {
    scopes: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Scope,
    description: String,
}

/// The scopes that the token's owner is granted, and whether the token has each of them. The token's other scopes come
/// last: wildcards, and scopes that the caller may not see in the catalogue.
pub(super) async fn of<P: Ports>(caller: &Caller<P>, token: &Token) -> Result<Vec<Permission>, Problem> {
    let grants = caller.grants(token.owner.id.clone()).await?;
    let Catalogue { scopes } = caller.ask(GetScopes {}).await?.read_as()?;
    // The catalogue does not contain them.
    let built_in = BuiltIn::ALL.into_iter();
    let built_in =
        built_in.filter_map(|scope| Some((Scope::parse(scope.name()).ok()?, scope.description().to_owned())));
    let listed = scopes.into_iter().map(|entry| (entry.name, entry.description));
    let mut permissions: Vec<Permission> = built_in
        .chain(listed)
        .filter(|(scope, _)| grants.covers(scope))
        .map(|(scope, description)| permission(scope.as_str(), token.effective_scopes.covers(&scope), description))
        .collect();
    for scope in token.effective_scopes.iter().map(ScopePattern::as_str) {
        if permissions.iter().all(|listed| listed.id != scope) {
            permissions.push(permission(scope, true, String::new()));
        }
    }
    Ok(permissions)
}

fn permission(id: &str, enabled: bool, description: String) -> Permission {
    Permission { id: id.to_owned(), enabled, name: id.to_owned(), description }
}

/// For each permission, whether the token should have it.
#[derive(Default)]
pub(super) struct WantedPermissions(pub(super) BTreeMap<ScopePattern, bool>);

impl WantedPermissions {
    pub(super) fn read(mut asked: Fields) -> Result<Self, Problem> {
        let mut wanted = BTreeMap::new();
        while let Some(name) = asked.any_left().map(str::to_owned) {
            let scope = ScopePattern::parse(&name).map_err(|_| not_valid(&name))?;
            let Some(Value::Bool(value)) = asked.take(&name) else {
                return Err(wrong("permissions", format!("Token permission \"{name}\" must be true or false.")));
            };
            wanted.insert(scope, value);
        }
        Ok(Self(wanted))
    }

    pub(super) fn granted(&self) -> Vec<ScopePattern> {
        self.0.iter().filter(|(_, granted)| **granted).map(|(scope, _)| scope.clone()).collect()
    }

    /// Checks that no removed permission stays in effect through a wildcard that the token keeps.
    pub(super) fn check(&self, token: &Token, merges: bool) -> Result<(), Problem> {
        let kept = token.scopes.iter().filter(|scope| merges && self.0.get(*scope) != Some(&false));
        let after: ScopeSet = kept.cloned().chain(self.granted()).collect();
        let taken = self.0.iter().filter(|(_, granted)| !**granted).map(|(scope, _)| scope);
        match taken.into_iter().find(|scope| after.covers_pattern(scope)) {
            None => Ok(()),
            Some(scope) => {
                let detail =
                    format!("Token permission \"{scope}\" cannot be removed while the token has one that includes it.");
                Err(wrong("permissions", detail))
            }
        }
    }

    /// Names the permission at fault, if the problem is about one of these: the ledger's message begins with it.
    pub(super) fn name_fault(&self, problem: Problem) -> Problem {
        if !matches!(problem.code, ProblemCode::UnknownScope | ProblemCode::Escalation) {
            return problem;
        }
        let at_fault = self.0.keys().find(|scope| problem.detail.starts_with(&format!("The scope {scope} is ")));
        if let Some(scope) = at_fault { not_valid(scope.as_str()) } else { problem }
    }
}

/// A permission that the user does not have. A nonexistent one gives the same response.
fn not_valid(permission: &str) -> Problem {
    let detail = format!("Token permission \"{permission}\" is not valid");
    Problem::new(ProblemCode::UnknownScope, detail).at("/permissions")
}
