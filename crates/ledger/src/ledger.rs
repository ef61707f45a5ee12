//! The ledger's door: one request, one transaction, one reply.
//!
//! The actor is authenticated and the command carried out in the same transaction, so what was true of the actor when
//! it was let in is true of it when the change is made. Whatever fails, in the rules or in the database, leaves
//! nothing behind: the transaction is rolled back whole, with the audit row and the outbox row that were part of it.

use counterfoil_token::SealSecret;
use counterfoil_verify::{Code, Timestamp};
use serde_json::Value;

use crate::{
    authority::Authority,
    command::{Actor, Ask, Command, Request},
    members,
    mint::Mint,
    outbox::Outbox,
    records,
    refusal::Refusal,
    schema, scopes,
    sql::{Sql, SqlError},
    tokens, wire,
    work::Work,
    workspace::{self, WorkspaceRow},
};

/// The ledger of one workspace, over a database of its own.
#[derive(Debug)]
pub struct Ledger<S> {
    sql: S,
}

/// What a command needs of the world around: it comes in, and nothing else does.
pub struct Context<'a> {
    /// The time now. Rows are stamped with it and expiry is judged by it.
    pub now: Timestamp,
    /// Fills the slice with unpredictable bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
    /// The deployment's seal secrets, the current one first; at least one.
    pub seal_secrets: &'a [SealSecret],
}

impl<S: Sql> Ledger<S> {
    /// Opens the ledger in this database, which may be empty or made by an earlier version.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails, or was made by a later version. It is left as it was.
    pub fn open(sql: S) -> Result<Self, SqlError> {
        schema::migrate(&sql, schema::LEDGER)?;
        Ok(Self { sql })
    }

    /// Takes a [`Request`] in JSON and gives its reply in JSON, for [`decode_reply`](crate::decode_reply). Whatever the
    /// bytes are, there is a reply.
    pub fn handle(&self, body: &[u8], context: Context<'_>) -> Vec<u8> {
        let request = wire::decode(body).map_err(Refusal::internal);
        wire::encode_reply(request.and_then(|request| self.execute(request, context)))
    }

    /// Carries one command out, whole or not at all, and gives its reply in JSON.
    ///
    /// # Errors
    /// [`Refusal`]: nothing has changed then.
    pub fn execute(&self, request: Request, context: Context<'_>) -> Result<Value, Refusal> {
        self.sql.transaction(|| carry_out(&self.sql, request, context))
    }

    /// What waits to be put into the registry.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(&self.sql)
    }

    /// The database.
    pub fn sql(&self) -> &S {
        &self.sql
    }
}

fn carry_out(sql: &dyn Sql, request: Request, context: Context<'_>) -> Result<Value, Refusal> {
    let Request { workspace: key, actor, request_id, address, command } = request;
    let Context { now, random, seal_secrets } = context;

    let workspace = match WorkspaceRow::load(sql)? {
        Some(workspace) if workspace.key == key => workspace,
        Some(workspace) => {
            let detail = format!("a request for workspace {key} reached the ledger of {}", workspace.key);
            return Err(Refusal::internal(detail));
        }
        None => match (actor, command) {
            (Actor::Token(_), _) => return Err(Refusal::unauthenticated(Code::Unknown)),
            (_, Command::Records(ask)) => return reply(ask, |ask| records::of_nobody(key, now, seal_secrets, ask)),
            (Actor::Root, Command::Bootstrap(ask)) => {
                let founded = workspace::found(sql, key, &ask, now)?;
                let work = Work { sql, now, workspace: founded, authority: Authority::Root, request_id, address };
                return reply(ask, |ask| workspace::bootstrap(&work, &mut Mint { random, seal_secrets }, ask));
            }
            _ => return Err(Refusal::no_such("workspace")),
        },
    };
    let authority = Authority::of(actor, sql, &workspace, address, now)?;
    let work = Work { sql, now, workspace, authority, request_id, address };
    let mint = &mut Mint { random, seal_secrets };
    match command {
        Command::Bootstrap(ask) => reply(ask, |ask| workspace::bootstrap(&work, mint, ask)),
        Command::GetScopes(ask) => reply(ask, |_| scopes::read(&work)),
        Command::PutScopes(ask) => reply(ask, |ask| scopes::replace(&work, ask)),
        Command::ListMembers(ask) => reply(ask, |ask| members::list(&work, &ask)),
        Command::CreateMember(ask) => reply(ask, |ask| members::create(&work, ask)),
        Command::CreateToken(ask) => reply(ask, |ask| tokens::create(&work, mint, ask)),
        Command::ListTokens(ask) => reply(ask, |ask| tokens::list(&work, &ask)),
        Command::ReadToken(ask) => reply(ask, |ask| tokens::read(&work, &ask)),
        Command::ReadSelf(ask) => reply(ask, |_| tokens::read_self(&work)),
        Command::RevokeToken(ask) => reply(ask, |ask| tokens::revoke(&work, &ask)),
        Command::Records(ask) => reply(ask, |ask| records::answer(&work, seal_secrets, &ask)),
    }
}

/// Runs a command and turns its own reply, and no other type, into JSON.
fn reply<C: Ask>(ask: C, run: impl FnOnce(C) -> Result<C::Reply, Refusal>) -> Result<Value, Refusal> {
    serde_json::to_value(run(ask)?).map_err(|_| Refusal::internal("a reply has no JSON form"))
}
