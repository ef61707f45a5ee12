//! Long answers go out compressed. The runtime does it, for every response that says that its content is.

use axum::{body::HttpBody, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The shortest answer that is worth it, in bytes: it would fill more than one packet.
const WORTH_IT: u64 = 1_400;

/// Whether the client takes gzip (RFC 9110, section 12.5.3).
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

/// Marks an answer to be compressed. One that shows a token is not: how far text compresses tells of what it holds
/// (<https://www.breachattack.com>).
pub(crate) fn ask_for(response: &mut Response) {
    let is_long = response.body().size_hint().lower() >= WORTH_IT;
    if response.status() == StatusCode::OK && is_long {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}
