//! The digests that a segment covers.

use counterfoil_token::Digest;
use serde::Serialize;

use crate::reader::{Read, Reader};

/// How many bytes of a digest a segment stores.
pub(super) const CUT: usize = 16;

/// A digest truncated to these bytes, as a big-endian number.
pub(super) fn cut(digest: &Digest) -> u128 {
    digest.as_bytes().first_chunk::<CUT>().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

/// The `count` bits after the first `skipped` of a truncated digest, as a number; `count` is below 64.
pub(super) fn bits_of(cut: u128, skipped: u8, count: u8) -> u64 {
    let from_there = cut.checked_shl(skipped.into()).unwrap_or(0);
    from_there.checked_shr(u128::BITS - u32::from(count)).unwrap_or(0) as u64
}

/// A prefix of digests in bits; the highest bit of a byte comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DigestPrefix {
    bits: u8,
    value: u16,
}

impl DigestPrefix {
    /// The longest prefix, in bits.
    pub const MAX_BITS: u8 = 16;

    /// The empty prefix, which all digests have.
    pub const NONE: Self = Self { bits: 0, value: 0 };

    /// The prefix of the first `bits` bits. `None` if there are more than [`MAX_BITS`](Self::MAX_BITS), or `value` has
    /// more.
    #[must_use]
    pub const fn new(bits: u8, value: u16) -> Option<Self> {
        if bits <= Self::MAX_BITS && (value as u32) >> bits == 0 { Some(Self { bits, value }) } else { None }
    }

    /// Every prefix of that length, in order; none if it is too long. Each digest begins with exactly one of them.
    pub fn all(bits: u8) -> impl Iterator<Item = Self> {
        (0..=u16::MAX).map_while(move |value| Self::new(bits, value))
    }

    /// Its length in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// The bits, as a number: also its index among the prefixes of its length.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.value
    }

    /// Whether the digest begins with it.
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
