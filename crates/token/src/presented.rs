//! A presented credential: a Counterfoil token, or a third-party token that may have been imported.

use crate::{Digest, Hint, Malformed, TokenRef, shape};
use core::{fmt, ops::RangeInclusive};

/// Schemes of `Authorization` that are sometimes included in the token by mistake, in lower case.
const SCHEMES: [&[u8]; 3] = [b"bearer ", b"token ", b"basic "];

/// A presented credential.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// It has the format of a token value, and its checksum is right.
    Ours(TokenRef<'a>),
    /// A third-party token value, which may have been imported by its digest.
    Foreign(Foreign<'a>),
}

impl<'a> Presented<'a> {
    /// Parses a presented credential. Uses no key and no store, and allocates nothing.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text has the format of a token value and a wrong checksum (it is never treated as
    /// third-party), is shorter than 16 or longer than 512 bytes, or contains anything but visible ASCII. The variant
    /// says which.
    pub fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        if shape::is_ours(text) {
            TokenRef::checked(text).map(Self::Ours)
        } else {
            Foreign::parse(text).map(Self::Foreign)
        }
    }

    /// The digest by which it is looked up.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Ours(token) => token.digest(),
            Self::Foreign(foreign) => foreign.digest(),
        }
    }

    /// The masked form, which may be shown.
    #[must_use]
    pub fn hint(&self) -> Hint {
        match self {
            Self::Ours(token) => token.hint(),
            Self::Foreign(foreign) => foreign.hint(),
        }
    }
}

/// A third-party token value: 16 to 512 visible ASCII characters (`!` to `~`), not in the format of a token value.
///
/// `Debug` shows nothing of it.
#[derive(Clone, Copy)]
pub struct Foreign<'a>(&'a [u8]);

impl<'a> Foreign<'a> {
    /// How many characters it may have.
    pub const LENGTH: RangeInclusive<usize> = 16..=512;

    /// The caller has excluded that `text` has the format of a token value.
    fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        if SCHEMES.iter().any(|scheme| begins(text, scheme)) {
            return Err(Malformed::Scheme);
        }
        // Before the content is examined, which may be anything and of any length.
        if text.len() > *Self::LENGTH.end() {
            return Err(Malformed::TooLong);
        }
        match text.iter().find(|byte| !byte.is_ascii_graphic()) {
            Some(byte) if byte.is_ascii_whitespace() => Err(Malformed::Space),
            Some(_) => Err(Malformed::Character),
            None if text.len() < *Self::LENGTH.start() => Err(Malformed::TooShort),
            None => Ok(Self(text)),
        }
    }

    /// The secret value itself.
    #[must_use]
    pub fn expose(self) -> &'a str {
        shape::ascii(self.0)
    }

    /// SHA-256 of the whole value.
    #[must_use]
    pub fn digest(self) -> Digest {
        Digest::of(self.0)
    }

    /// Its last 4 characters, `…abcd`.
    #[must_use]
    pub fn hint(self) -> Hint {
        Hint::new(None, self.0)
    }
}

/// Whether the text begins with `start`, which is in lower case, ignoring case.
fn begins(text: &[u8], start: &[u8]) -> bool {
    text.split_at_checked(start.len()).is_some_and(|(head, _)| head.eq_ignore_ascii_case(start))
}

impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").finish_non_exhaustive()
    }
}
