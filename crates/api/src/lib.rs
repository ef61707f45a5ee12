//! HTTP: what a request means, and how an answer looks.
//!
//! A request is parsed at the border into types that cannot be wrong, becomes one ledger command, and its reply becomes
//! JSON. The rules are the ledger's; the decisions are the verifier's. What the outside world has to offer (the ledger's
//! objects, the registry, the clock, random bytes, a log) comes in through [`Ports`], so that the same router runs in
//! the Worker and in native tests.

#![forbid(unsafe_code)]

mod admission;
mod answer;
mod app;
mod body;
#[cfg(feature = "openapi")]
pub mod codes;
mod condition;
mod cookie;
mod credential;
mod dialects;
mod envelope;
mod expiring;
#[cfg(fuzzing)]
pub mod fuzzing;
mod idempotency;
mod identity;
pub mod identity_headers;
mod ledger;
mod limits;
mod names;
#[cfg(feature = "openapi")]
pub mod openapi;
mod origin;
mod patch;
mod ports;
mod presented;
mod problem;
mod question;
pub mod refused;
mod routes;
mod time;
mod trace;
mod usage;
mod verifying;
mod waiting;

pub use app::{App, Config, ConfigError, parse_seal_secrets, parse_session_secrets, parse_snapshot_keys};
pub use dialects::{Frame, Upgrade, Wire};
pub use identity::{Claims, Description, IdentityToken, Keys, NotVouched, Redemption, Told};
pub use limits::Class;
pub use ports::{CutOff, LogLine, LostUses, Ports, Unreachable};
pub use presented::{CREDENTIALS, LONGEST_HEADER};
pub use problem::{CHALLENGE, MOST_SCOPE};
pub use question::QUESTION;
pub use routes::router;
pub use usage::Afterwards;
