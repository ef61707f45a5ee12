//! The outbox: records waiting to be written to the registry.
//!
//! A change enqueues its records in its own transaction, so no change is ever committed without them, even if the
//! process ends. The caller writes the due records to the registry and reports the outcome. Each key has one row with
//! its last version only, so the outbox never has more rows than the ledger has keys, however long the registry is
//! unavailable. A record that changed during its write, or whose write has an unknown outcome, is written again.

use counterfoil_verify::Timestamp;

use crate::{
    columns::update,
    sql::{Sql, SqlError},
    times::{LONGEST_BACKOFF, backoff},
};

/// The registry accepts one write per second for a key: the minimum interval between two writes of a key, in
/// milliseconds.
const KEY_INTERVAL: u64 = 1_000;

/// The records waiting to be written to the registry.
#[derive(Clone, Copy)]
pub struct Outbox<'a> {
    sql: &'a dyn Sql,
}

/// A write to the registry that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The registry's key.
    pub key: String,
    /// The value to write; absent to delete the key.
    pub value: Option<Vec<u8>>,
    /// The version of the value: the ledger's generation at the change.
    pub version: u64,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// The due writes, the longest waiting first. A record with a due time further ahead than the longest back-off was
    /// enqueued before the clock was set back; it becomes due now.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Put>, SqlError> {
        let latest = now.plus(LONGEST_BACKOFF);
        self.sql.exec("UPDATE outbox SET due_at = ? WHERE due_at > ?", &[now.into(), latest.into()])?;
        let rows = self.sql.all(
            "SELECT key, value, version FROM outbox WHERE due_at <= ? ORDER BY due_at, key LIMIT ?",
            &[now.into(), (limit as u64).into()],
        )?;
        let put = |(key, value, version): (_, Vec<u8>, _)| Put {
            key,
            value: Some(value).filter(|value| !value.is_empty()),
            version,
        };
        Ok(rows.into_iter().map(put).collect())
    }

    /// Reports success. If the record has changed since it was read, the newer version stays and becomes due when the
    /// registry accepts another write of that key.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The record is then written again, which is harmless.
    pub fn done(&self, put: &Put, now: Timestamp) -> Result<(), SqlError> {
        let (key, version) = ((&put.key).into(), put.version.into());
        // Two statements need no transaction: the second finds a row only if the first did not delete it.
        self.sql.exec("DELETE FROM outbox WHERE key = ? AND version = ?", &[key, version])?;
        let due = now.plus(KEY_INTERVAL);
        self.sql.exec(
            "UPDATE outbox SET attempts = 0, due_at = max(due_at, ?) WHERE key = ?",
            &[due.into(), (&put.key).into()],
        )?;
        Ok(())
    }

    /// Reports a failure or an unknown outcome. The write is retried after 1 s, 2 s, 4 s and so on, up to once a
    /// minute, until it succeeds.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The write then stays due.
    pub fn failed(&self, put: &Put, now: Timestamp) -> Result<(), SqlError> {
        let attempts = "UPDATE outbox SET attempts = attempts + 1 WHERE key = ? RETURNING attempts";
        let Some(attempts) = self.sql.one(attempts, &[(&put.key).into()])? else { return Ok(()) };
        update!(self.sql, "outbox" { due_at: now.plus(backoff(attempts)) } "key = ?", put.key)
    }

    /// When the next write is due; absent if none is waiting.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        let next: Option<Timestamp> = self.sql.scalar("SELECT min(due_at) FROM outbox", &[])?;
        Ok(next.map(|next| next.min(now.plus(LONGEST_BACKOFF))))
    }
}

/// Enqueues a record to be written, or, without a value, a key to be deleted. It replaces an older version that is
/// still waiting. A pending back-off or write interval of the key is kept, so that changes do not overload a registry
/// that is down.
///
/// A deletion is stored as an empty value; no record is encoded as one.
pub(crate) fn enqueue(
    sql: &dyn Sql,
    key: &str,
    value: Option<Vec<u8>>,
    version: u64,
    now: Timestamp,
) -> Result<(), SqlError> {
    sql.exec(
        "INSERT INTO outbox (key, value, version, due_at, attempts) VALUES (?, ?, ?, ?, 0)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
         WHERE excluded.version >= outbox.version",
        &[key.into(), value.unwrap_or_default().into(), version.into(), now.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{native::NativeSql, schema};

    #[test]
    fn outbox_keeps_newer_version() -> Result<(), SqlError> {
        let sql = NativeSql::in_memory()?;
        schema::migrate(&sql, schema::LEDGER)?;
        for (version, value) in [(2, "second"), (1, "first"), (3, "third"), (3, "third again"), (2, "second")] {
            enqueue(&sql, "k", Some(value.into()), version, Timestamp(0))?;
        }
        let waiting = Put { key: "k".to_owned(), value: Some("third again".into()), version: 3 };
        assert_eq!(Outbox::new(&sql).due(Timestamp(0), 10)?, [waiting]);
        Ok(())
    }
}
