//! The transaction of one command.

use core::net::IpAddr;

use counterfoil_protocol::command_error::CommandError;
use counterfoil_verify::{Encoded, RegistryKey, Timestamp};

use crate::{
    authority::Authority,
    outbox,
    rows::{MemberRow, WorkspaceRow, scopes},
    sql::Sql,
    storage::Storage,
};

/// Everything that a command needs, except randomness.
pub(crate) struct Transaction<'a> {
    /// The database, within the transaction.
    pub(crate) sql: &'a dyn Sql,
    pub(crate) now: Timestamp,
    /// The workspace before the command.
    pub(crate) workspace: WorkspaceRow,
    pub(crate) authority: Authority,
    pub(crate) request_id: String,
    pub(crate) address: Option<IpAddr>,
    /// The token versions for which the command is valid (a precondition); absent: any.
    pub(crate) if_version: Option<Vec<u64>>,
    pub(crate) storage: Storage,
}

impl Transaction<'_> {
    /// Starts a change that verifiers must see. Records that it changes get this generation as their version, by which
    /// all readers tell which of two records is newer.
    pub(crate) fn next_generation(&self) -> Result<u64, CommandError> {
        Ok(self.sql.scalar("UPDATE workspace SET generation = generation + 1 RETURNING generation", &[])?)
    }

    /// Puts a changed record into the outbox, to be written to the registry.
    pub(crate) fn publish(&self, key: RegistryKey, record: &impl Encoded, version: u64) -> Result<(), CommandError> {
        Ok(outbox::enqueue(self.sql, &key.path(), Some(record.encode()), version, self.now)?)
    }

    /// Publishes the workspace's record, with the scopes that require a minimum freshness level.
    pub(crate) fn publish_workspace(&self, workspace: &WorkspaceRow) -> Result<(), CommandError> {
        let record = workspace.record(scopes::stricter(self.sql)?);
        self.publish(RegistryKey::Workspace(workspace.key), &record, workspace.version)
    }

    /// Publishes a member's record.
    pub(crate) fn publish_member(&self, member: &MemberRow) -> Result<(), CommandError> {
        self.publish(RegistryKey::Owner(self.workspace.key, member.number), &member.record(), member.version)
    }
}
