//! Whatever the bytes are, opening them ends without a panic; and what opens is the one encoding of what is in it.

#![no_main]

use counterfoil_token::Digest;
use counterfoil_verify::{Encoded, Manifest, OwnerSegment, OwnerSegmentBuilder, Segment, SegmentBuilder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(segment) = Segment::open(file) {
        let mut builder = SegmentBuilder::new(*segment.header());
        for (cut, token) in segment.tokens() {
            let mut digest = [0; 32];
            digest[..16].copy_from_slice(&cut);
            let digest = Digest::from_bytes(digest);
            assert_eq!(segment.find(&digest).as_ref(), Some(&token));
            builder.push(&digest, &token, 0).expect("what is in a segment has a place in one");
        }
        assert_eq!(builder.len(), segment.len());
        assert_eq!(builder.finish(), file);
    }
    if let Ok(segment) = OwnerSegment::open(file) {
        let mut builder = OwnerSegmentBuilder::new(*segment.header()).expect("a range that is one");
        for owner in segment.owners() {
            assert_eq!(segment.find(owner.number).as_ref(), Some(&owner));
            builder.push(&owner).expect("what is in a segment has a place in one");
        }
        assert_eq!(builder.finish(), file);
    }
    if let Ok(manifest) = Manifest::decode(file) {
        assert_eq!(manifest.encode(), file);
    }
});
