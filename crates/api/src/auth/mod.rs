//! Authentication: the credential that a request presents, its caller, and sign-in.

mod caller;
pub(crate) mod credential;
pub(crate) mod identity;
mod large;
mod workspaces;

pub(crate) use self::caller::{AnonymousCaller, Caller, Root};
