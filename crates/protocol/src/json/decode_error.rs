//! Where JSON does not match the expected type, and why. The message repeats no string of the input, which may be a secret,
//! except the name of an unknown field, which the pointer names too.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// The JSON does not match the expected type.
///
/// Boxed, because the code that reads a type passes it on after each field: a larger error makes all of that code larger.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.why)]
pub struct DecodeError(Box<Fault>);

#[derive(Debug, PartialEq, Eq)]
struct Fault {
    why: String,
    /// The path to the invalid value, innermost step first.
    steps: Vec<String>,
    /// Whether `why` already names the invalid field.
    names_field: bool,
}

/// The maximum number of characters of an unknown field's name that the message repeats.
const LONGEST_NAME: usize = 64;

impl DecodeError {
    /// The position of the invalid value, as a JSON pointer (RFC 6901). For a missing or unknown field, it is that of
    /// the field.
    #[must_use]
    pub fn pointer(&self) -> String {
        let steps = self.0.steps.iter().rev().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
        steps.collect()
    }

    /// The message with the position of the invalid value, to follow "Invalid request body".
    #[must_use]
    pub fn with_place(&self) -> String {
        if self.0.names_field || self.0.steps.is_empty() {
            return format!(": {self}");
        }
        format!(" at `{}`: {self}", self.pointer())
    }

    pub(super) fn of(why: &str) -> Self {
        de::Error::custom(why)
    }

    fn naming_field(mut self) -> Self {
        self.0.names_field = true;
        self
    }

    /// Adds the step that leads to the value from the enclosing list or object.
    pub(super) fn inside(mut self, step: &str) -> Self {
        self.0.steps.push(step.to_owned());
        self
    }
}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(Box::new(Fault { why: why.to_string(), steps: Vec::new(), names_field: false }))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found: &dyn fmt::Display = match &found {
            Unexpected::Bool(value) => value,
            Unexpected::Unsigned(number) => number,
            Unexpected::Signed(number) => number,
            Unexpected::Float(_) => &"a fractional number",
            Unexpected::Seq => &"a list",
            Unexpected::Map => &"an object",
            Unexpected::Unit | Unexpected::Option => &"null",
            // Whatever kind of string it is, it may be a secret.
            _ => &"a string",
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
        Self::custom(format_args!("expected one of {}", list(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let name: String = field.chars().take(LONGEST_NAME).collect();
        let name = if name.len() < field.len() { name + "…" } else { name };
        let error = match expected {
            [] => Self::custom(format_args!("unknown field `{name}`. No fields are allowed")),
            known => Self::custom(format_args!("unknown field `{name}`. Allowed: {}", list(known))),
        };
        error.naming_field()
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the field `{field}` is missing")).inside(field).naming_field()
    }
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Describes the expected type in terms of JSON. The types of this project describe themselves that way; serde
/// describes its own by their names in Rust.
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
