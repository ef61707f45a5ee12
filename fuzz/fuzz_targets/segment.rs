//! Opening arbitrary bytes as a segment, owner segment or manifest never panics, and a file that opens is the only encoding
//! of its content.

#![no_main]

use counterfoil_token::Digest;
use counterfoil_verify::{Encoded, Manifest, OwnerSegment, OwnerSegmentBuilder, Segment, SegmentBuilder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(segment) = Segment::open(file) {
        let mut builder = SegmentBuilder::new(*segment.header());
        for (truncated, token) in segment.tokens() {
            let mut digest = [0; 32];
            digest[..16].copy_from_slice(&truncated);
            let digest = Digest::from_bytes(digest);
            assert_eq!(segment.find(&digest).as_ref(), Some(&token));
            builder.push(&digest, &token, 0).expect("a record from a segment can be added to one");
        }
        assert_eq!(builder.len(), segment.len());
        assert_eq!(builder.finish(), file);
    }
    if let Ok(segment) = OwnerSegment::open(file) {
        let mut builder = OwnerSegmentBuilder::new(*segment.header()).expect("the header has a valid range");
        for owner in segment.owners() {
            assert_eq!(segment.find(owner.number).as_ref(), Some(&owner));
            builder.push(&owner).expect("a record from a segment can be added to one");
        }
        assert_eq!(builder.finish(), file);
    }
    if let Ok(manifest) = Manifest::decode(file) {
        assert_eq!(manifest.encode(), file);
    }
});
