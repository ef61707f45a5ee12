//! The workspace key, which determines the ledger of a token.

use crate::{InvalidWorkspaceKey, NoEntropy, base62, shape};
use core::fmt;

/// Identifies a workspace within a token value: 6 base62 characters. It is public, and sorts as its text does.
///
/// The first character names the jurisdiction in which the workspace's data stays. Today only `0`, none, is assigned.
/// The others are reserved and well-formed, so that a verifier built today accepts future keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceKey([u8; shape::WORKSPACE]);

impl WorkspaceKey {
    /// Parses a key.
    ///
    /// # Errors
    ///
    /// [`InvalidWorkspaceKey`] if it is not 6 characters of `0-9A-Za-z`.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkspaceKey> {
        Self::from_bytes(text.as_bytes())
    }

    /// Draws a key with no jurisdiction: `0` and 5 uniform characters. 62⁵ is 916 million, so the caller must check
    /// that the key is unused.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] if `random` returns nothing usable.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Result<Self, NoEntropy> {
        let mut key = [b'0'; shape::WORKSPACE];
        let [_no_jurisdiction, drawn @ ..] = &mut key;
        base62::draw(drawn, random)?;
        Ok(Self(key))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        shape::ascii(&self.0)
    }

    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, InvalidWorkspaceKey> {
        let key = text.try_into().map_err(|_| InvalidWorkspaceKey)?;
        if base62::all_digits(text) { Ok(Self(key)) } else { Err(InvalidWorkspaceKey) }
    }

    /// From the body of a token value, which begins with its workspace's key.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        Self(shape::array(body))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; shape::WORKSPACE] {
        &self.0
    }
}

impl fmt::Display for WorkspaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for WorkspaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkspaceKey({self})")
    }
}
