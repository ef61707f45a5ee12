//! Parses bodies, queries and paths at the border. Unknown fields are rejected.

use axum::{
    body::Body,
    extract::{self, FromRequest, FromRequestParts, OptionalFromRequest, Request},
};
use counterfoil_protocol::json;
use futures_util::future::BoxFuture;
use http::{HeaderMap, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{codes::ProblemCode, problem::Problem};

/// The size limit of a body, in bytes, for routes that need no larger one.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The deepest nesting of a body. The ledger's request adds a few levels around it, and must stay readable too.
const MAX_DEPTH: usize = 100;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

/// The id in a path, percent-decoded.
pub(crate) struct Id(pub(crate) String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let value = read_json(request).await?.ok_or_else(no_body)?;
        fit(value).map(Self)
    }
}

pub(crate) fn no_body() -> Problem {
    let detail = "The request has no body. Send a JSON body.";
    Problem::new(ProblemCode::InvalidJson, detail)
}

/// A request has no body if it is empty, whatever its `Content-Type`.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        read_optional_json(request).await?.map(|value| fit(value).map(Self)).transpose()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        T::deserialize(deserializer).map(Self).map_err(wrong_query)
    }
}

#[inline(never)]
fn wrong_query(error: serde::de::value::Error) -> Problem {
    Problem::new(ProblemCode::InvalidQuery, format!("Invalid query: {}.", in_words(error.to_string())))
}

/// Describes what is wrong with a query. For a value of the wrong type, Rust's parsers name their own types instead.
fn in_words(why: String) -> String {
    let is_of_numbers =
        ["invalid digit", "cannot parse integer", "number too"].iter().any(|start| why.starts_with(start));
    if is_of_numbers {
        "a parameter that requires a whole number, 0 or more, has another value".to_owned()
    } else if why.starts_with("provided string was not") {
        "a parameter that requires true or false has another value".to_owned()
    } else {
        // serde calls a parameter a field.
        why.replacen(" field ", " parameter ", 1)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = extract::Path::from_request_parts(parts, state).await;
        id.map(|extract::Path(id)| Self(id)).map_err(|_| {
            let detail = "Nothing has this id: it is not valid UTF-8.";
            Problem::new(ProblemCode::NotFound, detail)
        })
    }
}

/// `application/json` or any `…+json` (RFC 6839), with any parameters.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

pub(crate) fn not_declared_json() -> Problem {
    let detail = "Send the body as JSON, with Content-Type: application/json.";
    Problem::new(ProblemCode::UnsupportedMediaType, detail)
}

/// Reads a body as JSON; `None` if it is empty. One function for all routes.
fn read_json(request: Request) -> BoxFuture<'static, Result<Option<Value>, Problem>> {
    Box::pin(async move {
        if !is_json(request.headers()) {
            return Err(not_declared_json());
        }
        parse_any(&read(request.into_body(), MAX_BODY).await?)
    })
}

/// The same for an optional body, which may lack a `Content-Type` if it is empty.
fn read_optional_json(request: Request) -> BoxFuture<'static, Result<Option<Value>, Problem>> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        return read_json(request);
    }
    Box::pin(async move {
        if read(request.into_body(), MAX_BODY).await?.is_empty() { Ok(None) } else { Err(not_declared_json()) }
    })
}

/// Reads a body as JSON, whatever its `Content-Type`; `None` if it is empty.
pub(crate) fn any_json(request: Request) -> BoxFuture<'static, Result<Option<Value>, Problem>> {
    Box::pin(async move { parse_any(&read(request.into_body(), MAX_BODY).await?) })
}

/// Parses JSON; `None` if there is nothing to parse.
pub(crate) fn parse_any(bytes: &[u8]) -> Result<Option<Value>, Problem> {
    if unmarked(bytes).is_empty() { Ok(None) } else { parse(bytes).map(Some) }
}

/// The bytes without a leading byte order mark, which some programs write. JSON does not allow it, but parsers may ignore
/// it (RFC 8259, section 8.1).
fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Parses JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let invalid = |detail| Problem::new(ProblemCode::InvalidJson, detail);
    let value =
        json::parse(unmarked(bytes)).map_err(|error| invalid(format!("The body is not valid JSON: {error}.")))?;
    if json::depth(&value) > MAX_DEPTH {
        return Err(invalid(format!("The body is nested too deeply: at most {MAX_DEPTH} levels are allowed.")));
    }
    Ok(value)
}

/// Reads a body of at most `limit` bytes.
pub(crate) fn read(body: Body, limit: usize) -> BoxFuture<'static, Result<Vec<u8>, Problem>> {
    Box::pin(async move {
        match Limited::new(body, limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
            Err(_) => Err(incomplete()),
        }
    })
}

pub(crate) fn too_large(limit: usize) -> Problem {
    let detail = format!("The body is too large: at most {limit} bytes are allowed.");
    Problem::new(ProblemCode::BodyTooLarge, detail)
}

pub(crate) fn incomplete() -> Problem {
    Problem::new(ProblemCode::BodyIncomplete, "The body ended before it was complete. Send the request again.")
}

/// Decodes JSON as the expected type.
pub(crate) fn fit<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    json::fit(value).map_err(unfit)
}

/// One function for the errors of all types, so that it is not compiled for each.
#[inline(never)]
fn unfit(error: json::DecodeError) -> Problem {
    Problem::new(ProblemCode::InvalidBody, format!("Invalid request body{}.", error.with_place())).at(error.pointer())
}
