//! Properties of every token value and of every text.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

use counterfoil_token::{Digest, Prefix, Presented, SealKey, Token, TokenRef, WorkspaceKey};
use proptest::{array, collection::vec, prelude::*};
use sha2::{Digest as _, Sha256};

/// Creates a token value from random bytes that start with `seed` and continue evenly.
fn mint(prefix: &str, workspace: &str, key: [u8; 32], seed: [u8; 32]) -> Token {
    let mut stream = seed.into_iter().chain((0..=u8::MAX).cycle());
    Token::mint(
        &Prefix::parse(prefix).unwrap(),
        WorkspaceKey::parse(workspace).unwrap(),
        &SealKey::from_bytes(key),
        &mut |bytes| bytes.fill_with(|| stream.next().unwrap()),
    )
    .unwrap()
}

fn is_ours(text: &[u8]) -> bool {
    matches!(Presented::parse(text), Ok(Presented::Ours(_)))
}

/// The same body with its right checksum.
fn with_right_check(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let checked = &text[..text.len() - 6];
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(checked);
    let check = (0..6).rev().map(|place| DIGITS[(u64::from(crc) / 62_u64.pow(place) % 62) as usize]);
    checked.iter().copied().chain(check).collect()
}

proptest! {
    #[test]
    fn created_token_parses_into_its_parts(
        prefix in "[a-z]([a-z0-9_]{0,10}[a-z0-9])?",
        workspace in "[0-9A-Za-z]{6}",
        key in array::uniform32(any::<u8>()),
        seed in array::uniform32(any::<u8>()),
    ) {
        let minted = mint(&prefix, &workspace, key, seed);
        let text = minted.as_ref().expose();
        prop_assert_eq!(text.len(), prefix.len() + 1 + 42);

        let token = TokenRef::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(token.expose(), text);
        prop_assert_eq!(token.prefix(), &prefix);
        let key_of_text = token.workspace();
        prop_assert_eq!(key_of_text.as_str(), &workspace);
        prop_assert!(token.is_sealed_by(&SealKey::from_bytes(key)));
        prop_assert_eq!(token.digest(), minted.as_ref().digest());
        prop_assert_eq!(token.hint().to_string(), format!("{prefix}_…{}", &text[text.len() - 4..]));
    }

    #[test]
    fn authentication_tag_verifies_under_its_own_key_only(
        key in array::uniform32(any::<u8>()),
        seed in array::uniform32(any::<u8>()),
        place in 0_usize..32,
        bit in 0_u32..8,
    ) {
        let token = mint("cft", "0abcde", key, seed);
        let mut other = key;
        other[place] ^= 1 << bit;
        prop_assert!(!token.as_ref().is_sealed_by(&SealKey::from_bytes(other)));
        prop_assert_ne!(SealKey::from_bytes(key), SealKey::from_bytes(other));
    }

    /// An attacker who changes a token value can recompute its checksum, but not its tag.
    #[test]
    fn changed_token_with_recomputed_checksum_fails_its_authentication_tag(
        key in array::uniform32(any::<u8>()),
        seed in array::uniform32(any::<u8>()),
        place in 0_usize..40,
        digit in "[0-9a-z]",
    ) {
        let token = mint("cft", "0abcde", key, seed);
        let mut text = token.as_ref().expose().as_bytes().to_vec();
        prop_assume!(text[place] != digit.as_bytes()[0]);
        text[place] = digit.as_bytes()[0];
        let text = with_right_check(&text);
        // If `_` or the prefix's first letter became a digit, it is no token value of ours at all.
        if let Ok(forged) = TokenRef::parse(&text) {
            prop_assert!(!forged.is_sealed_by(&SealKey::from_bytes(key)));
        } else {
            prop_assert!(place == 3 || place == 0);
        }
    }

    #[test]
    fn parsing_any_bytes_never_panics(text in vec(any::<u8>(), 0..600)) {
        check_parsed(&text)?;
    }

    #[test]
    fn parsing_texts_like_tokens_never_panics(text in "[a-z_0-9]{0,14}_?[0-9A-Za-z]{40,44}[!-~]{0,2}") {
        check_parsed(text.as_bytes())?;
        check_parsed(&with_right_check(text.as_bytes()))?;
    }

    /// Token values that differ in their secrets, in nothing, or only after them.
    #[test]
    fn tokens_are_equal_exactly_if_their_values_are(
        secret in array::uniform32(any::<u8>()), other_secret in any::<bool>(), other_key in any::<bool>(),
    ) {
        let one = mint("a", "0abcde", [1; 32], secret);
        let other = mint("a", "0abcde", [1 + u8::from(other_key); 32], secret.map(|byte| byte ^ u8::from(other_secret)));
        prop_assert_eq!(one == other, one.as_ref().expose() == other.as_ref().expose());
        prop_assert_eq!(one == other, !other_secret && !other_key);
        prop_assert_eq!(one.as_ref().digest().ct_eq(&other.as_ref().digest()), one == other);
    }

    #[test]
    fn digest_parses_either_case_and_displays_lower_case(bytes in array::uniform32(any::<u8>())) {
        let digest = Digest::from_bytes(bytes);
        let text = digest.to_string();
        prop_assert_eq!(&text, &hex_of(&bytes));
        prop_assert_eq!(Digest::from_hex(&text), Ok(digest));
        prop_assert_eq!(Digest::from_hex(&text.to_uppercase()), Ok(digest));
        prop_assert!(Digest::from_hex(&text[1..]).is_err());
        prop_assert!(Digest::from_hex(&text.replace(&text[..1], "g")).is_err());
    }
}

/// A parsed text exposes exactly itself and has that text's SHA-256.
fn check_parsed(text: &[u8]) -> Result<(), TestCaseError> {
    let exposed = match Presented::parse(text) {
        Ok(Presented::Ours(token)) => token.expose(),
        Ok(Presented::Foreign(foreign)) => foreign.expose(),
        Err(_) => return Ok(()),
    };
    prop_assert_eq!(exposed.as_bytes(), text);
    prop_assert_eq!(Presented::parse(text).unwrap().digest(), Digest::from_bytes(Sha256::digest(text).into()));
    Ok(())
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// CRC-32 detects every change within 32 consecutive bits, such as a change of one byte or of two neighbours.
#[test]
fn checksum_detects_a_changed_byte_and_swapped_neighbours() {
    for prefix in ["a", "cft", "acme_live", "abcdefghijkl"] {
        let token = mint(prefix, "0abcde", [3; 32], [9, 250, 61, 17].repeat(8).try_into().unwrap());
        let text = token.as_ref().expose().as_bytes();
        assert!(is_ours(text));
        for place in 0..text.len() {
            let mut changed = text.to_vec();
            for byte in (0..=u8::MAX).filter(|byte| *byte != text[place]) {
                changed[place] = byte;
                assert!(!is_ours(&changed), "{prefix}: byte {byte:#04x} at {place}");
            }
            let mut swapped = text.to_vec();
            let neighbour = (place + 1) % text.len();
            swapped.swap(place, neighbour);
            assert_eq!(is_ours(&swapped), text[place] == text[neighbour], "{prefix}: swapped at {place}");
        }
    }
}

#[test]
fn drawn_workspace_key_has_no_jurisdiction() {
    for first in 0..=u8::MAX {
        let mut stream = first..=u8::MAX;
        let key = WorkspaceKey::draw(&mut |bytes| bytes.fill_with(|| stream.next().unwrap_or(7)));
        let key = key.unwrap();
        assert!(key.as_str().starts_with('0'), "{key}");
        assert_eq!(WorkspaceKey::parse(key.as_str()), Ok(key));
    }
    assert!(WorkspaceKey::draw(&mut |_writes_nothing| ()).is_err());
}
