//! The ledger's side of the wire, and the API's: requests and replies as JSON.
//!
//! A reply is `{"ok": …}`, `{"repeated": …}` or `{"refused": …}`. Both ends are built from one source, but an object may run the version
//! before or after its caller's for a while: the JSON is pinned by a test.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{command::Ask, refusal::Refusal};

/// A command's outcome, as it travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<T> {
    Ok(T),
    Repeated(T),
    Refused(Refusal),
}

/// What a command answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The reply.
    pub reply: T,
    /// Whether it was carried out before, under the same idempotency key: this is what it answered then, without what
    /// is shown once only.
    pub repeated: bool,
}

/// The bytes are no reply to this command. Says where they fail, and nothing of what they hold: a reply may carry a
/// token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reply to the command: {what} at line {line} column {column}")]
pub struct NotAReply {
    what: &'static str,
    line: usize,
    column: usize,
}

/// Reads what [`Ledger::handle`](crate::Ledger::handle) wrote about a command of type `C`.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the command was refused is the inner result.
pub fn decode_reply<C: Ask>(bytes: &[u8]) -> Result<Result<C::Reply, Refusal>, NotAReply> {
    Ok(decode_answer::<C>(bytes)?.map(|answered| answered.reply))
}

/// The same, with whether it was the reply to an earlier request under the same idempotency key.
///
/// # Errors
/// [`NotAReply`], likewise.
pub fn decode_answer<C: Ask>(bytes: &[u8]) -> Result<Result<Answered<C::Reply>, Refusal>, NotAReply> {
    decode_outcome(bytes)
}

pub(crate) fn decode_outcome<T: DeserializeOwned>(bytes: &[u8]) -> Result<Result<Answered<T>, Refusal>, NotAReply> {
    match serde_json::from_slice(bytes) {
        Ok(Outcome::Ok(reply)) => Ok(Ok(Answered { reply, repeated: false })),
        Ok(Outcome::Repeated(reply)) => Ok(Ok(Answered { reply, repeated: true })),
        Ok(Outcome::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(NotAReply { what: fault(&error), line: error.line(), column: error.column() }),
    }
}

impl<T> Answered<T> {
    /// The reply to a command that was carried out just now.
    pub(crate) fn now(reply: T) -> Self {
        Self { reply, repeated: false }
    }
}

pub(crate) fn encode_reply(outcome: Result<Answered<impl Serialize>, Refusal>) -> Vec<u8> {
    let outcome = match outcome {
        Ok(Answered { reply, repeated: false }) => Outcome::Ok(reply),
        Ok(Answered { reply, repeated: true }) => Outcome::Repeated(reply),
        Err(refusal) => Outcome::Refused(refusal),
    };
    // Replies are structs, lists and maps with text for keys: they always have a JSON form. An empty answer, which
    // nobody would take for a reply, is the honest way out.
    serde_json::to_vec(&outcome).unwrap_or_default()
}

/// Reads what came in, or says where it fails without repeating any of it.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes)
        .map_err(|error| format!("not a request: {} at line {} column {}", fault(&error), error.line(), error.column()))
}

fn fault(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Io => "unreadable",
        Category::Syntax => "no JSON",
        Category::Data => "a wrong field",
        Category::Eof => "cut short",
    }
}
