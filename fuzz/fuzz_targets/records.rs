//! Decoding records and responses never panics, and a decoded item encodes to the same bytes, so no item has two encodings.

#![no_main]

use counterfoil_verify::{Answer, Encoded, Grant, OwnerRecord, TokenRecord, WorkspaceRecord};
use libfuzzer_sys::fuzz_target;

/// Whether the bytes are an item of this type.
fn is<T: Encoded>(bytes: &[u8]) -> bool {
    let Ok(item) = T::decode(bytes) else { return false };
    assert_eq!(item.encode(), bytes, "an item has one encoding");
    // Truncated or with trailing bytes, it does not decode.
    assert!(T::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(T::decode(&[bytes, &[0]].concat()).is_err());
    true
}

/// Like `is`. A grant's last field takes no bytes if it is absent, so a truncated grant may decode.
fn is_grant(bytes: &[u8]) -> bool {
    let Ok(grant) = Grant::decode(bytes) else { return false };
    // An absent edition may also be encoded as a zero byte.
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
    assert!(kinds.iter().filter(|is| **is).count() <= 1, "no bytes decode as items of two kinds");
});
