//! The scope catalogue.

use counterfoil_protocol::command::{Catalogue, GetScopes, PutScopes, Role, ScopeEntry};
use counterfoil_verify::{Freshness, Scope};
use serde::Deserialize;

use crate::{
    auth::Caller,
    http::{Json, Problem, Reply},
    ports::Ports,
};

/// The body of a request that replaces the catalogue.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCatalogue {
    /// The whole catalogue: at most 1,000 scopes, each name once.
    scopes: Vec<NewCatalogueScope>,
}

/// One scope. By default, every member can see it and grant it.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NewCatalogueScope {
    /// The scope.
    name: Scope,
    /// A description of what the scope permits, at most 500 characters.
    description: String,
    /// Who can see the scope: only admins, or every member.
    visible_to: Option<Role>,
    /// Who can grant the scope: only admins, or every member that has it.
    grantable_by: Option<Role>,
    /// The minimum freshness level of checks that require this scope.
    freshness: Option<Freshness>,
}

pub(crate) async fn read<P: Ports>(caller: Caller<P>) -> Result<Reply<Catalogue>, Problem> {
    caller.ask(GetScopes {}).await
}

pub(crate) async fn replace<P: Ports>(
    caller: Caller<P>,
    Json(body): Json<NewCatalogue>,
) -> Result<Reply<Catalogue>, Problem> {
    let scopes = body.scopes.into_iter().map(ScopeEntry::from).collect();
    caller.ask(PutScopes { scopes }).await
}

impl From<NewCatalogueScope> for ScopeEntry {
    fn from(entry: NewCatalogueScope) -> Self {
        Self {
            name: entry.name,
            description: entry.description,
            visible_to: entry.visible_to.unwrap_or(Role::Member),
            grantable_by: entry.grantable_by.unwrap_or(Role::Member),
            freshness: entry.freshness,
        }
    }
}
