//! Requests from web pages of other origins (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! They are rejected unless the workspace allows their origin. The ledger decides that when it admits the caller; only
//! then may the page read the response. A preflight names no workspace, so it is granted to every page: it changes and
//! discloses nothing.

use std::sync::Arc;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::http::gateway_request;

/// The request headers that a page may send.
const HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, \
                       x-counterfoil-workspace, x-lgca-domain, x-lgca-token";

/// The response headers that a page may read, beside those that are always readable.
const EXPOSED: &str = "etag, idempotent-replayed, location, retry-after, x-request-id";

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// For how many seconds a browser caches the preflight: two hours, the most that any browser accepts.
const MAX_AGE: &str = "7200";

/// The origin of the page that sent the request, if it is not the API's own.
pub(crate) fn foreign(headers: &HeaderMap, uri: &Uri) -> Option<Arc<str>> {
    let own = own(uri);
    // An origin that cannot be read is allowed by no workspace.
    let mut origins = headers.get_all(header::ORIGIN).iter().map(|origin| origin.to_str().unwrap_or_default());
    origins.find(|origin| own.as_deref() != Some(origin)).map(Arc::from)
}

/// The API's own origin, as the request names it.
pub(crate) fn own(uri: &Uri) -> Option<String> {
    let (scheme, authority) = uri.scheme_str().zip(uri.authority())?;
    Some(format!("{scheme}://{authority}"))
}

/// The response to a preflight, if the request is one.
///
/// A preflight that a gateway verifies is not answered here: its client sent it to the gateway, and to the gateway any
/// 2xx status would allow it.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS
        && !gateway_request::is_authorize(request.uri())
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

/// Lets the page read the response.
pub(crate) fn expose(origin: &str, headers: &mut HeaderMap) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
