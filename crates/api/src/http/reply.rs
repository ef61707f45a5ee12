//! JSON responses: the API's own, and the ledger's replies, which are passed on unchanged.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use counterfoil_protocol::json;
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::http::{body::Json, problem::Problem};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// All characters that a path must not contain unescaped (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A ledger's reply of type `R`, as the JSON of the response.
pub(crate) struct Reply<R> {
    json: Vec<u8>,
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    of: PhantomData<fn() -> R>,
}

/// The path of the item with this id, below the given path.
pub(crate) fn location(path: &str, id: &str) -> String {
    format!("{path}{}", utf8_percent_encode(id, RESERVED))
}

impl<R> Reply<R> {
    /// `repeated` says whether this is the response to an earlier request under the same `Idempotency-Key`.
    pub(crate) fn new(json: Vec<u8>, repeated: bool) -> Self {
        let headers = if repeated { vec![(REPLAYED, "true".to_owned())] } else { Vec::new() };
        Self { json, status: StatusCode::OK, headers, of: PhantomData }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn header(mut self, header: (HeaderName, String)) -> Self {
        self.headers.push(header);
        self
    }

    /// Something was created, at this location.
    pub(crate) fn created(self, location: String) -> Self {
        self.status(StatusCode::CREATED).header((header::LOCATION, location))
    }

    /// The same response with another body.
    pub(crate) fn with<T: Serialize>(self, body: &T) -> Result<Reply<T>, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Reply { json, status: self.status, headers: self.headers, of: PhantomData })
    }

    /// Decodes the reply.
    pub(crate) fn read(&self) -> Result<R, Problem>
    where
        R: DeserializeOwned,
    {
        self.read_as()
    }

    /// Decodes a part of the reply: a type with some of its fields.
    pub(crate) fn read_as<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let reply = json::parse(&self.json).map_err(|error| Problem::unreadable_reply(error.to_string()))?;
        json::fit(reply).map_err(|error| {
            Problem::unreadable_reply(format!("the ledger's reply has an unexpected value at {}", error.pointer()))
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => respond(StatusCode::OK, Vec::new(), json),
            Err(error) => Problem::internal(error.to_string()).into_response(),
        }
    }
}

impl<R> IntoResponse for Reply<R> {
    fn into_response(self) -> Response {
        respond(self.status, self.headers, self.json)
    }
}

/// Builds the response. One function for all replies, so that it is not compiled for each type.
fn respond(status: StatusCode, headers: Vec<(HeaderName, String)>, json: Vec<u8>) -> Response {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        // All of these values are visible ASCII.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
