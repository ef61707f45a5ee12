//! The Cloudflare Worker: connects the API to the platform's bindings, and makes no decisions.
//!
//! An isolate runs one [`app`], created at its first request and shared by all later ones. Only the verifier's cache
//! outlives a request. The [`object`] holds a workspace's ledger: SQLite and an alarm, with no state in memory that is
//! not in storage. A [`socket`] holds only the request that opened it.

#[cfg(target_arch = "wasm32")]
mod alarm;
#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(all(target_arch = "wasm32", feature = "faults"))]
mod faults;
#[cfg(target_arch = "wasm32")]
mod http;
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
mod rows;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod sql;
