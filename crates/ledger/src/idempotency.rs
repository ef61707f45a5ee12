//! Idempotency keys: a repeated command has one effect and returns the first reply.
//!
//! The reply is stored in the command's own transaction, under the actor, the kind of command and the idempotency key,
//! so a reply is stored exactly if the command had an effect. A refused command stores nothing and can be repeated with
//! the same key. A fingerprint of the command ensures that a key is used for one command only.
//!
//! A stored reply is returned only to an actor that still has the required permissions; otherwise the repetition is
//! refused like a new command. Other changes since then, for example of the catalogue, do not matter.
//!
//! Token values are never stored, so the repeated reply does not include them. The idempotency key may itself be a
//! secret, so only its digest is stored.
//!
//! Each member has a limit on stored replies, shared by all its tokens and sessions; root has the same limit. Beyond it
//! a new key is refused. Discarding the member's oldest reply instead would silently break the guarantee for its key: a
//! repeated command would take effect twice. A refusal is visible, says when to retry, and changes nothing. Callers
//! that do not need the guarantee can omit the key.

use counterfoil_protocol::{
    BuiltIn,
    command::{Ask, Client, Command, IdempotencyKey, Issued, Member},
    command_error::CommandError,
    reply,
};
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    authority::Authority,
    columns::insert,
    rows::STEP,
    sql::{Sql, SqlError},
    times::DAY,
    transaction::Transaction,
};

/// How long a reply is stored, in milliseconds.
const RETENTION: u64 = DAY;

/// The longest reply that is stored, in bytes: far below the limit of a row (2 MB).
const LONGEST_REPLY: usize = 256 * 1024;

/// The maximum number of stored replies of a member. It allows one command every nine seconds all day.
const MAX_REPLIES: u64 = 10_000;

/// The maximum size of a member's stored replies, in bytes: 800 per reply on average, more than the usual reply for a
/// token.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A command that can be repeated.
pub(crate) trait Repeatable: Ask<Reply: StoredReply> {
    /// The scope that the actor needs, for the repetition too.
    const NEEDS: BuiltIn;

    /// Checks that the actor may still receive the stored reply: it must be allowed to act on everything that the reply
    /// concerns.
    ///
    /// # Errors
    /// The error with which a new command would be refused for lack of permissions.
    fn check_access(&self, tx: &Transaction<'_>, reply: &str) -> Result<(), CommandError>;
}

/// A reply that can be stored.
pub(crate) trait StoredReply: Serialize + Sized {
    /// Removes the token value, which is returned only once.
    fn remove_token_value(&mut self) {}

    /// Whether the command had an effect. If not, no reply is stored: the repetition has no effect either.
    fn had_effect(&self) -> bool {
        true
    }

    /// The stored form.
    ///
    /// # Errors
    /// [`CommandError::Internal`] if it has none.
    fn to_stored(&self, _: &dyn Sql) -> Result<String, CommandError> {
        reply::json_of(self)
    }

    /// The reply in JSON, restored from the stored form.
    ///
    /// # Errors
    /// [`CommandError::Internal`] if it cannot be read.
    fn from_stored(_: &dyn Sql, kept: String) -> Result<String, CommandError> {
        Ok(kept)
    }
}

/// The place where the reply to one command is stored.
pub(crate) struct ReplySlot {
    /// SHA-256 of the actor, the kind of command and the key.
    place: Digest,
    /// SHA-256 of the whole command.
    fingerprint: Digest,
    /// The number of the actor's member; 0 for root.
    member: u64,
}

impl ReplySlot {
    /// The place for this command of this actor with this key.
    pub(crate) fn of(authority: &Authority, key: &IdempotencyKey, command: &Command) -> Result<Self, CommandError> {
        let actor = authority.id().unwrap_or("root");
        // JSON separates the three parts unambiguously.
        let place = json!([actor, command.kind(), key.as_str()]).to_string();
        let command = serde_json::to_vec(command).map_err(|_| CommandError::internal("a command has no JSON form"))?;
        let member = authority.member().map_or(0, |member| member.number);
        Ok(Self { place: Digest::of(place.as_bytes()), fingerprint: Digest::of(&command), member })
    }

    /// The stored reply of the first command with this key, if any.
    ///
    /// # Errors
    /// [`CommandError::IdempotencyMismatch`] if a different command used the key.
    pub(crate) fn stored_reply(&self, sql: &dyn Sql, now: Timestamp) -> Result<Option<String>, CommandError> {
        let kept = "SELECT fingerprint, reply, created_at FROM idempotency WHERE place = ?";
        let Some((fingerprint, reply, created_at)) = sql.one::<(Digest, String, _)>(kept, &[self.place.into()])? else {
            return Ok(None);
        };
        if now.since(created_at) >= RETENTION {
            return Ok(None);
        }
        if fingerprint != self.fingerprint {
            return Err(CommandError::IdempotencyMismatch);
        }
        Ok(Some(reply))
    }

    /// Stores the reply without its token value. It replaces an expired one.
    ///
    /// # Errors
    /// [`CommandError::KeysExceeded`] if the member has reached its limit.
    pub(crate) fn store(&self, sql: &dyn Sql, reply: &str, now: Timestamp) -> Result<(), CommandError> {
        if reply.len() > LONGEST_REPLY {
            let detail = "The response would be too long to store for the `Idempotency-Key`. Request less at a time.";
            return Err(CommandError::invalid_value("", detail));
        }
        insert!(sql, "idempotency" {
            place: self.place, fingerprint: self.fingerprint, reply: reply, created_at: now, member: self.member,
        })?;
        let spent = "SELECT rows, bytes FROM spent WHERE what = 'idempotency' AND member = ?";
        let spent = sql.one::<(u64, u64)>(spent, &[self.member.into()])?;
        if spent.is_none_or(|(rows, bytes)| rows <= MAX_REPLIES && bytes <= MAX_BYTES) {
            return Ok(());
        }
        // If other replies have expired but are not swept yet, the caller can retry immediately.
        let oldest = "SELECT min(created_at) FROM idempotency WHERE member = ?";
        let oldest: Timestamp = sql.scalar(oldest, &[self.member.into()])?;
        Err(CommandError::KeysExceeded { again_in: (oldest.plus(RETENTION).since(now) / 1_000).max(1) })
    }
}

/// Deletes some expired replies and returns when the next one expires.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM idempotency WHERE place IN (
        SELECT place FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)";
    sql.exec(over, &[now.0.saturating_sub(RETENTION).into(), STEP.into()])?;
    let oldest: Option<Timestamp> = sql.scalar("SELECT min(created_at) FROM idempotency", &[])?;
    Ok(oldest.map(|at| at.plus(RETENTION)))
}

/// Deletes the replies that concern the member with this number or its tokens, and those that were sent to it.
pub(crate) fn delete_of_member(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    sql.exec("DELETE FROM idempotency WHERE member = ?", &[number.into()])?;
    // A reply about a token names its owner. In other replies only members have a number. This is an index's expression.
    sql.exec(
        "DELETE FROM idempotency
         WHERE coalesce(json_extract(reply, '$.owner.number'), json_extract(reply, '$.number')) = ?",
        &[number.into()],
    )?;
    Ok(())
}

impl StoredReply for Issued {
    fn remove_token_value(&mut self) {
        let detail = "The token value was returned only in the first response and is not stored. If you did not \
            receive it, rotate the token.";
        self.text = None;
        self.token_shown_before = Some(true);
        self.detail = Some(detail.to_owned());
    }
}

impl StoredReply for Member {}
impl StoredReply for Client {}
