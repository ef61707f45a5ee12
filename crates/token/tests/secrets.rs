//! Secrets are not revealed by accident: not through `Debug`, `Display`, a serializer or freed memory.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test")]

use counterfoil_token::{Digest, Foreign, Prefix, Presented, SealKey, SealSecret, Token, TokenRef, WorkspaceKey};
use std::{fmt, marker::PhantomData, mem::MaybeUninit};

const KEY: [u8; 32] = *b"key material that must not show!";

fn token() -> Token {
    let key = SealKey::from_bytes(KEY);
    Token::mint(&Prefix::default(), WorkspaceKey::parse("0abcde").unwrap(), &key, &mut |bytes| bytes.fill(40)).unwrap()
}

#[test]
fn debug_output_shows_no_secrets() {
    let token = token();
    let foreign = "somebody-elses-secret-token";
    let seal_secret = SealSecret::new(&KEY).unwrap();

    assert_eq!(format!("{token:?}"), "Token { .. }");
    assert_eq!(format!("{:?}", token.as_ref()), "TokenRef { .. }");
    assert_eq!(format!("{:?}", Presented::parse(token.as_ref().expose().as_bytes())), "Ok(Ours(TokenRef { .. }))");
    assert_eq!(format!("{:?}", Presented::parse(foreign.as_bytes())), "Ok(Foreign(Foreign { .. }))");
    assert_eq!(format!("{seal_secret:?}"), "SealSecret { .. }");
    assert_eq!(format!("{:?}", SealKey::from_bytes(KEY)), "SealKey { .. }");
    // The alternate form takes another path through the formatter.
    assert_eq!(format!("{token:#?}"), "Token { .. }");
}

#[test]
fn masked_token_shows_the_prefix_and_the_last_four_characters() {
    let token = token();
    let text = token.as_ref().expose();
    assert_eq!(token.as_ref().hint().to_string(), format!("cft_…{}", &text[42..]));
    assert_eq!(Presented::parse(b"somebody-elses-secret-token").unwrap().hint().to_string(), "…oken");
}

/// Whether a type implements a trait, decided by the compiler: if the bound holds, the inherent constant hides the
/// trait's.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        struct Probe<T>(PhantomData<T>);
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T> Otherwise for Probe<T> {}
        impl<T: $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

#[test]
#[allow(dead_code, reason = "of the two constants, one answers and the other is never used")]
fn secrets_have_neither_display_nor_serialize() {
    assert!(!has!(Token: fmt::Display) && !has!(Token: serde::Serialize) && !has!(Token: Clone));
    assert!(!has!(TokenRef<'static>: fmt::Display) && !has!(TokenRef<'static>: serde::Serialize));
    assert!(!has!(Foreign<'static>: fmt::Display) && !has!(Foreign<'static>: serde::Serialize));
    assert!(!has!(Presented<'static>: fmt::Display) && !has!(Presented<'static>: serde::Serialize));
    assert!(!has!(SealKey: fmt::Display) && !has!(SealKey: serde::Serialize));
    assert!(!has!(SealSecret: fmt::Display) && !has!(SealSecret: serde::Serialize) && !has!(SealSecret: Clone));
    // The macro can also return true.
    assert!(has!(Digest: fmt::Display) && has!(Digest: Clone) && has!(String: serde::Serialize));
}

/// The bytes that a value leaves in memory when it is dropped.
#[expect(unsafe_code, reason = "only memory that was let go shows whether it was wiped")]
fn left_behind<T>(value: T) -> Vec<u8> {
    let mut place = MaybeUninit::new(value);
    // SAFETY: the place was initialised above and is dropped once. The types in question are plain bytes without
    // padding, so every byte of the place is initialised before the drop and after it.
    unsafe {
        place.assume_init_drop();
        std::slice::from_raw_parts(place.as_ptr().cast::<u8>(), size_of::<T>()).to_vec()
    }
}

#[test]
fn secrets_are_wiped_when_dropped() {
    let text = token().as_ref().expose().to_owned();
    let left = left_behind(token());
    assert_eq!(left.len(), 56);
    assert!(!left.windows(4).any(|window| text.as_bytes().windows(4).any(|part| part == window)));

    assert_eq!(left_behind(SealKey::from_bytes(KEY)), [0; 32]);
    assert_eq!(left_behind(SealSecret::new(&KEY).unwrap()), [0; 32]);
}
