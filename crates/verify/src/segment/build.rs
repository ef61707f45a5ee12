//! Building a segment.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};
use core::fmt;

use counterfoil_token::Digest;

use super::{
    header::SegmentHeader,
    layout::{ColumnRanges, Entry, Layout, MAX_TOKENS, put},
    prefix::cut,
    read::Segment,
    table::Details,
};
use crate::{
    address::AddressBlock,
    record::{FORMAT, TokenRecord},
    scope::{ScopePattern, ScopeSet},
};

/// Takes tokens one at a time, in the order of their digests, and builds a segment. It uses about a hundred bytes of
/// memory per token, and stores each set of scopes once.
#[derive(Debug)]
pub struct SegmentBuilder {
    header: SegmentHeader,
    /// The tokens so far. Sets and details are numbered in order of arrival.
    entries: Vec<(u128, Entry)>,
    sets: BTreeMap<ScopeSet, usize>,
    details: BTreeMap<Vec<u8>, usize>,
}

/// The segment cannot contain the token. The token was not added; the builder can continue without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// The segment does not cover its digest.
    NotCovered,
    /// Its digest precedes one that was added.
    OutOfOrder,
    /// Its digest begins with the same 16 bytes as the one added last. Digests of issued values never do, but imported
    /// digests may. A segment without the token would show it as unknown, so no segment can be built.
    Indistinct,
    /// Its version, or its owner's revocation, is of a later generation than the segment.
    TooNew,
    /// Its IP ranges are not known, because it comes from a segment without them, and this segment must contain them.
    AddressesUntold,
    /// The segment is full: 1,048,576 tokens. Smaller segments need longer prefixes.
    Full,
}

impl SegmentBuilder {
    /// Begins a segment.
    #[must_use]
    pub fn new(header: SegmentHeader) -> Self {
        Self { header, entries: Vec::new(), sets: BTreeMap::new(), details: BTreeMap::new() }
    }

    /// Adds the next token. It is marked as revoked if it was issued before `revoked_before`, which is its owner's as
    /// of the segment's generation.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the segment cannot contain the token.
    pub fn push(&mut self, digest: &Digest, token: &TokenRecord, revoked_before: u64) -> Result<(), BuildError> {
        let SegmentHeader { generation, without_addresses, prefix, .. } = self.header;
        let digest = cut(digest);
        if !prefix.begins_cut(digest) {
            return Err(BuildError::NotCovered);
        }
        match self.entries.last() {
            Some((last, _)) if *last == digest => return Err(BuildError::Indistinct),
            Some((last, _)) if *last > digest => return Err(BuildError::OutOfOrder),
            _ => {}
        }
        if token.version.max(token.issued).max(revoked_before) > generation {
            return Err(BuildError::TooNew);
        }
        if !without_addresses && token.addresses.contains(&AddressBlock::nowhere()) {
            return Err(BuildError::AddressesUntold);
        }
        if self.entries.len() == MAX_TOKENS {
            return Err(BuildError::Full);
        }
        let details = Details::encode(token, without_addresses);
        let entry = Entry {
            revoked: token.revoked || token.issued < revoked_before,
            enabled: token.enabled,
            number: token.number,
            owner: token.owner,
            set: match self.sets.get(&token.scopes) {
                Some(set) => *set,
                None => place_of(&mut self.sets, token.scopes.clone()),
            },
            expires: token.expires_at,
            details: details.map_or(0, |details| place_of(&mut self.details, details) + 1),
        };
        self.entries.push((digest, entry));
        Ok(())
    }

    /// How many tokens were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no token was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The segment's bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let SegmentHeader { workspace, generation, without_addresses, without_weak, prefix } = self.header;
        let (sets, details) = (ranks(&self.sets), ranks(&self.details));
        for (_, entry) in &mut self.entries {
            entry.set = sets.get(entry.set).copied().unwrap_or_default();
            entry.details = entry.details.checked_sub(1).and_then(|at| details.get(at)).map_or(0, |rank| rank + 1);
        }
        let mut ranges = ColumnRanges::default();
        self.entries.iter().for_each(|(_, entry)| ranges.include(entry));
        let columns = ranges.columns();
        let layout = Layout::new(prefix, self.entries.len(), columns, sets.len(), details.len());
        let patterns: BTreeSet<&ScopePattern> = self.sets.keys().flat_map(ScopeSet::iter).collect();
        let patterns: Vec<_> = patterns.into_iter().collect();
        let place = |pattern| patterns.binary_search(&pattern).unwrap_or_default();
        let sets: Vec<Vec<usize>> = self.sets.keys().map(|set| set.iter().map(place).collect()).collect();

        let about = (workspace, generation, without_addresses, without_weak, (prefix.bits(), prefix.value()));
        let header = (about, self.entries.len(), columns, &patterns, sets, self.details.len());
        // Serialising into memory fails only for sequences of unknown length.
        let mut file = postcard::to_extend(&header, vec![FORMAT, Segment::KIND]).unwrap_or_default();
        self.details.keys().for_each(|details| file.extend(details));
        let mut entries = self.entries.iter().peekable();
        let mut before = 0;
        for bucket in 0..layout.buckets() {
            while entries.next_if(|(digest, _)| layout.bucket_of(*digest) <= bucket).is_some() {
                before += 1;
            }
            put(&mut file, before, layout.end_width());
        }
        self.entries.iter().for_each(|(digest, entry)| layout.put(&mut file, *digest, entry));
        file
    }
}

/// The number of a key, in order of arrival.
fn place_of<K: Ord>(places: &mut BTreeMap<K, usize>, key: K) -> usize {
    let next = places.len();
    *places.entry(key).or_insert(next)
}

/// The rank of each key, by its number.
fn ranks<K>(places: &BTreeMap<K, usize>) -> Vec<usize> {
    let mut ranks = vec![0; places.len()];
    for (rank, place) in places.values().enumerate() {
        if let Some(to) = ranks.get_mut(*place) {
            *to = rank;
        }
    }
    ranks
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCovered => "the segment does not cover this digest",
            Self::OutOfOrder => "tokens must be added in the order of their digests, each once",
            Self::Indistinct => "the digest starts with the same 16 bytes as another",
            Self::TooNew => "the token's generation is later than the segment's",
            Self::AddressesUntold => "the token's allowed addresses are missing",
            Self::Full => "the segment is full",
        })
    }
}

impl core::error::Error for BuildError {}
