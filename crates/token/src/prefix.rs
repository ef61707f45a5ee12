//! The prefix that distinguishes a workspace's tokens from other credentials.

use crate::{InvalidPrefix, shape};
use core::fmt;

/// The first part of a workspace's token values: `[a-z][a-z0-9_]{0,11}` with no `_` at its end. The default is `cft`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Padded with 0, which sorts before every character.
    text: [u8; shape::PREFIX],
    length: u8,
}

impl Prefix {
    /// Parses a prefix, without the `_` that follows it in a token value.
    ///
    /// # Errors
    ///
    /// [`InvalidPrefix`] if it is empty, longer than 12, or not of the form above.
    pub fn parse(text: &str) -> Result<Self, InvalidPrefix> {
        if shape::is_prefix(text.as_bytes()) { Ok(Self::of_valid(text.as_bytes())) } else { Err(InvalidPrefix) }
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        shape::ascii(self.text.split_at(usize::from(self.length).min(shape::PREFIX)).0)
    }

    /// From bytes for which [`shape::is_prefix`] returned true.
    pub(crate) fn of_valid(text: &[u8]) -> Self {
        Self { text: shape::array(text), length: text.len().min(shape::PREFIX) as u8 }
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self::of_valid(b"cft")
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}
