//! The types that cross between the API, the Worker and the ledger: [commands](command) and their [replies](reply), the
//! queries to the [directory], [errors](CommandError), and shared value types.
//!
//! All input is untrusted. It is parsed once, by the strict reader of [`json`], into types that cannot hold invalid
//! values. This crate makes no decisions and uses no database, clock or runtime.

#![forbid(unsafe_code)]

// Formats.
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

// Commands and errors.
mod asked;
pub mod command;
pub mod command_error;

// Their transport.
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
