//! Several byte strings in one, in which JavaScript passes fetched values.
//!
//! Each is its length in four bytes, little-endian, and its bytes; the length 2³² − 1 without bytes stands for an
//! absent value.

use alloc::vec::Vec;

use crate::contract::ABSENT;

/// The byte strings; if `bytes` ends within one, only those before it.
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
    fn frames_are_decoded_in_order() {
        assert_eq!(read(&[]), []);
        let bytes = [&[2, 0, 0, 0, 7, 8], &[255; 4][..], &[0; 4], &[1, 0, 0, 0, 9]].concat();
        assert_eq!(read(&bytes), [Some(&[7, 8][..]), None, Some(&[]), Some(&[9])]);
    }

    #[test]
    fn truncated_frame_is_left_out() {
        let bytes = [1, 0, 0, 0, 9, 2, 0, 0, 0, 7, 8];
        for length in 5..bytes.len() {
            assert_eq!(read(&bytes[..length]), [Some(&[9][..])], "{length} bytes");
        }
        assert_eq!(read(&[254, 255, 255, 255, 0]), []);
    }
}
