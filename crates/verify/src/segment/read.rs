//! Opening a segment, and looking a token up in it.

use alloc::{boxed::Box, vec, vec::Vec};
use core::{fmt, ops::Range};

use counterfoil_token::Digest;

use super::{
    header::SegmentHeader,
    layout::{ColumnRanges, Columns, Entry, Layout, MAX_TOKENS},
    prefix::{CUT, cut},
    table::{Details, Table, members, scopes},
};
use crate::{
    reader::{Read, Reader},
    record::{self, RecordError, TokenRecord},
    scope::ScopePattern,
};

/// Every token of a workspace whose digest begins with certain bits, as of one generation.
pub struct Segment {
    file: Box<[u8]>,
    header: SegmentHeader,
    columns: Columns,
    layout: Layout,
    patterns: Table,
    sets: Table,
    details: Table,
    /// Where the index of the buckets' ends begins in the file.
    index: usize,
    /// Where the entries begin; they extend to the end of the file.
    entries: usize,
}

impl Segment {
    /// The second byte of a segment.
    pub(super) const KIND: u8 = b's';

    /// Validates a segment and takes its bytes. The caller checks its [`ContentHash`](super::ContentHash).
    ///
    /// # Errors
    ///
    /// [`RecordError`] if the bytes are not exactly what the builder would write.
    pub fn open(file: impl Into<Box<[u8]>>) -> Result<Self, RecordError> {
        let file = file.into();
        let mut reader = record::open(&file, Self::KIND)?;
        let segment = Self::read(&mut reader, &file).map(|segment| Self { file, ..segment });
        segment.filter(|segment| segment.is_sound() == Some(true)).ok_or(RecordError::Malformed)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Whether the segment covers this digest.
    #[must_use]
    pub fn covers(&self, digest: &Digest) -> bool {
        self.header.prefix.begins(digest)
    }

    /// The fields of the token's record that a decision needs. Allocates nothing unless the token is found.
    ///
    /// `None` means that the token is unknown if the segment [covers](Self::covers) the digest; otherwise it means
    /// nothing.
    ///
    /// The record has no id, name, client or metadata. Its `version` and its `issued` are the segment's generation, for
    /// the reasons in the module's documentation. In a segment [without addresses](SegmentHeader::without_addresses), a
    /// token that is bound to IP ranges has [one that contains no address](crate::AddressBlock::nowhere).
    /// [`decide`](crate::decide) then finds nothing worse than [`AddressNotAllowed`](crate::Code::AddressNotAllowed),
    /// which here means that the segment cannot decide.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<TokenRecord> {
        let digest = cut(digest);
        let at = if self.header.prefix.begins_cut(digest) { self.position(digest)? } else { return None };
        self.record(self.entry(at)?)
    }

    /// Every token in the order of digests, with the first 16 bytes of its digest.
    pub fn tokens(&self) -> impl Iterator<Item = ([u8; CUT], TokenRecord)> {
        self.entries().map_while(|(digest, bytes)| {
            let record = self.record(self.layout.take(bytes)?)?;
            Some((digest.to_be_bytes(), record))
        })
    }

    /// How many tokens it contains.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.tokens
    }

    /// Whether it contains no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// Size in bytes of memory.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_val(self) + self.file.len() + self.patterns.cost() + self.sets.cost() + self.details.cost()
    }

    /// Locates the parts of the file. The bytes themselves are added afterwards.
    fn read(reader: &mut Reader<'_>, file: &[u8]) -> Option<Self> {
        let whole = file.len();
        let header = SegmentHeader::read(reader)?;
        let tokens = usize::try_from(reader.number()).ok().filter(|tokens| *tokens <= MAX_TOKENS)?;
        let columns = Columns::read(reader)?;
        let patterns = Table::read(reader, whole, ScopePattern::read);
        let sets = Table::read(reader, whole, |reader| Some(members(reader)));
        let details = Table::read(reader, whole, |reader| Details::read(reader, header.without_addresses));
        let layout = Layout::new(header.prefix, tokens, columns, sets.len(), details.len());
        let index = whole - reader.left();
        reader.bytes(layout.index_size());
        let entries = whole - reader.left();
        reader.bytes(tokens * layout.entry_size);
        let segment = Self { file: Box::default(), header, columns, layout, patterns, sets, details, index, entries };
        reader.ended_well().then_some(segment)
    }

    /// Whether this is exactly what the builder would write, so that reading it later cannot fail. `None` if something
    /// lies outside the file.
    fn is_sound(&self) -> Option<bool> {
        let mut tokens = 0;
        let mut ranges = ColumnRanges::default();
        let mut last = None;
        let mut uses_set = vec![false; self.sets.len()];
        let mut uses_details = vec![false; self.details.len()];
        for bucket in 0..self.layout.buckets() {
            let range = self.bucket(bucket)?;
            // A bucket that ended before it began would hide the entries between.
            if range.end < tokens {
                return None;
            }
            tokens = range.end;
            for at in range {
                let bytes = self.entry_bytes(at)?;
                let digest = self.layout.digest(bucket, bytes);
                let is_here = self.header.prefix.begins_cut(digest) && self.layout.bucket_of(digest) == bucket;
                if !is_here || last.is_some_and(|last| last >= digest) {
                    return None;
                }
                last = Some(digest);
                let entry = self.layout.take(bytes)?;
                *uses_set.get_mut(entry.set)? = true;
                if let Some(details) = entry.details.checked_sub(1) {
                    *uses_details.get_mut(details)? = true;
                }
                ranges.include(&entry);
            }
        }
        let all_used = uses_set.iter().chain(&uses_details).all(|is_used| *is_used);
        let is_tight = tokens == self.layout.tokens && self.columns == ranges.columns();
        Some(all_used && is_tight && self.tables_are_sound()?)
    }

    /// Whether the tables are sorted and distinct, and every item in them is used.
    fn tables_are_sound(&self) -> Option<bool> {
        let patterns: Vec<_> = self.patterns.items(&self.file).map(|item| Reader::new(item).str()).collect();
        let sets: Vec<_> = self.sets.items(&self.file).map(|item| members(&mut Reader::new(item))).collect();
        let details: Vec<_> = self.details.items(&self.file).collect();
        let mut uses = vec![false; patterns.len()];
        for pattern in sets.iter().flatten() {
            *uses.get_mut(*pattern)? = true;
        }
        let in_order = ascend(&patterns) && ascend(&sets) && ascend(&details) && sets.iter().all(|set| ascend(set));
        Some(in_order && uses.iter().all(|is_used| *is_used))
    }

    /// The position of this digest, which begins with the prefix. A bucket has few entries. It is searched by
    /// bisection, in case an attacker chose digests that fall into one bucket.
    fn position(&self, digest: u128) -> Option<usize> {
        let Range { mut start, mut end } = self.bucket(self.layout.bucket_of(digest))?;
        let digest = digest.to_be_bytes();
        let sought = self.layout.tail(&digest);
        while start < end {
            let middle = start.midpoint(end);
            let found = self.entry_bytes(middle)?.get(..sought.len())?;
            match found.cmp(sought) {
                core::cmp::Ordering::Less => start = middle + 1,
                core::cmp::Ordering::Equal => return Some(middle),
                core::cmp::Ordering::Greater => end = middle,
            }
        }
        None
    }

    /// The range of entries in this bucket.
    fn bucket(&self, bucket: usize) -> Option<Range<usize>> {
        let width = self.layout.end_width();
        let end_of = |bucket: usize| {
            let end = self.file.get(self.index + bucket * usize::from(width)..)?;
            Some(Reader::new(end).fixed(width) as usize)
        };
        Some(bucket.checked_sub(1).map_or(Some(0), end_of)?..end_of(bucket)?)
    }

    fn entry_bytes(&self, at: usize) -> Option<&[u8]> {
        let size = self.layout.entry_size;
        self.file.get(self.entries + at * size..)?.get(..size)
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        self.layout.take(self.entry_bytes(at)?)
    }

    /// Every entry, with its truncated digest.
    fn entries(&self) -> impl Iterator<Item = (u128, &[u8])> {
        let buckets = (0..self.layout.buckets()).flat_map(|bucket| self.bucket(bucket).map(|range| (bucket, range)));
        buckets.flat_map(move |(bucket, range)| {
            let entries = range.map_while(|at| self.entry_bytes(at));
            entries.map(move |bytes| (self.layout.digest(bucket, bytes), bytes))
        })
    }

    fn record(&self, entry: Entry) -> Option<TokenRecord> {
        let scopes = scopes(&self.file, &self.patterns, self.sets.item(&self.file, entry.set)?)?;
        let details = match entry.details.checked_sub(1) {
            None => Details::default(),
            Some(at) => {
                let item = self.details.item(&self.file, at)?;
                Details::read(&mut Reader::new(item), self.header.without_addresses)?
            }
        };
        Some(TokenRecord {
            version: self.header.generation,
            id: Box::default(),
            number: entry.number,
            owner: entry.owner,
            name: Box::default(),
            client_id: None,
            metadata: None,
            scopes,
            issued: self.header.generation,
            revoked: entry.revoked,
            enabled: entry.enabled,
            not_before: details.not_before,
            expires_at: entry.expires,
            replaced_until: details.replaced_until,
            addresses: details.addresses,
            rate_class: None,
        })
    }
}

fn ascend<T: PartialOrd>(items: &[T]) -> bool {
    items.is_sorted_by(|a, b| a < b)
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("header", &self.header).field("len", &self.len()).finish_non_exhaustive()
    }
}
