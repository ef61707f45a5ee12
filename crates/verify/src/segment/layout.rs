//! The sizes of a segment's parts, and its entries.
//!
//! An entry has a fixed number of bytes: the part of the digest that prefix and bucket do not determine, a byte of
//! flags, then one number per column. A column is as wide as its largest number needs. All sizes follow from the
//! content, so each content has one encoding.

use alloc::vec::Vec;

use serde::Serialize;

use super::prefix::{CUT, DigestPrefix, bits_of};
use crate::{
    reader::{Read, Reader},
    time::Timestamp,
};

/// The most tokens of a segment: about a million. More need a longer prefix.
pub(super) const MAX_TOKENS: usize = 1 << 20;

/// The most entries per bucket, on average. The number of buckets is the smallest power of two that meets this.
const PER_BUCKET: usize = 4;

const REVOKED: u8 = 1;
const ENABLED: u8 = 2;
const EXPIRES: u8 = 4;

/// A column of numbers, stored as differences from the smallest of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Column {
    smallest: u64,
    /// In bytes; 0 if all are the same.
    width: u8,
}

/// The sizes of a segment's parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) tokens: usize,
    prefix: DigestPrefix,
    bucket_bits: u8,
    /// The width in bytes of the end of a bucket, which is stored as the number of entries up to there.
    end_width: u8,
    /// How many leading bytes of a digest follow from prefix and bucket.
    known_bytes: usize,
    columns: Columns,
    set_width: u8,
    details_width: u8,
    /// The length of an entry, in bytes.
    pub(super) entry_size: usize,
}

/// The columns of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Columns {
    number: Column,
    owner: Column,
    expires: Column,
}

/// The range of each column's numbers, so far.
#[derive(Debug, Default)]
pub(super) struct ColumnRanges {
    number: Option<(u64, u64)>,
    owner: Option<(u64, u64)>,
    expires: Option<(u64, u64)>,
}

/// One token, without its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) revoked: bool,
    pub(super) enabled: bool,
    pub(super) number: u64,
    pub(super) owner: u64,
    /// The index of its set of scopes.
    pub(super) set: usize,
    pub(super) expires: Option<Timestamp>,
    /// The index of its details, counted from 1; 0 if there are none.
    pub(super) details: usize,
}

/// How many bytes a number up to `largest` takes.
fn width_of(largest: u64) -> u8 {
    (u64::BITS - largest.leading_zeros()).div_ceil(8) as u8
}

/// Writes the lowest bytes of a number, little-endian.
pub(super) fn put(out: &mut Vec<u8>, number: u64, width: u8) {
    out.extend(number.to_le_bytes().iter().take(width.into()));
}

impl Column {
    /// The narrowest column for the numbers from one end to the other; an empty one for `None`.
    fn spanning(ends: Option<(u64, u64)>) -> Self {
        let (smallest, largest) = ends.unwrap_or_default();
        Self { smallest, width: width_of(largest - smallest) }
    }

    fn put(self, out: &mut Vec<u8>, number: u64) {
        put(out, number.wrapping_sub(self.smallest), self.width);
    }

    /// A sum beyond 64 bits wraps to less than `smallest`, which the validation detects.
    fn take(self, reader: &mut Reader<'_>) -> u64 {
        self.smallest.wrapping_add(reader.fixed(self.width))
    }
}

impl ColumnRanges {
    pub(super) fn include(&mut self, entry: &Entry) {
        let include = |ends: &mut Option<(u64, u64)>, number: u64| {
            let (smallest, largest) = ends.unwrap_or((number, number));
            *ends = Some((number.min(smallest), number.max(largest)));
        };
        include(&mut self.number, entry.number);
        include(&mut self.owner, entry.owner);
        if let Some(end) = entry.expires {
            include(&mut self.expires, end.0);
        }
    }

    /// The narrowest columns for the numbers that were included.
    pub(super) fn columns(&self) -> Columns {
        Columns {
            number: Column::spanning(self.number),
            owner: Column::spanning(self.owner),
            expires: Column::spanning(self.expires),
        }
    }
}

impl Layout {
    /// The layout of a segment with so many tokens, sets of scopes and details.
    pub(super) fn new(prefix: DigestPrefix, tokens: usize, columns: Columns, sets: usize, details: usize) -> Self {
        let buckets = tokens.div_ceil(PER_BUCKET).next_power_of_two();
        let bucket_bits = buckets.trailing_zeros() as u8;
        let known_bytes = usize::from(prefix.bits() + bucket_bits) / 8;
        let (set_width, details_width) = (width_of(sets.saturating_sub(1) as u64), width_of(details as u64));
        let Columns { number, owner, expires } = columns;
        let widths = [number.width, owner.width, set_width, expires.width, details_width];
        Self {
            tokens,
            prefix,
            bucket_bits,
            end_width: width_of(tokens as u64),
            known_bytes,
            columns,
            set_width,
            details_width,
            entry_size: CUT - known_bytes + 1 + widths.map(usize::from).iter().sum::<usize>(),
        }
    }

    pub(super) fn buckets(&self) -> usize {
        1 << self.bucket_bits
    }

    pub(super) fn end_width(&self) -> u8 {
        self.end_width
    }

    /// The bucket of a digest, which must begin with the prefix.
    pub(super) fn bucket_of(&self, cut: u128) -> usize {
        bits_of(cut, self.prefix.bits(), self.bucket_bits) as usize
    }

    /// The size of the index of buckets, in bytes.
    pub(super) fn index_size(&self) -> usize {
        self.buckets() * usize::from(self.end_width)
    }

    /// The part of a digest that an entry stores.
    pub(super) fn tail<'a>(&self, cut: &'a [u8; CUT]) -> &'a [u8] {
        cut.get(self.known_bytes..).unwrap_or_default()
    }

    /// The truncated digest of an entry in that bucket.
    pub(super) fn digest(&self, bucket: usize, entry: &[u8]) -> u128 {
        let known = self.prefix.bits() + self.bucket_bits;
        let begin = u128::from(self.prefix.value()) << self.bucket_bits | bucket as u128;
        let mut digest = begin.checked_shl(u128::BITS - u32::from(known)).unwrap_or(0).to_be_bytes();
        digest.iter_mut().skip(self.known_bytes).zip(entry).for_each(|(to, from)| *to = *from);
        u128::from_be_bytes(digest)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>, cut: u128, entry: &Entry) {
        let flags = [(REVOKED, entry.revoked), (ENABLED, entry.enabled), (EXPIRES, entry.expires.is_some())];
        out.extend(self.tail(&cut.to_be_bytes()));
        out.push(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).sum());
        self.columns.number.put(out, entry.number);
        self.columns.owner.put(out, entry.owner);
        put(out, entry.set as u64, self.set_width);
        self.columns.expires.put(out, entry.expires.map_or(self.columns.expires.smallest, |end| end.0));
        put(out, entry.details as u64, self.details_width);
    }

    /// Reads an entry; `None` if it has an undefined flag, or an expiration without its flag.
    pub(super) fn take(&self, entry: &[u8]) -> Option<Entry> {
        let mut reader = Reader::new(entry);
        reader.bytes(CUT - self.known_bytes);
        let flags = reader.byte();
        let number = self.columns.number.take(&mut reader);
        let owner = self.columns.owner.take(&mut reader);
        let set = reader.fixed(self.set_width) as usize;
        let expires = self.columns.expires.take(&mut reader);
        let details = reader.fixed(self.details_width) as usize;
        let has = |flag| flags & flag != 0;
        let is_sound = flags & !(REVOKED | ENABLED | EXPIRES) == 0
            && (has(EXPIRES) || expires == self.columns.expires.smallest)
            && reader.ended_well();
        is_sound.then_some(Entry {
            revoked: has(REVOKED),
            enabled: has(ENABLED),
            number,
            owner,
            set,
            expires: has(EXPIRES).then_some(Timestamp(expires)),
            details,
        })
    }
}

impl Read for Column {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { smallest: reader.number(), width: reader.byte() })
    }
}

impl Read for Columns {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { number: Read::read(reader)?, owner: Read::read(reader)?, expires: Read::read(reader)? })
    }
}
