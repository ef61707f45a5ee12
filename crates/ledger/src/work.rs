//! One command at work, inside its transaction.

use core::net::IpAddr;

use counterfoil_protocol::refusal::Refusal;
use counterfoil_verify::{Encoded, RegistryKey, Timestamp};

use crate::{
    authority::Authority,
    outbox,
    sql::{Sql, SqlError},
    storage::Storage,
    workspace::WorkspaceRow,
};

/// Everything that a command works with, but randomness.
pub(crate) struct Work<'a> {
    /// The database, within the command's transaction.
    pub(crate) sql: &'a dyn Sql,
    pub(crate) now: Timestamp,
    /// The workspace as it was when the command began.
    pub(crate) workspace: WorkspaceRow,
    pub(crate) authority: Authority,
    pub(crate) request_id: String,
    pub(crate) address: Option<IpAddr>,
    /// The versions of a token for which the command is meant; any where absent.
    pub(crate) if_version: Option<Vec<u64>>,
    pub(crate) storage: Storage,
}

impl Work<'_> {
    /// Begins a change that verification must see. Records that the change touches carry this generation as their
    /// version, which is how everybody else tells the newer of two.
    pub(crate) fn next_generation(&self) -> Result<u64, Refusal> {
        let rows = self.sql.exec("UPDATE workspace SET generation = generation + 1 RETURNING generation", &[])?;
        let mut row = rows.into_iter().next().ok_or_else(|| SqlError::new("the workspace's row is gone"))?;
        Ok(row.take()?)
    }

    /// Puts a changed record into the outbox, on its way to the registry.
    pub(crate) fn publish(&self, key: RegistryKey, record: &impl Encoded, version: u64) -> Result<(), Refusal> {
        Ok(outbox::enqueue(self.sql, &key.path(), Some(record.encode()), version, self.now)?)
    }
}
