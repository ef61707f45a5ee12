//! Commands that are sent again: one effect, one answer.
//!
//! What a command answered is kept in its own transaction under the actor, the kind of command and the caller's key, so
//! there is an answer exactly where there was an effect; a refused command keeps nothing, and may be sent again under
//! the same key. Sent again, a command is known by its fingerprint: under one key there is one command.
//!
//! The answer is told again to whoever might still ask: an actor whose rights were cut since is refused as it would be if it
//! came for the first time. What else has changed since, the catalogue say, does not matter.
//!
//! A token's text is never kept. The repeated answer is without it. Nor is the caller's key, which may well be a secret:
//! its digest finds the answer again.
//!
//! How much is kept is bounded for each member, whichever of its tokens and sessions ask, and for root as if that were one. Beyond the bound
//! a new key is refused. To forget the member's oldest answer instead would break what was promised for that key, and nobody
//! would notice before a command that was sent again had its effect twice. A refusal is seen, says when there is room, and
//! changes nothing; whoever needs no promise can leave the key away.

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

/// How long an answer is kept, in milliseconds.
const KEPT: u64 = DAY;

/// The longest answer that is kept, in bytes: far below what a row may hold (2 MB).
const LONGEST_REPLY: usize = 256 * 1024;

/// How many answers are kept for one member: a day's work for a program that makes one thing every nine seconds.
const MOST_REPLIES: u64 = 10_000;

/// How many bytes they have at most: 800 for each of so many, which is more than a token's usual answer.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// A command that may be sent again.
pub(crate) trait Repeatable: Ask<Reply: Kept> {
    /// What the actor must hold, now as then.
    const NEEDS: BuiltIn;

    /// Checks that the actor may still hear what was answered: that it may act on all that the answer is about.
    ///
    /// # Errors
    /// What the command would be refused with, for want of rights, if it came now.
    fn check_told(&self, tx: &Transaction<'_>, reply: &str) -> Result<(), CommandError>;
}

/// A reply that may be given again.
pub(crate) trait Kept: Serialize + Sized {
    /// Takes away what is shown once only.
    fn forget_text(&mut self) {}

    /// Whether the command had an effect. Where it had none, nothing is kept: sent again, it has none again.
    fn tells_of_effect(&self) -> bool {
        true
    }

    /// As what it is kept.
    ///
    /// # Errors
    /// [`CommandError::Internal`] where it has no such form.
    fn to_keep(&self, _: &dyn Sql) -> Result<String, CommandError> {
        reply::json_of(self)
    }

    /// The answer in JSON, made of what was kept.
    ///
    /// # Errors
    /// [`CommandError::Internal`] where that cannot be read.
    fn from_kept(_: &dyn Sql, kept: String) -> Result<String, CommandError> {
        Ok(kept)
    }
}

/// Where the answer to one command is kept.
pub(crate) struct Once {
    /// SHA-256 of who asks, for what kind of thing, under which key.
    place: Digest,
    /// SHA-256 of all that is asked.
    fingerprint: Digest,
    /// The number of the member who asks; 0 is root.
    member: u64,
}

impl Once {
    /// The place that is meant for this command, as this actor gave it under this key.
    pub(crate) fn of(authority: &Authority, key: &IdempotencyKey, command: &Command) -> Result<Self, CommandError> {
        let actor = authority.id().unwrap_or("root");
        // JSON keeps the three apart, whatever is in them.
        let place = json!([actor, command.kind(), key.as_str()]).to_string();
        let command = serde_json::to_vec(command).map_err(|_| CommandError::internal("a command has no JSON form"))?;
        let member = authority.member().map_or(0, |member| member.number);
        Ok(Self { place: Digest::of(place.as_bytes()), fingerprint: Digest::of(&command), member })
    }

    /// What the command answered when it came first, if it came before.
    ///
    /// # Errors
    /// [`CommandError::IdempotencyMismatch`] where another command came under this key.
    pub(crate) fn answered(&self, sql: &dyn Sql, now: Timestamp) -> Result<Option<String>, CommandError> {
        let kept = "SELECT fingerprint, reply, created_at FROM idempotency WHERE place = ?";
        let Some((fingerprint, reply, created_at)) = sql.one::<(Digest, String, _)>(kept, &[self.place.into()])? else {
            return Ok(None);
        };
        if now.since(created_at) >= KEPT {
            return Ok(None);
        }
        if fingerprint != self.fingerprint {
            return Err(CommandError::IdempotencyMismatch);
        }
        Ok(Some(reply))
    }

    /// Keeps the answer, from which what is shown once only was taken away, in place of one whose time is over.
    ///
    /// # Errors
    /// [`CommandError::KeysExceeded`] where the member has no room for it.
    pub(crate) fn keep(&self, sql: &dyn Sql, reply: &str, now: Timestamp) -> Result<(), CommandError> {
        if reply.len() > LONGEST_REPLY {
            let detail = "The answer would be too long to be kept for the Idempotency-Key: ask for less at a time.";
            return Err(CommandError::invalid_value("", detail));
        }
        insert!(sql, "idempotency" {
            place: self.place, fingerprint: self.fingerprint, reply: reply, created_at: now, member: self.member,
        })?;
        let spent = "SELECT rows, bytes FROM spent WHERE what = 'idempotency' AND member = ?";
        let spent = sql.one::<(u64, u64)>(spent, &[self.member.into()])?;
        if spent.is_none_or(|(rows, bytes)| rows <= MOST_REPLIES && bytes <= MOST_BYTES) {
            return Ok(());
        }
        // Where others' time is over but nobody has swept yet, it is at once.
        let oldest = "SELECT min(created_at) FROM idempotency WHERE member = ?";
        let oldest: Timestamp = sql.scalar(oldest, &[self.member.into()])?;
        Err(CommandError::KeysExceeded { again_in: (oldest.plus(KEPT).since(now) / 1_000).max(1) })
    }
}

/// Forgets some of the answers whose time is over, and says when the next one's is.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM idempotency WHERE place IN (
        SELECT place FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)";
    sql.exec(over, &[now.0.saturating_sub(KEPT).into(), STEP.into()])?;
    let oldest: Option<Timestamp> = sql.scalar("SELECT min(created_at) FROM idempotency", &[])?;
    Ok(oldest.map(|at| at.plus(KEPT)))
}

/// Forgets the answers that tell of the member with this number, or of its tokens, and those that it was given.
pub(crate) fn forget_member(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    // A reply about a token names its owner; of the others, none but a member has a number.
    sql.exec(
        "DELETE FROM idempotency WHERE member = ?
         OR ? = coalesce(json_extract(reply, '$.owner.number'), json_extract(reply, '$.number'))",
        &[number.into(), number.into()],
    )?;
    Ok(())
}

impl Kept for Issued {
    fn forget_text(&mut self) {
        let detail = "The token was shown in the first answer and is stored nowhere. If it is lost, rotate it.";
        self.text = None;
        self.token_shown_before = Some(true);
        self.detail = Some(detail.to_owned());
    }
}

impl Kept for Member {}
impl Kept for Client {}
