//! Where JSON is not what it should be, and why, in words that repeat none of it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// The JSON is not what it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct DecodeError {
    why: String,
    /// The way to the value at fault, from the inside out.
    steps: Vec<String>,
}

impl DecodeError {
    /// The value at fault, as a JSON pointer (RFC 6901); a field that is missing or not known is named itself.
    #[must_use]
    pub fn pointer(&self) -> String {
        let steps = self.steps.iter().rev().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
        steps.collect()
    }

    pub(super) fn of(why: &str) -> Self {
        de::Error::custom(why)
    }

    /// Goes one step outwards.
    pub(super) fn inside(mut self, step: &str) -> Self {
        self.steps.push(step.to_owned());
        self
    }
}

impl de::Error for DecodeError {
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
