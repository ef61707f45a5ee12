//! The ledger over bundled SQLite: every rule, and what becomes of it when statements fail.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

mod audit;
mod audit_reading;
mod authentication;
mod bootstrap;
mod bulk;
mod catalogue;
mod changes;
mod clients;
mod deletion;
mod directory;
mod engine;
mod faults;
mod filters;
mod idempotency;
mod importing;
mod issuing;
mod json;
mod life_model;
mod lists;
mod members;
mod members_life;
mod model;
mod outbox;
mod pins;
mod records;
mod revoking;
mod rotating;
mod sessions;
mod settings;
mod support;
mod terms;
mod updating;
mod upgrade;
mod usage;
mod wire;
