//! The digest: the only form in which a token value is stored.

use crate::{InvalidDigest, shape};
use core::fmt;
use subtle::ConstantTimeEq as _;

/// The SHA-256 (FIPS 180-4) of a token value. It is displayed in lower-case hexadecimal.
///
/// A digest is not a secret: it cannot be presented as the token. So the time of `==`, ordering and hashing depends on
/// the bytes, as maps need it. If a digest alone decides about access, as the root token's does, use
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

    /// `==` in constant time.
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
