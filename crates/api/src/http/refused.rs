//! The responses to invalid credentials. The npm package's guards use the same texts: `cargo xtask docs` writes these
//! tables into its `contract.js`.

use counterfoil_verify::Code;

use crate::http::codes::ProblemCode;

/// A response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its code, which determines its status.
    pub code: ProblemCode,
    /// The message for the caller, if nothing more specific is known.
    pub detail: &'static str,
}

pub(crate) const NO_CREDENTIAL: Refused = Refused {
    code: ProblemCode::NoCredential,
    detail: "This request needs a token. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`.",
};

pub(crate) const UNREADABLE_CREDENTIAL: Refused = Refused {
    code: ProblemCode::UnreadableCredential,
    detail: "No token can be read from this request. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`.",
};

pub(crate) const AMBIGUOUS_CREDENTIAL: Refused = Refused {
    code: ProblemCode::AmbiguousCredential,
    detail: "The request presents two different credentials. Send only one.",
};

/// The second header of a pair is missing.
pub(crate) const WORKSPACE_REQUIRED: Refused = Refused {
    code: ProblemCode::WorkspaceRequired,
    detail: "The header `X-lgca-token` needs a second one: send the slug of the token's workspace in `x-lgca-domain`.",
};

/// Why no token can be read from a request.
pub const CREDENTIAL: [Refused; 4] = [NO_CREDENTIAL, UNREADABLE_CREDENTIAL, AMBIGUOUS_CREDENTIAL, WORKSPACE_REQUIRED];

/// Why a token is rejected. `None` if it is valid, and if that is unknown: the caller decides what to do then.
#[must_use]
pub fn of(code: Code) -> Option<Refused> {
    let (code, detail) = match code {
        Code::Valid | Code::Unavailable => return None,
        Code::Malformed => {
            (ProblemCode::Malformed, "The credential is not a valid token: it is mistyped or truncated.")
        }
        Code::Unknown => (ProblemCode::Unknown, "The token is unknown. Check that it was created for this service."),
        Code::WorkspaceSuspended => {
            (ProblemCode::WorkspaceSuspended, "The token's workspace is suspended. Ask the operator of the service.")
        }
        Code::Revoked => {
            (ProblemCode::Revoked, "The token was revoked or replaced. Use its current value or a different token.")
        }
        Code::OwnerSuspended => (ProblemCode::OwnerSuspended, "The token's owner is suspended. Ask an administrator."),
        Code::Disabled => (ProblemCode::Disabled, "The token is disabled. Have it enabled, or use a different token."),
        Code::Expired => (ProblemCode::Expired, "The token has expired. Use a different token."),
        Code::NotYetValid => (ProblemCode::NotYetValid, "The token is not valid yet: its start time is in the future."),
        Code::AddressNotAllowed => (ProblemCode::AddressNotAllowed, "The token cannot be used from this IP address."),
        Code::InsufficientScope => (ProblemCode::InsufficientScope, "The token does not have a required scope."),
        Code::RateLimited => (ProblemCode::RateLimited, "Too many unknown tokens. Try again in one second."),
    };
    Some(Refused { code, detail })
}

/// A malformed token; `{why}` stands for the error.
pub const MALFORMED: &str = "The credential is not a valid token: {why}.";

/// A token that lacks one scope. Here and below, `{all}` stands for the required scopes that it lacks, and `{one}` for
/// the scopes of which it needs one and has none.
pub const LACKS_SCOPE: &str = "The token does not have the required scope `{all}`.";

/// A token that lacks several scopes.
pub const LACKS_SCOPES: &str = "The token does not have the required scopes `{all}`.";

/// A token with none of the scopes of which one is required.
pub const HAS_NONE: &str = "The token needs one of the scopes `{one}` and has none of them.";

/// A token to which both applies.
pub const LACKS_AND_HAS_NONE: &str =
    "Required scopes that the token does not have: `{all}`. It also needs one of `{one}` and has none of them.";
