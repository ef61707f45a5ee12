//! Problems as Databricks' clients read them. They decide by `error_code`, and where they do not know it by the status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::http::{Json, Problem, ProblemCode};

/// Never with a field named `error` or `detail`: clients would take it for the message.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: &'a str,
    message: &'a str,
    /// Always empty, and always there.
    details: [(); 0],
}

/// The envelope of a problem.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let (status, error_code) = classify(problem);
    let message = match problem.pointer.as_deref().map(field) {
        // The ledger names a field by its pointer alone, and as the native API does.
        Some(field) if status == StatusCode::BAD_REQUEST && !problem.detail.contains(field) => {
            &*format!("{field}: {}", problem.detail)
        }
        _ => &*problem.detail,
    };
    (status, Json(ErrorBody { error_code, message, details: [] })).into_response()
}

fn classify(problem: &Problem) -> (StatusCode, &'static str) {
    let error_code = match (problem.status.as_u16(), problem.code) {
        // Not 409, which says that the token exists, nor 429, which clients repeat.
        (_, ProblemCode::QuotaExceeded | ProblemCode::TextsExceeded) => {
            return (StatusCode::BAD_REQUEST, "QUOTA_EXCEEDED");
        }
        // It was revoked by somebody else just now.
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

/// What this dialect calls the field at fault.
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
    fn a_token_that_is_revoked_meanwhile_is_as_none() {
        let problem = Problem::new(ProblemCode::TokenRevoked, "The token is revoked, for good.");
        assert_eq!(classify(&problem), (StatusCode::NOT_FOUND, "NOT_FOUND"));
    }
}
