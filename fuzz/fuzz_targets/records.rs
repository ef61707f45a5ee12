//! Whatever the bytes are, reading them as what verifiers store and are answered ends without a panic; and what is read is
//! written as exactly those bytes, so that nothing has two encodings.

#![no_main]

use counterfoil_verify::{Answer, Encoded, Grant, OwnerRecord, TokenRecord, WorkspaceRecord};
use libfuzzer_sys::fuzz_target;

/// Whether the bytes are an item of that type.
fn is<T: Encoded>(bytes: &[u8]) -> bool {
    let Ok(item) = T::decode(bytes) else { return false };
    assert_eq!(item.encode(), bytes, "an item has one encoding");
    // Nor is one read from a part of itself, or with anything behind it.
    assert!(T::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(T::decode(&[bytes, &[0]].concat()).is_err());
    true
}

/// A grant's last field has no bytes where it is absent, so a part of it may be one; it is no other's part that is.
fn is_grant(bytes: &[u8]) -> bool {
    let Ok(grant) = Grant::decode(bytes) else { return false };
    // An edition that is said to be absent in so many bytes is as absent.
    let without = grant.edition.is_none() && bytes.last() == Some(&0);
    assert!(grant.encode() == bytes || (without && grant.encode() == bytes[..bytes.len() - 1]));
    true
}

fuzz_target!(|bytes: &[u8]| {
    let kinds = [
        is::<TokenRecord>(bytes),
        is::<OwnerRecord>(bytes),
        is::<WorkspaceRecord>(bytes),
        is::<Answer>(bytes),
        is_grant(bytes),
    ];
    assert!(kinds.iter().filter(|is| **is).count() <= 1, "no item is of two kinds");
});
