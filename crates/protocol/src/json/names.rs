//! The names by which serde_json hands values of a special form from a reader to a type.

/// With this all of them begin. No object of a text has such a field: where serde_json meets one it takes what the field holds for
/// something else, and reads a text within the text as JSON, to any depth.
pub(super) const PRIVATE: &str = "$serde_json::private::";

/// A number as it is written: an object with this one field, which holds its digits.
pub(super) const NUMBER: &str = "$serde_json::private::Number";
