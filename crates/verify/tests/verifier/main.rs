//! The verifier in a simulated environment: an authoritative ledger, and a registry that may lag, lose, corrupt or be
//! unreachable.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod backoff;
mod bounded;
mod edition;
mod eventual;
mod foreign;
mod four;
mod model;
mod offline;
mod segments;
mod strong;
mod uses;
mod world;
