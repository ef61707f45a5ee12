//! The positions of a token value's parts. All widths except the prefix's are fixed, so every part is located from the
//! end.

use crate::base62;

/// Length of the longest prefix.
pub(crate) const PREFIX: usize = 12;
/// Length of a workspace key.
pub(crate) const WORKSPACE: usize = 6;
/// Length of the secret: log2(62²⁴) = 142 bits.
pub(crate) const SECRET: usize = 24;
/// Length of the authentication tag.
pub(crate) const SEAL: usize = 6;
/// Length of the checksum.
pub(crate) const CHECKSUM: usize = 6;
/// Length of everything after the prefix and its `_`.
pub(crate) const BODY: usize = WORKSPACE + SECRET + SEAL + CHECKSUM;
/// Length of the longest token value. 55 bytes fit into a single block of SHA-256.
pub(crate) const LONGEST: usize = PREFIX + 1 + BODY;

/// Whether `text` is `<any valid prefix>_` and 42 base62 characters. The checksum is not verified.
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

/// Splits `text` before its last `count` bytes; if it has fewer, all of it is the tail.
pub(crate) fn cut(text: &[u8], count: usize) -> (&[u8], &[u8]) {
    text.split_at_checked(text.len().saturating_sub(count)).unwrap_or((&[], text))
}

/// ASCII bytes as text.
///
/// Every caller passes bytes that were validated or produced as ASCII; anything else would give an empty text.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// The first `N` bytes of `bytes`, padded with 0.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}
