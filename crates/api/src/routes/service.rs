//! What is told of the service itself.

use axum::extract::State;

use crate::state::App;

/// That it answers at all.
pub(crate) async fn health<P>(_: State<App<P>>) -> &'static str {
    "ok\n"
}
