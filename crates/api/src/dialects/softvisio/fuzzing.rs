//! Entry points for fuzzing of JSON-RPC: messages are parsed but not executed.

use serde_json::Value;

use super::{
    rpc::{Expects, MethodResult, Payload, RpcReply},
    select::Options,
};
use crate::dialects::fields::Fields;

/// A parsed message: its method, the number of its arguments, and its id, if it expects a response with one.
pub struct Read {
    /// The method, as a path.
    pub method: String,
    /// How many arguments.
    pub arguments: usize,
    /// The id.
    pub id: Option<Value>,
    /// The response to it if its method returned nothing, if it expects a response.
    pub answer: Option<Vec<u8>>,
}

/// Parses the messages of a body whose path names this method; `None` if they are rejected.
#[must_use]
pub fn messages(body: Option<Value>, method: Option<String>) -> Option<Vec<Read>> {
    let messages = match Payload::read(body, method).ok()? {
        Payload::One(message) => vec![message],
        Payload::Many(messages) => messages,
    };
    let read = messages.into_iter().map(|message| {
        let id = if let Expects::AnswerTo(id) = &message.expects { Some(id.clone()) } else { None };
        let answer = RpcReply { expects: message.expects, outcome: Ok(MethodResult::default()) }.write();
        Read { method: message.method, arguments: message.params.len(), id, answer }
    });
    Some(read.collect())
}

/// Whether the value is valid options of `read`.
#[must_use]
pub fn options(value: Value) -> bool {
    Fields::of(value).and_then(Options::read).is_ok()
}
