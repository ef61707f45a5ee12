//! Why a command was not carried out. A refused command has changed nothing.

use counterfoil_verify::Code;
use serde::{Deserialize, Serialize};

use crate::command::{identity::NotSignedIn, revoked::RevokedItem};

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandError {
    /// The actor's token does not pass: why, by the verifier's own code.
    #[error("the token presented is not valid: {code}")]
    Unauthenticated {
        /// Never [`Code::Valid`].
        code: Code,
    },
    /// There is no such session, or no longer: the two are not told apart.
    #[error("the session has ended or does not exist")]
    SessionEnded,
    /// Nobody signs in this way. Those outside are not told why.
    #[error("the sign-in failed")]
    NotSignedIn {
        /// For the log, never for the caller.
        detail: String,
        /// For the audit, where a provider of the workspace has signed the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<NotSignedIn>,
    },
    /// The actor may not do this at all: it lacks a scope.
    #[error("the scope {scope} is required")]
    MissingScope {
        /// The scope that is needed.
        scope: String,
    },
    /// The actor may not do this to that: the sentence says what it may.
    #[error("{detail}")]
    Forbidden {
        /// A stable code, `SCREAMING_SNAKE_CASE`.
        code: ForbiddenCode,
        /// One sentence, fit to be shown.
        detail: String,
    },
    /// There is none by that id, or none that the actor may see: the two are not told apart.
    #[error("this {what} does not exist, or you do not have access to it")]
    NotFound {
        /// `token`, `member`, `workspace`.
        what: String,
    },
    /// A field holds what it must not.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// A stable code.
        code: InvalidCode,
        /// The field at fault, as a JSON pointer (RFC 6901), named as the native API names it: `/scopes/0`,
        /// `/expires_in`, `/limit`.
        pointer: String,
        /// One sentence that says what would be right.
        detail: String,
    },
    /// What is asked for exists already.
    #[error("a {what} with this {field} already exists")]
    AlreadyExists {
        /// `member`, `workspace`.
        what: String,
        /// The field that must be unique.
        field: String,
    },
    /// What the token is just now does not let this be done to it.
    #[error("{detail}")]
    Conflict {
        /// A stable code.
        code: ConflictCode,
        /// One sentence, fit to be shown.
        detail: String,
    },
    /// The token has another version than the request was meant for.
    #[error("the token has changed since it was read")]
    Stale,
    /// A web page's origin that the workspace does not allow.
    #[error("the workspace does not allow requests from web pages of this origin")]
    OriginNotAllowed,
    /// The owner would have more live tokens than it may.
    #[error("the owner's quota of {quota} live tokens is exceeded: {needed} would be needed")]
    QuotaExceeded {
        /// The quota.
        quota: u64,
        /// How many it would have to be.
        needed: u64,
    },
    /// The owner's tokens would have had more texts than they may, dead ones included.
    #[error("the owner's tokens have had {bound} values, the most allowed so far, including revoked and replaced ones")]
    TextsExceeded {
        /// How many they may have had by now.
        bound: u64,
    },
    /// So many answers to the member's requests are kept, or so many bytes of them, that there is no room for another.
    #[error("the limit of stored responses for this member's idempotency keys is reached")]
    KeysExceeded {
        /// In how many seconds the oldest of them goes.
        again_in: u64,
    },
    /// The storage is nearly full, and this would add to it.
    #[error("the workspace's storage is nearly full")]
    StorageFull,
    /// Of many tokens named, some are not there, or none that the actor may see. Nothing was done to any.
    #[error("some of these tokens do not exist")]
    UnknownTokens {
        /// One for each token that was named, in that order.
        items: Vec<RevokedItem>,
    },
    /// Another command was sent under this idempotency key before.
    #[error("this idempotency key was already used for another request")]
    IdempotencyMismatch,
    /// The deployment has no secret to sign snapshots with.
    #[error("this deployment does not sign snapshots")]
    SnapshotsOff,
    /// The ledger does not know what it is asked: it runs an older version than the caller. Nothing was changed.
    #[error("the ledger does not know this request")]
    NotUnderstood {
        /// For the log, never for the caller.
        detail: String,
    },
    /// The ledger has a reason that is not known here: it runs a newer version than the caller. Nothing was changed. No
    /// ledger says this; it is how such a reason is [read](crate::reply_json).
    #[error("the ledger rejected the request for a reason that this version does not know")]
    #[serde(skip)]
    NotKnown,
    /// The ledger could not do its work; the log says why. Nothing was changed.
    #[error("the ledger failed")]
    Internal {
        /// For the log, never for the caller.
        detail: String,
    },
}

/// Why an actor may not do something that its scopes would let it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForbiddenCode {
    /// It would grant more than the actor may.
    Escalation,
    /// It acts on another member's, and the actor is no admin.
    NotYours,
    /// Only root may.
    RootOnly,
    /// It changes what the very token that is used for it may do, or for how long.
    OwnToken,
    /// It presents a text that rotation has replaced, and asks for more than to use it.
    ReplacedText,
    /// Only a member's token may, neither a session nor root.
    TokenOnly,
}

/// What stands in the way of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictCode {
    /// The token is revoked, for good.
    TokenRevoked,
    /// The token has expired.
    TokenExpired,
    /// As many texts of the token work as may at a time.
    TooManyTexts,
    /// Nobody would be left to administer the workspace.
    LastAdmin,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvalidCode {
    /// Too long, too short, out of range, or of the wrong form.
    InvalidValue,
    /// A scope that the catalogue does not have, or a pattern that matches nothing in it.
    UnknownScope,
    /// A built-in scope where only the workspace's own are allowed.
    BuiltInScope,
    /// A member that does not exist.
    UnknownMember,
    /// A client that does not exist.
    UnknownClient,
    /// A filter that finds more than can be done at once.
    TooManyTokens,
    /// A cursor that this list did not give.
    InvalidCursor,
}

impl CommandError {
    /// Whether the actor was not even let in, or the page that it acts through was not, or may not have been: nothing more
    /// was looked at.
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

    /// The credential does not pass, for this reason.
    #[must_use]
    pub fn unauthenticated(code: Code) -> Self {
        Self::Unauthenticated { code }
    }

    /// Nobody signs in, for this reason.
    #[must_use]
    pub fn not_signed_in(reason: NotSignedIn) -> Self {
        Self::NotSignedIn { detail: reason.words().to_owned(), reason: Some(reason) }
    }

    /// The actor may not do this. The detail is one sentence, fit to be shown.
    #[must_use]
    pub fn forbidden(code: ForbiddenCode, detail: impl Into<String>) -> Self {
        Self::Forbidden { code, detail: detail.into() }
    }

    /// The actor would grant more than it may.
    #[must_use]
    pub fn escalation(detail: impl Into<String>) -> Self {
        Self::forbidden(ForbiddenCode::Escalation, detail)
    }

    /// There is none of these, or none that the actor may see.
    #[must_use]
    pub fn no_such(what: &str) -> Self {
        Self::NotFound { what: what.to_owned() }
    }

    /// There is one already whose field is the same.
    #[must_use]
    pub fn already_exists(what: &str, field: &str) -> Self {
        Self::AlreadyExists { what: what.to_owned(), field: field.to_owned() }
    }

    /// A field is wrong: its JSON pointer, and one sentence that says what would be right.
    #[must_use]
    pub fn invalid(code: InvalidCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { code, pointer: pointer.into(), detail: detail.into() }
    }

    /// A field has the wrong form.
    #[must_use]
    pub fn invalid_value(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(InvalidCode::InvalidValue, pointer, detail)
    }

    /// The state of the token forbids this.
    #[must_use]
    pub fn conflict(code: ConflictCode, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// The ledger failed, for this reason, which goes to the log alone.
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { detail: detail.into() }
    }
}
