//! Commands for sessions, and their replies.

use counterfoil_verify::{ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};

use super::{listing::Page, tokens::Owner};
use crate::{rfc3339, token_value::TokenValue};

/// Opens a session of the token that asks; needs `sessions:create`. It may do what the text that asks may do, at each
/// moment anew, and lasts for the workspace's session length, or until that text ends if that is sooner. In a session no
/// other is opened, nor by root, which is no member.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenSession {}

/// The session that acts. Needs no scope.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSession {}

/// Ends a session; needs `tokens:write`, but a session may always end itself. What it made stays.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndSession {
    /// `ses_…`; the session that acts where absent.
    pub id: Option<String>,
}

/// The sessions that go on, newest first; needs `tokens:read`. An admin sees all, others their own.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListSessions {
    /// Which page.
    pub page: Page,
}

/// A session, without its secret value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Session {
    /// `ses_…`
    pub id: String,
    /// The member as which the session acts.
    pub member: Owner,
    /// Effective scopes: those of the token that opened the session, none if that token is no longer valid. If an
    /// identity provider authenticated the member, its granted scopes.
    pub scopes: ScopeSet,
    /// When the session was opened.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
    /// When the session expires at the latest.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub expires_at: Timestamp,
    /// The id of the token that opened the session. Absent if an identity provider authenticated the member.
    pub created_by: Option<String>,
    /// The issuer of the identity provider that authenticated the member. Absent if a token opened the session.
    #[serde(default)]
    pub issuer: Option<String>,
}

/// A session just opened, with its text: the one reply that carries it. It is for the cookie, and for no body.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The text.
    pub text: TokenValue,
    /// For how many seconds it is good, whole ones.
    pub seconds: u64,
    /// The session.
    pub session: Session,
}
