//! Routes gateways' requests to `/authorize`.
//!
//! A proxy treats any 2xx status as permission. Some proxies append their client's path to ours, which could lead to
//! another route, or to a page. So a request with a gateway's token is sent to `/authorize` before any route is looked
//! up, and everything that depends on the path (routes, preflights, sockets, dialects, redirects) sees that path. The
//! gateway's token need not be valid for this, nor be sent only once: `/authorize` itself rejects malformed requests.
//!
//! The Worker's shell applies the same rule to what it serves itself.

use axum::{Router, extract::Request, middleware::map_request};
use http::{HeaderName, Uri, uri::PathAndQuery};

/// A token with `tokens:verify` that authenticates the gateway. It determines the workspace.
pub(crate) const GATEWAY: HeaderName = HeaderName::from_static("x-counterfoil-gateway");
/// The scopes that are all required, separated by spaces.
pub(crate) const SCOPES: HeaderName = HeaderName::from_static("x-counterfoil-scopes");
/// The scopes of which one is required, separated by spaces.
pub(crate) const ANY_SCOPE: HeaderName = HeaderName::from_static("x-counterfoil-any-scope");
/// The client's address.
pub(crate) const ADDRESS: HeaderName = HeaderName::from_static("x-counterfoil-address");
/// The freshness level. One header holds all of it: with a second one, a client could send that one through a gateway
/// that does not overwrite it.
pub(crate) const FRESHNESS: HeaderName = HeaderName::from_static("x-counterfoil-freshness");

/// Every header that a gateway sets: it overwrites each of them, whatever its client sent.
pub const QUESTION: [HeaderName; 5] = [GATEWAY, SCOPES, ANY_SCOPE, ADDRESS, FRESHNESS];

/// The path of the handler.
const PATH: &str = "/authorize";

/// Applies the rule before all of these routes.
pub(crate) fn route(routes: Router) -> Router {
    // A layer of `routes` itself would run after the route lookup.
    Router::new().fallback_service(routes).layer(map_request(to_authorize))
}

async fn to_authorize(mut request: Request) -> Request {
    if request.headers().contains_key(GATEWAY) {
        *request.uri_mut() = at_our_path(request.uri());
    }
    request
}

/// The same URI with our path, and nothing of the client's.
fn at_our_path(uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(PATH));
    // A URI with an authority and no scheme cannot have a path: then only the path remains.
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static(PATH))
}

/// Whether the request verifies another one, which a gateway received.
pub(crate) fn is_authorize(uri: &Uri) -> bool {
    uri.path() == PATH || uri.path().strip_prefix(PATH).is_some_and(|below| below.starts_with('/'))
}
