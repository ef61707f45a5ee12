//! Which paths report problems in another format than the native API's.

use axum::response::Response;

use crate::{
    dialects::{databricks, parcellab, softvisio, tachi},
    http::Problem,
    routes::oauth,
};

/// Renders a problem.
pub(crate) type Envelope = fn(&Problem) -> Response;

/// The paths with another format, and how they render problems.
const ENVELOPES: &[(&str, Envelope)] = &[
    ("/api/2.0/", databricks::refuse),
    ("/api/v1/users/", tachi::refuse),
    ("/tokens/", parcellab::refuse),
    ("/v1/api-tokens", softvisio::refuse),
    ("/oauth/", oauth::refuse),
];

/// How problems are rendered at this path, if not in the native format.
pub(crate) fn at(path: &str) -> Option<Envelope> {
    ENVELOPES.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, envelope)| *envelope)
}
