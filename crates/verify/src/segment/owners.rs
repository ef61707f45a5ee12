//! The members of a workspace, many in one file.

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

/// What an owner segment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OwnersHeader {
    /// Whose members these are.
    pub workspace: WorkspaceKey,
    /// The ledger's generation whose state this is.
    pub generation: u64,
    /// The first number that is covered.
    pub first: u64,
    /// The last number that is covered; not before the first.
    pub last: u64,
}

/// Every member of a workspace whose number lies in a range, as of one generation: a number that is covered and not
/// found was nobody's.
pub struct OwnerSegment {
    file: Box<[u8]>,
    header: OwnersHeader,
    records: Table,
}

/// Takes members in the order of their numbers, one at a time, and makes an owner segment of them.
#[derive(Debug)]
pub struct OwnerSegmentBuilder {
    header: OwnersHeader,
    last: Option<u64>,
    count: usize,
    records: Vec<u8>,
}

impl OwnerSegment {
    /// Looks an owner segment through and takes it. Whether the bytes are those that were asked for is for their
    /// [`ContentHash`](super::ContentHash) to say.
    ///
    /// # Errors
    /// [`RecordError`] where the bytes are not exactly what the builder makes of some members.
    pub fn open(file: impl Into<Box<[u8]>>) -> Result<Self, RecordError> {
        let file = file.into();
        let mut reader = record::open(&file, KIND)?;
        let segment = Self::read(&mut reader, file.len()).filter(|_| reader.ended_well());
        let segment = segment.map(|segment| Self { file, ..segment });
        segment.filter(Self::is_in_order).ok_or(RecordError::Malformed)
    }

    /// What the segment is about.
    #[must_use]
    pub fn header(&self) -> &OwnersHeader {
        &self.header
    }

    /// Whether the segment says of this number whose it is.
    #[must_use]
    pub fn covers(&self, number: u64) -> bool {
        self.header.covers(number)
    }

    /// The member of this number. `None` says that there was none, if the segment [covers](Self::covers) the number;
    /// else it says nothing. Nothing is allocated until it is found.
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

    /// How many members it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none of the numbers is anybody's.
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
        size_of_val(self) + self.file.len() + self.records.cost()
    }

    /// Finds out where everything lies. The bytes themselves are put in when this has ended.
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

/// The number in a member's record: it comes second, after the version.
fn number_of(record: &[u8]) -> u64 {
    let mut reader = Reader::new(record);
    reader.number();
    reader.number()
}

impl OwnerSegmentBuilder {
    /// Begins an owner segment; `None` where the range ends before it begins.
    #[must_use]
    pub fn new(header: OwnersHeader) -> Option<Self> {
        let begins = header.first <= header.last;
        begins.then_some(Self { header, last: None, count: 0, records: Vec::new() })
    }

    /// Takes the next member.
    ///
    /// # Errors
    /// [`BuildError`] where the member has no place here. It was not taken, and the segment goes on without it.
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
        // Serialising into memory fails for sequences of unknown length only.
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
    /// Whether the record may be of that generation's state.
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
