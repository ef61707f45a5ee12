//! What the audit shows of a token.
//!
//! Audit rows are never changed, so they hold nothing that might have to be forgotten: what people wrote about a token
//! is shown as `"…"`, which says that it is there and not what it is.

use counterfoil_protocol::{command::TokenView, command_error::CommandError, json};
use serde_json::{Map, Value};

/// The fields that people write as they like.
const FREE_TEXT: [&str; 3] = ["name", "note", "metadata"];

/// All of a token.
///
/// # Errors
/// [`CommandError::Internal`] where it has no JSON form: a change that the audit could not show is not made.
pub(super) fn all(token: &TokenView) -> Result<Value, CommandError> {
    let mut shown = Map::new();
    shown.extend(fields(token)?.into_iter().map(|(field, value)| (field.clone(), masked(&field, value))));
    Ok(Value::Object(shown))
}

/// What differs of a token: as it was, and as it is.
///
/// # Errors
/// [`CommandError::Internal`], likewise.
pub(super) fn difference(before: &TokenView, after: &TokenView) -> Result<(Value, Value), CommandError> {
    let (mut was, mut is) = (Map::new(), Map::new());
    for ((field, old), (_, new)) in fields(before)?.into_iter().zip(fields(after)?) {
        if old != new {
            was.insert(field.clone(), masked(&field, old));
            is.insert(field.clone(), masked(&field, new));
        }
    }
    Ok((was.into(), is.into()))
}

/// The fields of a token, each of them always there and in the same order.
fn fields(token: &TokenView) -> Result<Map<String, Value>, CommandError> {
    match json::tree(token) {
        Some(Value::Object(mut fields)) => {
            // It changes with everything.
            fields.remove("version");
            Ok(fields)
        }
        _ => Err(CommandError::internal("a token has no JSON form")),
    }
}

fn masked(field: &str, value: Value) -> Value {
    if FREE_TEXT.contains(&field) && !value.is_null() { "…".into() } else { value }
}
