//! Items that many tokens share, each stored once: scope patterns, sets of them, and rarely used details.

use alloc::{vec, vec::Vec};

use crate::{
    address::AddressBlock,
    reader::{Read, Reader},
    record::TokenRecord,
    scope::{ScopePattern, ScopeSet},
    time::Timestamp,
};

/// The positions of a list's items in a file. Items differ in length, so the positions are computed when the file is
/// opened.
#[derive(Debug)]
pub(super) struct Table {
    /// Where each item begins and, last, where the list ends.
    bounds: Vec<usize>,
}

impl Table {
    /// Reads past a list; `whole` is the length of the file.
    pub(super) fn read<T>(reader: &mut Reader<'_>, whole: usize, item: impl Fn(&mut Reader<'_>) -> Option<T>) -> Self {
        let place = |reader: &Reader<'_>| whole - reader.left();
        let mut bounds = reader.list(|reader| {
            let begin = place(reader);
            item(reader).map(|_| begin)
        });
        bounds.push(place(reader));
        bounds.shrink_to_fit();
        Self { bounds }
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The bytes of one item.
    pub(super) fn item<'a>(&self, file: &'a [u8], at: usize) -> Option<&'a [u8]> {
        file.get(*self.bounds.get(at)?..*self.bounds.get(at + 1)?)
    }

    /// The bytes of each item, in order.
    pub(super) fn items<'a>(&self, file: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map_while(|at| self.item(file, at))
    }

    /// Approximate size in bytes, not counting `size_of` itself.
    pub(super) fn cost(&self) -> usize {
        size_of_val(self.bounds.as_slice())
    }
}

/// A set of scopes in its stored form: the indices of its patterns.
pub(super) fn members(reader: &mut Reader<'_>) -> Vec<usize> {
    reader.list(|reader| usize::try_from(reader.number()).ok())
}

/// The set of scopes with these patterns.
pub(super) fn scopes(file: &[u8], patterns: &Table, set: &[u8]) -> Option<ScopeSet> {
    let pattern = |at: u64| ScopePattern::read(&mut Reader::new(patterns.item(file, at.try_into().ok()?)?));
    ScopeSet::of_sorted(Reader::new(set).list(|reader| pattern(reader.number())))
}

/// Fields that few tokens have.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) not_before: Option<Timestamp>,
    pub(super) replaced_until: Option<Timestamp>,
    pub(super) addresses: Vec<AddressBlock>,
}

impl Details {
    /// The encoded details of a token, with its IP ranges or only whether it has any; `None` if the token has no
    /// details.
    pub(super) fn encode(token: &TokenRecord, without_addresses: bool) -> Option<Vec<u8>> {
        let TokenRecord { not_before, replaced_until, addresses, .. } = token;
        let is_bound = !addresses.is_empty();
        let encoded = if without_addresses {
            postcard::to_allocvec(&(not_before, replaced_until, is_bound))
        } else {
            postcard::to_allocvec(&(not_before, replaced_until, addresses))
        };
        let has_any = not_before.is_some() || replaced_until.is_some() || is_bound;
        // Serialising into memory fails only for sequences of unknown length.
        has_any.then(|| encoded.unwrap_or_default())
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if the details are empty.
    pub(super) fn read(reader: &mut Reader<'_>, without_addresses: bool) -> Option<Self> {
        let details = Self {
            not_before: reader.optional(Reader::time),
            replaced_until: reader.optional(Reader::time),
            addresses: match without_addresses {
                false => reader.items(),
                true if reader.flag() => vec![AddressBlock::nowhere()],
                true => Vec::new(),
            },
        };
        let Self { not_before, replaced_until, addresses } = &details;
        (not_before.is_some() || replaced_until.is_some() || !addresses.is_empty()).then_some(details)
    }
}
