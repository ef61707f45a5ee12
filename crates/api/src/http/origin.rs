//! Requests from web pages of another origin (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! They are refused unless the workspace allows their origin. The ledger says so, where it lets the caller in; then, and
//! only then, the page may read the answer. A preflight names no workspace, so it is granted to every page: it changes
//! and tells nothing.

use std::sync::Arc;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::http::question;

/// The request headers that a page may send.
const HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, \
                       x-counterfoil-workspace, x-lgca-domain, x-lgca-token";

/// The response headers that a page may read, beside those it always may.
const EXPOSED: &str = "etag, idempotent-replayed, location, retry-after, x-request-id";

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// For how many seconds a browser keeps the grant: two hours, the most that any heeds.
const MAX_AGE: &str = "7200";

/// The origin of the page that sends this, where it is not the API's own.
pub(crate) fn foreign(headers: &HeaderMap, uri: &Uri) -> Option<Arc<str>> {
    let own = own(uri);
    // One that cannot be read is no workspace's.
    let mut origins = headers.get_all(header::ORIGIN).iter().map(|origin| origin.to_str().unwrap_or_default());
    origins.find(|origin| own.as_deref() != Some(origin)).map(Arc::from)
}

/// The API's own origin, as the request names it.
pub(crate) fn own(uri: &Uri) -> Option<String> {
    let (scheme, authority) = uri.scheme_str().zip(uri.authority())?;
    Some(format!("{scheme}://{authority}"))
}

/// The answer to a preflight, where this is one.
///
/// One that a gateway asks about is none: it was sent to the gateway, for which two hundreds are a yes.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS
        && !question::is_one(request.uri())
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let granted: [(HeaderName, &str); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    is_preflight.then(|| (StatusCode::NO_CONTENT, granted).into_response())
}

/// Lets the page read the answer.
pub(crate) fn expose(origin: &str, headers: &mut HeaderMap) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
