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
    detail: "This needs a token: send Authorization: Bearer <token>, or X-API-Key: <token>.",
};

pub(crate) const UNREADABLE_CREDENTIAL: Refused = Refused {
    code: ProblemCode::UnreadableCredential,
    detail: "The credential could not be read: send Authorization: Bearer <token>, or X-API-Key: <token>.",
};

pub(crate) const AMBIGUOUS_CREDENTIAL: Refused = Refused {
    code: ProblemCode::AmbiguousCredential,
    detail: "The request presents two different credentials. Send one.",
};

/// The second header of a pair is missing.
pub(crate) const WORKSPACE_REQUIRED: Refused = Refused {
    code: ProblemCode::WorkspaceRequired,
    detail: "X-lgca-token is half of a pair: name the slug of the token's workspace in x-lgca-domain.",
};

/// Why no token can be read from a request.
pub const CREDENTIAL: [Refused; 4] = [NO_CREDENTIAL, UNREADABLE_CREDENTIAL, AMBIGUOUS_CREDENTIAL, WORKSPACE_REQUIRED];

/// Why a token is rejected. `None` if it is valid, and if that is unknown: the caller decides what to do then.
#[must_use]
pub fn of(code: Code) -> Option<Refused> {
    let (code, detail) = match code {
        Code::Valid | Code::Unavailable => return None,
        Code::Malformed => (ProblemCode::Malformed, "The credential is not a token: mistyped, or cut short."),
        Code::Unknown => (ProblemCode::Unknown, "The token is not known here."),
        Code::WorkspaceSuspended => (ProblemCode::WorkspaceSuspended, "The token's workspace is suspended."),
        Code::Revoked => (ProblemCode::Revoked, "The token was revoked."),
        Code::OwnerSuspended => (ProblemCode::OwnerSuspended, "The token's owner is suspended."),
        Code::Disabled => (ProblemCode::Disabled, "The token is switched off."),
        Code::Expired => (ProblemCode::Expired, "The token has expired."),
        Code::NotYetValid => (ProblemCode::NotYetValid, "The token is not valid yet."),
        Code::AddressNotAllowed => (ProblemCode::AddressNotAllowed, "The token may not be used from this address."),
        Code::InsufficientScope => (ProblemCode::InsufficientScope, "The token lacks a scope that this needs."),
        Code::RateLimited => (ProblemCode::RateLimited, "Too many unknown tokens; try again in a second."),
    };
    Some(Refused { code, detail })
}

/// A malformed token; `{why}` stands for the error.
pub const MALFORMED: &str = "The credential is not a token: {why}.";

/// A token that lacks one scope. Here and below, `{all}` stands for the required scopes that it lacks, and `{one}` for
/// the scopes of which it needs one and has none.
pub const LACKS_SCOPE: &str = "The token lacks the scope {all}, which this needs.";

/// A token that lacks several scopes.
pub const LACKS_SCOPES: &str = "The token lacks the scopes {all}, which this needs.";

/// A token with none of the scopes of which one is required.
pub const HAS_NONE: &str = "The token has none of the scopes {one}, of which this needs one.";

/// A token to which both applies.
pub const LACKS_AND_HAS_NONE: &str =
    "The token lacks {all}, and has none of the scopes {one}, of which this needs one.";
