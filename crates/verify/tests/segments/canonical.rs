//! Each content has exactly one file, and no other file is opened.

use crate::world::{content, rebuilt};
use counterfoil_verify::{ContentHash, RecordError, Segment};
use proptest::{collection::vec, prelude::*, sample::Index};

/// A modified file is rejected, or is the canonical encoding of another content. In both cases its hash differs.
fn is_refused_or_another(changed: Vec<u8>, file: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(ContentHash::of(&changed) != ContentHash::of(file));
    if let Ok(segment) = Segment::open(changed.clone()) {
        prop_assert_eq!(segment.bytes(), &changed);
        prop_assert!(rebuilt(&segment) == changed);
    }
    Ok(())
}

proptest! {
    #[test]
    fn segment_bytes_depend_on_its_content_alone(content in content(0..60)) {
        let file = content.file();
        prop_assert_eq!(content.file(), file.clone());
        prop_assert!(rebuilt(&Segment::open(file.clone()).unwrap()) == file);
    }

    #[test]
    fn truncated_or_extended_files_are_rejected(content in content(0..12), more in vec(any::<u8>(), 1..9)) {
        let file = content.file();
        for length in 0..file.len() {
            prop_assert_eq!(Segment::open(&file[..length]).err(), Some(RecordError::Malformed), "{}", length);
        }
        for count in 1..=more.len() {
            let longer = [&file, &more[..count]].concat();
            prop_assert_eq!(Segment::open(longer).err(), Some(RecordError::Malformed));
        }
    }

    #[test]
    fn flipped_bit_is_rejected_or_another_canonical_segment(content in content(0..10)) {
        let file = content.file();
        for bit in 0..8 * file.len() {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            is_refused_or_another(changed, &file)?;
        }
    }

    #[test]
    fn changed_byte_is_rejected_or_another_canonical_segment(
        content in content(0..40), changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let file = content.file();
        let mut changed = file.clone();
        for (at, byte) in changes {
            let at = at.index(file.len());
            changed[at] = byte;
        }
        if changed != file {
            is_refused_or_another(changed, &file)?;
        }
    }

    #[test]
    fn opening_any_bytes_terminates_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        for file in [bytes.clone(), [b"\x01s0Ab3dE", &bytes[..]].concat()] {
            if let Ok(segment) = Segment::open(file.clone()) {
                prop_assert!(rebuilt(&segment) == file);
            }
        }
    }
}
