//! A token value on its way to the one response that contains it.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A token value. Redacted in `Debug`; it is serialised only in the reply of the command that creates it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenValue(String);

impl TokenValue {
    /// Wraps a newly created token value.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The value itself, for the response that contains it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenValue(…)")
    }
}
