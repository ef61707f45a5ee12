//! The field names that serde_json reserves for passing special values between a deserializer and a type.

/// The prefix of all of them. Input must not contain such a field: serde_json would interpret it as a number or as raw
/// JSON, and parse the text in it, to any depth.
pub(super) const PRIVATE: &str = "$serde_json::private::";

/// A number with its digits: an object with this one field, which contains them.
pub(super) const NUMBER: &str = "$serde_json::private::Number";
