//! The scope catalogue.

use counterfoil_protocol::command::{Catalogue, GetScopes, PutScopes, Role, ScopeEntry};
use counterfoil_verify::{Freshness, Scope};
use serde::Deserialize;

use crate::{
    auth::Caller,
    http::{Json, Problem, Reply},
    ports::Ports,
};

/// The body of a replacement.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCatalogue {
    /// The whole catalogue: at most 1,000 scopes, names distinct.
    scopes: Vec<NewCatalogueScope>,
}

/// One scope. Everybody sees and may grant it unless it says otherwise.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NewCatalogueScope {
    /// The scope.
    name: Scope,
    /// What it permits, in words; at most 500 characters.
    description: String,
    /// Who is shown it: admins only, or everybody.
    visible_to: Option<Role>,
    /// Who may grant it: admins only, or everybody who has it.
    grantable_by: Option<Role>,
    /// The freshness that a check for it asks at least.
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
