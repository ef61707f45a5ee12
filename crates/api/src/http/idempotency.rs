//! `Idempotency-Key`: a request that can be repeated without being executed again.

use axum::extract::FromRequestParts;
use counterfoil_protocol::command::IdempotencyKey;
use http::{HeaderName, request::Parts};

use crate::http::{codes::ProblemCode, problem::Problem};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The request's key, if it has one.
pub(crate) struct Idempotency(pub(crate) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all(KEY).iter();
        let Some(key) = keys.next() else { return Ok(Self(None)) };
        let key = key.to_str().ok().and_then(|key| IdempotencyKey::try_from(key.to_owned()).ok());
        match (key, keys.next()) {
            (Some(key), None) => Ok(Self(Some(key))),
            _ => {
                let detail = "The `Idempotency-Key` is invalid. Send one key of 1 to 255 visible ASCII characters.";
                Err(Problem::new(ProblemCode::InvalidIdempotencyKey, detail))
            }
        }
    }
}
