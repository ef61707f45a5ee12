//! The tables that commands read and write, each with its rows as a type. Nothing here decides anything.

// How many rows go at a time.
mod steps;

// One table each.
pub(crate) mod clients;
mod members;
pub(crate) mod scopes;
pub(crate) mod sessions;
mod tokens;
mod workspace;

// What goes with tokens: the texts that they had, and their owners.
mod owned_tokens;
mod replaced_texts;

pub(crate) use self::{
    members::MemberRow,
    owned_tokens::{OwnedToken, TokenLookup},
    replaced_texts::{AT_ONCE, ReplacedText, is_taken},
    scopes::ScopeCatalogue,
    sessions::{Opened, SessionRow},
    steps::{STEP, take_some},
    tokens::{Carried, TokenRow, live_of},
    workspace::WorkspaceRow,
};
