//! Commands that are sent again: one effect, one answer.
//!
//! What a command answered is kept in its own transaction under the actor, the kind of command and the caller's key, so
//! there is an answer exactly where there was an effect; a refused command keeps nothing, and may be sent again under
//! the same key. Sent again, a command is known by its fingerprint: under one key there is one command.
//!
//! A token's text is never kept. The repeated answer is without it.

use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde::Serialize;

use crate::{
    authority::Authority,
    command::{Client, Command, IdempotencyKey, Imported, Issued, Member},
    refusal::Refusal,
    sql::{Sql, SqlError},
    upkeep::STEP,
};

/// How long an answer is kept, in milliseconds: a day.
const KEPT: u64 = 24 * 60 * 60 * 1_000;

/// The longest answer that is kept, in bytes: with the rest of its row it stays below what a row may hold (2 MB).
const LONGEST_REPLY: usize = 1_500_000;

/// A reply that may be given again.
pub(crate) trait Repeatable: Serialize {
    /// Takes away what is shown once only.
    fn forget_text(&mut self) {}
}

/// Where the answer to one command is kept.
pub(crate) struct Once {
    actor: String,
    command: String,
    key: IdempotencyKey,
    fingerprint: Digest,
}

impl Once {
    /// The place that is meant for this command, as this actor gave it under this key.
    pub(crate) fn of(authority: &Authority, key: IdempotencyKey, command: &Command) -> Result<Self, Refusal> {
        let json = serde_json::to_string(command).map_err(|_| Refusal::internal("a command has no JSON form"))?;
        // A command's JSON is an object with one field, named after it: `{"create_token": …}`.
        let kind = json.split('"').nth(1).ok_or_else(|| Refusal::internal("a command has no name"))?;
        let actor = authority.token().map_or("root", |held| &held.token.id);
        Ok(Self { actor: actor.to_owned(), command: kind.to_owned(), key, fingerprint: Digest::of(json.as_bytes()) })
    }

    /// What the command answered when it came first, if it came before.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyMismatch`] where another command came under this key.
    pub(crate) fn answered(&self, sql: &dyn Sql, now: Timestamp) -> Result<Option<String>, Refusal> {
        let kept = "SELECT fingerprint, reply, created_at FROM idempotency WHERE actor = ? AND command = ? AND key = ?";
        let place = [(&self.actor).into(), (&self.command).into(), self.key.as_str().into()];
        let Some(mut row) = sql.exec(kept, &place)?.pop() else { return Ok(None) };
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
            "INSERT OR REPLACE INTO idempotency (actor, command, key, fingerprint, reply, created_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            &[
                (&self.actor).into(),
                (&self.command).into(),
                self.key.as_str().into(),
                self.fingerprint.into(),
                reply.into(),
                now.into(),
            ],
        )?;
        Ok(())
    }
}

/// Forgets some of the answers whose time is over, and says when the next one's is.
pub(crate) fn sweep(sql: &dyn Sql, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
    let over = "DELETE FROM idempotency WHERE (actor, command, key) IN (
        SELECT actor, command, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)";
    sql.exec(over, &[now.0.saturating_sub(KEPT).into(), STEP.into()])?;
    let oldest = sql.exec("SELECT min(created_at) FROM idempotency", &[])?.pop();
    let oldest: Option<Timestamp> = oldest.map_or(Ok(None), |mut row| row.take())?;
    Ok(oldest.map(|at| at.plus(KEPT)))
}

/// Forgets the answers that tell of a member or of its tokens.
pub(crate) fn forget_member(sql: &dyn Sql, id: &str) -> Result<(), SqlError> {
    sql.exec(
        "DELETE FROM idempotency WHERE ? IN (
              json_extract(reply, '$.owner.id'),
             iif(command = 'create_member', json_extract(reply, '$.id'), NULL))",
        &[id.into()],
    )?;
    Ok(())
}

impl Repeatable for Issued {
    fn forget_text(&mut self) {
        let detail = "The token was shown in the first answer and is stored nowhere. If it is lost, rotate it.";
        self.text = None;
        self.token_shown_before = Some(true);
        self.detail = Some(detail.to_owned());
    }
}

impl Repeatable for Imported {}
impl Repeatable for Member {}
impl Repeatable for Client {}
