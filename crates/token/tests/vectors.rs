//! Replays `tests/vectors/token.json`, the contract of every implementation of the token format.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use counterfoil_token::{
    Digest, Foreign, Malformed, NoEntropy, Prefix, Presented, SealEpoch, SealKey, SealSecret, Token, TokenRef,
    WorkspaceKey,
};
use serde::{Deserialize, Deserializer, de};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    format: u32,
    seal_secrets: Vec<Secret>,
    valid: Vec<Valid>,
    malformed: Vec<Text>,
    foreign: Vec<ForeignText>,
    wrong_seal: Vec<WrongSeal>,
    retired_secrets: Vec<RetiredSecrets>,
    no_entropy: Vec<Source>,
    prefixes: Names,
    workspace_keys: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    secret: Hex,
    epoch: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    why: String,
    text: String,
    prefix: String,
    workspace: String,
    random: Hex,
    seal_secret: Hex,
    seal_key: Hex,
    digest: String,
    hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    why: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignText {
    why: String,
    text: String,
    digest: String,
    hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrongSeal {
    why: String,
    text: String,
    workspace: String,
    seal_secret: Hex,
    seal_key: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetiredSecrets {
    why: String,
    text: String,
    secrets: Vec<Hex>,
    opened_by: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    why: String,
    random: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    valid: Vec<String>,
    invalid: Vec<String>,
}

/// Bytes, hexadecimal in the file.
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = vec![0; text.len() / 2];
        hex::decode_to_slice(text, &mut bytes).map_err(de::Error::custom)?;
        Ok(Self(bytes))
    }
}

impl Hex {
    fn seal_secret(&self) -> SealSecret {
        SealSecret::new(&self.0).unwrap()
    }

    fn seal_key(&self) -> SealKey {
        SealKey::from_bytes(self.0.as_slice().try_into().unwrap())
    }
}

fn vectors() -> Vectors {
    let vectors: Vectors = serde_json::from_str(include_str!("../../../tests/vectors/token.json")).unwrap();
    assert_eq!(vectors.format, 1);
    vectors
}

fn ours<'a>(text: &'a str, why: &str) -> TokenRef<'a> {
    match Presented::parse(text.as_bytes()) {
        Ok(Presented::Ours(token)) => token,
        other => panic!("{why}: {other:?}"),
    }
}

#[test]
fn seal_secrets_have_their_epochs() {
    for Secret { secret, epoch } in vectors().seal_secrets {
        assert_eq!(secret.seal_secret().epoch(), SealEpoch::from_hex(&epoch).unwrap());
        assert_eq!(secret.seal_secret().epoch().to_string(), epoch);
    }
}

#[test]
fn valid_tokens_parse_into_their_parts() {
    for case in vectors().valid {
        let token = ours(&case.text, &case.why);
        assert_eq!(token.expose(), case.text, "{}", case.why);
        assert_eq!(token.prefix(), case.prefix, "{}", case.why);
        assert_eq!(token.workspace().as_str(), case.workspace, "{}", case.why);
        assert_eq!(token.digest(), Digest::from_hex(&case.digest).unwrap(), "{}", case.why);
        assert_eq!(token.digest().to_string(), case.digest, "{}", case.why);
        assert_eq!(token.hint().to_string(), case.hint, "{}", case.why);
        assert!(token.is_sealed_by(&case.seal_key.seal_key()), "{}", case.why);
    }
}

#[test]
fn valid_tokens_are_created_from_their_random_bytes() {
    for case in vectors().valid {
        let workspace = WorkspaceKey::parse(&case.workspace).unwrap();
        let key = case.seal_secret.seal_secret().key_for(workspace);
        assert_eq!(key, case.seal_key.seal_key(), "{}", case.why);

        let mut random = case.random.0.into_iter();
        let mut source = |bytes: &mut [u8]| bytes.fill_with(|| random.next().unwrap());
        let token = Token::mint(&Prefix::parse(&case.prefix).unwrap(), workspace, &key, &mut source).unwrap();
        assert_eq!(token.as_ref().expose(), case.text, "{}", case.why);
        assert_eq!(random.next(), None, "{}: unused random bytes", case.why);
    }
}

#[test]
fn malformed_token_values_are_rejected() {
    for Text { why, text } in vectors().malformed {
        assert!(Presented::parse(text.as_bytes()).is_err(), "{why}");
        assert!(TokenRef::parse(text.as_bytes()).is_err(), "{why}");
    }
}

#[test]
fn malformed_error_says_what_is_wrong_without_repeating_the_value() {
    let reason = |why: &str| match why {
        "empty" | "shorter than any third-party token" => Malformed::TooShort,
        "longer than any third-party token" => Malformed::TooLong,
        "the authentication scheme not removed" => Malformed::Scheme,
        "a space before" | "a line feed after" | "a tab inside" | "a space in a third-party token" => Malformed::Space,
        "a NUL after" | "a character that is not ASCII" | "full-width digits" | "a DEL in a third-party token" => {
            Malformed::Character
        }
        _ => Malformed::Check,
    };
    let texts = vectors().malformed;
    for Text { why, text } in &texts {
        let found = Presented::parse(text.as_bytes()).unwrap_err();
        assert_eq!(found, reason(why), "{why}");
        assert!(text.len() < 4 || !found.to_string().contains(text), "{why}: the error repeats the value");
    }
    assert_eq!(texts.iter().filter(|case| reason(&case.why) == Malformed::Check).count(), 12);
    for scheme in ["bearer x", "TOKEN 0123456789abcdef", "Basic "] {
        assert_eq!(Presented::parse(scheme.as_bytes()).unwrap_err(), Malformed::Scheme, "{scheme}");
    }
    assert_eq!(Presented::parse(b"Bearer").unwrap_err(), Malformed::TooShort);
    assert_eq!(TokenRef::parse(b"sk-0123456789abcdef").unwrap_err(), Malformed::Shape);
}

#[test]
fn third_party_tokens_are_identified_by_their_digest() {
    for case in vectors().foreign {
        let foreign: Foreign<'_> = match Presented::parse(case.text.as_bytes()) {
            Ok(Presented::Foreign(foreign)) => foreign,
            other => panic!("{}: {other:?}", case.why),
        };
        assert_eq!(foreign.expose(), case.text, "{}", case.why);
        assert_eq!(foreign.digest().to_string(), case.digest, "{}", case.why);
        assert_eq!(foreign.hint().to_string(), case.hint, "{}", case.why);
        assert_eq!(TokenRef::parse(case.text.as_bytes()).err(), Some(Malformed::Shape), "{}", case.why);
    }
}

#[test]
fn wrong_authentication_tags_are_detected() {
    for case in vectors().wrong_seal {
        let token = ours(&case.text, &case.why);
        let workspace = WorkspaceKey::parse(&case.workspace).unwrap();
        assert_eq!(token.workspace(), workspace, "{}", case.why);
        assert_eq!(case.seal_secret.seal_secret().key_for(workspace), case.seal_key.seal_key(), "{}", case.why);
        assert!(!token.is_sealed_by(&case.seal_key.seal_key()), "{}", case.why);
    }
}

#[test]
fn retired_seal_secrets_still_verify_their_tokens() {
    for case in vectors().retired_secrets {
        let token = ours(&case.text, &case.why);
        let opens = |secret: &Hex| token.is_sealed_by(&secret.seal_secret().key_for(token.workspace()));
        assert_eq!(case.secrets.iter().position(opens), case.opened_by, "{}", case.why);
    }
}

#[test]
fn source_without_entropy_creates_no_token() {
    let key = SealKey::from_bytes([7; 32]);
    let workspace = WorkspaceKey::parse("0abcde").unwrap();
    for Source { why, random } in vectors().no_entropy {
        let mut random = random.0.into_iter();
        let mut source = |bytes: &mut [u8]| bytes.iter_mut().zip(&mut random).for_each(|(to, from)| *to = from);
        let minted = Token::mint(&Prefix::default(), workspace, &key, &mut source);
        assert_eq!(minted.err(), Some(NoEntropy), "{why}");
    }
}

#[test]
fn prefixes_and_workspace_keys_are_validated() {
    let Vectors { prefixes, workspace_keys, .. } = vectors();
    for text in prefixes.valid {
        assert_eq!(Prefix::parse(&text).unwrap().as_str(), text);
    }
    for text in prefixes.invalid {
        assert!(Prefix::parse(&text).is_err(), "{text:?}");
    }
    for text in workspace_keys.valid {
        assert_eq!(WorkspaceKey::parse(&text).unwrap().as_str(), text);
    }
    for text in workspace_keys.invalid {
        assert!(WorkspaceKey::parse(&text).is_err(), "{text:?}");
    }
}
