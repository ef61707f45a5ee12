//! Segments: what is found in them, what is refused, what they weigh.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod canonical;
mod find;
mod layout;
mod weight;
mod world;
