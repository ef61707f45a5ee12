//! What a request is answered whose credential does not pass. The npm package's guards answer in the same words: `cargo
//! xtask docs` writes these tables into its `contract.js`.

use counterfoil_verify::Code;
use http::StatusCode;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its status.
    pub status: StatusCode,
    /// Its code, which is stable.
    pub code: &'static str,
    /// What the caller is told, where nothing more exact is known.
    pub detail: &'static str,
}

pub(crate) const NO_CREDENTIAL: Refused = Refused {
    status: StatusCode::UNAUTHORIZED,
    code: "NO_CREDENTIAL",
    detail: "This needs a token: send Authorization: Bearer <token>, or X-API-Key: <token>.",
};

pub(crate) const UNREADABLE_CREDENTIAL: Refused = Refused {
    status: StatusCode::UNAUTHORIZED,
    code: "UNREADABLE_CREDENTIAL",
    detail: "The credential could not be read: send Authorization: Bearer <token>, or X-API-Key: <token>.",
};

pub(crate) const AMBIGUOUS_CREDENTIAL: Refused = Refused {
    status: StatusCode::BAD_REQUEST,
    code: "AMBIGUOUS_CREDENTIAL",
    detail: "The request presents two different credentials. Send one.",
};

/// Of a pair of headers the second is missing.
pub(crate) const WORKSPACE_REQUIRED: Refused = Refused {
    status: StatusCode::BAD_REQUEST,
    code: "WORKSPACE_REQUIRED",
    detail: "X-lgca-token is half of a pair: name the slug of the token's workspace in x-lgca-domain.",
};

/// Why no token can be read from a request.
pub const CREDENTIAL: [Refused; 4] = [NO_CREDENTIAL, UNREADABLE_CREDENTIAL, AMBIGUOUS_CREDENTIAL, WORKSPACE_REQUIRED];

/// Why a token does not pass. `None` where it does, and where that cannot be known: who asks says then what to do.
#[must_use]
pub fn of(code: Code) -> Option<Refused> {
    let (status, detail) = match code {
        Code::Valid | Code::Unavailable => return None,
        Code::Malformed => (StatusCode::UNAUTHORIZED, "The credential is not a token: mistyped, or cut short."),
        Code::Unknown => (StatusCode::UNAUTHORIZED, "The token is not known here."),
        Code::WorkspaceSuspended => (StatusCode::UNAUTHORIZED, "The token's workspace is suspended."),
        Code::Revoked => (StatusCode::UNAUTHORIZED, "The token was revoked."),
        Code::OwnerSuspended => (StatusCode::UNAUTHORIZED, "The token's owner is suspended."),
        Code::Disabled => (StatusCode::UNAUTHORIZED, "The token is switched off."),
        Code::Expired => (StatusCode::UNAUTHORIZED, "The token has expired."),
        Code::NotYetValid => (StatusCode::UNAUTHORIZED, "The token is not valid yet."),
        Code::AddressNotAllowed => (StatusCode::FORBIDDEN, "The token may not be used from this address."),
        Code::InsufficientScope => (StatusCode::FORBIDDEN, "The token lacks a scope that this needs."),
        Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too many unknown tokens; try again in a second."),
    };
    Some(Refused { status, code: code.as_str(), detail })
}

/// A token that is malformed; `{why}` stands for what is wrong with it.
pub const MALFORMED: &str = "The credential is not a token: {why}.";

/// A token that lacks one scope. Here and below `{all}` stands for the scopes that it needs and has not, and `{one}` for
/// those of which it needs one and has none.
pub const LACKS_SCOPE: &str = "The token lacks the scope {all}, which this needs.";

/// A token that lacks several scopes.
pub const LACKS_SCOPES: &str = "The token lacks the scopes {all}, which this needs.";

/// A token that has none of some scopes.
pub const HAS_NONE: &str = "The token has none of the scopes {one}, of which this needs one.";

/// A token of which both is true.
pub const LACKS_AND_HAS_NONE: &str =
    "The token lacks {all}, and has none of the scopes {one}, of which this needs one.";
