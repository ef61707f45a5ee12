//! Where the parts of a token lie. All widths but the prefix's are fixed, so every part is found from the end.

use crate::base62;

/// Characters in the longest prefix.
pub(crate) const PREFIX: usize = 12;
/// Characters in a workspace key.
pub(crate) const WORKSPACE: usize = 6;
/// Characters in the secret: log2(62²⁴) = 142 bits.
pub(crate) const SECRET: usize = 24;
/// Characters in the seal.
pub(crate) const SEAL: usize = 6;
/// Characters in the check.
pub(crate) const CHECK: usize = 6;
/// What follows the prefix and its `_`.
pub(crate) const BODY: usize = WORKSPACE + SECRET + SEAL + CHECK;
/// The longest token. 55 bytes are what SHA-256 takes in a single block.
pub(crate) const LONGEST: usize = PREFIX + 1 + BODY;

/// Whether `text` is `<any valid prefix>_` and 42 base62 characters. Says nothing about its check.
pub(crate) fn is_ours(text: &[u8]) -> bool {
    let Some((head, body)) = text.split_last_chunk::<BODY>() else { return false };
    let Some((b'_', prefix)) = head.split_last() else { return false };
    is_prefix(prefix) && base62::all_digits(body)
}

/// Whether `text` is a prefix.
pub(crate) fn is_prefix(text: &[u8]) -> bool {
    text.len() <= PREFIX
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.last() != Some(&b'_')
        && text.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// `text` cut before its last `count` bytes; all of it is the tail where it has fewer.
pub(crate) fn cut(text: &[u8], count: usize) -> (&[u8], &[u8]) {
    text.split_at_checked(text.len().saturating_sub(count)).unwrap_or((&[], text))
}

/// ASCII bytes as text.
///
/// Every caller holds bytes that were checked or made as ASCII; anything else would come out empty.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// The first `N` bytes of `bytes`; where it has fewer, the rest is 0.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}
