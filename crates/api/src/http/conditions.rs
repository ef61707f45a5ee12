//! `If-Match` and `ETag` (RFC 9110, sections 13.1.1 and 8.8.3): of two concurrent changes to a token, the later one is
//! rejected. And `If-None-Match` (section 13.1.2): nothing is sent that the caller already has.
//!
//! A token's tag is its version in quotes. A request that names only other versions changes nothing.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, header, request::Parts};
use serde::Deserialize;

use crate::http::{problem::Problem, reply::Reply};

/// The versions of the token that `If-Match` names; `None` for any version.
pub(crate) struct IfMatch(pub(crate) Option<Vec<u64>>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(versions(&parts.headers)))
    }
}

/// The versions that `If-Match` names; `None` for any version.
pub(crate) fn versions(headers: &HeaderMap) -> Option<Vec<u64>> {
    let mut conditions = headers.get_all(header::IF_MATCH).iter().peekable();
    conditions.peek()?;
    // A tag of another format, or a weak one, matches nothing.
    let tags = conditions.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim));
    let tags: Vec<&str> = tags.collect();
    if tags.contains(&"*") {
        return None;
    }
    let version = |tag: &&str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Some(tags.iter().filter_map(version).collect())
}

/// Whether `If-None-Match` names this tag: the caller has this version already.
pub(crate) fn is_unmodified(headers: &HeaderMap, tag: &str) -> bool {
    let named =
        headers.get_all(header::IF_NONE_MATCH).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    // A weak tag matches too (section 8.8.3.2).
    let mut named = named.map(str::trim).map(|named| named.strip_prefix("W/").unwrap_or(named));
    named.any(|named| named == tag || named == "*")
}

/// The fields of a token's JSON that its response headers need.
#[derive(Deserialize)]
pub(crate) struct TokenHead {
    pub(crate) id: String,
    version: u64,
}

impl TokenHead {
    /// The token's tag.
    pub(crate) fn etag(&self) -> (HeaderName, String) {
        (header::ETAG, format!("\"{}\"", self.version))
    }
}

/// Adds a token's tag to the reply.
pub(crate) fn tagged<R>(reply: Reply<R>) -> Result<Reply<R>, Problem> {
    let head: TokenHead = reply.read_as()?;
    Ok(reply.header(head.etag()))
}
