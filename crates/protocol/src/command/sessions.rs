//! Commands for sessions, and their replies.

use counterfoil_verify::{ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};

use super::{listing::Page, tokens::Owner};
use crate::{rfc3339, token_value::TokenValue};

/// Opens a session with the actor's token; needs `sessions:create`. The session depends on the token value that opened
/// it: the ledger verifies that value again for each request, and the session has the token's current effective scopes.
/// It lasts for the workspace's session length, or until the value expires if that is earlier. A session cannot open
/// another one, and neither can the root token, which belongs to no member.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenSession {}

/// Reads the actor's own session. Needs no scope.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadSession {}

/// Ends a session; needs `tokens:write`, except that a session can always end itself. Tokens that were created in it
/// remain.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndSession {
    /// `ses_…`; if absent, the actor's own session.
    pub id: Option<String>,
}

/// Lists the sessions that have neither expired nor been ended, newest first; needs `tokens:read`. Admins see all
/// sessions, other members their own.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListSessions {
    /// The requested page.
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

/// A session that was just opened, with its value. No other reply contains the value; the API sends it in a cookie,
/// never in a response body.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The session value.
    pub text: TokenValue,
    /// How long the session lasts, in seconds, rounded down.
    pub seconds: u64,
    /// The session.
    pub session: Session,
}
