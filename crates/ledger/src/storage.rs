//! How full the ledger's storage is, and which commands are refused because of that.
//!
//! The storage of a Durable Object is limited. A full object could not even write a revocation, so commands that grow
//! the storage are refused while enough space is left for all commands that reduce access. Each command declares
//! whether it [adds](Effect::Adds) data that stays. The check runs after the command, within its transaction: the
//! command's own errors take precedence, and a stored idempotent reply is still returned. A change of a member, a token
//! or the catalogue checks by itself whether it grows; usage is counted as long as it needs no new row.
//!
//! Other writes hardly grow the storage: each audit row displaces older ones, and the other tables only grow with
//! commands that are refused.

use counterfoil_protocol::{
    command::{Command, Effect},
    command_error::CommandError,
};

use crate::sql::{MAX_INTEGER, Sql, SqlError};

/// The storage limit of a Durable Object according to its documentation, in bytes: 10 GB.
pub const STORAGE_LIMIT: u64 = 10_000_000_000;

/// The storage before the command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    limit: u64,
    is_full: bool,
    adds: bool,
    /// The last audit row before the command, if the storage is full. The command's own rows do not displace each
    /// other.
    audited: u64,
}

impl Storage {
    /// The storage for this command. The size is queried only for commands that write, so verification costs nothing
    /// more.
    pub(crate) fn of(sql: &dyn Sql, limit: u64, command: &Command) -> Result<Self, SqlError> {
        let is_asked = match command {
            Command::Lease(ask) => !ask.uses.is_empty(),
            Command::ReportUses(_) => true,
            command => !command.is_question(),
        };
        // The threshold is nine tenths: commands that reduce access need some space too.
        let is_full = is_asked && sql.used()? >= limit / 10 * 9;
        let audited = if is_full { sql.scalar("SELECT coalesce(max(seq), 0) FROM audit", &[])? } else { MAX_INTEGER };
        Ok(Self { limit, is_full, adds: command.effect() == Effect::Adds, audited })
    }

    /// The storage of a workspace that is about to be created.
    pub(crate) fn empty(limit: u64) -> Self {
        Self { limit, is_full: false, adds: false, audited: MAX_INTEGER }
    }

    /// The storage limit, in bytes.
    pub(crate) fn limit(self) -> u64 {
        self.limit
    }

    pub(crate) fn is_full(self) -> bool {
        self.is_full
    }

    /// Checks a command that has run, unless its reply was a stored one.
    ///
    /// # Errors
    /// [`CommandError::StorageFull`] if the command adds data and the storage is full.
    pub(crate) fn check_added(self) -> Result<(), CommandError> {
        self.check(self.adds)
    }

    /// Checks a change that may grow the stored data.
    ///
    /// # Errors
    /// [`CommandError::StorageFull`] if it does and the storage is full.
    pub(crate) fn check(self, grows: bool) -> Result<(), CommandError> {
        if grows && self.is_full { Err(CommandError::StorageFull) } else { Ok(()) }
    }

    /// The last audit row that may be displaced by others.
    pub(crate) fn audited(self) -> u64 {
        self.audited
    }

    /// The size limit of the audit log, in bytes: a fifth of the storage.
    pub(crate) fn of_audit(self) -> u64 {
        self.limit / 5
    }
}
