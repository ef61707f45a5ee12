//! What crosses between the API, the Worker and the ledger: [commands](command) and their [replies](reply), what the
//! [directory] is asked, [refusals](refusal), and the types that both ends read and write.
//!
//! Whatever is read here comes from outside: it is parsed once, into types that cannot be wrong, by the strict reader of
//! [`json`]. Nothing here decides anything, and nothing knows a database, a clock or a runtime.

#![forbid(unsafe_code)]

// Forms: how things are written.
pub mod json;
pub mod rfc3339;

// Names and values.
mod built_in;
mod host;
mod origin;
mod slug;
mod status;
mod token_value;
mod web_address;
mod web_authority;

#[cfg(feature = "openapi")]
pub mod openapi;

// What is asked, and why it is refused.
mod asked;
pub mod command;
pub mod command_error;

// How that travels.
pub mod directory;
pub mod reply;

pub use built_in::BuiltIn;
pub use command_error::CommandError;
pub use host::{Host, Hosts, InvalidHost, TooManyHosts};
pub use origin::{InvalidOrigin, Origin};
pub use reply::{Answered, NotAReply, decode_reply, reply_json};
pub use slug::{InvalidSlug, Slug};
pub use token_value::TokenValue;
pub use web_address::{InvalidWebAddress, WebAddress};
