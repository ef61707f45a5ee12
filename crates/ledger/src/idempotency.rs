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

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    authority::Authority,
    command::{Ask, Client, Command, IdempotencyKey, Imported, Issued, Member},
    refusal::Refusal,
    scopes::BuiltIn,
    sql::{Sql, SqlError},
    upkeep::STEP,
    work::Work,
};

/// How long an answer is kept, in milliseconds: a day.
const KEPT: u64 = 24 * 60 * 60 * 1_000;

/// The longest answer that is kept, in bytes: with the rest of its row it stays below what a row may hold (2 MB).
const LONGEST_REPLY: usize = 1_500_000;

/// A command that may be sent again.
pub(crate) trait Repeatable: Ask<Reply: Kept> {
    /// What the actor must hold, now as then.
    const NEEDS: BuiltIn;

    /// Checks that the actor may still hear what was answered: that it may act on all that the answer is about.
    ///
    /// # Errors
    /// What the command would be refused with, for want of rights, if it came now.
    fn check_told(&self, work: &Work<'_>, reply: &str) -> Result<(), Refusal>;
}

/// A reply that may be given again.
pub(crate) trait Kept: Serialize {
    /// Takes away what is shown once only.
    fn forget_text(&mut self) {}

    /// Whether the command had an effect. Where it had none, nothing is kept: sent again, it has none again.
    fn tells_of_effect(&self) -> bool {
        true
    }
}

/// Where the answer to one command is kept.
pub(crate) struct Once {
    /// SHA-256 of who asks, for what kind of thing, under which key.
    place: Digest,
    /// SHA-256 of all that is asked.
    fingerprint: Digest,
}

impl Once {
    /// The place that is meant for this command, as this actor gave it under this key.
    pub(crate) fn of(authority: &Authority, key: &IdempotencyKey, command: &Command) -> Result<Self, Refusal> {
        let actor = authority.id().unwrap_or("root");
        // JSON keeps the three apart, whatever is in them.
        let place = json!([actor, command.kind(), key.as_str()]).to_string();
        let command = serde_json::to_vec(command).map_err(|_| Refusal::internal("a command has no JSON form"))?;
        Ok(Self { place: Digest::of(place.as_bytes()), fingerprint: Digest::of(&command) })
    }

    /// What the command answered when it came first, if it came before.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyMismatch`] where another command came under this key.
    pub(crate) fn answered(&self, sql: &dyn Sql, now: Timestamp) -> Result<Option<String>, Refusal> {
        let kept = "SELECT fingerprint, reply, created_at FROM idempotency WHERE place = ?";
        let Some(mut row) = sql.exec(kept, &[self.place.into()])?.pop() else { return Ok(None) };
        let (fingerprint, reply): (Digest, String) = (row.take()?, row.take()?);
        if now.since(row.take()?) >= KEPT {
            return Ok(None);
        }
        if fingerprint != self.fingerprint {
            return Err(Refusal::IdempotencyMismatch);
        }
        Ok(Some(reply))
    }

    /// Keeps the answer, from which what is shown once only was taken away, in place of one whose time is over.
    pub(crate) fn keep(&self, sql: &dyn Sql, reply: &str, now: Timestamp) -> Result<(), Refusal> {
        if reply.len() > LONGEST_REPLY {
            let detail = "The answer would be too long to be kept for the Idempotency-Key: ask for less at a time.";
            return Err(Refusal::invalid_value("", detail));
        }
        sql.exec(
            "INSERT OR REPLACE INTO idempotency (place, fingerprint, reply, created_at) VALUES (?, ?, ?, ?)",
            &[self.place.into(), self.fingerprint.into(), reply.into(), now.into()],
        )?;
        Ok(())
    }
}

/// Forgets some of the answers whose time is over, and says when the next one's is.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM idempotency WHERE place IN (
        SELECT place FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)";
    sql.exec(over, &[now.0.saturating_sub(KEPT).into(), STEP.into()])?;
    let oldest = sql.exec("SELECT min(created_at) FROM idempotency", &[])?.pop();
    let oldest: Option<Timestamp> = oldest.map_or(Ok(None), |mut row| row.take())?;
    Ok(oldest.map(|at| at.plus(KEPT)))
}

/// Forgets the answers that tell of the member with this number, or of its tokens.
pub(crate) fn forget_member(sql: &dyn Sql, number: u64) -> Result<(), SqlError> {
    // A reply about a token names its owner; of the others, none but a member has a number.
    sql.exec(
        "DELETE FROM idempotency WHERE ? = coalesce(json_extract(reply, '$.owner.number'), json_extract(reply, '$.number'))",
        &[number.into()],
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

impl Kept for Imported {
    fn tells_of_effect(&self) -> bool {
        self.lines.iter().any(Result::is_ok)
    }
}

impl Kept for Member {}
impl Kept for Client {}
