//! Several byte strings in one, as JavaScript hands fetched values in.
//!
//! Each is four bytes, the length little-endian, then as many bytes; a length of 2³² − 1 and no bytes stand for a value
//! that is not there.

use alloc::vec::Vec;

use crate::contract::ABSENT;

/// The byte strings; all before where `bytes` ends within one.
pub(crate) fn read(mut bytes: &[u8]) -> Vec<Option<&[u8]>> {
    let mut items = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        let length = if length == ABSENT { None } else { Some(length as usize) };
        let Some((item, rest)) = rest.split_at_checked(length.unwrap_or(0)) else { break };
        items.push(length.map(|_| item));
        bytes = rest;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_in_order() {
        assert_eq!(read(&[]), []);
        let bytes = [&[2, 0, 0, 0, 7, 8], &[255; 4][..], &[0; 4], &[1, 0, 0, 0, 9]].concat();
        assert_eq!(read(&bytes), [Some(&[7, 8][..]), None, Some(&[]), Some(&[9])]);
    }

    #[test]
    fn a_frame_that_is_cut_short_is_left_out() {
        let bytes = [1, 0, 0, 0, 9, 2, 0, 0, 0, 7, 8];
        for length in 5..bytes.len() {
            assert_eq!(read(&bytes[..length]), [Some(&[9][..])], "{length} bytes");
        }
        assert_eq!(read(&[254, 255, 255, 255, 0]), []);
    }
}
