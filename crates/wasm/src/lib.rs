//! The verification module: [`counterfoil_verify`] as WebAssembly.
//!
//! This crate only translates. The [`counterfoil_verify::Verifier`] makes every decision and holds the cache. Here its
//! needs and decisions are converted to a form that is cheap to pass to JavaScript:
//!
//! - A token value is passed in a fixed buffer in the module's memory, and wiped from it before the call returns. A
//!   decision is returned as one number. Neither side allocates if the cache suffices. Longer or rarer input is passed
//!   in a buffer that is allocated for it.
//! - Rarely read output (needs, the details of a decision) is JSON text.
//! - Any input from JavaScript has a defined result. Nothing throws: an exception takes as long as forty checks.
//!
//! `js/` contains the hand-written part of the npm package, with the public interface. Every isolate loads every byte
//! of the module, so it contains no JSON parser, no `core::fmt`, and no standard library.

#![no_std]

extern crate alloc;

mod address;
mod answer;
mod bindings;
pub mod contract;
mod demand;
mod frames;
mod inspect;
mod json;
mod ring;
mod snapshot;
mod wiped;

pub use bindings::Verifier;

/// A third as large as the default allocator, and as fast.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Traps without a message. No input leads here; running out of memory does. Only with the feature `module`: builds
/// that link the standard library, such as tests, have its handler.
#[cfg(all(target_arch = "wasm32", feature = "module"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
