//! The entry point of the ledger: one request, one transaction, one reply.
//!
//! The actor is authenticated in the same transaction that executes the command, so its permissions cannot change in
//! between. If anything fails, in the rules or in the database, the whole transaction is rolled back, including the
//! audit and outbox rows.

use counterfoil_protocol::{
    command::{Actor, Ask, Command, Deleted, Holds, Request},
    command_error::CommandError,
    reply::{self, Answered},
};
use counterfoil_token::SealSecret;
use counterfoil_verify::{Code, Timestamp};

use crate::{
    audit,
    authority::{self, Authority},
    clients, deletion,
    editions::{self, Step},
    generator::Generator,
    idempotency::{Repeatable, ReplySlot, StoredReply as _},
    identity,
    leases::{self, Leases},
    members,
    outbox::Outbox,
    records,
    rows::WorkspaceRow,
    schema, scopes, sessions, snapshots,
    sql::{Sql, SqlError},
    storage::{STORAGE_LIMIT, Storage},
    tokens,
    transaction::Transaction,
    upkeep::{self, Upkeep},
    workspace,
};

/// The ledger of one workspace, over a database of its own.
#[derive(Debug)]
pub struct Ledger<S> {
    sql: S,
    leases: Leases,
    storage_limit: u64,
}

/// What a command needs from its environment.
pub struct Context<'a> {
    /// The current time, used for timestamps and to decide on expiration.
    pub now: Timestamp,
    /// Fills the slice with cryptographically random bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
    /// The deployment's secrets for the authentication tags of tokens, the current one first; at least one.
    pub seal_secrets: &'a [SealSecret],
    /// The secrets for session values, the current one first. None of them may be a seal secret.
    pub session_secrets: &'a [SealSecret],
    /// The secrets that sign snapshots, the current one first. None may equal any other secret. If empty, snapshots are
    /// disabled.
    pub snapshot_secrets: &'a [SealSecret],
}

impl<S: Sql> Ledger<S> {
    /// Opens the ledger in this database, which may be empty or have been used by an earlier or a later version.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails, or if a later version has applied a migration that must be known. The
    /// database is left unchanged.
    pub fn open(sql: S) -> Result<Self, SqlError> {
        schema::migrate(&sql, schema::LEDGER)?;
        Ok(Self { sql, leases: Leases::default(), storage_limit: STORAGE_LIMIT })
    }

    /// Sets the storage limit in bytes. The default is [`STORAGE_LIMIT`].
    pub fn limit_storage(&mut self, bytes: u64) {
        self.storage_limit = bytes;
    }

    /// Executes a [`Request`] given as JSON and returns the reply as JSON, for
    /// [`decode_reply`](counterfoil_protocol::decode_reply). Malformed input results in an error reply.
    pub fn handle(&self, body: &[u8], context: Context<'_>) -> Vec<u8> {
        let request = reply::decode(body);
        reply::encode_reply(request.and_then(|request| self.execute(request, context)))
    }

    fn execute(&self, request: Request, context: Context<'_>) -> Result<Answered<String>, CommandError> {
        self.sql.transaction(|| execute(&self.sql, &self.leases, self.storage_limit, request, context))
    }

    /// The records waiting to be written to the registry.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(&self.sql)
    }

    /// When the next write to the registry or the next step of an edition is due.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        let (record, edition) = (self.outbox().next_due(now)?, editions::next_due(&self.sql, now)?);
        Ok(record.into_iter().chain(edition).min())
    }

    /// Takes one step of background work.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The step is not taken then, and may be retried.
    pub fn upkeep(&self, now: Timestamp) -> Result<Upkeep, SqlError> {
        self.sql.transaction(|| upkeep::step(&self.sql, now))
    }

    /// Takes one step towards the next edition or the deletion of unreferenced files, and returns what the caller must
    /// do.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The step is not taken then, and may be retried.
    pub fn edition_step(&self, now: Timestamp) -> Result<Step, SqlError> {
        self.sql.transaction(|| editions::step(&self.sql, now, editions::TEXTS))
    }

    /// Reports that the step's action succeeded.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The same step is then taken again, which is harmless.
    pub fn edition_done(&self, step: &Step, now: Timestamp) -> Result<(), SqlError> {
        self.sql.transaction(|| editions::done(&self.sql, step, now))
    }

    /// Reports that the step's action failed or has an unknown outcome. It is retried after 1 s, 2 s, 4 s and so on, up
    /// to once a minute, until it succeeds.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The same step is then taken again at once.
    pub fn edition_failed(&self, step: &Step, now: Timestamp) -> Result<(), SqlError> {
        self.sql.transaction(|| editions::failed(&self.sql, step, now))
    }

    /// Removes a deleted workspace whose slug has been released. Has no effect on other workspaces.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn forget(&self, now: Timestamp) -> Result<(), SqlError> {
        self.sql.transaction(|| deletion::finish(&self.sql, now))
    }

    /// The database.
    pub fn sql(&self) -> &S {
        &self.sql
    }
}

fn execute(
    sql: &dyn Sql,
    leases: &Leases,
    storage_limit: u64,
    request: Request,
    context: Context<'_>,
) -> Result<Answered<String>, CommandError> {
    let Request { workspace: key, actor, request_id, address, idempotency_key, origin, if_version, wait, command } =
        request;
    let Context { now, random, seal_secrets, session_secrets, snapshot_secrets } = context;
    let generator = &mut Generator { random, seal_secrets, session_secrets };

    let workspace = match WorkspaceRow::load(sql)? {
        Some(workspace) if workspace.key != key => {
            let detail = format!("a request for workspace {key} reached the ledger of {}", workspace.key);
            return Err(CommandError::internal(detail));
        }
        Some(workspace) if !workspace.deleting => workspace,
        gone => {
            let founds = gone.is_none();
            return match (actor, command) {
                (Actor::Token(_), _) => Err(CommandError::unauthenticated(Code::Unknown)),
                (Actor::Session(_), _) => Err(CommandError::SessionEnded),
                // Without a workspace no setting allows an origin.
                _ if origin.is_some() => Err(CommandError::OriginNotAllowed),
                (_, Command::Records(ask)) => reply(ask, |ask| records::without_workspace(key, now, seal_secrets, ask)),
                (_, Command::Lease(ask)) => reply(ask, |ask| leases::without_workspace(key, now, seal_secrets, ask)),
                (Actor::Root, Command::DeleteWorkspace(ask)) => reply(ask, |_| Ok(Deleted { complete: founds })),
                (Actor::Root, Command::Bootstrap(ask)) if founds => {
                    let founded = workspace::create(sql, key, &ask, now)?;
                    let authority = Authority::Root;
                    let storage = Storage::empty(storage_limit);
                    let tx = Transaction {
                        sql,
                        now,
                        workspace: founded,
                        authority,
                        request_id,
                        address,
                        if_version,
                        storage,
                    };
                    reply(ask, |ask| workspace::bootstrap(&tx, generator, ask))
                }
                _ => Err(CommandError::no_such("workspace")),
            };
        }
    };
    leases.check_sole(&workspace)?;
    let authority = Authority::of(actor, sql, &workspace, address, now)?;
    if origin.is_some_and(|origin| !workspace.settings.allowed_origins.contains(&origin)) {
        return Err(CommandError::OriginNotAllowed);
    }
    authority::check_presented(&authority, &command)?;
    // A verifier with a lease granted before this moment may not know this command's change.
    let safe_in = wait.then(|| leases.safe_in(&workspace, now));
    let snapshots_until = if wait { snapshots::relied_upon_until(&workspace, now) } else { None };
    let slot = idempotency_key.map(|key| ReplySlot::of(&authority, &key, &command)).transpose()?;
    let storage = Storage::of(sql, storage_limit, &command)?;
    let tx = &Transaction { sql, now, workspace, authority, request_id, address, if_version, storage };
    let answered = match command {
        Command::Bootstrap(ask) => reply(ask, |ask| workspace::bootstrap(tx, generator, ask)),
        Command::ReadWorkspace(ask) => reply(ask, |_| workspace::read(tx)),
        Command::UpdateWorkspace(ask) => reply(ask, |ask| workspace::update(tx, ask)),
        Command::SuspendWorkspace(ask) => reply(ask, |ask| workspace::suspend(tx, &ask)),
        Command::SetHosts(ask) => reply(ask, |ask| workspace::set_hosts(tx, ask)),
        Command::DeleteWorkspace(ask) => reply(ask, |_| deletion::begin(tx)),
        Command::GetScopes(ask) => reply(ask, |_| scopes::read(tx)),
        Command::PutScopes(ask) => reply(ask, |ask| scopes::replace(tx, ask)),
        Command::ListMembers(ask) => reply(ask, |ask| members::list(tx, &ask)),
        Command::CreateMember(ask) => execute_idempotently(tx, slot, ask, |ask| members::create(tx, ask)),
        Command::ReadMember(ask) => reply(ask, |ask| members::read(tx, &ask)),
        Command::FindMember(ask) => reply(ask, |ask| members::find_by_number(tx, &ask)),
        Command::UpdateMember(ask) => reply(ask, |ask| members::update(tx, ask)),
        Command::EraseMember(ask) => reply(ask, |ask| members::erase(tx, &ask)),
        Command::ListClients(ask) => reply(ask, |ask| clients::list(tx, &ask)),
        Command::CreateClient(ask) => execute_idempotently(tx, slot, ask, |ask| clients::create(tx, ask)),
        Command::ReadClient(ask) => reply(ask, |ask| clients::read(tx, &ask)),
        Command::DeleteClient(ask) => reply(ask, |ask| clients::delete(tx, &ask)),
        Command::CreateToken(ask) => execute_idempotently(tx, slot, ask, |ask| tokens::create(tx, generator, ask)),
        Command::ListTokens(ask) => reply(ask, |ask| tokens::list(tx, &ask)),
        Command::ReadToken(ask) => reply(ask, |ask| tokens::read(tx, &ask)),
        Command::ReadSelf(ask) => reply(ask, |_| tokens::read_self(tx)),
        Command::UpdateToken(ask) => reply(ask, |ask| tokens::update(tx, ask)),
        Command::RotateToken(ask) => execute_idempotently(tx, slot, ask, |ask| tokens::rotate(tx, generator, &ask)),
        Command::RevokeToken(ask) => reply(ask, |ask| tokens::revoke(tx, &ask)),
        Command::RevokeText(ask) => reply(ask, |ask| tokens::revoke_text(tx, &ask)),
        Command::RevokeTokens(ask) => reply(ask, |ask| tokens::revoke_many(tx, ask)),
        Command::ImportTokens(ask) => execute_idempotently(tx, slot, ask, |ask| tokens::import(tx, generator, ask)),
        Command::OpenSession(ask) => reply(ask, |_| sessions::open(tx, generator)),
        Command::ReadIdentityProviders(ask) => reply(ask, |_| identity::providers(tx)),
        Command::SignIn(ask) => reply(ask, |ask| identity::sign_in(tx, generator, &ask)),
        Command::NoteRefusal(ask) => reply(ask, |ask| identity::note_refusal(tx, &ask)),
        Command::ReadSession(ask) => reply(ask, |_| sessions::read(tx)),
        Command::EndSession(ask) => reply(ask, |ask| sessions::end(tx, &ask)),
        Command::ListSessions(ask) => reply(ask, |ask| sessions::list(tx, &ask)),
        Command::ReadAudit(ask) => reply(ask, |ask| audit::read(tx, &ask)),
        Command::Records(ask) => reply(ask, |ask| records::answer(tx, seal_secrets, &ask)),
        Command::Lease(ask) => reply(ask, |ask| leases::answer(tx, seal_secrets, leases, generator.random, &ask)),
        Command::ReadSnapshot(ask) => reply(ask, |_| snapshots::read(tx, snapshot_secrets)),
        Command::ReadSnapshotKeys(ask) => reply(ask, |_| snapshots::keys(tx, snapshot_secrets)),
        Command::ReportUses(ask) => reply(ask, |ask| tokens::usage::report(tx, &ask)),
        Command::ReadUsage(ask) => reply(ask, |ask| tokens::usage::read(tx, &ask)),
        Command::CheckScope(ask) => reply(ask, |ask| tx.authority.require(ask.scope).map(|()| Holds {})),
    };
    let answered = answered?;
    if !answered.repeated {
        storage.check_added()?;
    }
    Ok(Answered { safe_in, snapshots_until, ..answered })
}

/// Runs a command that creates something, once for each idempotency key.
fn execute_idempotently<C: Repeatable>(
    tx: &Transaction<'_>,
    slot: Option<ReplySlot>,
    ask: C,
    run: impl FnOnce(C) -> Result<C::Reply, CommandError>,
) -> Result<Answered<String>, CommandError> {
    tx.authority.require(C::NEEDS)?;
    if let Some(slot) = &slot
        && let Some(kept) = slot.stored_reply(tx.sql, tx.now)?
    {
        let reply = C::Reply::from_stored(tx.sql, kept)?;
        ask.check_access(tx, &reply)?;
        return Ok(Answered { repeated: true, ..Answered::now(reply) });
    }
    let mut result = run(ask)?;
    let answered = Answered::now(reply::json_of(&result)?);
    if let Some(slot) = slot.filter(|_| result.had_effect()) {
        result.remove_token_value();
        slot.store(tx.sql, &result.to_stored(tx.sql)?, tx.now)?;
    }
    Ok(answered)
}

/// Runs a command and serializes its reply. Generic over the command's own reply type only.
fn reply<C: Ask>(
    ask: C,
    run: impl FnOnce(C) -> Result<C::Reply, CommandError>,
) -> Result<Answered<String>, CommandError> {
    reply::json_of(&run(ask)?).map(Answered::now)
}
