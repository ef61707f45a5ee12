//! The service's own routes.

use axum::extract::State;

use crate::state::App;

/// A health check: the service responds.
pub(crate) async fn health<P>(_: State<App<P>>) -> &'static str {
    "ok\n"
}
