//! What a request carries: a token of ours, or a text that somebody else issued.

use crate::{Digest, Hint, Malformed, TokenRef, shape};
use core::{fmt, ops::RangeInclusive};

/// Schemes of `Authorization` that are sent along with a token by mistake, in lower case.
const SCHEMES: [&[u8]; 3] = [b"bearer ", b"token ", b"basic "];

/// A credential as presented, taken in at the border.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// It has the shape of a token, and its check holds.
    Ours(TokenRef<'a>),
    /// It was issued elsewhere and may have been imported by its digest.
    Foreign(Foreign<'a>),
}

impl<'a> Presented<'a> {
    /// Takes in whatever was presented. Looks at no key and no store, and allocates nothing.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a text that looks like a token but whose check is wrong (it is never taken as foreign), that is
    /// shorter than 16 or longer than 512 bytes, or that has anything but visible ASCII in it; and says which.
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

    /// What may be shown of it.
    #[must_use]
    pub fn hint(&self) -> Hint {
        match self {
            Self::Ours(token) => token.hint(),
            Self::Foreign(foreign) => foreign.hint(),
        }
    }
}

/// A text that somebody else issued: 16 to 512 visible ASCII characters (`!` to `~`) without the shape of a token.
///
/// `Debug` shows nothing of it.
#[derive(Clone, Copy)]
pub struct Foreign<'a>(&'a [u8]);

impl<'a> Foreign<'a> {
    /// How many characters it may have.
    pub const LENGTH: RangeInclusive<usize> = 16..=512;

    /// The caller has ruled out that `text` has the shape of a token.
    fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        if SCHEMES.iter().any(|scheme| begins(text, scheme)) {
            return Err(Malformed::Scheme);
        }
        // Before any look at what is in it, which may be anything and of any length.
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

    /// The secret text itself.
    #[must_use]
    pub fn expose(self) -> &'a str {
        shape::ascii(self.0)
    }

    /// SHA-256 of the whole text.
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

/// Whether the text begins so, in whatever case; `start` is in lower case.
fn begins(text: &[u8], start: &[u8]) -> bool {
    text.split_at_checked(start.len()).is_some_and(|(head, _)| head.eq_ignore_ascii_case(start))
}

impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").finish_non_exhaustive()
    }
}
