//! HTTP: what a request means, and how an answer looks.
//!
//! A request is parsed at the border into types that cannot be wrong, becomes one ledger command, and its reply becomes
//! JSON. The rules are the ledger's; the decisions are the verifier's. What the outside world has to offer (the ledger's
//! objects, the registry, the clock, random bytes, a log) comes in through [`Ports`], so that the same router runs in
//! the Worker and in native tests.

#![forbid(unsafe_code)]

// What any request and any answer consists of.
mod http;

// What the world around must offer, and what crosses.
mod ports;

// What an isolate remembers and is told of its deployment, and what one request did.
mod config;
mod limits;
mod memory;
mod state;
mod trace;

// The way to the ledgers.
mod ledger_client;

// Who is asking.
mod auth;

// What is asked of the verifier, and what is left to do after an answer.
mod usage;
mod verifying;

// How an operation is described.
#[cfg(feature = "openapi")]
mod describe;

// What each route does.
mod routes;

// Token APIs that exist already.
mod dialects;

// What is laid around all routes.
mod layers;

// The whole, and what describes it.
#[cfg(feature = "openapi")]
pub mod codes;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "openapi")]
pub mod openapi;
mod router;
mod table;

pub use config::{Config, ConfigError, Settings, parse_seal_secrets, parse_session_secrets, parse_snapshot_keys};
pub use dialects::softvisio::{Frame, Upgrade, Wire};
pub use http::{
    codes::ProblemCode,
    identity_headers,
    presented::{CREDENTIALS, LONGEST_HEADER},
    problem::{CHALLENGE, MOST_SCOPE},
    question::QUESTION,
    refused,
};
pub use ports::{
    Claims, Class, CutOff, Description, IdentityToken, Keys, LogEvent, LogLine, LostUses, NotVouched, Ports,
    Redemption, Told, Unreachable,
};
pub use router::router;
pub use state::App;
pub use usage::Afterwards;
