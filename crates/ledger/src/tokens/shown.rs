//! Tokens as the audit log shows them.
//!
//! Audit rows never change, so they contain nothing that might have to be erased: text that users wrote about a token
//! is replaced by `"…"`, which shows that it exists, but not its content.

use counterfoil_protocol::{command::TokenView, command_error::CommandError, json};
use serde_json::{Map, Value};

/// The fields with free text.
const FREE_TEXT: [&str; 3] = ["name", "note", "metadata"];

/// All fields of a token.
///
/// # Errors
/// [`CommandError::Internal`] if it has no JSON form. A change that cannot be audited is not made.
pub(super) fn all(token: &TokenView) -> Result<Value, CommandError> {
    let mut shown = Map::new();
    shown.extend(fields(token)?.into_iter().map(|(field, value)| (field.clone(), masked(&field, value))));
    Ok(Value::Object(shown))
}

/// The fields of a token that differ: previous values and new values.
///
/// # Errors
/// [`CommandError::Internal`], as above.
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

/// The fields of a token. All fields are always present, in the same order.
fn fields(token: &TokenView) -> Result<Map<String, Value>, CommandError> {
    match json::tree(token) {
        Some(Value::Object(mut fields)) => {
            // It changes with every update.
            fields.remove("version");
            Ok(fields)
        }
        _ => Err(CommandError::internal("a token has no JSON form")),
    }
}

fn masked(field: &str, value: Value) -> Value {
    if FREE_TEXT.contains(&field) && !value.is_null() { "…".into() } else { value }
}
