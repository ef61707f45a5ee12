//! Where problems are told in another form than the native API's: below which path, and by whom.

use axum::response::Response;

use crate::{dialects, problem::Problem, routes::refuse_in_oauth};

/// Tells a client of a problem.
pub(crate) type Envelope = fn(&Problem) -> Response;

/// What OAuth's clients read; the rest is the dialects'.
const OAUTH: (&str, Envelope) = ("/oauth/", refuse_in_oauth);

/// The envelope for problems at this path, where it is not the native one.
pub(crate) fn at(path: &str) -> Option<Envelope> {
    let mut all = dialects::ENVELOPES.iter().chain([&OAUTH]);
    all.find(|(prefix, _)| path.starts_with(prefix)).map(|(_, envelope)| *envelope)
}
