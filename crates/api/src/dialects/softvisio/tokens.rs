//! Tokens and their permissions in this dialect's format.

use std::collections::BTreeMap;

use counterfoil_protocol::rfc3339;
use counterfoil_verify::ScopePattern;
use serde::Serialize;

use crate::dialects::tokens::Token;

/// A token that was just created.
#[derive(Debug, Serialize)]
pub(crate) struct IssuedToken {
    id: String,
    token: String,
    #[serde(rename = "userId")]
    user_id: String,
    username: String,
    permissions: BTreeMap<ScopePattern, bool>,
}

/// A token in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(super) id: String,
    pub(super) user_id: String,
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) created: String,
    pub(super) last_activity: Option<String>,
    permissions: BTreeMap<ScopePattern, bool>,
}

/// A permission that a token can have.
#[derive(Debug, Serialize)]
pub(crate) struct Permission {
    pub(super) id: String,
    pub(super) enabled: bool,
    pub(super) name: String,
    pub(super) description: String,
}

impl IssuedToken {
    pub(super) fn new(text: String, token: Token) -> Self {
        let (permissions, user_id) = (permissions(&token), token.owner.number.to_string());
        Self { id: token.id, token: text, user_id, username: token.owner.id, permissions }
    }
}

impl Row {
    pub(super) fn new(token: Token) -> Self {
        Self {
            permissions: permissions(&token),
            id: token.id,
            user_id: token.owner.number.to_string(),
            name: token.name,
            enabled: token.enabled,
            created: rfc3339::format(token.created_at),
            last_activity: token.last_used_at.map(rfc3339::format),
        }
    }
}

/// The token's effective scopes.
fn permissions(token: &Token) -> BTreeMap<ScopePattern, bool> {
    let mut permissions = BTreeMap::new();
    permissions.extend(token.effective_scopes.iter().map(|scope| (scope.clone(), true)));
    permissions
}
