//! Strict reading of JSON: text is parsed to a tree, and a tree is decoded as a type.
//!
//! It is stricter than serde's default. A list is not accepted as an object, although serde would assign its items to
//! the fields in order. An object must not have two fields with the same name, because RFC 8259, section 4, leaves
//! their meaning undefined. An error says where a type does not match. It repeats no string of the input, which may be
//! a secret, except an unknown field's name.
//!
//! A number is kept as it was written, digit by digit, until a type needs its value: metadata, which is stored for
//! others, may contain numbers that are larger or more precise than any number type here, and is returned unchanged.
//!
//! All JSON is read by this module, so that the reader of each type is compiled only once: every isolate loads all of
//! that code.

mod build;
mod decode_error;
mod names;
mod read;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::decode_error::DecodeError;
use self::{build::Built, read::Tree};

/// The text is not JSON. The error says why and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(serde_json::Error);

/// Parses text as JSON.
///
/// # Errors
/// [`NotJson`] if the text is not JSON, is nested deeper than 127 levels, or has an object with two fields of the same
/// name or a field whose name serde_json reserves.
pub fn parse(text: &[u8]) -> Result<Value, NotJson> {
    let Built(value) = serde_json::from_slice(text).map_err(NotJson)?;
    Ok(value)
}

/// Decodes a tree as a type.
///
/// # Errors
/// [`DecodeError`] if the tree does not match the type.
pub fn fit<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    T::deserialize(Tree(value))
}

/// Parses and decodes text as a type, if the caller does not need to know what is wrong with it.
#[must_use]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    fit(parse(text).ok()?).ok()
}

/// The tree of a value; `None` if the value has no JSON form.
#[must_use]
pub fn tree(value: &impl Serialize) -> Option<Value> {
    parse(&serde_json::to_vec(value).ok()?).ok()
}

/// How deep lists and objects are nested; 0 for a value that is neither.
#[must_use]
pub fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}
