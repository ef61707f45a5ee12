//! Token commands, one file each, and what they share.

mod blank;
mod bound;
mod changes;
mod create;
mod filter;
mod import;
mod imported;
mod issue;
mod list;
mod pins;
mod read;
mod revoke;
mod revoke_many;
mod revoke_text;
mod rotate;
pub(crate) mod search_index;
mod shown;
mod source;
mod update;
pub(crate) mod usage;
mod values;

pub(crate) use blank::blank_each_of;
pub(crate) use changes::{NewValues, changed_since};
pub(crate) use create::create;
pub(crate) use import::import;
pub(crate) use issue::{TokenDraft, issue};
pub(crate) use list::list;
pub(crate) use read::{read, read_self};
pub(crate) use revoke::{revoke, revoke_each_of};
pub(crate) use revoke_many::revoke_many;
pub(crate) use revoke_text::revoke_text;
pub(crate) use rotate::rotate;
pub(crate) use update::update;
