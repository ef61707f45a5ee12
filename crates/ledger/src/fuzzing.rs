//! What fuzzing reaches beside the public API: what callers send that is read inside of commands.

use crate::cursor::{self, List};

/// Reads a cursor of a list in the order of numbers, in answer to this question, and writes it again.
#[must_use]
pub fn cursor(text: &str, question: &str) -> Option<String> {
    let position: u64 = cursor::decode(text, List::Tokens, question)?;
    Some(cursor::encode(List::Tokens, question, &position))
}
