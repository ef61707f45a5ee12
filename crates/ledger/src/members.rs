//! Member commands, one file each, and what they share.

mod create;
mod erase;
mod identity;
mod read;
mod rule;
mod update;

pub(crate) use self::{
    create::create,
    erase::erase,
    identity::{MemberLookup, assign_subjects},
    read::{find_by_number, list, read},
    update::update,
};
