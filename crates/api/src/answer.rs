//! Answers as JSON: those that the API makes, and the ledger's replies, which are passed on as they are.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use counterfoil_ledger::json;
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::Problem;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A JSON body.
pub(crate) struct Answer<T>(pub(crate) T);

/// A ledger's reply of type `R`, as the JSON that the caller is answered.
pub(crate) struct Reply<R> {
    json: Vec<u8>,
    /// Whether it is the answer to an earlier request under the same `Idempotency-Key`.
    repeated: bool,
    of: PhantomData<fn() -> R>,
}

/// The answer where something was made, and where that is.
pub(crate) type Created<R> = (StatusCode, [(HeaderName, String); 1], Reply<R>);

/// The address of what was made, below this path.
pub(crate) fn created_at(path: &str, id: &str) -> [(HeaderName, String); 1] {
    [(header::LOCATION, format!("{path}{}", utf8_percent_encode(id, NON_ALPHANUMERIC)))]
}

impl<R> Reply<R> {
    pub(crate) fn new(json: Vec<u8>, repeated: bool) -> Self {
        Self { json, repeated, of: PhantomData }
    }

    /// The same answer with another body.
    pub(crate) fn with<T: Serialize>(&self, body: &T) -> Result<Reply<T>, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Reply { json, repeated: self.repeated, of: PhantomData })
    }

    /// The reply itself, where the API needs to know what it says.
    pub(crate) fn read(&self) -> Result<R, Problem>
    where
        R: DeserializeOwned,
    {
        self.look()
    }

    /// A part of the reply: a type that has some of its fields.
    pub(crate) fn look<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let reply = json::parse(&self.json).map_err(|error| Problem::internal(error.to_string()))?;
        json::fit(reply).map_err(|misfit| Problem::internal(format!("the reply's {} does not fit", misfit.pointer())))
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => respond(json),
            Err(error) => Problem::internal(error.to_string()).into_response(),
        }
    }
}

impl<R> IntoResponse for Reply<R> {
    fn into_response(self) -> Response {
        let mut response = respond(self.json);
        if self.repeated {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

fn respond(json: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
