//! Token APIs that exist already, each spoken under its own paths so that its own clients work unchanged.
//!
//! A dialect translates: a request becomes the ledger's commands, what they answer becomes the dialect's shapes, and a
//! problem its envelope. It owns no rule. What each one answers differently on purpose is in docs/dialects.md.

pub(crate) mod databricks;
mod fields;
pub(crate) mod parcellab;
pub(crate) mod softvisio;
pub(crate) mod tachi;
mod tokens;

use axum::Router;

use crate::{ports::Ports, state::App};

/// Every dialect's routes.
pub(crate) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .merge(databricks::routes())
        .merge(parcellab::routes())
        .merge(softvisio::routes())
        .merge(tachi::routes())
}
