//! Parsing a presented token value never panics, and an accepted value is identified by its SHA-256.

#![no_main]

use counterfoil_token::{Digest, Presented, TokenRef};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

fuzz_target!(|text: &[u8]| {
    let Ok(presented) = Presented::parse(text) else {
        assert!(TokenRef::parse(text).is_err());
        return;
    };
    assert_eq!(presented.digest(), Digest::from_bytes(Sha256::digest(text).into()));
    match presented {
        Presented::Ours(token) => {
            assert_eq!(token.expose().as_bytes(), text);
            let again = TokenRef::parse(token.expose().as_bytes()).expect("a token value parses again");
            assert_eq!(again.workspace(), token.workspace());
            assert_eq!(again.prefix(), token.prefix());
        }
        Presented::Foreign(foreign) => {
            assert_eq!(foreign.expose().as_bytes(), text);
            assert!(TokenRef::parse(text).is_err());
        }
    }
});
