//! The life of tokens, one command a file, and what is common to them.

mod create;
mod issue;
mod read;
mod revoke;
mod row;

pub(crate) use create::create;
pub(crate) use issue::{Draft, issue};
pub(crate) use read::{list, read, read_self};
pub(crate) use revoke::{revoke, revoke_each_of};
pub(crate) use row::{OwnedToken, TokenRow, live_of};
