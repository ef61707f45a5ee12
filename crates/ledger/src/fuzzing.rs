//! Fuzzing entry points for input that is parsed inside commands, beyond the public API.

use crate::cursor::{self, List};

/// Decodes a cursor of a list sorted by number, for this `question`, and encodes it again.
#[must_use]
pub fn cursor(text: &str, question: &str) -> Option<String> {
    let position: u64 = cursor::decode(text, List::Tokens, question)?;
    Some(cursor::encode(List::Tokens, question, &position))
}
