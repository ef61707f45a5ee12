//! Answers as JSON: those that the API makes, and the ledger's replies, which are passed on as they are.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use counterfoil_protocol::json;
use http::{HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::http::{body::Json, problem::Problem};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// All that a path does not hold as it is (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A ledger's reply of type `R`, as the JSON that the caller is answered.
pub(crate) struct Reply<R> {
    json: Vec<u8>,
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    of: PhantomData<fn() -> R>,
}

/// The address of the item by this id, below this path.
pub(crate) fn location(path: &str, id: &str) -> String {
    format!("{path}{}", utf8_percent_encode(id, RESERVED))
}

impl<R> Reply<R> {
    /// `repeated` says whether it is the answer to an earlier request under the same `Idempotency-Key`.
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

    /// Something was made, and where that is.
    pub(crate) fn created(self, location: String) -> Self {
        self.status(StatusCode::CREATED).header((header::LOCATION, location))
    }

    /// The same answer with another body.
    pub(crate) fn with<T: Serialize>(self, body: &T) -> Result<Reply<T>, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Reply { json, status: self.status, headers: self.headers, of: PhantomData })
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
        json::fit(reply).map_err(|error| Problem::internal(format!("the reply's {} does not fit", error.pointer())))
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

/// The response; one function for all replies, which would else be compiled for each type of them.
fn respond(status: StatusCode, headers: Vec<(HeaderName, String)>, json: Vec<u8>) -> Response {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        // What is put here is of visible ASCII throughout.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
