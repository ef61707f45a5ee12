//! `If-Match` and `ETag` (RFC 9110, sections 13.1.1 and 8.8.3): of two who change one token, the later is told.
//!
//! A token's tag is its version in quotes. A request that names others changes nothing.

use axum::extract::FromRequestParts;
use http::{HeaderName, header, request::Parts};
use serde::Deserialize;

use crate::{answer::Reply, problem::Problem};

/// The versions of the token that the request is meant for; any where absent.
pub(crate) struct IfMatch(pub(crate) Option<Vec<u64>>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut conditions = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        if conditions.peek().is_none() {
            return Ok(Self(None));
        }
        // A tag that is none of ours, a weak one too, matches nothing.
        let tags = conditions.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim));
        let tags: Vec<&str> = tags.collect();
        if tags.contains(&"*") {
            return Ok(Self(None));
        }
        let version = |tag: &&str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Ok(Self(Some(tags.iter().filter_map(version).collect())))
    }
}

/// What is told of a token outside its JSON.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub(crate) id: String,
    version: u64,
}

impl Head {
    /// The token's tag.
    pub(crate) fn etag(&self) -> (HeaderName, String) {
        (header::ETAG, format!("\"{}\"", self.version))
    }
}

/// A token's JSON with its tag.
pub(crate) fn tagged<R>(reply: Reply<R>) -> Result<Reply<R>, Problem> {
    let head: Head = reply.look()?;
    Ok(reply.header(head.etag()))
}
