//! The Cloudflare shell: it joins the API to the platform's bindings and decides nothing.
//!
//! An isolate runs one [`app`], made at its first request and shared by all that follow; its verifier's memory is the
//! one thing that lives from request to request. The [`object`] is where a workspace's ledger lives: SQLite, an alarm,
//! and nothing in memory that storage does not have. A [`socket`] remembers only the request that opened it.

#[cfg(target_arch = "wasm32")]
mod alarm;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(all(target_arch = "wasm32", feature = "faults"))]
mod faults;
#[cfg(target_arch = "wasm32")]
mod identity;
#[cfg(target_arch = "wasm32")]
mod limiter;
#[cfg(target_arch = "wasm32")]
mod object;
#[cfg(target_arch = "wasm32")]
mod platform;
#[cfg(target_arch = "wasm32")]
mod ports;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod sql;
