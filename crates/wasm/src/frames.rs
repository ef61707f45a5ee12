//! Several byte strings in one, as JavaScript hands fetched values in.
//!
//! Each is four bytes, the length little-endian, then as many bytes; a length of 2³² − 1 and no bytes stand for a value
//! that is not there.

use alloc::vec::Vec;

const ABSENT: u32 = u32::MAX;

/// The byte strings; `None` where `bytes` ends within one.
pub(crate) fn read(mut bytes: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let mut items = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let (item, rest) = rest.split_at_checked(if length == ABSENT { 0 } else { length as usize })?;
        items.push((length != ABSENT).then(|| item.to_vec()));
        bytes = rest;
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn frames_are_read_in_order() {
        assert_eq!(read(&[]), Some(vec![]));
        let bytes = [&[2, 0, 0, 0, 7, 8], &[255; 4][..], &[0; 4], &[1, 0, 0, 0, 9]].concat();
        assert_eq!(read(&bytes), Some(vec![Some(vec![7, 8]), None, Some(vec![]), Some(vec![9])]));
    }

    #[test]
    fn what_ends_within_a_frame_is_refused() {
        let bytes = [2, 0, 0, 0, 7, 8];
        for length in 1..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(read(&[254, 255, 255, 255, 0]), None);
    }
}
