//! The ledger's side of the wire, and the API's: requests and replies as JSON.
//!
//! A reply is `{"ok":…}`, `{"repeated":…}` or `{"refused":…}`, without a space; to whoever wants to wait, `{"safe_in":…,`,
//! then `"snapshots_until":…,` where there may be snapshots, and then the same. What it holds is what the API's caller is
//! answered, to the letter: the ledger writes it once and nobody between reads it.
//!
//! Both ends are built from one source, but an object may run the version before or after its caller's for a while. So the
//! JSON is pinned by a test, and each end reads what the next version may write:
//!
//! - A field that is not known is passed over, in a request, in what a reply holds, and before it. So only such a field may
//!   be added to a request as does no harm where it is not heeded. What must be heeded is a command of another name, or
//!   an actor: those that are not known are [refused](Refusal::NotUnderstood).
//! - A [reason](Refusal) for a refusal that is not known is still a [refusal](Refusal::NotKnown). Anything else that is not
//!   known is [no reply](NotAReply); none of it is ever taken for a yes.

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

/// With what ledgers of before [`Refusal::NotUnderstood`] began to say the same, as an internal failure.
const WRONG_FIELD: &str = "not a request: a wrong field at ";

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

/// Takes the reply, as JSON, out of what a ledger wrote. It is what the API answers.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the command was refused is the inner result.
pub fn reply_json(bytes: &[u8]) -> Result<Result<Answered<&[u8]>, Refusal>, NotAReply> {
    let mut inner = bytes.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).ok_or(NotAReply)?;
    let (mut safe_in, mut snapshots_until) = (None, None);
    loop {
        let within = |opening: &str| inner.strip_prefix(opening.as_bytes());
        if let Some(refusal) = within(REFUSED) {
            return refused(refusal).map(Err);
        }
        if let Some((reply, repeated)) =
            within(OK).map(|reply| (reply, false)).or_else(|| within(REPEATED).map(|reply| (reply, true)))
        {
            return Ok(Ok(Answered { reply, repeated, safe_in, snapshots_until: snapshots_until.map(Timestamp) }));
        }
        let (field, rest) = first_field(inner).ok_or(NotAReply)?;
        for (name, number) in [(SAFE_IN, &mut safe_in), (SNAPSHOTS_UNTIL, &mut snapshots_until)] {
            if let Some(value) = field.strip_prefix(name.as_bytes()) {
                // Twice would be two answers.
                let is_first = number.replace(json::read::<u64>(value).ok_or(NotAReply)?).is_none();
                is_first.then_some(()).ok_or(NotAReply)?;
            }
        }
        inner = rest;
    }
}

/// Reads why the command was refused.
fn refused(bytes: &[u8]) -> Result<Refusal, NotAReply> {
    let refusal = json::parse(bytes).map_err(|_| NotAReply)?;
    Ok(match json::fit(refusal) {
        Ok(Refusal::Internal { detail }) if detail.starts_with(WRONG_FIELD) => Refusal::NotUnderstood { detail },
        Ok(refusal) => refusal,
        Err(_) => Refusal::NotKnown,
    })
}

/// A field at the beginning and what comes behind its comma; what the field holds is not looked at. The fields before a
/// reply are the ledger's own: nobody else puts a text there.
fn first_field(inner: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut in_text, mut is_escaped) = (0_u32, false, false);
    let is_end = |byte: &u8| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => return *byte == b',' && !in_text && depth == 0,
        }
        false
    };
    let (field, rest) = inner.split_at_checked(inner.iter().position(is_end)?)?;
    Some((field.strip_prefix(b"\"").map(|_| field)?, rest.strip_prefix(b",")?))
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
    pub fn now(reply: T) -> Self {
        Self { reply, repeated: false, safe_in: None, snapshots_until: None }
    }
}

/// Writes the outcome of a command whose reply is JSON already.
#[must_use]
pub fn encode_reply(outcome: Result<Answered<String>, Refusal>) -> Vec<u8> {
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
///
/// # Errors
/// [`Refusal::Internal`] where it has no such form.
pub fn json_of(reply: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(reply).map_err(|_| Refusal::internal("a reply has no JSON form"))
}

/// Reads what came in, or says where it fails without repeating any of it. What is JSON and not known came from a version
/// that knows more.
///
/// # Errors
/// [`Refusal::NotUnderstood`], or [`Refusal::Internal`] where it is no JSON.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let request = json::parse(bytes).map_err(|_| Refusal::internal("not a request: no JSON"))?;
    let not_understood = |misfit: json::Misfit| format!("{WRONG_FIELD}{}", misfit.pointer());
    json::fit(request).map_err(|misfit| Refusal::NotUnderstood { detail: not_understood(misfit) })
}
