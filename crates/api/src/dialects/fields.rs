//! What a dialect's caller says in JSON, field by field.
//!
//! Unlike in the native API a field that is not known is let pass, and no word of the body's type is asked for: real
//! clients send more than their docs say, and leave out what these call for. `null` is as absent.

use axum::extract::{FromRequest, Request};
use counterfoil_verify::ScopePattern;
use serde_json::{Map, Value};

use crate::http::{Problem, ProblemCode, body};

/// The fields of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

/// A field holds what it must not.
pub(super) fn wrong(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidValue, detail).at(format!("/{field}"))
}

/// Reads a scope of the field.
pub(super) fn scope(field: &str, text: &str) -> Result<ScopePattern, Problem> {
    ScopePattern::parse(text).map_err(|error| wrong(field, format!("{text:?} is no scope: {error}.")))
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    /// The body of the request; where it has none, no fields.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        body::any_json(request).await?.map_or_else(|| Ok(Self::default()), Self::of)
    }
}

impl Fields {
    /// The fields of this value.
    ///
    /// # Errors
    /// `INVALID_BODY` where it is no object.
    pub(super) fn of(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => {
                let detail = "The body must be a JSON object.";
                Err(Problem::new(ProblemCode::InvalidBody, detail))
            }
        }
    }

    /// Takes the field, whatever it holds.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// The name of a field that was not taken.
    pub(super) fn any_left(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take(name).map(|value| text(name, value)).transpose()
    }

    /// A list of texts.
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

    /// A whole number from zero up.
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
