//! The outbox: records on their way to the registry.
//!
//! A change enqueues the record it changed in its own transaction, so no change is ever without its record's way out,
//! however the process ends. The shell puts what is due and says how it went. There is one row a key and it holds the
//! last version only, so the outbox is never longer than the ledger has keys, however long the registry is down; and a
//! put that was overtaken by a newer change, or whose outcome is not known, is simply put again.

use counterfoil_verify::Timestamp;

use crate::{
    columns::update,
    sql::{Sql, SqlError},
    times::{LONGEST_BACKOFF, backoff},
};

/// The registry takes one write a second for a key: milliseconds between two puts of the same.
const KEY_INTERVAL: u64 = 1_000;

/// What waits to be put into the registry.
#[derive(Clone, Copy)]
pub struct Outbox<'a> {
    sql: &'a dyn Sql,
}

/// One put that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The registry's key.
    pub key: String,
    /// What to put there; absent where the key is to be deleted.
    pub value: Option<Vec<u8>>,
    /// Which version of it this is: the ledger's generation at the change.
    pub version: u64,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(sql: &'a dyn Sql) -> Self {
        Self { sql }
    }

    /// What is due now, the longest waiting first. A record that would wait for longer than any does was left by a clock that
    /// has been set back since: it is due too, and is marked so.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails.
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

    /// The put has succeeded. Where the record has changed since it was read, the newer version stays, and is due when
    /// the registry takes another write of that key.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails; the record is put again then, which does no harm.
    pub fn done(&self, put: &Put, now: Timestamp) -> Result<(), SqlError> {
        let (key, version) = ((&put.key).into(), put.version.into());
        // One statement and then another need no transaction: the second can only meet a row that the first let stand.
        self.sql.exec("DELETE FROM outbox WHERE key = ? AND version = ?", &[key, version])?;
        let due = now.plus(KEY_INTERVAL);
        self.sql.exec(
            "UPDATE outbox SET attempts = 0, due_at = max(due_at, ?) WHERE key = ?",
            &[due.into(), (&put.key).into()],
        )?;
        Ok(())
    }

    /// The put has failed, or nobody knows. It is tried again after 1 s, 2 s, 4 s and so on up to a minute, for as long
    /// as it takes.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails; the put stays due then.
    pub fn failed(&self, put: &Put, now: Timestamp) -> Result<(), SqlError> {
        let attempts = "UPDATE outbox SET attempts = attempts + 1 WHERE key = ? RETURNING attempts";
        let Some(attempts) = self.sql.one(attempts, &[(&put.key).into()])? else { return Ok(()) };
        update!(self.sql, "outbox" { due_at: now.plus(backoff(attempts)) } "key = ?", put.key)
    }

    /// When the next put is due; absent where nothing waits.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails.
    pub fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        let next: Option<Timestamp> = self.sql.scalar("SELECT min(due_at) FROM outbox", &[])?;
        Ok(next.map(|next| next.min(now.plus(LONGEST_BACKOFF))))
    }
}

/// Leaves the record to be put, or the key to be deleted where there is none, in place of any older version that still waits. A key that waits out a failure or its
/// interval goes on waiting: a change must not make the shell hammer a registry that is down.
///
/// A deletion lies in its row as no bytes at all: no record is encoded so.
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
    fn an_older_version_never_takes_the_place_of_a_newer() -> Result<(), SqlError> {
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
