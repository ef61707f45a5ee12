//! Tachi's API tokens.

use axum::{
    Router,
    response::{IntoResponse, Response},
};

use crate::{app::App, ports::Ports, problem::Problem};

pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
}

/// The envelope of a problem.
pub(super) fn refuse(problem: &Problem) -> Response {
    problem.status.into_response()
}
