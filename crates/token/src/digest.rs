//! The digest: all that anybody but the bearer keeps of a token.

use crate::{InvalidDigest, shape};
use core::fmt;
use subtle::ConstantTimeEq as _;

/// SHA-256 (FIPS 180-4) of a token's whole text. It is shown in lower-case hexadecimal.
///
/// A digest is no secret: whoever has one cannot present the token. So `==`, ordering and hashing take a time that
/// depends on the bytes, as maps need it. Where a digest by itself decides about access, as the root token's does, use
/// [`ct_eq`](Self::ct_eq).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `text`.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(crate::sha256::sha256(text))
    }

    /// A digest that was computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal characters of either case.
    ///
    /// # Errors
    ///
    /// [`InvalidDigest`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }

    /// `==` in a time that does not depend on the bytes.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.pad(shape::ascii(&text))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
