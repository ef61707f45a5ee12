//! Where problems are told in another form than the native API's: below which path, and by whom.

use axum::response::Response;

use crate::{
    dialects::{databricks, parcellab, softvisio, tachi},
    http::Problem,
    routes::oauth,
};

/// Tells a client of a problem.
pub(crate) type Envelope = fn(&Problem) -> Response;

/// Below which path there is another form, and how it tells of problems.
const ENVELOPES: &[(&str, Envelope)] = &[
    ("/api/2.0/", databricks::refuse),
    ("/api/v1/users/", tachi::refuse),
    ("/tokens/", parcellab::refuse),
    ("/v1/api-tokens", softvisio::refuse),
    ("/oauth/", oauth::refuse),
];

/// The envelope for problems at this path, where it is not the native one.
pub(crate) fn at(path: &str) -> Option<Envelope> {
    ENVELOPES.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, envelope)| *envelope)
}
