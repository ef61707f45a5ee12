//! Token APIs that exist already, each spoken under its own paths so that its own clients work unchanged.
//!
//! A dialect translates: a request becomes the ledger's commands, what they answer becomes the dialect's shapes, and a
//! problem its envelope. It owns no rule. What each one answers differently on purpose is in docs/dialects.md.

mod databricks;
mod fields;
mod parcellab;
mod softvisio;
mod tachi;
mod tokens;

use axum::Router;

#[cfg(fuzzing)]
pub use self::softvisio::fuzzing as rpc;
pub(crate) use self::softvisio::start;
pub use self::softvisio::{Frame, Upgrade, Wire};
use crate::{app::App, envelope::Envelope, ports::Ports};

/// Below which path each dialect is spoken, and how it tells of problems.
pub(crate) const ENVELOPES: &[(&str, Envelope)] = &[
    ("/api/2.0/", databricks::refuse),
    ("/api/v1/users/", tachi::refuse),
    ("/tokens/", parcellab::refuse),
    ("/v1/api-tokens", softvisio::refuse),
];

/// Every dialect's routes.
pub(crate) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .merge(databricks::routes())
        .merge(parcellab::routes())
        .merge(softvisio::routes())
        .merge(tachi::routes())
}
