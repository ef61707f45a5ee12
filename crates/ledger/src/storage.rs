//! How full the ledger's storage is, and what that lets be done.
//!
//! An object's storage has a limit, and once it is reached nothing can be written any more: no revocation either. So what
//! makes storage grow is refused while there is still room for everything that takes away. Which command is which is decided
//! here, for all of them at once; and after a command has run, within its transaction: its own refusals come first, and an
//! answer that is told again is told.
//!
//! What is done beyond that hardly grows it: with each row of the audit older ones go, and the other tables grow with what is
//! refused.

use counterfoil_protocol::{command::Command, refusal::Refusal};

use crate::sql::{MAX_INTEGER, Sql, SqlError};

/// What a Durable Object stores at most, in bytes, as its documentation has it: 10 GB.
pub const STORAGE_LIMIT: u64 = 10_000_000_000;

/// What a command does to the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// It reads, takes away, or adds what is bounded anyway.
    None,
    /// It changes what is there, and checks by itself whether that grows.
    Judged,
    /// It adds what stays.
    Adds,
}

fn growth(command: &Command) -> Growth {
    match command {
        Command::Bootstrap(_)
        | Command::CreateMember(_)
        | Command::CreateClient(_)
        | Command::CreateToken(_)
        | Command::ImportTokens(_)
        // The digest of each value that a token ever had stays.
        | Command::RotateToken(_) => Growth::Adds,

        Command::PutScopes(_) | Command::UpdateMember(_) | Command::UpdateToken(_) => Growth::Judged,
        // They are answered as ever, and no use is counted that would need a row of its own.
        Command::Lease(_) | Command::ReportUses(_) => Growth::Judged,

        // A workspace's row is one, whatever is in it. To keep less of the audit is to make room.
        Command::UpdateWorkspace(_) | Command::SuspendWorkspace(_) | Command::SetHosts(_) => Growth::None,
        Command::RevokeToken(_) | Command::RevokeText(_) | Command::RevokeTokens(_) => Growth::None,
        Command::EraseMember(_) | Command::DeleteClient(_) | Command::DeleteWorkspace(_) => Growth::None,
        // A member has so many sessions, and the audit so many refusals. Whoever makes room has to get in first.
        Command::OpenSession(_) | Command::SignIn(_) | Command::NoteRefusal(_) | Command::EndSession(_) => Growth::None,
        Command::ReadWorkspace(_)
        | Command::GetScopes(_)
        | Command::ListMembers(_)
        | Command::ReadMember(_)
        | Command::FindMember(_)
        | Command::ListClients(_)
        | Command::ReadClient(_)
        | Command::ListTokens(_)
        | Command::ReadToken(_)
        | Command::ReadSelf(_)
        | Command::ReadIdentityProviders(_)
        | Command::ReadSession(_)
        | Command::ListSessions(_)
        | Command::ReadAudit(_)
        | Command::Records(_)
        | Command::ReadSnapshot(_)
        | Command::ReadSnapshotKeys(_)
        | Command::ReadUsage(_)
        | Command::CheckScope(_) => Growth::None,
    }
}

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
        Ok(Self { limit, is_full, adds: growth(command) == Growth::Adds, audited })
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
    /// [`Refusal::StorageFull`] where it adds what there is no room for.
    pub(crate) fn check_added(self) -> Result<(), Refusal> {
        self.check(self.adds)
    }

    /// Checks a change that may grow what is stored.
    ///
    /// # Errors
    /// [`Refusal::StorageFull`] where it does, and there is no room for it.
    pub(crate) fn check(self, grows: bool) -> Result<(), Refusal> {
        if grows && self.is_full { Err(Refusal::StorageFull) } else { Ok(()) }
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
