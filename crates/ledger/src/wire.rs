//! The ledger's side of the wire, and the API's: requests and replies as JSON.
//!
//! A reply is `{"ok":…}`, `{"repeated":…}` or `{"refused":…}`, without a space; to whoever wants to wait, `{"safe_in":…,`,
//! then `"snapshots_until":…,` where there may be snapshots, and then the same. What it holds is what the API's caller is
//! answered, to the letter: the ledger writes it once and nobody between reads it. Both ends are built from one source,
//! but an object may run the version before or after its caller's for a while: the JSON is pinned by a test.

use counterfoil_verify::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{command::Ask, json, refusal::Refusal};

/// How a reply goes on after its brace, by what became of the command.
const OK: &str = r#""ok":"#;
const REPEATED: &str = r#""repeated":"#;
const REFUSED: &str = r#""refused":"#;

/// How it goes on before that, where the caller wants to wait: then milliseconds and a comma, each time.
const SAFE_IN: &str = r#""safe_in":"#;
const SNAPSHOTS_UNTIL: &str = r#""snapshots_until":"#;

/// What a command answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The reply.
    pub reply: T,
    /// Whether it was carried out before, under the same idempotency key: this is what it answered then, without what
    /// is shown once only.
    pub repeated: bool,
    /// Where the caller wants to wait: in how many milliseconds no verifier relies any more on what was before the command.
    pub safe_in: Option<u64>,
    /// Likewise, and where there may be any: until when a snapshot may be relied upon that does not know of the command.
    pub snapshots_until: Option<Timestamp>,
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
    let mut inner = bytes.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or(NotAReply)?;
    let safe_in = number(&mut inner, SAFE_IN)?;
    let snapshots_until = number(&mut inner, SNAPSHOTS_UNTIL)?.map(Timestamp);
    let within = |opening: &str| inner.strip_prefix(opening.as_bytes());
    if let Some(reply) = within(OK) {
        return Ok(Ok(Answered { reply, repeated: false, safe_in, snapshots_until }));
    }
    if let Some(reply) = within(REPEATED) {
        return Ok(Ok(Answered { reply, repeated: true, safe_in, snapshots_until }));
    }
    within(REFUSED).and_then(json::read).map(Err).ok_or(NotAReply)
}

/// Takes a number off the beginning, with the comma behind it, where it is there by this name.
fn number(inner: &mut &[u8], name: &str) -> Result<Option<u64>, NotAReply> {
    let Some(rest) = inner.strip_prefix(name.as_bytes()) else { return Ok(None) };
    let comma = rest.iter().position(|byte| *byte == b',').ok_or(NotAReply)?;
    let (number, rest) = rest.split_at_checked(comma).ok_or(NotAReply)?;
    *inner = rest.strip_prefix(b",").ok_or(NotAReply)?;
    json::read(number).map(Some).ok_or(NotAReply)
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
        Self { reply, repeated: false, safe_in: None, snapshots_until: None }
    }
}

/// Writes the outcome of a command whose reply is JSON already.
pub(crate) fn encode_reply(outcome: Result<Answered<String>, Refusal>) -> Vec<u8> {
    let (opening, reply, numbers) = match outcome {
        Ok(Answered { reply, repeated, safe_in, snapshots_until }) => {
            let numbers = [(SAFE_IN, safe_in), (SNAPSHOTS_UNTIL, snapshots_until.map(|until| until.0))];
            (if repeated { REPEATED } else { OK }, reply, numbers)
        }
        // An empty answer, which nobody would take for a reply, is the honest way out.
        Err(refusal) => (REFUSED, json_of(&refusal).unwrap_or_default(), [(SAFE_IN, None), (SNAPSHOTS_UNTIL, None)]),
    };
    let numbers = numbers.map(|(name, number)| number.map(|number| format!("{name}{number},")).unwrap_or_default());
    format!("{{{}{opening}{reply}}}", numbers.concat()).into_bytes()
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
