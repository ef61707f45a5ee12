//! Segments, owner segments and manifests: what they contain, what is rejected, and their size.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod canonical;
mod find;
mod layout;
mod manifest;
mod owners;
mod snapshot;
mod vectors;
mod weight;
mod world;
