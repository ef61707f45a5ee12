//! JSON on its way in: a text becomes a tree, a tree becomes a type.
//!
//! It is stricter than serde's own way. A list is no object, though serde would take it for one field by field; no
//! object has two fields of one name (RFC 8259, section 4, leaves open what that would mean). And it says where a type
//! does not match, in a message that repeats no string of the input, which may be a secret, except an unknown field's name.
//!
//! A number stays as it was written, digit by digit, until a type asks for its value: what is kept for others (metadata)
//! may be larger or finer than any number type here, and comes out as it came in.
//!
//! Everything is read through this one door, so each type's reader is compiled once: an isolate loads all of them.

mod build;
mod decode_error;
mod names;
mod read;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::decode_error::DecodeError;
use self::{build::Built, read::Tree};

/// The text is no JSON; says why and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(serde_json::Error);

/// Reads a text as JSON.
///
/// # Errors
/// [`NotJson`] where it is none, or nests deeper than 127 levels, or an object has two fields of one name, or one of a
/// name that serde_json keeps for itself.
pub fn parse(text: &[u8]) -> Result<Value, NotJson> {
    let Built(value) = serde_json::from_slice(text).map_err(NotJson)?;
    Ok(value)
}

/// Reads a tree as a type.
///
/// # Errors
/// [`DecodeError`] where it is something else.
pub fn fit<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
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
