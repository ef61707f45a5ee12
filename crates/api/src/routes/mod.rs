//! The routes. Each handler parses, asks the ledger or the verifier, and shapes the answer; it decides nothing.

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

/// Whether tokens are verified by this route. What is presented to it is judged by the verifier, which asks about nothing twice,
/// so it is not limited.
pub(crate) fn verifies(route: &str) -> bool {
    ["/v1/verify", "/v1/records", "/v1/lease", "/oauth/introspect"].contains(&route) || route.starts_with("/authorize")
}

/// Whether this route takes rights away, as `DELETE` does everywhere: an incident does not wait until an address is open again.
pub(crate) fn takes_away(route: &str) -> bool {
    ["/v1/tokens/revoke", "/oauth/revoke"].contains(&route)
}
