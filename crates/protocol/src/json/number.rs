//! How serde_json hands over a number that is to keep its digits.

/// As what serde_json hands over a number as it is written: an object with this one field, which holds its digits. No other
/// object has a field of this name.
pub(super) const NUMBER: &str = "$serde_json::private::Number";
