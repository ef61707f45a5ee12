//! A generated token value is valid, and with one changed byte it is not. Random input alone would hardly ever have a
//! correct checksum.

#![no_main]

use counterfoil_token::{Prefix, Presented, SealKey, Token, TokenRef, WorkspaceKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, [u8; 32], u8, u8, &[u8])| {
    let (prefix, workspace, key, place, byte, random) = input;
    let (Ok(prefix), Ok(workspace)) = (Prefix::parse(prefix), WorkspaceKey::parse(workspace)) else { return };
    let key = SealKey::from_bytes(key);
    let mut remaining = random.iter();
    let mut source = |bytes: &mut [u8]| bytes.iter_mut().zip(&mut remaining).for_each(|(to, from)| *to = *from);
    let Ok(created) = Token::mint(&prefix, workspace, &key, &mut source) else { return };

    let mut text = created.as_ref().expose().as_bytes().to_vec();
    let token = TokenRef::parse(&text).expect("a generated token value is well-formed");
    assert_eq!(token.prefix(), prefix.as_str());
    assert_eq!(token.workspace(), workspace);
    assert!(token.is_sealed_by(&key));

    let place = usize::from(place) % text.len();
    if text[place] != byte {
        text[place] = byte;
        assert!(!matches!(Presented::parse(&text), Ok(Presented::Ours(_))));
    }
});
