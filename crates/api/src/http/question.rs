//! What gateways ask, and where it is answered.
//!
//! To a proxy every 2xx is a yes. Some proxies append their client's path to ours, and a path resolves: to the answer of
//! another route, or to a page. So what carries a gateway's proof is led to `/authorize` before any route is looked up,
//! and all that goes by a path (routes, preflights, sockets, dialects, redirects) sees that one. The proof need not be
//! good for this, nor be there once: a question that is put badly is refused where questions are answered.
//!
//! The shell keeps to the same rule with what it serves by itself.

use axum::{Router, extract::Request, middleware::map_request};
use http::{HeaderName, Uri, uri::PathAndQuery};

/// A token that holds `tokens:verify`, by which the gateway proves itself. It fixes the workspace.
pub(crate) const GATEWAY: HeaderName = HeaderName::from_static("x-counterfoil-gateway");
/// The scopes that are all needed, with spaces between them.
pub(crate) const SCOPES: HeaderName = HeaderName::from_static("x-counterfoil-scopes");
/// Those of which one is needed, likewise.
pub(crate) const ANY_SCOPE: HeaderName = HeaderName::from_static("x-counterfoil-any-scope");
/// Where the client calls from.
pub(crate) const ADDRESS: HeaderName = HeaderName::from_static("x-counterfoil-address");
/// How stale the answer may be. It is one header that says all of it: another one beside it would be the client's to send
/// wherever a gateway does not know of it.
pub(crate) const FRESHNESS: HeaderName = HeaderName::from_static("x-counterfoil-freshness");

/// Every header in which a gateway speaks: it overwrites each of them, whatever its client sent.
pub const QUESTION: [HeaderName; 5] = [GATEWAY, SCOPES, ANY_SCOPE, ADDRESS, FRESHNESS];

/// Where questions are answered.
const PATH: &str = "/authorize";

/// Puts the rule before all of these routes.
pub(crate) fn before(routes: Router) -> Router {
    // A layer of `routes` itself would come after the lookup.
    Router::new().fallback_service(routes).layer(map_request(lead))
}

async fn lead(mut request: Request) -> Request {
    if request.headers().contains_key(GATEWAY) {
        *request.uri_mut() = at_our_path(request.uri());
    }
    request
}

/// The same place with our path, and nothing of the client's.
fn at_our_path(uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(PATH));
    // What has an authority and no scheme takes no path: then the path is all that remains.
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static(PATH))
}

/// Whether the request asks about another, which a gateway got.
pub(crate) fn is_one(uri: &Uri) -> bool {
    uri.path() == PATH || uri.path().strip_prefix(PATH).is_some_and(|below| below.starts_with('/'))
}
