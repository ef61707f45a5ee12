//! Who is asking: what a request presents, whom the ledger lets in, and who signs in.

pub(crate) mod caller;
pub(crate) mod credential;
pub(crate) mod identity;
mod large;
mod workspaces;
