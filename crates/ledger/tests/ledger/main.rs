//! The ledger over bundled SQLite: every rule, and what becomes of it when statements fail.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

mod audit;
mod authentication;
mod bootstrap;
mod catalogue;
mod directory;
mod engine;
mod faults;
mod issuing;
mod lists;
mod members;
mod model;
mod outbox;
mod records;
mod revoking;
mod support;
mod wire;
