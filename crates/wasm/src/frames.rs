//! Several byte strings in one, as JavaScript hands fetched values in.
//!
//! Each is four bytes, the length little-endian, then as many bytes; a length of 2³² − 1 and no bytes stand for a value
//! that is not there.

const ABSENT: u32 = u32::MAX;

/// The byte strings; `None` where `bytes` ends within one.
pub(crate) fn read(mut bytes: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let mut items = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let item = match u32::from_le_bytes(*length) {
            ABSENT => (None, rest),
            length => {
                let (item, rest) = rest.split_at_checked(length as usize)?;
                (Some(item.to_vec()), rest)
            }
        };
        items.push(item.0);
        bytes = item.1;
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

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
