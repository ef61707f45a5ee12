//! The ledger's side of the wire, and the API's: requests and replies as JSON.
//!
//! A reply is `{"ok":…}`, `{"repeated":…}` or `{"refused":…}`; to whoever wants to wait, `{"safe_in":…,`,
//! then `"snapshots_until":…,` where there may be snapshots, and then the same. What it holds is what the API's caller is
//! answered, to the letter: the ledger writes it once and nobody between reads it.
//!
//! Both ends are built from one source, but an object may run the version before or after its caller's for a while. So the
//! JSON is pinned by a test, and each end reads what the next version may write:
//!
//! - A field that is not known is passed over, in a request, in what a reply holds, and before it. So only such a field may
//!   be added to a request as does no harm where it is not heeded. What must be heeded is a command of another name, or
//!   an actor: those that are not known are [refused](CommandError::NotUnderstood).
//! - A [reason](CommandError) for a refusal that is not known is still a [refusal](CommandError::NotKnown). Anything else that is not
//!   known is [no reply](NotAReply); none of it is ever taken for a yes.

use core::fmt;

use counterfoil_verify::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{command::Ask, command_error::CommandError, json};

/// What became of a command.
const OK: &str = "ok";
const REPEATED: &str = "repeated";
const REFUSED: &str = "refused";

/// What is told beside that, in milliseconds, where the caller wants to wait.
const SAFE_IN: &str = "safe_in";
const SNAPSHOTS_UNTIL: &str = "snapshots_until";

/// With what ledgers of before [`CommandError::NotUnderstood`] began to say the same, as an internal failure.
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

/// A reply as it travels: exactly one of the last three fields is there. Unknown fields are ignored.
#[derive(Default)]
struct Envelope<'a> {
    safe_in: Option<&'a RawValue>,
    snapshots_until: Option<&'a RawValue>,
    ok: Option<&'a RawValue>,
    repeated: Option<&'a RawValue>,
    refused: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    fn field(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match name {
            SAFE_IN => &mut self.safe_in,
            SNAPSHOTS_UNTIL => &mut self.snapshots_until,
            OK => &mut self.ok,
            REPEATED => &mut self.repeated,
            REFUSED => &mut self.refused,
            _ => return None,
        })
    }
}

/// Written by hand: a derived one makes the worker 4.6 kB larger (gzip), since nothing else is read by serde_json's own
/// deserializer.
impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reply")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Envelope<'de>, A::Error> {
                let mut envelope = Envelope::default();
                while let Some((name, value)) = fields.next_entry::<&str, &RawValue>()? {
                    let Some(field) = envelope.field(name) else { continue };
                    // Twice would be two answers.
                    if field.replace(value).is_some() {
                        return Err(A::Error::custom("a field is there twice"));
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The bytes are no reply to this command. Says nothing of what they hold: a reply may carry a token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reply to the command")]
pub struct NotAReply;

/// Takes the reply, as JSON, out of what a ledger wrote. It is what the API answers.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the command was refused is the inner result.
pub fn reply_json(bytes: &[u8]) -> Result<Result<Answered<&[u8]>, CommandError>, NotAReply> {
    let envelope: Envelope<'_> = serde_json::from_slice(bytes).map_err(|_| NotAReply)?;
    let (reply, repeated) = match envelope {
        Envelope { ok: Some(reply), repeated: None, refused: None, .. } => (reply, false),
        Envelope { ok: None, repeated: Some(reply), refused: None, .. } => (reply, true),
        Envelope { ok: None, repeated: None, refused: Some(refusal), .. } => {
            return refused(refusal.get().as_bytes()).map(Err);
        }
        _ => return Err(NotAReply),
    };
    let number =
        |raw: Option<&RawValue>| raw.map(|raw| json::read::<u64>(raw.get().as_bytes()).ok_or(NotAReply)).transpose();
    let (safe_in, snapshots_until) = (number(envelope.safe_in)?, number(envelope.snapshots_until)?.map(Timestamp));
    Ok(Ok(Answered { reply: reply.get().as_bytes(), repeated, safe_in, snapshots_until }))
}

/// Reads why the command was refused.
fn refused(bytes: &[u8]) -> Result<CommandError, NotAReply> {
    let refusal = json::parse(bytes).map_err(|_| NotAReply)?;
    Ok(match json::fit(refusal) {
        Ok(CommandError::Internal { detail }) if detail.starts_with(WRONG_FIELD) => {
            CommandError::NotUnderstood { detail }
        }
        Ok(refusal) => refusal,
        Err(_) => CommandError::NotKnown,
    })
}

/// Reads the reply to a command of type `C`.
///
/// # Errors
/// [`NotAReply`], likewise.
pub fn decode_reply<C: Ask>(bytes: &[u8]) -> Result<Result<C::Reply, CommandError>, NotAReply> {
    decode_outcome(bytes)
}

pub(crate) fn decode_outcome<T: DeserializeOwned>(bytes: &[u8]) -> Result<Result<T, CommandError>, NotAReply> {
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
pub fn encode_reply(outcome: Result<Answered<String>, CommandError>) -> Vec<u8> {
    let (name, reply, numbers) = match outcome {
        Ok(Answered { reply, repeated, safe_in, snapshots_until }) => {
            let numbers = [(SAFE_IN, safe_in), (SNAPSHOTS_UNTIL, snapshots_until.map(|until| until.0))];
            (if repeated { REPEATED } else { OK }, reply, numbers)
        }
        // An empty answer, which nobody would take for a reply, is the honest way out.
        Err(refusal) => (REFUSED, json_of(&refusal).unwrap_or_default(), [(SAFE_IN, None), (SNAPSHOTS_UNTIL, None)]),
    };
    let told = numbers.map(|(name, number)| number.map(|number| format!("\"{name}\":{number},")).unwrap_or_default());
    format!("{{{}\"{name}\":{reply}}}", told.concat()).into_bytes()
}

/// A reply as JSON.
///
/// # Errors
/// [`CommandError::Internal`] where it has no such form.
pub fn json_of(reply: &impl Serialize) -> Result<String, CommandError> {
    serde_json::to_string(reply).map_err(|_| CommandError::internal("a reply has no JSON form"))
}

/// Reads what came in, or says where it fails without repeating any of it. What is JSON and not known came from a version
/// that knows more.
///
/// # Errors
/// [`CommandError::NotUnderstood`], or [`CommandError::Internal`] where it is no JSON.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CommandError> {
    let request = json::parse(bytes).map_err(|_| CommandError::internal("not a request: no JSON"))?;
    let not_understood = |error: json::DecodeError| format!("{WRONG_FIELD}{}", error.pointer());
    json::fit(request).map_err(|error| CommandError::NotUnderstood { detail: not_understood(error) })
}
