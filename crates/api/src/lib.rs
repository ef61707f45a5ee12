//! The HTTP API: parses requests, runs them, and writes responses.
//!
//! A request is parsed at the border into types that cannot hold invalid values. It becomes one ledger command, and the
//! ledger's reply becomes the JSON response. The ledger owns the rules, the verifier makes the decisions. Everything
//! outside (the ledgers' objects, the registry, the clock, random bytes, the log) is reached through [`Ports`], so the
//! same router runs in the Worker and in native tests.

#![forbid(unsafe_code)]

// HTTP building blocks: problems, bodies, replies, headers.
mod http;

// The ports, and the types that cross them.
mod ports;

// The state of an isolate and of one request.
mod cache;
mod config;
mod limits;
mod state;
mod trace;

// The client of the ledgers and the directory.
mod ledger_client;

// Authentication: callers, credentials, signing in.
mod auth;

// Verification, and work that runs after the response.
mod usage;
mod verifying;

// Descriptions of the operations, for the OpenAPI document.
#[cfg(feature = "openapi")]
mod describe;

// The native routes' handlers.
mod routes;

// Dialects: the token APIs of other systems.
mod dialects;

// The layers that wrap all routes.
mod layers;

// The table of routes, the router, and the OpenAPI document.
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
    gateway_request::QUESTION,
    identity_headers,
    presented::{CREDENTIALS, LONGEST_HEADER},
    problem::{CHALLENGE, MOST_SCOPE},
    refused,
};
pub use ports::{
    Claims, Class, CutOff, Description, IdentityProviderError, IdentityToken, Keys, LogEvent, LogLine, LostUses, Ports,
    Redemption, Told, Unreachable,
};
pub use router::router;
pub use state::App;
pub use usage::BackgroundWork;
