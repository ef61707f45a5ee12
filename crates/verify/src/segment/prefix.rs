//! Which digests a segment covers.

use counterfoil_token::Digest;
use serde::Serialize;

use crate::reader::{Read, Reader};

/// How many bytes of a digest a segment keeps.
pub(super) const CUT: usize = 16;

/// What a segment keeps of a digest, as a number: the first byte is the highest.
pub(super) fn cut(digest: &Digest) -> u128 {
    digest.as_bytes().first_chunk::<CUT>().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

/// The `count` bits after the first `skipped` of a cut digest, as a number; `count` is below 64.
pub(super) fn bits_of(cut: u128, skipped: u8, count: u8) -> u64 {
    let from_there = cut.checked_shl(skipped.into()).unwrap_or(0);
    from_there.checked_shr(u128::BITS - u32::from(count)).unwrap_or(0) as u64
}

/// The bits that digests begin with; the highest bit of a byte comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DigestPrefix {
    bits: u8,
    value: u16,
}

impl DigestPrefix {
    /// The longest prefix, in bits.
    pub const MAX_BITS: u8 = 16;

    /// What all digests begin with: nothing.
    pub const NONE: Self = Self { bits: 0, value: 0 };

    /// The first `bits` bits of a digest, where `value` is a number of so many bits and they are not too many.
    #[must_use]
    pub const fn new(bits: u8, value: u16) -> Option<Self> {
        if bits <= Self::MAX_BITS && (value as u32) >> bits == 0 { Some(Self { bits, value }) } else { None }
    }

    /// Every prefix of that length in order, each digest beginning with exactly one; none where it is too long.
    pub fn all(bits: u8) -> impl Iterator<Item = Self> {
        (0..=u16::MAX).map_while(move |value| Self::new(bits, value))
    }

    /// How many bits it has.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// The bits, as a number: the prefix's place among those of its length.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.value
    }

    /// Whether the digest begins so.
    #[must_use]
    pub fn begins(self, digest: &Digest) -> bool {
        self.begins_cut(cut(digest))
    }

    pub(super) fn begins_cut(self, cut: u128) -> bool {
        bits_of(cut, 0, self.bits) == u64::from(self.value)
    }
}

impl Read for DigestPrefix {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let bits = reader.byte();
        Self::new(bits, reader.number().try_into().ok()?)
    }
}
