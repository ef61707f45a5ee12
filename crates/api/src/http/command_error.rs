//! The problems of rejected ledger commands.

use counterfoil_protocol::{
    CommandError,
    command_error::{ConflictCode, ForbiddenCode, InvalidCode},
    json,
};

use crate::http::{codes::ProblemCode, problem::Problem};

impl From<CommandError> for Problem {
    fn from(refusal: CommandError) -> Self {
        let detail = refusal.to_string();
        match refusal {
            CommandError::Unauthenticated { code } => Self::credential(code),
            CommandError::SessionEnded => Self::session_ended(),
            CommandError::NotSignedIn { detail, reason } => {
                Self::sign_in_failed(detail).with(|problem| problem.not_signed_in = reason)
            }
            CommandError::MissingScope { scope } => Self::missing_scope(&scope),
            CommandError::Forbidden { code, .. } => {
                let code = match code {
                    ForbiddenCode::Escalation => ProblemCode::Escalation,
                    ForbiddenCode::NotYours => ProblemCode::NotYours,
                    ForbiddenCode::RootOnly => ProblemCode::RootOnly,
                    ForbiddenCode::OwnToken => ProblemCode::OwnToken,
                    ForbiddenCode::ReplacedText => ProblemCode::ReplacedText,
                    ForbiddenCode::TokenOnly => ProblemCode::TokenOnly,
                };
                Self::new(code, detail)
            }
            CommandError::NotFound { .. } => Self::new(ProblemCode::NotFound, sentence(&detail)),
            CommandError::Invalid { code, pointer, detail } => {
                let code = match code {
                    InvalidCode::InvalidValue => ProblemCode::InvalidValue,
                    InvalidCode::UnknownScope => ProblemCode::UnknownScope,
                    InvalidCode::BuiltInScope => ProblemCode::BuiltInScope,
                    InvalidCode::UnknownMember => ProblemCode::UnknownMember,
                    InvalidCode::UnknownClient => ProblemCode::UnknownClient,
                    InvalidCode::TooManyTokens => ProblemCode::TooManyTokens,
                    InvalidCode::InvalidCursor => ProblemCode::InvalidCursor,
                };
                Self::new(code, detail).at(pointer)
            }
            CommandError::AlreadyExists { .. } => Self::new(ProblemCode::AlreadyExists, sentence(&detail)),
            CommandError::Conflict { code, .. } => {
                let code = match code {
                    ConflictCode::TokenRevoked => ProblemCode::TokenRevoked,
                    ConflictCode::TokenExpired => ProblemCode::TokenExpired,
                    ConflictCode::TooManyTexts => ProblemCode::TooManyTexts,
                    ConflictCode::LastAdmin => ProblemCode::LastAdmin,
                };
                Self::new(code, detail)
            }
            CommandError::UnknownTokens { items } => {
                let detail = "Some of these tokens do not exist, or you do not have access to them. None was \
                    revoked. The `items` say which.";
                let items = serde_json::to_vec(&items).ok().and_then(|items| json::parse(&items).ok()).map(Box::new);
                Self::new(ProblemCode::UnknownTokens, detail).with(|problem| problem.items = items)
            }
            CommandError::IdempotencyMismatch => {
                let detail = format!("{} Use a new key for each new request.", sentence(&detail));
                Self::new(ProblemCode::IdempotencyMismatch, detail)
            }
            CommandError::Stale => {
                let detail = "The token has changed since you read it, so this request changed nothing. Read it \
                    again, then decide whether to repeat the change.";
                Self::new(ProblemCode::PreconditionFailed, detail)
            }
            CommandError::OriginNotAllowed => Self::origin_not_allowed(),
            CommandError::QuotaExceeded { .. } => {
                let detail =
                    format!("{} Revoke tokens, or ask an administrator to raise the quota.", sentence(&detail));
                Self::new(ProblemCode::QuotaExceeded, detail)
            }
            CommandError::TextsExceeded { .. } => {
                let more = "Wait until tomorrow, when 1,000 more are allowed, or ask an administrator to raise the \
                    quota. Tokens can still be revoked.";
                Self::new(ProblemCode::TextsExceeded, format!("{} {more}", sentence(&detail)))
            }
            CommandError::KeysExceeded { again_in } => {
                let detail = format!(
                    "{} Nothing was changed. Send the request without an `Idempotency-Key`, or retry after the time \
                     in `Retry-After`.",
                    sentence(&detail)
                );
                Self::new(ProblemCode::TooManyKeys, detail).again_in(again_in)
            }
            CommandError::StorageFull => {
                let detail = format!(
                    "{} Nothing was changed; revoking, suspending and erasing still work. Ask the operator of the \
                     deployment for more storage.",
                    sentence(&detail)
                );
                Self::new(ProblemCode::StorageFull, detail).because("nine tenths of the ledger's storage is used")
            }
            CommandError::SnapshotsOff => Self::snapshots_off(),
            CommandError::NotUnderstood { detail } => Self::being_updated(format!("the ledger is older: {detail}")),
            CommandError::NotKnown => Self::being_updated(format!("the ledger is newer: {detail}")),
            CommandError::Internal { detail } => Self::internal(detail),
        }
    }
}

impl Problem {
    /// The Worker and the ledger have different versions, and one does not know what the other sent.
    fn being_updated(why: impl Into<String>) -> Self {
        let detail = "The service is being updated and cannot handle this request yet. Nothing was changed. Retry \
            after the time in `Retry-After`.";
        Self::new(ProblemCode::BeingUpdated, detail).because(why).again_in(10)
    }

    /// The deployment signs no snapshots.
    fn snapshots_off() -> Self {
        let detail = "This deployment does not sign snapshots. Ask its operator to enable them.";
        Self::new(ProblemCode::SnapshotsOff, detail).because("the deployment secret SNAPSHOT_KEYS is not set")
    }
}

/// The text as a sentence: starts with a capital, ends with a full stop. Our own texts start with a Latin letter; tables of
/// all other capitals would be a hundredth of the Worker.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}
