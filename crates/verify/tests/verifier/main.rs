//! The verifier in a small world of its own: a ledger that is the truth, and a registry that may lag, lose, garble, or
//! be out of reach.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod bounded;
mod brake;
mod edition;
mod eventual;
mod foreign;
mod model;
mod offline;
mod segments;
mod strong;
mod uses;
mod world;
