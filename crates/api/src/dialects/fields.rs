//! The fields of a dialect's JSON request.
//!
//! Unlike in the native API, unknown fields are ignored and no `Content-Type` is required: real clients send more than
//! their documentation says, and omit what it requires. `null` is treated as absent.

use axum::extract::{FromRequest, Request};
use counterfoil_verify::ScopePattern;
use serde_json::{Map, Value};

use crate::http::{Problem, ProblemCode, body};

/// The fields of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

/// A field has an invalid value.
pub(super) fn wrong(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidValue, detail).at(format!("/{field}"))
}

/// Parses a scope in this field.
pub(super) fn scope(field: &str, text: &str) -> Result<ScopePattern, Problem> {
    ScopePattern::parse(text).map_err(|error| wrong(field, format!("{text:?} is not a scope: {error}.")))
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    /// The fields of the request's body; none if it has no body.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        body::any_json(request).await?.map_or_else(|| Ok(Self::default()), Self::of)
    }
}

impl Fields {
    /// The fields of this value.
    ///
    /// # Errors
    /// `INVALID_BODY` if it is not an object.
    pub(super) fn of(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => {
                let detail = "The body must be a JSON object.";
                Err(Problem::new(ProblemCode::InvalidBody, detail))
            }
        }
    }

    /// Takes the field, whatever its type.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// The name of a field that has not been taken.
    pub(super) fn any_left(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take(name).map(|value| text(name, value)).transpose()
    }

    /// A list of strings.
    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                items.into_iter().map(|item| text(name, item)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong(name, format!("{name} must be a list of strings."))),
        }
    }

    /// A list of scopes.
    pub(super) fn scopes(&mut self, name: &str) -> Result<Option<Vec<ScopePattern>>, Problem> {
        let texts = self.texts(name)?;
        texts.map(|texts| texts.iter().map(|text| scope(name, text)).collect()).transpose()
    }

    /// A whole number, 0 or more.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let number =
            |value: Value| value.as_u64().ok_or_else(|| wrong(name, format!("{name} must be a whole number.")));
        self.take(name).map(number).transpose()
    }
}

fn text(name: &str, value: Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, format!("{name} must be a string."))),
    }
}
