//! The errors of commands. A rejected command has changed nothing.

use counterfoil_verify::Code;
use serde::{Deserialize, Serialize};

use crate::command::{identity::NotSignedIn, revoked::RevokedItem};

/// Why a command was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandError {
    /// The actor's token is not valid. The code is the reason that a verifier gives.
    #[error("the token presented is not valid: {code}")]
    Unauthenticated {
        /// Never [`Code::Valid`].
        code: Code,
    },
    /// The session does not exist or has ended. The error does not reveal which.
    #[error("the session has ended or does not exist")]
    SessionEnded,
    /// The sign-in failed. The client is not told why.
    #[error("the sign-in failed")]
    NotSignedIn {
        /// For the log. It is never returned to the caller.
        detail: String,
        /// The reason for the audit log, if a provider of the workspace signed the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<NotSignedIn>,
    },
    /// The actor lacks a scope that the command requires.
    #[error("the scope {scope} is required")]
    MissingScope {
        /// The required scope.
        scope: String,
    },
    /// The actor may not execute this command, for a reason other than a missing scope.
    #[error("{detail}")]
    Forbidden {
        /// A stable code, `SCREAMING_SNAKE_CASE`.
        code: ForbiddenCode,
        /// A message for the caller, which says what is allowed.
        detail: String,
    },
    /// Nothing of this kind has this id, or the actor may not see it. The error does not reveal which.
    #[error("this {what} does not exist, or you do not have access to it")]
    NotFound {
        /// The kind: `token`, `member`, `workspace`, …
        what: String,
    },
    /// The value of a field is not allowed.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// A stable code.
        code: InvalidCode,
        /// The field, as a JSON pointer (RFC 6901) with the names of the native API: `/scopes/0`, `/expires_in`,
        /// `/limit`.
        pointer: String,
        /// A message for the caller, which says what is allowed.
        detail: String,
    },
    /// Something of this kind already has this value in a field that must be unique.
    #[error("a {what} with this {field} already exists")]
    AlreadyExists {
        /// The kind: `member`, `workspace`, …
        what: String,
        /// The field.
        field: String,
    },
    /// The current state of the token or the workspace does not allow the change.
    #[error("{detail}")]
    Conflict {
        /// A stable code.
        code: ConflictCode,
        /// A message for the caller.
        detail: String,
    },
    /// The precondition failed: the token's version is none of those that the request allows.
    #[error("the token has changed since it was read")]
    Stale,
    /// The request comes from a web page of an origin that the workspace does not allow.
    #[error("the workspace does not allow requests from web pages of this origin")]
    OriginNotAllowed,
    /// The owner would have more live tokens than its quota allows.
    #[error("the owner's quota of {quota} live tokens is exceeded: {needed} would be needed")]
    QuotaExceeded {
        /// The quota.
        quota: u64,
        /// The quota that the command would require.
        needed: u64,
    },
    /// The owner's tokens would have had more values in total than allowed, including revoked and replaced ones.
    #[error("the owner's tokens have had {bound} values, the most allowed so far, including revoked and replaced ones")]
    TextsExceeded {
        /// The current limit. It rises daily.
        bound: u64,
    },
    /// The number or the total size of the replies stored for the member's idempotency keys has reached its limit.
    #[error("the limit of stored responses for this member's idempotency keys is reached")]
    KeysExceeded {
        /// In how many seconds the oldest of them expires; at least 1.
        again_in: u64,
    },
    /// The workspace's storage is nearly full, and the command would add to it.
    #[error("the workspace's storage is nearly full")]
    StorageFull,
    /// Some of the tokens to revoke do not exist, or the actor may not see them. None was revoked.
    #[error("some of these tokens do not exist")]
    UnknownTokens {
        /// One result for each token in the request, in the same order.
        items: Vec<RevokedItem>,
    },
    /// The idempotency key was already used for a different command.
    #[error("this idempotency key was already used for another request")]
    IdempotencyMismatch,
    /// The deployment has no secret to sign snapshots with.
    #[error("this deployment does not sign snapshots")]
    SnapshotsOff,
    /// The ledger does not know the request, because it runs an older version than the caller. Nothing was changed.
    #[error("the ledger does not know this request")]
    NotUnderstood {
        /// For the log. It is never returned to the caller.
        detail: String,
    },
    /// The ledger rejected the command for a reason that is unknown here, because it runs a newer version than the
    /// caller. Nothing was changed. No ledger sends this variant: [`reply_json`](crate::reply_json) returns it for a
    /// reason that it does not know.
    #[error("the ledger rejected the request for a reason that this version does not know")]
    #[serde(skip)]
    NotKnown,
    /// The ledger failed; the log says why. Nothing was changed.
    #[error("the ledger failed")]
    Internal {
        /// For the log. It is never returned to the caller.
        detail: String,
    },
}

/// Why an actor may not execute a command although it has the required scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForbiddenCode {
    /// The command would grant more than the actor may grant, or weaken a setting that it may not weaken.
    Escalation,
    /// The command acts on something that belongs to another member, which only an admin may do.
    NotYours,
    /// Only the root token may do this.
    RootOnly,
    /// The command would change the scopes, expiration or allowed addresses of the token that the actor presents.
    OwnToken,
    /// The actor presents a token value that a rotation replaced, and such a value cannot be used for this command.
    ReplacedText,
    /// Only a member's token may do this, not a session and not the root token.
    TokenOnly,
}

/// Which state prevents a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictCode {
    /// The token is revoked permanently.
    TokenRevoked,
    /// The token has expired.
    TokenExpired,
    /// The token already has the maximum number of valid values.
    TooManyTexts,
    /// The workspace would have no active admin left.
    LastAdmin,
}

/// Why the value of a field is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvalidCode {
    /// The value is too long, too short, out of range or malformed.
    InvalidValue,
    /// A scope that the catalogue does not have, or a pattern that matches nothing in it.
    UnknownScope,
    /// A built-in scope where only the workspace's own are allowed.
    BuiltInScope,
    /// A member that does not exist.
    UnknownMember,
    /// A client that does not exist.
    UnknownClient,
    /// A filter that matches more tokens than one command can revoke.
    TooManyTokens,
    /// A cursor that this list did not return.
    InvalidCursor,
}

impl CommandError {
    /// Whether the ledger did not admit the actor, or may not have: it rejected the credential or the origin of the web
    /// page, or it failed, possibly before it checked them.
    #[must_use]
    pub fn shuts_out(&self) -> bool {
        matches!(
            self,
            Self::Unauthenticated { .. }
                | Self::SessionEnded
                | Self::OriginNotAllowed
                | Self::NotUnderstood { .. }
                | Self::NotKnown
                | Self::Internal { .. }
        )
    }

    /// The actor's token is not valid, for this reason.
    #[must_use]
    pub fn unauthenticated(code: Code) -> Self {
        Self::Unauthenticated { code }
    }

    /// The sign-in failed, for this reason.
    #[must_use]
    pub fn not_signed_in(reason: NotSignedIn) -> Self {
        Self::NotSignedIn { detail: reason.words().to_owned(), reason: Some(reason) }
    }

    /// The actor may not do this. The detail is a message for the caller.
    #[must_use]
    pub fn forbidden(code: ForbiddenCode, detail: impl Into<String>) -> Self {
        Self::Forbidden { code, detail: detail.into() }
    }

    /// The command would grant more than the actor may grant.
    #[must_use]
    pub fn escalation(detail: impl Into<String>) -> Self {
        Self::forbidden(ForbiddenCode::Escalation, detail)
    }

    /// Nothing of this kind has this id, or the actor may not see it.
    #[must_use]
    pub fn no_such(what: &str) -> Self {
        Self::NotFound { what: what.to_owned() }
    }

    /// Something of this kind already has the same value in this field.
    #[must_use]
    pub fn already_exists(what: &str, field: &str) -> Self {
        Self::AlreadyExists { what: what.to_owned(), field: field.to_owned() }
    }

    /// The value of a field is not allowed: the field's JSON pointer, and a message for the caller that says what is
    /// allowed.
    #[must_use]
    pub fn invalid(code: InvalidCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { code, pointer: pointer.into(), detail: detail.into() }
    }

    /// The value of a field is too long, too short, out of range or malformed.
    #[must_use]
    pub fn invalid_value(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(InvalidCode::InvalidValue, pointer, detail)
    }

    /// The current state does not allow this. The detail is a message for the caller.
    #[must_use]
    pub fn conflict(code: ConflictCode, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// The ledger failed. The detail is only for the log.
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { detail: detail.into() }
    }
}
