//! JSON on its way in: a text becomes a tree, a tree becomes a type.
//!
//! It is stricter than serde's own way. A list is no object, though serde would take it for one field by field; no
//! object has two fields of one name (RFC 8259, section 4, leaves open what that would mean). And it says where a type
//! does not fit, in words that repeat no text of the input: that may be a secret.
//!
//! A number stays as it was written, digit by digit, until a type asks for its value: what is kept for others (metadata)
//! may be larger or finer than any number type here, and comes out as it came in.
//!
//! Everything is read through this one door, so each type's reader is compiled once: an isolate loads all of them.

mod build;
mod read;

use std::fmt;

use serde::{
    Serialize,
    de::{self, DeserializeOwned, Expected, Unexpected},
};
use serde_json::Value;

use self::{build::Built, read::Tree};

/// As what serde_json hands over a number as it is written: an object with this one field, which holds its digits. No other
/// object has a field of this name.
const NUMBER: &str = "$serde_json::private::Number";

/// The text is no JSON; says why and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(serde_json::Error);

/// The JSON is not what it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Misfit {
    why: String,
    /// The way to the value at fault, from the inside out.
    steps: Vec<String>,
}

/// Reads a text as JSON.
///
/// # Errors
/// [`NotJson`] where it is none, or nests deeper than 127 levels, or an object has two fields of one name, or one of the
/// name by which numbers are handed over.
pub fn parse(text: &[u8]) -> Result<Value, NotJson> {
    let Built(value) = serde_json::from_slice(text).map_err(NotJson)?;
    Ok(value)
}

/// Reads a tree as a type.
///
/// # Errors
/// [`Misfit`] where it is something else.
pub fn fit<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    T::deserialize(Tree(value))
}

/// Reads a text as a type, where nobody need be told what is wrong with it.
#[must_use]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    fit(parse(text).ok()?).ok()
}

/// A value's tree; none where it has no JSON form.
#[must_use]
pub fn tree(value: &impl Serialize) -> Option<Value> {
    parse(&serde_json::to_vec(value).ok()?).ok()
}

/// How many lists and maps lie within each other.
#[must_use]
pub fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

impl Misfit {
    /// The value at fault, as a JSON pointer (RFC 6901); a field that is missing or not known is named itself.
    #[must_use]
    pub fn pointer(&self) -> String {
        let steps = self.steps.iter().rev().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
        steps.collect()
    }

    fn of(why: &str) -> Self {
        de::Error::custom(why)
    }

    /// Goes one step outwards.
    fn inside(mut self, step: &str) -> Self {
        self.steps.push(step.to_owned());
        self
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self { why: why.to_string(), steps: Vec::new() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found: &dyn fmt::Display = match &found {
            Unexpected::Bool(value) => value,
            Unexpected::Unsigned(number) => number,
            Unexpected::Signed(number) => number,
            Unexpected::Float(_) => &"a fraction",
            Unexpected::Seq => &"a list",
            Unexpected::Map => &"an object",
            Unexpected::Unit | Unexpected::Option => &"null",
            // Not to be repeated, whatever kind of text it is.
            _ => &"text",
        };
        Self::custom(format_args!("expected {}, found {found}", in_words(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, found {length} items", in_words(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected one of: {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [] => Self::custom("there is no such field, nor any other"),
            known => Self::custom(format_args!("there is no such field, but these: {}", known.join(", "))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing")).inside(field)
    }
}

/// What is expected, as JSON and people call it. Types of ours say so by themselves; serde's say what Rust calls them.
fn in_words(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    let whole = |most: u64| format!("a whole number from 0 to {most}");
    match &*words {
        "u8" => whole(u8::MAX.into()),
        "u16" => whole(u16::MAX.into()),
        "u32" => whole(u32::MAX.into()),
        "u64" | "u128" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a character" | "a borrowed string" => "a string".to_owned(),
        "unit" => "null".to_owned(),
        _ => match words.strip_prefix("a tuple of size ") {
            Some(size) => format!("a list of {size}"),
            None => words,
        },
    }
}
