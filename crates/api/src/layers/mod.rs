//! What is laid around all routes.

pub(crate) mod envelopes;
pub(crate) mod trace;
