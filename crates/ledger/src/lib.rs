//! The ledger: the authoritative store of one workspace and of its tokens.
//!
//! A [`Request`](counterfoil_protocol::command::Request) arrives as typed JSON that names its actor. [`Ledger::handle`]
//! authenticates and authorizes the actor and executes the command in one transaction over [`Sql`](sql::Sql). The same
//! transaction writes the command's audit row and puts the records that verifiers must see into the [`outbox`]. The
//! [`directory`] is a separate database, shared by all workspaces, that maps slugs to workspaces.
//!
//! This crate is synchronous. It reads no clock and no random source, and does no I/O except through [`Sql`](sql::Sql):
//! the [`Context`] of a command supplies the time, random bytes and secrets.

#![forbid(unsafe_code)]

// The database, and how types are stored in columns.
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "native")]
pub mod native;
mod schema;
pub mod sql;
mod stored;
mod times;

// The tables.
mod rows;

// Validation of request fields, pagination, and random values.
mod check;
mod cursor;
mod generator;

// The actor, and what it is allowed to do.
mod authority;
mod limits;
pub mod settings;

// A command's transaction, and what is written with each change.
mod audit;
mod idempotency;
pub mod outbox;
mod storage;
mod transaction;

// The commands.
mod clients;
mod identity;
mod members;
mod records;
mod scopes;
mod sessions;
mod tokens;
mod workspace;

// Editions, and what verifiers receive: leases and snapshots.
pub mod editions;
mod leases;
mod snapshots;

// Background work: deletion of a workspace, cleanup of expired rows.
mod deletion;
mod upkeep;

// The entry points.
pub mod directory;
#[cfg(fuzzing)]
pub mod fuzzing;
mod ledger;
#[cfg(feature = "native")]
mod testing;

pub use ledger::{Context, Ledger};
pub use storage::STORAGE_LIMIT;
pub use upkeep::Upkeep;
