//! The verification module: [`counterfoil_verify`] as WebAssembly.
//!
//! This crate only translates. Every decision, every rule of freshness and all that is remembered is the
//! [`counterfoil_verify::Verifier`]'s; here its questions and answers are given a shape that crosses the border to
//! JavaScript cheaply:
//!
//! - A token goes in through a fixed buffer in the module's memory and is wiped from it before the call returns. A
//!   decision comes out as one number. Neither side allocates where memory suffices. What is longer or rarer goes in
//!   through a buffer made for it.
//! - What is read rarely (what to fetch, the details of a decision) comes out as JSON text.
//! - Whatever JavaScript passes in has a defined answer. Nothing throws: a thrown error costs forty checks.
//!
//! `js/` holds the hand-written half of the npm package, which gives this face its manners. Every byte of the module is
//! loaded by every isolate, so there is no JSON parser in it, no `core::fmt`, and no standard library.

#![no_std]

extern crate alloc;

mod address;
mod answer;
pub mod contract;
mod demand;
mod face;
mod frames;
mod inspect;
mod json;
mod ring;
mod snapshot;

pub use face::Verifier;

/// A third as large as the usual one, and as quick.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Ends the module without a word. No input leads here; running out of memory does. The feature is for the module
/// alone: whatever links the standard library, as tests do, has its own handler.
#[cfg(all(target_arch = "wasm32", feature = "module"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
