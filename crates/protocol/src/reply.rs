//! Encoding of requests and replies as JSON, for the ledger and the API.
//!
//! A reply is `{"ok":…}`, `{"repeated":…}` or `{"refused":…}`. If the caller waits, `{"safe_in":…,` precedes that, then
//! `"snapshots_until":…,` if there may be snapshots. The API returns the content unchanged: the ledger writes it once,
//! and it is not parsed in between.
//!
//! Both ends are built from one source, but an object may run an older or newer version than its caller for a while. So
//! a test pins the JSON, and each end accepts what the next version may write:
//!
//! - Unknown fields are ignored: in a request, in the content of a reply, and before it. So a field may be added to a
//!   request only if ignoring it does no harm. Anything that must not be ignored is a new command or a new actor:
//!   unknown ones are [rejected](CommandError::NotUnderstood).
//! - An unknown [reason](CommandError) of an error is still an [error](CommandError::NotKnown). Anything else that is
//!   unknown is [no reply](NotAReply); none of it is ever treated as success.

use core::fmt;

use counterfoil_verify::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{command::Ask, command_error::CommandError, json};

/// The outcome of a command.
const OK: &str = "ok";
const REPEATED: &str = "repeated";
const REFUSED: &str = "refused";

/// Additional fields, in milliseconds, if the caller waits.
const SAFE_IN: &str = "safe_in";
const SNAPSHOTS_UNTIL: &str = "snapshots_until";

/// The internal error by which ledgers older than [`CommandError::NotUnderstood`] report the same.
const WRONG_FIELD: &str = "not a request: a wrong field at ";

/// The reply of an executed command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The reply.
    pub reply: T,
    /// Whether it was executed before, under the same idempotency key: then this is the earlier reply, without values
    /// that are returned only once.
    pub repeated: bool,
    /// If the caller waits: in how many milliseconds no verifier relies any more on the state before the command.
    pub safe_in: Option<u64>,
    /// If the caller waits and there may be snapshots: until when one may be valid that does not include the command.
    pub snapshots_until: Option<Timestamp>,
}

/// A reply in its JSON form, with exactly one of the last three fields. Unknown fields are ignored.
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

/// Implemented by hand: a derived implementation makes the Worker 4.6 kB larger (gzip), since nothing else uses
/// serde_json's own deserializer.
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
                    // A repeated field would be two replies.
                    if field.replace(value).is_some() {
                        return Err(A::Error::custom("a field occurs twice"));
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The bytes are not a reply to this command. The error contains none of them: a reply may contain a token value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reply to the command")]
pub struct NotAReply;

/// The content of a ledger's reply, as JSON. The API returns it unchanged.
///
/// # Errors
/// [`NotAReply`] if the bytes are something else. The inner result is the error of a rejected command.
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

/// Reads why the command was rejected.
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

/// Decodes the reply to a command of type `C`.
///
/// # Errors
/// [`NotAReply`], as above.
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
    /// The reply to a command that was executed just now.
    pub fn now(reply: T) -> Self {
        Self { reply, repeated: false, safe_in: None, snapshots_until: None }
    }
}

/// Encodes the outcome of a command whose reply is JSON already.
#[must_use]
pub fn encode_reply(outcome: Result<Answered<String>, CommandError>) -> Vec<u8> {
    let (name, reply, numbers) = match outcome {
        Ok(Answered { reply, repeated, safe_in, snapshots_until }) => {
            let numbers = [(SAFE_IN, safe_in), (SNAPSHOTS_UNTIL, snapshots_until.map(|until| until.0))];
            (if repeated { REPEATED } else { OK }, reply, numbers)
        }
        // As a last resort an empty reply, which every caller rejects.
        Err(refusal) => (REFUSED, json_of(&refusal).unwrap_or_default(), [(SAFE_IN, None), (SNAPSHOTS_UNTIL, None)]),
    };
    let told = numbers.map(|(name, number)| number.map(|number| format!("\"{name}\":{number},")).unwrap_or_default());
    format!("{{{}\"{name}\":{reply}}}", told.concat()).into_bytes()
}

/// A reply as JSON.
///
/// # Errors
/// [`CommandError::Internal`] if it cannot be represented.
pub fn json_of(reply: &impl Serialize) -> Result<String, CommandError> {
    serde_json::to_string(reply).map_err(|_| CommandError::internal("a reply has no JSON form"))
}

/// Decodes input. The error says where it is invalid, and repeats none of it. Valid JSON with unknown content comes
/// from a newer version.
///
/// # Errors
/// [`CommandError::NotUnderstood`], or [`CommandError::Internal`] if it is not JSON.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CommandError> {
    let request = json::parse(bytes).map_err(|_| CommandError::internal("not a request: no JSON"))?;
    let not_understood = |error: json::DecodeError| format!("{WRONG_FIELD}{}", error.pointer());
    json::fit(request).map_err(|error| CommandError::NotUnderstood { detail: not_understood(error) })
}
