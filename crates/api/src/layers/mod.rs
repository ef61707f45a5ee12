//! The layers that wrap all routes.

pub(crate) mod envelopes;
pub(crate) mod trace;
