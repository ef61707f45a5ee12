//! Test vectors of token values. Binary values are hexadecimal.

use anyhow::{Context as _, Result, ensure};
use counterfoil_token::{Digest, Prefix, Presented, SealSecret, Token, WorkspaceKey};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Vectors {
    format: u32,
    seal_secrets: Vec<SecretCase>,
    valid: Vec<ValidCase>,
    malformed: Vec<MalformedCase>,
    foreign: Vec<ForeignCase>,
    wrong_seal: Vec<WrongSealCase>,
    retired_secrets: Vec<RetiredCase>,
    no_entropy: Vec<NoEntropyCase>,
    prefixes: Names,
    workspace_keys: Names,
}

/// A seal secret and its epoch, the public name.
#[derive(Serialize)]
struct SecretCase {
    secret: String,
    epoch: String,
}

/// A token value and its parts. Its secret was drawn from `random`: 24 bytes, then one replacement for each rejected byte.
#[derive(Serialize)]
struct ValidCase {
    why: &'static str,
    text: String,
    prefix: &'static str,
    workspace: &'static str,
    random: String,
    seal_secret: String,
    seal_key: String,
    digest: String,
    hint: String,
}

/// A string that is neither a token value nor a possible third-party token.
#[derive(Serialize)]
struct MalformedCase {
    why: &'static str,
    text: String,
}

/// A possible third-party token.
#[derive(Serialize)]
struct ForeignCase {
    why: &'static str,
    text: String,
    digest: String,
    hint: String,
}

/// A token value whose authentication tag is not by `seal_key`, the key that `seal_secret` gives for its workspace.
#[derive(Serialize)]
struct WrongSealCase {
    why: &'static str,
    text: String,
    workspace: &'static str,
    seal_secret: String,
    seal_key: String,
}

/// A deployment's seal secrets, the current one first, and the index of the one that authenticates the token value.
#[derive(Serialize)]
struct RetiredCase {
    why: &'static str,
    text: String,
    secrets: Vec<String>,
    opened_by: Option<usize>,
}

/// Random bytes from which no token value can be generated. After them the source writes nothing.
#[derive(Serialize)]
struct NoEntropyCase {
    why: &'static str,
    random: String,
}

#[derive(Serialize)]
struct Names {
    valid: Vec<&'static str>,
    invalid: Vec<&'static str>,
}

/// Key material for each of the deployment's secrets, of different allowed lengths.
struct Secrets {
    current: Vec<u8>,
    retired: Vec<u8>,
    older: Vec<u8>,
}

const WORKSPACE: &str = "0k3Yab";
const OTHER_WORKSPACE: &str = "0k3Yac";

/// # Errors
///
/// If a case does not have the expected result.
pub(super) fn vectors() -> Result<Vectors> {
    let secrets = Secrets {
        current: bytes("current secret", 32),
        retired: bytes("retired secret", 64),
        older: bytes("older secret", 100),
    };
    Ok(Vectors {
        format: 1,
        seal_secrets: [&secrets.current, &secrets.retired, &secrets.older]
            .into_iter()
            .map(|secret| {
                Ok(SecretCase { secret: hex::encode(secret), epoch: SealSecret::new(secret)?.epoch().to_string() })
            })
            .collect::<Result<_>>()?,
        valid: valid(&secrets)?,
        malformed: malformed(&secrets)?,
        foreign: foreign(&secrets)?,
        wrong_seal: wrong_seal(&secrets)?,
        retired_secrets: retired_secrets(&secrets)?,
        no_entropy: no_entropy(),
        prefixes: Names {
            valid: vec!["a", "cft", "z9", "a_b", "a__b", "acme_live_01", "abcdefghijkl"],
            invalid: vec![
                "",
                "_",
                "a_",
                "_a",
                "9a",
                "A",
                "aB",
                "a-b",
                "a b",
                "a.b",
                "ä",
                "a\n",
                "abcdefghijklm",
                "abcdefghijk_",
            ],
        },
        workspace_keys: Names {
            valid: vec!["000000", "0abcde", "0Az9Za", "zzzzzz"],
            invalid: vec!["", "00000", "0000000", "00000_", "00000-", " 00000", "00000é", "0000é"],
        },
    })
}

fn valid(secrets: &Secrets) -> Result<Vec<ValidCase>> {
    let Secrets { current, retired, older } = secrets;
    let case = |why, prefix, workspace, secret: &[u8], random: &[u8]| {
        let key = SealSecret::new(secret)?.key_for(WorkspaceKey::parse(workspace)?);
        let mut used = Vec::new();
        let token = generate(prefix, workspace, (secret, workspace), random, &mut used)?;
        let token = token.as_ref();
        Ok(ValidCase {
            why,
            text: token.expose().to_owned(),
            prefix,
            workspace,
            random: hex::encode(&used),
            seal_secret: hex::encode(secret),
            seal_key: hex::encode(key.expose()),
            digest: token.digest().to_string(),
            hint: token.hint().to_string(),
        })
    };
    // 12 of the first 24 bytes are rejected, and 3 of their replacements.
    let edges = [
        [[255; 6], [0; 6], [248; 6], [61; 6]].as_flattened(),
        &[62, 252, 249, 1, 247, 2, 3, 4, 255, 5, 6, 7, 8, 9, 10],
    ]
    .concat();
    [
        case("the default prefix", "cft", WORKSPACE, current, &bytes("1", 99)),
        case("the same random bytes in another workspace", "cft", OTHER_WORKSPACE, current, &bytes("1", 99)),
        case("the same random bytes under another secret", "cft", WORKSPACE, retired, &bytes("1", 99)),
        case("the same random bytes under another prefix", "cfu", WORKSPACE, current, &bytes("1", 99)),
        case("the shortest prefix", "a", WORKSPACE, current, &bytes("2", 99)),
        case("the longest prefix", "abcdefghijkl", WORKSPACE, retired, &bytes("3", 99)),
        case("a prefix with _ inside", "acme_live", WORKSPACE, current, &bytes("4", 99)),
        case("a prefix with two _ in a row and a digit at its end", "a__9", WORKSPACE, current, &bytes("5", 99)),
        case("the lowest workspace key and secret", "cft", "000000", current, &[0; 24]),
        case("the highest workspace key and secret, in an unassigned jurisdiction", "cft", "zzzzzz", older, &[247; 24]),
        case("random bytes at the limit for rejection", "cft", WORKSPACE, older, &edges),
        case("the last of 24 bytes redrawn the maximum number of times", "cft", WORKSPACE, current, &last_redrawn(63)),
    ]
    .into_iter()
    .collect()
}

fn malformed(secrets: &Secrets) -> Result<Vec<MalformedCase>> {
    let mut used = Vec::new();
    let token = generate("cft", WORKSPACE, (&secrets.current, WORKSPACE), &bytes("6", 99), &mut used)?;
    let text = token.as_ref().expose();
    // `cft_` · 6 characters of the workspace · 24 of the secret · 6 of the authentication tag · 6 of the checksum.
    let replaced = |place: usize| {
        let other = |c: char| if c == 'x' { 'y' } else { 'x' };
        text.chars().enumerate().map(|(at, c)| if at == place { other(c) } else { c }).collect::<String>()
    };
    let swapped = {
        // Two adjacent, different characters of the secret.
        let (at, (a, b)) = text
            .chars()
            .zip(text.chars().skip(1))
            .enumerate()
            .skip(10)
            .find(|(_, (a, b))| a != b)
            .context("a varied secret")?;
        text.chars()
            .enumerate()
            .map(|(i, c)| {
                if i == at {
                    b
                } else if i == at + 1 {
                    a
                } else {
                    c
                }
            })
            .collect::<String>()
    };
    let body = text.strip_prefix("cft_").context("the prefix")?;
    let with_checksum = |checksum: &str| text.chars().take(40).chain(checksum.chars()).collect::<String>();
    [
        ("empty", String::new()),
        ("shorter than any third-party token", "!".repeat(15)),
        ("longer than any third-party token", "!".repeat(513)),
        ("the prefix changed", format!("cfu_{body}")),
        ("the prefix lengthened", format!("xcft_{body}")),
        ("the workspace changed", replaced(4)),
        ("the first character of the secret changed", replaced(10)),
        ("the last character of the secret changed", replaced(33)),
        ("the authentication tag changed", replaced(34)),
        ("the first character of the checksum changed", replaced(40)),
        ("the last character of the checksum changed", replaced(45)),
        ("two adjacent characters swapped", swapped),
        ("in lower case", text.to_lowercase()),
        ("a checksum of zeros", with_checksum("000000")),
        ("a checksum above 32 bits", with_checksum("zzzzzz")),
        ("a space before", format!(" {text}")),
        ("a line feed after", format!("{text}\n")),
        ("a NUL after", format!("{text}\0")),
        ("the authentication scheme not removed", format!("Bearer {text}")),
        ("a tab inside", text.replacen('_', "\t", 1)),
        ("a character that is not ASCII", text.replacen('c', "é", 1)),
        ("full-width digits", "０１２３４５６７８９０１２３４５".to_owned()),
        ("a space in a third-party token", "not one of ours at all".to_owned()),
        ("a DEL in a third-party token", format!("{}\u{7f}", "f".repeat(20))),
    ]
    .into_iter()
    .map(|(why, text)| {
        ensure!(Presented::parse(text.as_bytes()).is_err(), "{why}: is not malformed");
        Ok(MalformedCase { why, text })
    })
    .collect()
}

fn foreign(secrets: &Secrets) -> Result<Vec<ForeignCase>> {
    let mut used = Vec::new();
    let token = generate("cft", WORKSPACE, (&secrets.current, WORKSPACE), &bytes("7", 99), &mut used)?;
    let text = token.as_ref().expose();
    let body = text.strip_prefix("cft_").context("the prefix")?;
    [
        ("the shortest", "!".repeat(16)),
        ("the longest", "~".repeat(512)),
        ("hexadecimal", hex::encode(bytes("8", 20))),
        ("a UUID", "b9b1fb5e-52a7-4d8a-9f3f-6a1a6c2f7d10".to_owned()),
        ("three parts, like a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned()),
        ("every visible character", (b'!'..=b'~').map(char::from).collect()),
        ("similar to a token value: one character fewer", text.chars().take(45).collect()),
        ("similar to a token value: one character more", format!("{text}0")),
        ("similar to a token value: no prefix", format!("_{body}")),
        ("similar to a token value: no prefix and no _", body.to_owned()),
        ("similar to a token value: - in place of _", format!("cft-{body}")),
        ("similar to a token value: a prefix in upper case", format!("CFT_{body}")),
        ("similar to a token value: a prefix that starts with a digit", format!("1ft_{body}")),
        ("similar to a token value: a prefix that ends in _", format!("cft__{body}")),
        ("similar to a token value: a prefix of 13 characters", format!("abcdefghijklm_{body}")),
        (
            "similar to a token value: a - in the secret",
            text.chars().enumerate().map(|(at, c)| if at == 20 { '-' } else { c }).collect(),
        ),
        (
            "similar to a token value: a _ in the secret",
            text.chars().enumerate().map(|(at, c)| if at == 20 { '_' } else { c }).collect(),
        ),
        ("similar to a token value: the value twice", format!("{text}{text}")),
    ]
    .into_iter()
    .map(|(why, text)| {
        let presented = Presented::parse(text.as_bytes())?;
        ensure!(matches!(presented, Presented::Foreign(_)), "{why}: is not a third-party token");
        Ok(ForeignCase {
            why,
            digest: Digest::of(text.as_bytes()).to_string(),
            hint: presented.hint().to_string(),
            text,
        })
    })
    .collect()
}

fn wrong_seal(secrets: &Secrets) -> Result<Vec<WrongSealCase>> {
    let Secrets { current, retired, .. } = secrets;
    let case = |why, sealed_with: (&[u8], &str), checked_with: &[u8]| {
        let mut used = Vec::new();
        let token = generate("cft", WORKSPACE, sealed_with, &bytes("9", 99), &mut used)?;
        let key = SealSecret::new(checked_with)?.key_for(WorkspaceKey::parse(WORKSPACE)?);
        ensure!(!token.as_ref().is_sealed_by(&key), "{why}: the authentication tag is correct");
        Ok(WrongSealCase {
            why,
            text: token.as_ref().expose().to_owned(),
            workspace: WORKSPACE,
            seal_secret: hex::encode(checked_with),
            seal_key: hex::encode(key.expose()),
        })
    };
    [
        case("authenticated with another secret", (retired, WORKSPACE), current),
        case(
            "authenticated with a secret that differs in its last byte",
            (&last_byte_flipped(current), WORKSPACE),
            current,
        ),
        case(
            "authenticated with a secret that has the correct one as its prefix",
            (&[current.as_slice(), &[0]].concat(), WORKSPACE),
            current,
        ),
        case("authenticated with the key of another workspace", (current, OTHER_WORKSPACE), current),
    ]
    .into_iter()
    .collect()
}

fn retired_secrets(secrets: &Secrets) -> Result<Vec<RetiredCase>> {
    let Secrets { current, retired, older } = secrets;
    let case = |why, sealed_with: &[u8], list: &[&Vec<u8>], opened_by| {
        let mut used = Vec::new();
        let token = generate("cft", WORKSPACE, (sealed_with, WORKSPACE), &bytes("10", 99), &mut used)?;
        let secrets = list.iter().map(hex::encode).collect();
        Ok(RetiredCase { why, text: token.as_ref().expose().to_owned(), secrets, opened_by })
    };
    [
        case("the current secret", current, &[current, retired, older], Some(0)),
        case("a retired secret", retired, &[current, retired, older], Some(1)),
        case("the oldest secret", older, &[current, retired, older], Some(2)),
        case("the list in another order", current, &[older, retired, current], Some(2)),
        case("a secret that was removed", retired, &[current, older], None),
        case("no secrets at all", current, &[], None),
    ]
    .into_iter()
    .collect()
}

fn no_entropy() -> Vec<NoEntropyCase> {
    vec![
        NoEntropyCase { why: "no bytes", random: String::new() },
        NoEntropyCase { why: "23 usable bytes, then none", random: hex::encode([7; 23]) },
        NoEntropyCase {
            why: "a usable byte, but only after the last of 24 bytes was redrawn 64 times",
            random: hex::encode(last_redrawn(64)),
        },
    ]
}

/// 24 bytes of which the last is rejected, then `rejected` more bytes that are rejected, then one that is accepted.
fn last_redrawn(rejected: usize) -> Vec<u8> {
    [vec![7; 23], vec![248; 1 + rejected], vec![9]].concat()
}

/// Generates a token value, authenticated with the key that a secret gives for a workspace: another one than the token's if
/// the authentication tag is to be wrong. The bytes that are drawn from the start of `random` are added to `used`.
fn generate(
    prefix: &str,
    workspace: &str,
    sealed_with: (&[u8], &str),
    random: &[u8],
    used: &mut Vec<u8>,
) -> Result<Token> {
    let (secret, key_workspace) = sealed_with;
    let key = SealSecret::new(secret)?.key_for(WorkspaceKey::parse(key_workspace)?);
    let mut remaining = random.iter();
    let token = Token::mint(&Prefix::parse(prefix)?, WorkspaceKey::parse(workspace)?, &key, &mut |bytes| {
        for (to, from) in bytes.iter_mut().zip(&mut remaining) {
            *to = *from;
            used.push(*from);
        }
    })?;
    Ok(token)
}

/// Pseudorandom bytes, the same in every run.
fn bytes(label: &str, count: usize) -> Vec<u8> {
    (0_u32..).flat_map(|block| *Digest::of(format!("{label} {block}").as_bytes()).as_bytes()).take(count).collect()
}

fn last_byte_flipped(secret: &[u8]) -> Vec<u8> {
    let mut other = secret.to_vec();
    other.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    other
}
