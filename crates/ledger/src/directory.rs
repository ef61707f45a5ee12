//! The directory: maps slugs and hosts to workspaces. Each deployment has one, in a database of its own.
//!
//! A slug is reserved with a key before the workspace is created, and confirmed afterwards. While it is only reserved,
//! the same key is returned, so an interrupted creation can be continued. Only confirmed slugs resolve.
//!
//! A host belongs to at most one workspace, and determines the workspace of tokens that do not name theirs. The hosts
//! of a workspace are set as a complete list, so an interrupted request can be repeated.

use core::slice;

use counterfoil_protocol::{
    command_error::CommandError,
    directory::{
        Ask, AssignHosts, Assigned, Claim, Claimed, Confirm, Release, Request, Resolve, ResolveHost, Resolved,
    },
    reply::{self, Answered},
};
use counterfoil_verify::Timestamp;

use crate::{
    schema,
    sql::{Sql, SqlError, Value},
};

/// The directory, over its database.
#[derive(Debug)]
pub struct Directory<S> {
    sql: S,
}

impl<S: Sql> Directory<S> {
    /// Opens the directory in this database, which may be empty or have been used by an earlier or a later version.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails, or if a later version has applied a migration that must be known. The
    /// database is left unchanged.
    pub fn open(sql: S) -> Result<Self, SqlError> {
        schema::migrate(&sql, schema::DIRECTORY)?;
        Ok(Self { sql })
    }

    /// Executes a [`Request`] given as JSON and returns the reply as JSON, for
    /// [`decode_reply`](counterfoil_protocol::directory::decode_reply). Malformed input results in an error reply.
    pub fn handle(&self, body: &[u8], now: Timestamp) -> Vec<u8> {
        let request = reply::decode(body);
        reply::encode_reply(request.and_then(|request| self.execute(request, now)).map(Answered::now))
    }

    /// The database.
    pub fn sql(&self) -> &S {
        &self.sql
    }

    fn execute(&self, request: Request, now: Timestamp) -> Result<String, CommandError> {
        self.sql.transaction(|| match request {
            Request::Claim(ask) => answer(ask, |ask| self.claim(&ask, now)),
            Request::Confirm(ask) => answer(ask, |ask| self.confirm(&ask)),
            Request::Resolve(ask) => answer(ask, |ask| self.resolve(&ask)),
            Request::Release(ask) => answer(ask, |ask| self.release(&ask)),
            Request::AssignHosts(ask) => answer(ask, |ask| self.assign_hosts(&ask)),
            Request::ResolveHost(ask) => answer(ask, |ask| self.resolve_host(&ask)),
        })
    }

    fn claim(&self, ask: &Claim, now: Timestamp) -> Result<Claimed, CommandError> {
        let of_slug = "SELECT key, confirmed FROM slugs WHERE slug = ?";
        if let Some((key, confirmed)) = self.database().one(of_slug, &[(&ask.slug).into()])? {
            return Ok(if confirmed { Claimed::SlugTaken } else { Claimed::Reserved { key } });
        }
        let reserve = "INSERT INTO slugs (slug, key, confirmed, created_at) VALUES (?, ?, 0, ?)
            ON CONFLICT (key) DO NOTHING RETURNING key";
        let rows = self.sql.exec(reserve, &[(&ask.slug).into(), (&ask.candidate).into(), now.into()])?;
        Ok(if rows.is_empty() { Claimed::KeyTaken } else { Claimed::Reserved { key: ask.candidate } })
    }

    fn confirm(&self, ask: &Confirm) -> Result<Resolved, CommandError> {
        let confirm = "UPDATE slugs SET confirmed = 1 WHERE slug = ? RETURNING key";
        let key = self.database().one(confirm, &[(&ask.slug).into()])?;
        Ok(Resolved { key: Some(key.ok_or_else(|| CommandError::no_such("workspace"))?) })
    }

    fn release(&self, ask: &Release) -> Result<Resolved, CommandError> {
        let release = "DELETE FROM slugs WHERE slug = ? AND key = ?";
        self.sql.exec(release, &[(&ask.slug).into(), (&ask.key).into()])?;
        self.sql.exec("DELETE FROM hosts WHERE key = ?", &[(&ask.key).into()])?;
        Ok(Resolved { key: None })
    }

    fn resolve(&self, ask: &Resolve) -> Result<Resolved, CommandError> {
        self.key_of("SELECT key FROM slugs WHERE slug = ? AND confirmed = 1", (&ask.slug).into())
    }

    fn assign_hosts(&self, ask: &AssignHosts) -> Result<Assigned, CommandError> {
        let key = Value::from(&ask.key);
        let confirmed = "SELECT 1 FROM slugs WHERE key = ? AND confirmed = 1";
        if !self.database().any(confirmed, slice::from_ref(&key))? {
            return Err(CommandError::no_such("workspace"));
        }
        let hosts = Value::from(&ask.hosts);
        let taken = "SELECT host FROM hosts WHERE host IN (SELECT value FROM json_each(?)) AND key <> ? LIMIT 1";
        if let Some(host) = self.database().one(taken, &[hosts.clone(), key.clone()])? {
            return Ok(Assigned::Taken { host });
        }
        self.sql.exec("DELETE FROM hosts WHERE key = ?", slice::from_ref(&key))?;
        self.sql.exec("INSERT INTO hosts (host, key) SELECT value, ? FROM json_each(?)", &[key, hosts])?;
        Ok(Assigned::Done)
    }

    fn resolve_host(&self, ask: &ResolveHost) -> Result<Resolved, CommandError> {
        self.key_of("SELECT key FROM hosts WHERE host = ?", (&ask.host).into())
    }

    /// The key that a query finds, if any.
    fn key_of(&self, query: &str, value: Value) -> Result<Resolved, CommandError> {
        Ok(Resolved { key: self.database().one(query, &[value])? })
    }

    fn database(&self) -> &dyn Sql {
        &self.sql
    }
}

fn answer<R: Ask>(ask: R, run: impl FnOnce(R) -> Result<R::Reply, CommandError>) -> Result<String, CommandError> {
    reply::json_of(&run(ask)?)
}
