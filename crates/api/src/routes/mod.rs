//! The handlers of the native routes. Each parses the request, asks the ledger or the verifier, and builds the response;
//! it decides nothing.

pub(crate) mod audit;
pub(crate) mod authorize;
pub(crate) mod clients;
pub(crate) mod members;
pub(crate) mod oauth;
pub(crate) mod scopes;
pub(crate) mod service;
pub(crate) mod sessions;
mod shapes;
pub(crate) mod sign_in;
pub(crate) mod snapshots;
pub(crate) mod tokens;
pub(crate) mod verify;
pub(crate) mod workspaces;

/// Whether this route verifies tokens. Credentials that are presented to it are checked by the verifier, which caches its
/// results, so they are not limited.
pub(crate) fn verifies(route: &str) -> bool {
    ["/v1/verify", "/v1/records", "/v1/lease", "/oauth/introspect"].contains(&route) || route.starts_with("/authorize")
}

/// Whether this route takes rights away, as `DELETE` does everywhere. An incident must not wait until an address is no
/// longer blocked.
pub(crate) fn takes_away(route: &str) -> bool {
    ["/v1/tokens/revoke", "/oauth/revoke"].contains(&route)
}
