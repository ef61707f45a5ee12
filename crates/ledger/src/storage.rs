//! How full the ledger's storage is, and what that lets be done.
//!
//! An object's storage has a limit, and once it is reached nothing can be written any more: no revocation either. So what
//! makes storage grow is refused while there is still room for everything that takes away. Which command [adds](Effect::Adds)
//! what stays is declared with it. Whether it may is decided after it has run, within its transaction: its own refusals
//! come first, and an answer that is told again is told. A change of a member, a token or the catalogue checks by itself
//! whether it grows what is there; uses are counted as far as they need no new row.
//!
//! What is done beyond that hardly grows it: with each row of the audit older ones go, and the other tables grow with what is
//! refused.

use counterfoil_protocol::{
    command::{Command, Effect},
    command_error::CommandError,
};

use crate::sql::{MAX_INTEGER, Sql, SqlError};

/// What a Durable Object stores at most, in bytes, as its documentation has it: 10 GB.
pub const STORAGE_LIMIT: u64 = 10_000_000_000;

/// The storage, as it was when the command began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    limit: u64,
    is_full: bool,
    adds: bool,
    /// The last row of the audit before the command, where the storage is full: none of its own makes room for another.
    audited: u64,
}

impl Storage {
    /// The storage for this command. How much is used is asked only where something is written: checks cost nothing more.
    pub(crate) fn of(sql: &dyn Sql, limit: u64, command: &Command) -> Result<Self, SqlError> {
        let is_asked = match command {
            Command::Lease(ask) => !ask.uses.is_empty(),
            Command::ReportUses(_) => true,
            command => !command.is_question(),
        };
        // Nine tenths: what takes away needs a little room too.
        let is_full = is_asked && sql.used()? >= limit / 10 * 9;
        let audited = if is_full { sql.scalar("SELECT coalesce(max(seq), 0) FROM audit", &[])? } else { MAX_INTEGER };
        Ok(Self { limit, is_full, adds: command.effect() == Effect::Adds, audited })
    }

    /// The storage of a workspace that is about to be made.
    pub(crate) fn empty(limit: u64) -> Self {
        Self { limit, is_full: false, adds: false, audited: MAX_INTEGER }
    }

    /// How much may be stored, in bytes.
    pub(crate) fn limit(self) -> u64 {
        self.limit
    }

    pub(crate) fn is_full(self) -> bool {
        self.is_full
    }

    /// Checks what the command has done, unless that was done before and is told again.
    ///
    /// # Errors
    /// [`CommandError::StorageFull`] where it adds what there is no room for.
    pub(crate) fn check_added(self) -> Result<(), CommandError> {
        self.check(self.adds)
    }

    /// Checks a change that may grow what is stored.
    ///
    /// # Errors
    /// [`CommandError::StorageFull`] where it does, and there is no room for it.
    pub(crate) fn check(self, grows: bool) -> Result<(), CommandError> {
        if grows && self.is_full { Err(CommandError::StorageFull) } else { Ok(()) }
    }

    /// The last row of the audit that may make room for others.
    pub(crate) fn audited(self) -> u64 {
        self.audited
    }

    /// What the audit may take up, in bytes: a fifth.
    pub(crate) fn of_audit(self) -> u64 {
        self.limit / 5
    }
}
