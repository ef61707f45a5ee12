//! Owner segments: many members of a workspace in one file.

use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;

use counterfoil_token::WorkspaceKey;
use serde::Serialize;

use super::{build::BuildError, table::Table};
use crate::{
    reader::{Read, Reader},
    record::{self, FORMAT, OwnerRecord, RecordError},
};

/// The second byte of an owner segment.
const KIND: u8 = b'n';

/// The header of an owner segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OwnersHeader {
    /// The workspace of the members.
    pub workspace: WorkspaceKey,
    /// The ledger's generation whose state this is.
    pub generation: u64,
    /// The first number that it covers.
    pub first: u64,
    /// The last number that it covers; not below the first.
    pub last: u64,
}

/// Every member of a workspace whose number lies in a range, as of one generation: a number that is covered and not
/// found belonged to no member.
pub struct OwnerSegment {
    file: Box<[u8]>,
    header: OwnersHeader,
    records: Table,
}

/// Takes members one at a time, in the order of their numbers, and builds an owner segment.
#[derive(Debug)]
pub struct OwnerSegmentBuilder {
    header: OwnersHeader,
    last: Option<u64>,
    count: usize,
    records: Vec<u8>,
}

impl OwnerSegment {
    /// Validates an owner segment and takes its bytes. The caller checks its [`ContentHash`](super::ContentHash).
    ///
    /// # Errors
    ///
    /// [`RecordError`] if the bytes are not exactly what the builder would write.
    pub fn open(file: impl Into<Box<[u8]>>) -> Result<Self, RecordError> {
        let file = file.into();
        let mut reader = record::open(&file, KIND)?;
        let segment = Self::read(&mut reader, file.len()).filter(|_| reader.ended_well());
        let segment = segment.map(|segment| Self { file, ..segment });
        segment.filter(Self::is_in_order).ok_or(RecordError::Malformed)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &OwnersHeader {
        &self.header
    }

    /// Whether the segment covers this number.
    #[must_use]
    pub fn covers(&self, number: u64) -> bool {
        self.header.covers(number)
    }

    /// The member of this number. `None` means that there was none if the segment [covers](Self::covers) the number;
    /// otherwise it means nothing. Allocates nothing unless the member is found.
    #[must_use]
    pub fn find(&self, number: u64) -> Option<OwnerRecord> {
        let (mut start, mut end) = (0, self.len());
        while start < end {
            let middle = start.midpoint(end);
            let item = self.records.item(&self.file, middle)?;
            match number_of(item).cmp(&number) {
                core::cmp::Ordering::Less => start = middle + 1,
                core::cmp::Ordering::Equal => return OwnerRecord::read(&mut Reader::new(item)),
                core::cmp::Ordering::Greater => end = middle,
            }
        }
        None
    }

    /// Every member, by number.
    pub fn owners(&self) -> impl Iterator<Item = OwnerRecord> {
        self.records.items(&self.file).map_while(|item| OwnerRecord::read(&mut Reader::new(item)))
    }

    /// How many members it contains.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it contains no member.
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
        size_of_val(self) + self.file.len() + self.records.cost()
    }

    /// Locates the records. The bytes themselves are added afterwards.
    fn read(reader: &mut Reader<'_>, whole: usize) -> Option<Self> {
        let header = OwnersHeader::read(reader)?;
        let records = Table::read(reader, whole, |reader| {
            let owner = OwnerRecord::read(reader)?;
            (header.covers(owner.number) && owner.is_of(header.generation)).then_some(())
        });
        Some(Self { file: Box::default(), header, records })
    }

    fn is_in_order(&self) -> bool {
        self.records.items(&self.file).map(number_of).is_sorted_by(|a, b| a < b)
    }
}

/// The number in a member's record: the second field, after the version.
fn number_of(record: &[u8]) -> u64 {
    let mut reader = Reader::new(record);
    reader.number();
    reader.number()
}

impl OwnerSegmentBuilder {
    /// Begins an owner segment; `None` if the range ends before it begins.
    #[must_use]
    pub fn new(header: OwnersHeader) -> Option<Self> {
        let begins = header.first <= header.last;
        begins.then_some(Self { header, last: None, count: 0, records: Vec::new() })
    }

    /// Adds the next member.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the segment cannot contain the member. It was not added; the builder can continue
    /// without it.
    pub fn push(&mut self, owner: &OwnerRecord) -> Result<(), BuildError> {
        if !self.header.covers(owner.number) {
            return Err(BuildError::NotCovered);
        }
        if self.last.is_some_and(|last| last >= owner.number) {
            return Err(BuildError::OutOfOrder);
        }
        if !owner.is_of(self.header.generation) {
            return Err(BuildError::TooNew);
        }
        self.last = Some(owner.number);
        self.count += 1;
        // Serialising into memory fails only for sequences of unknown length.
        self.records = postcard::to_extend(owner, core::mem::take(&mut self.records)).unwrap_or_default();
        Ok(())
    }

    /// The owner segment's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut file = postcard::to_extend(&(self.header, self.count), vec![FORMAT, KIND]).unwrap_or_default();
        file.extend(self.records);
        file
    }
}

impl OwnersHeader {
    fn covers(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

impl OwnerRecord {
    /// Whether the record may belong to that generation's state.
    fn is_of(&self, generation: u64) -> bool {
        self.version.max(self.revoked_before) <= generation
    }
}

impl Read for OwnersHeader {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let header = Self {
            workspace: Read::read(reader)?,
            generation: reader.number(),
            first: reader.number(),
            last: reader.number(),
        };
        (header.first <= header.last).then_some(header)
    }
}

impl fmt::Debug for OwnerSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerSegment").field("header", &self.header).field("len", &self.len()).finish_non_exhaustive()
    }
}
