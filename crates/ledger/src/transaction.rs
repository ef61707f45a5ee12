//! One command's transaction.

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

/// Everything that a command needs, but randomness.
pub(crate) struct Transaction<'a> {
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

impl Transaction<'_> {
    /// Begins a change that verification must see. Records that the change touches carry this generation as their
    /// version, which is how everybody else tells the newer of two.
    pub(crate) fn next_generation(&self) -> Result<u64, CommandError> {
        Ok(self.sql.scalar("UPDATE workspace SET generation = generation + 1 RETURNING generation", &[])?)
    }

    /// Puts a changed record into the outbox, on its way to the registry.
    pub(crate) fn publish(&self, key: RegistryKey, record: &impl Encoded, version: u64) -> Result<(), CommandError> {
        Ok(outbox::enqueue(self.sql, &key.path(), Some(record.encode()), version, self.now)?)
    }

    /// The same of the workspace's record, with the scopes that ask for more freshness.
    pub(crate) fn publish_workspace(&self, workspace: &WorkspaceRow) -> Result<(), CommandError> {
        let record = workspace.record(scopes::stricter(self.sql)?);
        self.publish(RegistryKey::Workspace(workspace.key), &record, workspace.version)
    }

    /// The same of a member's record.
    pub(crate) fn publish_member(&self, member: &MemberRow) -> Result<(), CommandError> {
        self.publish(RegistryKey::Owner(self.workspace.key, member.number), &member.record(), member.version)
    }
}
