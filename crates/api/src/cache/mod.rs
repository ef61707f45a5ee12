//! What an isolate caches and counts between requests. Each store has a bounded size.

pub(crate) mod admission;
pub(crate) mod documents;
pub(crate) mod expiring;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod pacing;
pub(crate) mod providers;
pub(crate) mod uses;
