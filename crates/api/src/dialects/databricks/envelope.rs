//! Problems in Databricks' format. Its clients decide by `error_code` or, if they do not know it, by the status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::http::{Json, Problem, ProblemCode};

/// Must have no field `error` or `detail`: clients would take it for the message.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: &'a str,
    message: &'a str,
    /// Always present, always empty.
    details: [(); 0],
}

/// Renders a problem.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let (status, error_code) = classify(problem);
    let message = match problem.pointer.as_deref().map(field) {
        // The ledger's messages name a field only by its pointer, with the native API's name.
        Some(field) if status == StatusCode::BAD_REQUEST && !problem.detail.contains(field) => {
            &*format!("{field}: {}", problem.detail)
        }
        _ => &*problem.detail,
    };
    (status, Json(ErrorBody { error_code, message, details: [] })).into_response()
}

fn classify(problem: &Problem) -> (StatusCode, &'static str) {
    let error_code = match (problem.status.as_u16(), problem.code) {
        // Not 409, which means that the token exists, nor 429, which clients retry.
        (_, ProblemCode::QuotaExceeded | ProblemCode::TextsExceeded) => {
            return (StatusCode::BAD_REQUEST, "QUOTA_EXCEEDED");
        }
        // Another caller revoked it just now.
        (_, ProblemCode::TokenRevoked) => return (StatusCode::NOT_FOUND, "NOT_FOUND"),
        (401, _) => "UNAUTHENTICATED",
        (403, _) => "PERMISSION_DENIED",
        (404, _) if problem.pointer.is_some() => "RESOURCE_DOES_NOT_EXIST",
        (404, _) => "NOT_FOUND",
        (405, _) => "METHOD_NOT_ALLOWED",
        (409, _) => "ALREADY_EXISTS",
        (429, _) => "RESOURCE_EXHAUSTED",
        (503, _) => "TEMPORARILY_UNAVAILABLE",
        (500.., _) => "INTERNAL_ERROR",
        _ => return (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE"),
    };
    (problem.status, error_code)
}

/// This dialect's name of the field at fault.
fn field(pointer: &str) -> &str {
    match pointer.split('/').nth(1).unwrap_or_default() {
        "name" => "comment",
        "expires_at" | "expires_in" => "lifetime_seconds",
        "owner" => "application_id",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concurrently_revoked_token_is_reported_as_not_found() {
        let problem = Problem::new(ProblemCode::TokenRevoked, "The token is revoked permanently. Create a new token.");
        assert_eq!(classify(&problem), (StatusCode::NOT_FOUND, "NOT_FOUND"));
    }
}
