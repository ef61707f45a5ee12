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

/// A session as its member and admins see it: everything but its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Session {
    /// `ses_…`
    pub id: String,
    /// As whom it acts.
    pub member: Owner,
    /// What it may do now: nothing where the text that opened it does not pass. Where an identity provider vouched, all
    /// that the member is granted.
    pub scopes: ScopeSet,
    /// When it was opened.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub created_at: Timestamp,
    /// When it ends at the latest.
    #[serde(with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::Time"))]
    pub expires_at: Timestamp,
    /// The id of the token that opened it; absent where an identity provider did.
    pub created_by: Option<String>,
    /// The issuer of the identity provider that vouched for the member; absent where a token opened it.
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
