//! Errors as callers meet them: RFC 9457 problem details with a stable code.
//!
//! A problem has two messages: `detail` tells the caller what is wrong and what to do; `internal` tells the operator
//! what happened and goes to the log only.

use std::ops::{Deref, DerefMut};

use axum::response::{IntoResponse, Response};
use counterfoil_protocol::command::NotSignedIn;
use counterfoil_token::Malformed;
use counterfoil_verify::{Code, Decision, Demand, Scope};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::http::{
    codes::ProblemCode,
    refused::{self, Refused},
};

/// An error on its way to the caller. The outermost layer renders it, since that layer knows the request's id.
///
/// Boxed, because most functions of this crate can return one: a larger error makes all of their code larger.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Fault>);

/// What a [`Problem`] consists of.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: ProblemCode,
    pub(crate) detail: String,
    pub(crate) pointer: Option<String>,
    /// The result of each item of a batch.
    pub(crate) items: Option<Box<Value>>,
    /// In how many seconds a retry makes sense; 0 if it does not.
    pub(crate) again_in: u32,
    /// The scopes that the token needs, separated by spaces, for the challenge.
    pub(crate) scope: Option<Box<str>>,
    /// The authentication scheme to challenge first.
    pub(crate) scheme: Scheme,
    pub(crate) internal: Option<String>,
    /// Why the sign-in failed, for the audit log. Only if a provider of the workspace did sign the token.
    pub(crate) not_signed_in: Option<NotSignedIn>,
}

/// How the credential was presented, as far as the challenge depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// As a token, in any header; or nothing was presented.
    Bearer,
    /// As the password of HTTP Basic. Such a client need not know any other scheme (RFC 6749, section 5.2).
    Basic,
}

/// The longest `scope` in a challenge, in bytes: proxies reject a response with long headers, and the caller would then
/// get no information at all.
pub const MOST_SCOPE: usize = 1024;

/// The start of every challenge.
pub const CHALLENGE: &str = r#"Bearer realm="counterfoil""#;

/// Why a request was rejected: a problem (RFC 9457) with additional members.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Body<'a> {
    /// Where the code is explained: a URI reference, resolved against the request's URL (section 3.1.1).
    r#type: &'a str,
    /// The code in words.
    title: &'a str,
    /// The HTTP status of the response.
    status: u16,
    /// A stable code, for programs.
    code: &'a str,
    /// What is wrong and what to do, for people. The wording may change.
    detail: &'a str,
    /// The field that caused the problem, as a JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    /// The result for each item.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<&'a Value>,
    /// The id under which the request was logged.
    request_id: &'a str,
}

/// The schema of every problem.
#[cfg(feature = "openapi")]
pub(crate) fn schema(generator: &mut schemars::SchemaGenerator) -> Value {
    <Body<'_> as schemars::JsonSchema>::json_schema(generator).into()
}

/// In a response's extensions: the problem that the response already reports, for the log.
#[derive(Clone, Debug)]
pub(crate) struct LoggedProblem(pub(crate) Problem);

impl Problem {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self::of(code, detail.into())
    }

    /// One function for all types of details.
    fn of(code: ProblemCode, detail: String) -> Self {
        Self(Box::new(Fault {
            status: code.status(),
            code,
            detail,
            pointer: None,
            items: None,
            again_in: 1,
            scope: None,
            scheme: Scheme::Bearer,
            internal: None,
            not_signed_in: None,
        }))
    }

    /// The same problem, changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Fault)) -> Self {
        change(&mut self);
        self
    }

    /// The same problem with another detail.
    pub(crate) fn saying(self, detail: impl Into<String>) -> Self {
        self.with(|problem| problem.detail = detail.into())
    }

    /// The same problem with another status than that of its code.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.with(|problem| problem.status = status)
    }

    /// The same problem with the reason for the log.
    pub(crate) fn because(self, why: impl Into<String>) -> Self {
        self.with(|problem| problem.internal = Some(why.into()))
    }

    /// The same problem, after which a retry makes sense in so many seconds.
    pub(crate) fn again_in(self, seconds: u64) -> Self {
        self.with(|problem| problem.again_in = u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Names the field at fault, as a JSON pointer (RFC 6901) into the body.
    pub(crate) fn at(self, pointer: impl Into<String>) -> Self {
        self.with(|problem| problem.pointer = Some(pointer.into()))
    }

    /// The service failed. The caller can only retry; the log has the reason.
    pub(crate) fn internal(why: impl Into<String>) -> Self {
        let detail = "An internal error occurred. Nothing was changed. Report the `request_id` to the operator.";
        Self::new(ProblemCode::Internal, detail).because(why)
    }

    /// A ledger or the directory responded, and the response cannot be used: the command may have been carried out.
    pub(crate) fn unreadable_reply(why: impl Into<String>) -> Self {
        let detail = "The ledger's reply could not be read. A change may or may not have been made: check the current \
            state before you repeat the request. Report the `request_id` to the operator.";
        Self::new(ProblemCode::Internal, detail).because(why)
    }

    /// The ledger did not respond in time.
    pub(crate) fn ledger_unavailable(why: impl Into<String>) -> Self {
        let detail = "The ledger did not respond in time. A change may or may not have been made. Check the current \
            state, or retry with the same `Idempotency-Key`.";
        Self::new(ProblemCode::LedgerUnavailable, detail).because(why)
    }

    /// The presented credential is not valid.
    pub(crate) fn credential(code: Code) -> Self {
        match refused::of(code) {
            Some(refused) => refused.into(),
            None if code == Code::Valid => Self::internal("a valid credential was refused"),
            None => Self::ledger_unavailable("the caller's token could not be verified"),
        }
    }

    /// The presented credential is not a token.
    pub(crate) fn malformed(why: Malformed) -> Self {
        let detail = refused::MALFORMED.replace("{why}", why.as_str());
        Self::credential(Code::Malformed).saying(detail)
    }

    /// The problem of a token with this decision on this requirement. Names the scopes that the token lacks.
    pub(crate) fn decided(decision: &Decision, demand: &Demand) -> Self {
        match (decision.code, decision.facts()) {
            (Code::InsufficientScope, Some(facts)) => {
                let held = facts.effective_scopes();
                let all_of: Vec<&Scope> = demand.all_of.iter().filter(|scope| !held.covers(scope)).collect();
                let has_one = demand.any_of.is_empty() || demand.any_of.iter().any(|scope| held.covers(scope));
                let any_of: &[Scope] = if has_one { &[] } else { &demand.any_of };
                // RFC 6750 cannot express "one of these", so the first one is named.
                let needed = demand.all_of.iter().chain(any_of.first()).map(Scope::as_str);
                Self::lacking(&all_of, any_of, needed.collect::<Vec<_>>().join(" "))
            }
            (code, _) => Self::credential(code),
        }
    }

    /// The token lacks `all_of`, and has none of `any_of`, of which it needs one.
    fn lacking(all_of: &[&Scope], any_of: &[Scope], needed: String) -> Self {
        let list =
            |scopes: &mut dyn Iterator<Item = &Scope>| scopes.map(Scope::as_str).collect::<Vec<_>>().join("`, `");
        let (all_of, one_of) = (list(&mut all_of.iter().copied()), list(&mut any_of.iter()));
        let detail = match (&*all_of, &*one_of) {
            ("", "") => return Self::credential(Code::InsufficientScope),
            (all_of, "") if !all_of.contains(',') => return Self::missing_scope(all_of).needing(needed),
            (all_of, "") => refused::LACKS_SCOPES.replace("{all}", all_of),
            ("", one_of) => refused::HAS_NONE.replace("{one}", one_of),
            (all_of, one_of) => refused::LACKS_AND_HAS_NONE.replace("{all}", all_of).replace("{one}", one_of),
        };
        Self::new(ProblemCode::InsufficientScope, detail).needing(needed)
    }

    /// Whether a credential was presented that is not valid, as opposed to one with insufficient scope.
    pub(crate) fn is_failed_credential(&self) -> bool {
        let is_of_address = self.code == ProblemCode::AddressNotAllowed;
        is_of_address || self.status == StatusCode::UNAUTHORIZED && self.code != ProblemCode::NoCredential
    }

    /// Names in the challenge the scopes that a token needs. Their characters need no quoting.
    fn needing(self, scope: String) -> Self {
        self.with(|problem| problem.scope = (scope.len() <= MOST_SCOPE).then(|| scope.into()))
    }

    /// The credential was presented in this scheme.
    pub(crate) fn presented_in(self, scheme: Scheme) -> Self {
        self.with(|problem| problem.scheme = scheme)
    }

    /// The presented session is not valid.
    pub(crate) fn session_ended() -> Self {
        let detail = "The session has ended or does not exist. Sign in again.";
        Self::new(ProblemCode::SessionEnded, detail)
    }

    /// A sign-in failed. All reasons give the same response; the log has the reason.
    pub(crate) fn sign_in_failed(why: impl Into<String>) -> Self {
        let detail = "Sign-in failed. Try again, or ask someone who manages the workspace.";
        Self::new(ProblemCode::SignInFailed, detail).because(why)
    }

    /// The identity provider did not answer.
    pub(crate) fn provider_unavailable(why: impl Into<String>) -> Self {
        let detail = "The identity provider did not respond. Retry after the time in `Retry-After`.";
        Self::new(ProblemCode::ProviderUnavailable, detail).because(why)
    }

    /// The snapshot is not available, or is incomplete.
    pub(crate) fn snapshot_not_ready(again_in: u64, why: impl Into<String>) -> Self {
        let detail = "The snapshot is being built. Retry after the time in `Retry-After`.";
        Self::new(ProblemCode::SnapshotNotReady, detail).because(why).again_in(again_in)
    }

    pub(crate) fn missing_scope(scope: &str) -> Self {
        let detail = refused::LACKS_SCOPE.replace("{all}", scope);
        Self::new(ProblemCode::InsufficientScope, detail).needing(scope.to_owned())
    }

    pub(crate) fn origin_not_allowed() -> Self {
        let detail = "This origin is not allowed. Workspace routes accept the origins in `allowed_origins`; \
            otherwise, call the API from a server.";
        Self::new(ProblemCode::OriginNotAllowed, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(ProblemCode::NoSuchRoute, "This path does not exist.")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            ProblemCode::MethodNotAllowed,
            "This path does not support this method. Use one that the `Allow` header names.",
        )
    }

    /// Adds the headers that the problem's status requires to a response that reports it, whatever its format.
    pub(crate) fn advise(&self, response: &mut Response) {
        let status = response.status();
        let headers = response.headers_mut();
        let own = headers.remove(header::WWW_AUTHENTICATE);
        let bearer = self.challenge(status).and_then(|challenge| HeaderValue::try_from(challenge).ok());
        // The scheme that the client used comes first: some clients read only the first challenge.
        let challenges = if self.scheme == Scheme::Bearer { [bearer, own] } else { [own, bearer] };
        for challenge in challenges.into_iter().flatten() {
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.again_in));
        }
    }

    /// The response in the native API's format.
    pub(crate) fn in_json(&self, request_id: &str) -> Response {
        let (status, code, detail) = (self.status.as_u16(), self.code.as_str(), &*self.detail);
        let (r#type, title) = (&*format!("/docs/errors#{code}"), &*title(code));
        let pointer = self.pointer.as_deref();
        let items = self.items.as_deref();
        let body = Body { r#type, title, status, code, detail, pointer, items, request_id };
        // A struct of strings and numbers always serialises.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }

    /// The challenge of RFC 6750, section 3: without an error code if no token was presented in a known scheme.
    fn challenge(&self, status: StatusCode) -> Option<String> {
        let bearer = CHALLENGE;
        match (status, self.code, &self.scope) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, ProblemCode::InsufficientScope, Some(scope)) => {
                Some(format!(r#"{bearer}, error="insufficient_scope", scope="{scope}""#))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, ProblemCode::InsufficientScope, None) => {
                Some(format!(r#"{bearer}, error="insufficient_scope""#))
            }
            (StatusCode::UNAUTHORIZED, ProblemCode::NoCredential, _) => Some(bearer.to_owned()),
            (StatusCode::UNAUTHORIZED, ..) if self.scheme == Scheme::Basic => Some(bearer.to_owned()),
            (StatusCode::UNAUTHORIZED, ..) => Some(format!(r#"{bearer}, error="invalid_token""#)),
            _ => None,
        }
    }
}

impl Deref for Problem {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        *problem.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Fault {
        &mut self.0
    }
}

impl From<Refused> for Problem {
    fn from(Refused { code, detail }: Refused) -> Self {
        Self::new(code, detail)
    }
}

/// `NOT_YET_VALID` as `Not yet valid`.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let (first, rest) = words.split_at_checked(1).unwrap_or_default();
    format!("{first}{}", rest.to_ascii_lowercase())
}

impl IntoResponse for Problem {
    /// An empty response that carries the problem; the outermost layer renders it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
