//! Opening a segment, and finding a token in it.

use alloc::{boxed::Box, vec, vec::Vec};
use core::{fmt, ops::Range};

use counterfoil_token::Digest;

use super::{
    header::SegmentHeader,
    layout::{Columns, Entry, Layout, MAX_TOKENS, Span},
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
    /// Where the ends of the buckets begin in the file.
    index: usize,
    /// Where the entries begin, up to the file's end.
    entries: usize,
}

impl Segment {
    /// The second byte of a segment.
    pub(super) const KIND: u8 = b's';

    /// Looks a segment through and takes it. Whether the bytes are those that were asked for is for their
    /// [`ContentHash`](super::ContentHash) to say.
    ///
    /// # Errors
    /// [`RecordError`] where the bytes are not exactly what the builder makes of some tokens.
    pub fn open(file: impl Into<Box<[u8]>>) -> Result<Self, RecordError> {
        let file = file.into();
        let mut reader = record::open(&file, Self::KIND)?;
        let segment = Self::read(&mut reader, &file).map(|segment| Self { file, ..segment });
        segment.filter(|segment| segment.is_sound() == Some(true)).ok_or(RecordError::Malformed)
    }

    /// What the segment is about.
    #[must_use]
    pub fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Whether the segment says of this digest what it is.
    #[must_use]
    pub fn covers(&self, digest: &Digest) -> bool {
        self.header.prefix.begins(digest)
    }

    /// What is needed to decide about this token. Nothing is allocated until it is found.
    ///
    /// `None` says that the token is unknown, if the segment [covers](Self::covers) the digest; else it says nothing.
    ///
    /// Absent in the record are its id, name, client and metadata; its `version`, and when it was `issued`, are the
    /// segment's generation, which the module's documentation argues. Where the segment is
    /// [without addresses](SegmentHeader::without_addresses), a token that is bound to some has
    /// [one that holds none](crate::AddressBlock::nowhere): [`decide`](crate::decide) finds such a token
    /// [`AddressNotAllowed`](crate::Code::AddressNotAllowed) at last, and what that means is that it is not known here.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<TokenRecord> {
        let digest = cut(digest);
        let at = if self.header.prefix.begins_cut(digest) { self.position(digest)? } else { return None };
        self.record(self.entry(at)?)
    }

    /// Every token in the order of digests, by the first 16 bytes of its digest.
    pub fn tokens(&self) -> impl Iterator<Item = ([u8; CUT], TokenRecord)> {
        self.entries().map_while(|(digest, bytes)| {
            let record = self.record(self.layout.take(bytes)?)?;
            Some((digest.to_be_bytes(), record))
        })
    }

    /// How many tokens it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.tokens
    }

    /// Whether no token's digest begins so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// How many bytes of memory it occupies.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_val(self) + self.file.len() + self.patterns.cost() + self.sets.cost() + self.details.cost()
    }

    /// Finds out where everything lies. The bytes themselves are put in when this has ended.
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

    /// Whether this is what the builder makes of its tokens, so that reading it again cannot fail. `None` where
    /// something is out of reach.
    fn is_sound(&self) -> Option<bool> {
        let mut tokens = 0;
        let mut span = Span::default();
        let mut last = None;
        let mut uses_set = vec![false; self.sets.len()];
        let mut uses_details = vec![false; self.details.len()];
        for bucket in 0..self.layout.buckets() {
            let range = self.bucket(bucket)?;
            // One that ended before it began would hide the entries in between.
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
                span.include(&entry);
            }
        }
        let all_used = uses_set.iter().chain(&uses_details).all(|is_used| *is_used);
        let is_tight = tokens == self.layout.tokens && self.columns == span.columns();
        Some(all_used && is_tight && self.tables_are_sound()?)
    }

    /// Whether the tables are in order, with nothing in them twice or for nothing.
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

    /// Where this digest, which begins with the prefix, is. A bucket holds but a few entries; where somebody chose
    /// digests that fall into one, it is still not searched one by one.
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

    /// Which entries are in this bucket.
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

    /// Every entry, by its cut digest.
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
