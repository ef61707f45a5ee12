//! What fuzzing reaches of JSON-RPC: a message is read here with nobody behind it.

use serde_json::Value;

use super::{
    rpc::{Done, RpcReply, Said, Wants},
    select::Options,
};
use crate::dialects::fields::Fields;

/// A message as it was read: its method, how many arguments it has, and its id, where it wants an answer with one.
pub struct Read {
    /// The method, as a path.
    pub method: String,
    /// How many arguments.
    pub arguments: usize,
    /// The id.
    pub id: Option<Value>,
    /// What is answered to it that nothing came of, where it wants an answer.
    pub answer: Option<Vec<u8>>,
}

/// Reads a body's messages, of a body whose address names that method; none where they are refused.
#[must_use]
pub fn messages(body: Option<Value>, method: Option<String>) -> Option<Vec<Read>> {
    let messages = match Said::read(body, method).ok()? {
        Said::One(message) => vec![message],
        Said::Many(messages) => messages,
    };
    let read = messages.into_iter().map(|message| {
        let id = if let Wants::AnswerTo(id) = &message.wants { Some(id.clone()) } else { None };
        let answer = RpcReply { wants: message.wants, outcome: Ok(Done::default()) }.write();
        Read { method: message.method, arguments: message.params.len(), id, answer }
    });
    Some(read.collect())
}

/// Whether the value says which tokens `read` is to give.
#[must_use]
pub fn options(value: Value) -> bool {
    Fields::of(value).and_then(Options::read).is_ok()
}
