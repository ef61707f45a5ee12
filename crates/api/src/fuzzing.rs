//! Entry points for fuzzing beside the public API: the readers of request data, without a ledger.

use counterfoil_protocol::command::IdentityProvider;
use http::HeaderMap;
use serde_json::Value;

pub use crate::dialects::softvisio::fuzzing as rpc;
use crate::{
    auth::identity::{
        self,
        flow::{AuthorizationResponse, Flow},
    },
    http::{body, conditions, cookies, presented},
};

/// The one token that the headers present, and the slug that accompanies it.
///
/// # Errors
/// The name of the fault, if the headers do not present exactly one token.
pub fn presented(headers: &HeaderMap) -> Result<Option<(String, Option<String>)>, String> {
    let token = presented::presented(headers, None).map_err(|fault| format!("{fault:?}"))?;
    Ok(token.map(|token| {
        let domain = presented::domain(headers, &token).map(str::to_owned);
        (token, domain)
    }))
}

/// The session that the headers carry.
///
/// # Errors
/// The problem's code, if there are two.
pub fn session(headers: &HeaderMap) -> Result<Option<&[u8]>, &'static str> {
    cookies::session(headers).map_err(|problem| problem.code.as_str())
}

/// The versions that `If-Match` names; any version if it is absent.
#[must_use]
pub fn if_match(headers: &HeaderMap) -> Option<Vec<u64>> {
    conditions::versions(headers)
}

/// Whether `If-None-Match` names this tag.
#[must_use]
pub fn is_at_hand(headers: &HeaderMap, tag: &str) -> bool {
    conditions::is_unmodified(headers, tag)
}

/// A body's JSON.
///
/// # Errors
/// The problem's code.
pub fn body(bytes: &[u8]) -> Result<Value, &'static str> {
    body::parse(bytes).map_err(|problem| problem.code.as_str())
}

/// Whether a browser that returns with this query and these cookies completes a sign-in flow; and whether it completes
/// this flow: begun with the secret, in the workspace, to the provider.
#[must_use]
pub fn is_way_back(
    query: &str,
    headers: &HeaderMap,
    secret: [u8; 32],
    workspace: &str,
    provider: &IdentityProvider,
) -> (bool, bool) {
    let (Ok(back), Some(flow)) = (AuthorizationResponse::parse(query), Flow::of(headers)) else {
        return (false, false);
    };
    let begun = Flow::begin(secret, workspace, provider);
    (flow.is_of(&back), begun.is_of(&back))
}

/// The cookie of a sign-in flow.
#[must_use]
pub fn begun(secret: [u8; 32], workspace: &str, provider: &IdentityProvider) -> String {
    Flow::begin(secret, workspace, provider).keep().1
}

/// Whether the token claims to be issued by the provider.
#[must_use]
pub fn is_claimed(token: &str, provider: &IdentityProvider) -> bool {
    identity::is_claimed(token, provider).unwrap_or_default()
}
