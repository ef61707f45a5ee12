//! What a request says, parsed at the border: bodies, queries, paths. Nothing unknown is let pass.

use std::fmt::Display;

use axum::{
    body::Body,
    extract::{self, FromRequest, FromRequestParts, OptionalFromRequest, Request},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{
    Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::problem::Problem;

/// The largest body that is read where a route does not need more, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A JSON body of at most so many bytes.
pub(crate) struct Json<T, const LIMIT: usize = MAX_BODY>(pub(crate) T);

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

/// The id in a path, percent-decoded.
pub(crate) struct Id(pub(crate) String);

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_declared_json());
        }
        let bytes = read(request.into_body(), LIMIT).await?;
        parse(&bytes).map(Self)
    }
}

/// A request without a body, and without a word of one, has none.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.headers().contains_key(header::CONTENT_TYPE) {
            return <Self as FromRequest<S>>::from_request(request, state).await.map(Some);
        }
        if read(request.into_body(), MAX_BODY).await?.is_empty() { Ok(None) } else { Err(not_declared_json()) }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        T::deserialize(deserializer).map(Self).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_QUERY", format!("The query is wrong: {error}."))
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = extract::Path::from_request_parts(parts, state).await;
        id.map(|extract::Path(id)| Self(id)).map_err(|_| {
            let detail = "There is nothing by this id, which is not UTF-8.";
            Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
        })
    }
}

/// `application/json` or any `…+json` (RFC 6839), whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn not_declared_json() -> Problem {
    let detail = "Send the body as JSON, with Content-Type: application/json.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", detail)
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("The body is larger than {limit} bytes.");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", detail))
        }
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "BODY_INCOMPLETE", "The body ended before it was whole.")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(not_json)?;
    // Serde takes a list for an object, field by field in the order of their declaration. That is no contract of ours.
    if text.trim_start().starts_with('[') {
        return Err(does_not_fit("expected an object, found a list").at(""));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Some wrong types are reported as wrong syntax: that it is JSON all the same, another look tells.
    let value = read_as(&mut deserializer, || serde_json::from_str::<IgnoredAny>(text).is_ok())?;
    deserializer.end().map_err(not_json)?;
    Ok(value)
}

/// Reads a value as what it must be.
pub(crate) fn fit<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    read_as(value, || true)
}

fn read_as<'de, T: DeserializeOwned>(
    json: impl Deserializer<'de, Error = serde_json::Error>,
    is_json: impl FnOnce() -> bool,
) -> Result<T, Problem> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        if error.is_data() || is_json() { does_not_fit(&without_position(&error)).at(pointer) } else { not_json(error) }
    })
}

fn does_not_fit(why: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_BODY", format!("The body does not fit: {why}."))
}

fn not_json(error: impl Display) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_JSON", format!("The body is not JSON: {error}."))
}

/// The error's words. The pointer says better where it is than a line and column of minified JSON.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(words, _)| words.to_owned())
}

/// The path as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => {}
        }
    }
    // A field of the top level that is missing or unknown leaves an empty step: the body itself is at fault.
    if pointer == "/" { String::new() } else { pointer }
}
