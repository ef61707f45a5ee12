//! Long answers go out compressed. The runtime does it, for every response that says that its content is.

use axum::{body::HttpBody, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// The shortest answer that is worth it, in bytes: it would fill more than one packet.
const WORTH_IT: u64 = 1_400;

/// Whether the client takes gzip (RFC 9110, section 12.5.3) and asks for nothing that shows a token, as only changes do:
/// how far a text can be compressed tells of what it holds (<https://www.breachattack.com>).
pub(crate) fn is_wanted(method: &Method, headers: &HeaderMap) -> bool {
    if method != Method::GET {
        return false;
    }
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

/// Marks an answer to be compressed, where it is long enough.
pub(crate) fn ask_for(response: &mut Response) {
    let is_long = response.body().size_hint().lower() >= WORTH_IT;
    if response.status() == StatusCode::OK && is_long {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}
