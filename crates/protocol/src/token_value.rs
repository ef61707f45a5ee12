//! The text of a token on its way to the one response that shows it.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A token's text. Redacted in `Debug`; the one place where it is serialised is the reply that issues it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenValue(String);

impl TokenValue {
    /// Wraps the text of a token just minted.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the response that shows it.
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
