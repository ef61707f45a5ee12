//! Authentication: what a request presents, who is asking, and who signs in.

mod caller;
pub(crate) mod credential;
pub(crate) mod identity;
mod large;
mod workspaces;

pub(crate) use self::caller::{AnonymousCaller, Caller, Root};
