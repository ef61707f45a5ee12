//! Token APIs of other systems, each under its own paths, so that its own clients work unchanged.
//!
//! A dialect translates: a request becomes ledger commands, their replies become the dialect's format, and a problem
//! becomes its error format. It owns no rule. Intentional differences are listed in docs/dialects.md.

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
