//! The session cookie, and which requests it is accepted in.
//!
//! A browser sends cookies whichever page made the request. `SameSite=Strict` prevents that for other sites. In addition,
//! a request that may change something must state that a page of this very origin made it, so pages of other origins of
//! the same site cannot act in a session either. The prefix `__Host-` prevents other hosts of the domain from setting the
//! cookie (RFC 6265bis, section 4.1.3.2). Chromium accepts such a cookie on `http://127.0.0.1` and `http://localhost`
//! too, so the same cookie works in development.

use http::{HeaderMap, HeaderName, Method, header, request::Parts};

use crate::http::{codes::ProblemCode, origin, problem::Problem, refused::AMBIGUOUS_CREDENTIAL};

/// The cookie's name.
const NAME: &str = "__Host-counterfoil";

/// The origin of the page that made the request, as the browser sees it (Fetch Metadata Request Headers, section 2.3).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The header that stores a session in the browser for so many seconds.
pub(crate) fn keep(text: &str, seconds: u64) -> (HeaderName, String) {
    let cookie = format!("{NAME}={text}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    (header::SET_COOKIE, cookie)
}

/// The header that deletes the session from the browser.
pub(crate) fn forget() -> (HeaderName, String) {
    keep("", 0)
}

/// The session's value, if the request carries one.
///
/// # Errors
/// `AMBIGUOUS_CREDENTIAL` if it carries two different ones.
pub(crate) fn session(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    value(headers, NAME)
}

/// The value of the cookie with this name.
///
/// # Errors
/// `AMBIGUOUS_CREDENTIAL` if the request carries two different ones.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, Problem> {
    let cookies = headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut values = cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(AMBIGUOUS_CREDENTIAL.into());
    }
    Ok(Some(first))
}

/// Checks that a page of this origin made the request, if the method may change something.
///
/// # Errors
/// `CROSS_ORIGIN` if the request does not state that.
pub(crate) fn check_origin(parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    let is_own = match (origins.next(), origins.next(), origin::own(&parts.uri)) {
        (Some(origin), None, Some(own)) => origin.as_bytes() == own.as_bytes(),
        _ => false,
    };
    if is_own && parts.headers.get_all(FETCH_SITE).iter().all(|site| site == "same-origin") {
        return Ok(());
    }
    let detail = "A session can make changes only from pages of this origin. From elsewhere, present a token.";
    Err(Problem::new(ProblemCode::CrossOrigin, detail))
}
