//! The tables that commands read and write, with a type for each table's rows. This module makes no decisions.

// Batched deletion of rows.
mod steps;

// One module for each table.
pub(crate) mod clients;
mod members;
pub(crate) mod scopes;
pub(crate) mod sessions;
mod tokens;
mod workspace;

// Tokens joined with their owners, and the token values that rotation replaced.
mod owned_tokens;
mod replaced_texts;

pub(crate) use self::{
    members::MemberRow,
    owned_tokens::{OwnedToken, TokenLookup},
    replaced_texts::{AT_ONCE, ReplacedText, is_taken},
    scopes::ScopeCatalogue,
    sessions::{Opened, SessionRow},
    steps::{STEP, delete_some},
    tokens::{Inclusion, TokenRow, live_of},
    workspace::WorkspaceRow,
};
