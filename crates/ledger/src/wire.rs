//! The ledger's side of the wire, and the API's: requests and replies as JSON.
//!
//! A reply is `{"ok":…}`, `{"repeated":…}` or `{"refused":…}`, without a space. What it holds is what the API's caller is
//! answered, to the letter: the ledger writes it once and nobody between reads it. Both ends are built from one source,
//! but an object may run the version before or after its caller's for a while: the JSON is pinned by a test.

use serde::{Serialize, de::DeserializeOwned};

use crate::{command::Ask, json, refusal::Refusal};

/// How a reply begins, by what became of the command.
const OK: &str = r#"{"ok":"#;
const REPEATED: &str = r#"{"repeated":"#;
const REFUSED: &str = r#"{"refused":"#;

/// What a command answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The reply.
    pub reply: T,
    /// Whether it was carried out before, under the same idempotency key: this is what it answered then, without what
    /// is shown once only.
    pub repeated: bool,
}

/// The bytes are no reply to this command. Says nothing of what they hold: a reply may carry a token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reply to the command")]
pub struct NotAReply;

/// Takes the reply, as JSON, out of what [`Ledger::handle`](crate::Ledger::handle) wrote. It is what the API answers.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the command was refused is the inner result.
pub fn reply_json(bytes: &[u8]) -> Result<Result<Answered<&[u8]>, Refusal>, NotAReply> {
    let within = |opening: &str| bytes.strip_prefix(opening.as_bytes())?.strip_suffix(b"}");
    if let Some(reply) = within(OK) {
        return Ok(Ok(Answered { reply, repeated: false }));
    }
    if let Some(reply) = within(REPEATED) {
        return Ok(Ok(Answered { reply, repeated: true }));
    }
    within(REFUSED).and_then(json::read).map(Err).ok_or(NotAReply)
}

/// Reads the reply to a command of type `C`.
///
/// # Errors
/// [`NotAReply`], likewise.
pub fn decode_reply<C: Ask>(bytes: &[u8]) -> Result<Result<C::Reply, Refusal>, NotAReply> {
    decode_outcome(bytes)
}

pub(crate) fn decode_outcome<T: DeserializeOwned>(bytes: &[u8]) -> Result<Result<T, Refusal>, NotAReply> {
    match reply_json(bytes)? {
        Ok(answered) => json::read(answered.reply).map(Ok).ok_or(NotAReply),
        Err(refusal) => Ok(Err(refusal)),
    }
}

impl<T> Answered<T> {
    /// The reply to a command that was carried out just now.
    pub(crate) fn now(reply: T) -> Self {
        Self { reply, repeated: false }
    }
}

/// Writes the outcome of a command whose reply is JSON already.
pub(crate) fn encode_reply(outcome: Result<Answered<String>, Refusal>) -> Vec<u8> {
    let (opening, reply) = match outcome {
        Ok(Answered { reply, repeated: false }) => (OK, reply),
        Ok(Answered { reply, repeated: true }) => (REPEATED, reply),
        // An empty answer, which nobody would take for a reply, is the honest way out.
        Err(refusal) => (REFUSED, json_of(&refusal).unwrap_or_default()),
    };
    format!("{opening}{reply}}}").into_bytes()
}

/// A reply as JSON.
pub(crate) fn json_of(reply: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(reply).map_err(|_| Refusal::internal("a reply has no JSON form"))
}

/// Reads what came in, or says where it fails without repeating any of it.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let request = json::parse(bytes).map_err(|_| "not a request: no JSON".to_owned())?;
    json::fit(request).map_err(|misfit| format!("not a request: a wrong field at {}", misfit.pointer()))
}
