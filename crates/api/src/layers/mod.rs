//! The layers around all routes.

pub(crate) mod envelopes;
pub(crate) mod trace;
