//! Reads the binary layout: [postcard's](https://postcard.jamesmunns.com/wire-format), in its shortest form only.
//!
//! Postcard writes records through serde. They are read by hand, because the generic reader is several times as large
//! and every verifier contains it. Each item has exactly one encoding, and only that is accepted.

use alloc::{boxed::Box, vec::Vec};

use crate::time::Timestamp;

/// The bytes that are left to read.
///
/// A value that cannot be read is returned as zero or empty, and the failure is recorded: results may be used only if
/// [`ended_well`] returns true at the end. Checking once keeps the many fields of a record short, in source and in
/// code.
///
/// [`ended_well`]: Self::ended_well
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    failed: bool,
}

/// An item that can be read.
pub(crate) trait Read: Sized {
    /// The item. If it is invalid, returns `None` or leaves the reader failed.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, failed: false }
    }

    /// Whether all bytes were read, and all were valid.
    pub(crate) fn ended_well(&self) -> bool {
        !self.failed && self.rest.is_empty()
    }

    fn fail(&mut self) {
        *self = Self { rest: &[], failed: true };
    }

    /// How many bytes are left to read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        if let Some((bytes, rest)) = self.rest.split_at_checked(count) {
            self.rest = rest;
            return bytes;
        }
        self.fail();
        &[]
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap_or([0; N])
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// A varint: seven bits per byte, the lowest first; the eighth bit is set if more follow.
    pub(crate) fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte();
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if byte < 0x80 {
                let is_shortest = byte != 0 || shift == 0;
                let fits = bits << shift >> shift == bits;
                if is_shortest && fits {
                    return number;
                }
                break;
            }
        }
        self.fail();
        0
    }

    /// A number of that many bytes, little-endian; its lowest 64 bits.
    pub(crate) fn fixed(&mut self, width: u8) -> u64 {
        self.bytes(width.into()).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub(crate) fn time(&mut self) -> Timestamp {
        Timestamp(self.number())
    }

    pub(crate) fn flag(&mut self) -> bool {
        let byte = self.byte();
        if byte > 1 {
            self.fail();
        }
        byte == 1
    }

    /// Bytes with a length prefix.
    pub(crate) fn sized(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        self.bytes(length)
    }

    pub(crate) fn str(&mut self) -> &'a str {
        let text = core::str::from_utf8(self.sized());
        text.unwrap_or_else(|_| {
            self.fail();
            ""
        })
    }

    pub(crate) fn text(&mut self) -> Box<str> {
        self.str().into()
    }

    pub(crate) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| read(self))
    }

    /// The list grows as its items are read, so a length prefix alone allocates nothing.
    pub(crate) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Vec<T> {
        let mut items = Vec::new();
        for _ in 0..self.number() {
            match read(self) {
                Some(item) if !self.failed => items.push(item),
                _ => {
                    self.fail();
                    break;
                }
            }
        }
        items
    }

    pub(crate) fn items<T: Read>(&mut self) -> Vec<T> {
        self.list(T::read)
    }

    /// An optional item; see [`optional`](Self::optional).
    pub(crate) fn optional_item<T: Read>(&mut self) -> Option<T> {
        self.optional(T::read).and_then(|item| {
            if item.is_none() {
                self.fail();
            }
            item
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    fn whole<'a, T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> T) -> Option<T> {
        let mut reader = Reader::new(bytes);
        let item = read(&mut reader);
        reader.ended_well().then_some(item)
    }

    #[test]
    fn number_has_one_encoding() {
        assert_eq!(whole(&[0], Reader::number), Some(0));
        assert_eq!(whole(&[0x80, 1], Reader::number), Some(128));
        let refused: [&[u8]; 6] = [
            &[],
            &[0x80],
            &[0x80, 0],
            &[1, 0],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0],
        ];
        for bytes in refused {
            assert_eq!(whole(bytes, Reader::number), None, "{bytes:?}");
        }
    }

    #[test]
    fn reader_that_failed_once_stays_failed() {
        type Wrong = (&'static [u8], fn(&mut Reader<'_>));
        let refused: [Wrong; 5] = [
            (&[2], |reader| _ = reader.flag()),
            (&[1, 0xff], |reader| _ = reader.text()),
            (&[1], |reader| _ = reader.optional(Reader::byte)),
            (&[2, 7, 9], |reader| _ = reader.list(|reader| (reader.byte() < 9).then_some(()))),
            (&[1, 9], |reader| _ = reader.optional(Reader::items::<crate::Freshness>)),
        ];
        for (bytes, read) in refused {
            assert_eq!(whole(bytes, read), None, "{bytes:?}");
            assert_eq!(whole(bytes, |reader| (read(reader), reader.number(), reader.byte()).0), None, "{bytes:?}");
        }
    }

    #[test]
    fn length_prefix_alone_allocates_nothing() {
        let bytes = postcard::to_allocvec(&u64::MAX).unwrap();
        assert_eq!(whole(&bytes, |reader| reader.list(|reader| Some(reader.byte()))), None);
        assert_eq!(whole(&bytes, Reader::text), None);
    }

    proptest! {
        #[test]
        fn reads_what_postcard_writes(
            number: u64, flag: bool, text: String, optional: Option<u64>, list: Vec<String>, array: [u8; 6],
        ) {
            let bytes = postcard::to_allocvec(&(number, flag, &text, optional, &list, array)).unwrap();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.number(), number);
            prop_assert_eq!(reader.flag(), flag);
            prop_assert_eq!(reader.str(), text);
            prop_assert_eq!(reader.optional(Reader::number), optional);
            let read = reader.list(|reader| Some(reader.text()));
            prop_assert!(read.iter().map(AsRef::as_ref).eq(list.iter().map(String::as_str)));
            prop_assert_eq!(reader.array(), array);
            prop_assert!(reader.ended_well());
        }

        #[test]
        fn agrees_with_postcard_about_numbers(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let ours = whole(&bytes, Reader::number);
            let theirs = postcard::take_from_bytes::<u64>(&bytes).ok();
            let theirs = theirs.filter(|(number, rest)| {
                rest.is_empty() && postcard::to_allocvec(number).unwrap().len() == bytes.len()
            });
            prop_assert_eq!(ours, theirs.map(|(number, _)| number));
        }
    }
}
