//! The masked token: what may be shown of a token value after its creation.

use crate::{Prefix, shape};
use core::fmt;

/// Identifies a token without helping to guess it: `cft_…9xQ2`, or `…9xQ2` for a third-party one.
///
/// The last 4 characters of a token value belong to its checksum. They reveal at most 24 of the 142 bits that would
/// have to be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint {
    prefix: Option<Prefix>,
    last: [u8; 4],
}

impl Hint {
    pub(crate) fn new(prefix: Option<Prefix>, text: &[u8]) -> Self {
        Self { prefix, last: shape::array(shape::cut(text, 4).1) }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = self.prefix {
            write!(f, "{prefix}_")?;
        }
        write!(f, "…{}", shape::ascii(&self.last))
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hint({self})")
    }
}
