//! The verification module: [`counterfoil_verify`] as WebAssembly.
//!
//! This crate only translates. Every decision, every rule of freshness and all that is remembered is the
//! [`Verifier`](counterfoil_verify::Verifier)'s; here its questions and answers are given a shape that crosses the
//! border to JavaScript cheaply:
//!
//! - A token goes in through a fixed buffer in the module's memory and is wiped from it before the call returns. A
//!   decision comes out as one number. Neither side allocates where memory suffices.
//! - What is read rarely (what to fetch, the details of a decision) comes out as JSON text.
//! - Whatever JavaScript passes in has a defined answer. Nothing throws: a thrown error costs forty checks, and a
//!   caller that forgets to catch it would fail open.
//!
//! `js/` holds the hand-written half of the npm package, which gives this face its manners.

mod answer;
mod face;
mod frames;
mod inspect;
mod json;
mod ring;

pub use face::Verifier;
pub use inspect::{digest, inspect};

/// A third as large as the standard library's, and as quick.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
