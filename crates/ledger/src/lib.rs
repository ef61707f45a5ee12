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

mod audit;
mod authority;
mod check;
mod clients;
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cursor;
mod deletion;
pub mod directory;
pub mod editions;
#[cfg(fuzzing)]
pub mod fuzzing;
mod idempotency;
mod identity;
mod leases;
mod ledger;
mod limits;
mod members;
mod mint;
#[cfg(feature = "native")]
pub mod native;
pub mod outbox;
mod records;
mod rows;
mod schema;
mod scopes;
mod sessions;
pub mod settings;
mod snapshots;
pub mod sql;
mod storage;
mod stored;
#[cfg(feature = "native")]
mod testing;
mod times;
mod tokens;
mod transaction;
mod upkeep;
mod workspace;

pub use ledger::{Context, Ledger};
pub use storage::STORAGE_LIMIT;
pub use upkeep::Upkeep;
