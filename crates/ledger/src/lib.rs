//! The ledger: the authority for one workspace and the life of its tokens.
//!
//! A [`Request`](counterfoil_protocol::command::Request) comes in as typed JSON with its actor. [`Ledger::handle`] authenticates the actor,
//! authorises it and carries the command out in one transaction over [`Sql`](sql::Sql); with each change go its audit
//! row and the records that verification must see, on their way out through the [`outbox`]. The [`directory`] is the
//! one ledger that is nobody's own: which workspace a slug stands for.
//!
//! Everything here is synchronous and knows no clock, no random source and no I/O but [`Sql`](sql::Sql): what a
//! command needs of the world comes in with its [`Context`].

#![forbid(unsafe_code)]

// The database, and how values lie in it.
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

// What requests may hold, and what is drawn at random.
mod check;
mod cursor;
mod mint;

// Who acts, and what that allows.
mod authority;
mod limits;
pub mod settings;

// A command's transaction, and what goes with a change.
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

// Editions, and what goes by them.
pub mod editions;
mod leases;
mod snapshots;

// What is done of the ledger's own accord.
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
