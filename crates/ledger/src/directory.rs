//! The directory: which workspace a slug stands for, and a host. There is one, over a database of its own.
//!
//! A slug is reserved with a key before the workspace is made, and confirmed after: the same key comes back for as long
//! as it is only reserved, so whoever was cut off in between goes on where they were. Only confirmed slugs resolve.
//!
//! A host is one workspace's at most, and says for a token that does not which workspace it is of. What hosts a
//! workspace has is said as a whole, so whoever was cut off says it again.

use core::slice;

use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use crate::host::{Host, Hosts};
pub use crate::slug::{InvalidSlug, Slug};
use crate::{
    refusal::Refusal,
    schema,
    sql::{Sql, SqlError, Value},
    wire::{self, Answered, NotAReply},
};

/// The directory, over its database.
#[derive(Debug)]
pub struct Directory<S> {
    sql: S,
}

/// A request's type says what it answers.
pub trait Ask: Into<Request> + Send {
    /// What the directory replies.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// What the directory can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// See [`Claim`].
    Claim(Claim),
    /// See [`Confirm`].
    Confirm(Confirm),
    /// See [`Resolve`].
    Resolve(Resolve),
    /// See [`Release`].
    Release(Release),
    /// See [`AssignHosts`].
    AssignHosts(AssignHosts),
    /// See [`ResolveHost`].
    ResolveHost(ResolveHost),
}

/// Reserves a slug. While it is only reserved, claiming it again gives the same key again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The slug.
    pub slug: Slug,
    /// The key that the workspace is to have, drawn at random.
    pub candidate: WorkspaceKey,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimed {
    /// The workspace is to be made under this key: the candidate, or the one that was reserved before.
    Reserved {
        /// The key.
        key: WorkspaceKey,
    },
    /// The candidate belongs to another slug: draw again.
    KeyTaken,
    /// The slug is confirmed: its workspace stands.
    SlugTaken,
}

/// Says that the slug's workspace stands. Said twice, it is as said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// The slug, which must have been claimed.
    pub slug: Slug,
}

/// Asks for the workspace of a slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The slug.
    pub slug: Slug,
}

/// Says that the slug's workspace is gone: anybody may claim the slug, and its hosts. Said again, also when somebody
/// else has it by now, it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The slug.
    pub slug: Slug,
    /// The key of the workspace that is gone.
    pub key: WorkspaceKey,
}

/// Says which hosts a confirmed workspace has. Those that it had besides are anybody's from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignHosts {
    /// The workspace's key.
    pub key: WorkspaceKey,
    /// All its hosts.
    pub hosts: Hosts,
}

/// What became of an assignment: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// These are its hosts.
    Done,
    /// One of them is another workspace's.
    Taken {
        /// That one.
        host: Host,
    },
}

/// Asks for the workspace of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveHost {
    /// The host.
    pub host: Host,
}

/// The workspace of a slug or of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its key; absent where no confirmed workspace has the slug, or the host.
    pub key: Option<WorkspaceKey>,
}

impl<S: Sql> Directory<S> {
    /// Opens the directory in this database, which may be empty, made by an earlier version, or used by a later one.
    ///
    /// # Errors
    /// [`SqlError`] where the database fails, or a later version made something of it that must be known. It is left as
    /// it was.
    pub fn open(sql: S) -> Result<Self, SqlError> {
        schema::migrate(&sql, schema::DIRECTORY)?;
        Ok(Self { sql })
    }

    /// Takes a [`Request`] in JSON and gives its reply in JSON, for [`decode_reply`]. Whatever the bytes are, there is
    /// a reply.
    pub fn handle(&self, body: &[u8], now: Timestamp) -> Vec<u8> {
        let request = wire::decode(body);
        wire::encode_reply(request.and_then(|request| self.execute(request, now)).map(Answered::now))
    }

    /// The database.
    pub fn sql(&self) -> &S {
        &self.sql
    }

    fn execute(&self, request: Request, now: Timestamp) -> Result<String, Refusal> {
        self.sql.transaction(|| match request {
            Request::Claim(ask) => reply(ask, |ask| self.claim(&ask, now)),
            Request::Confirm(ask) => reply(ask, |ask| self.confirm(&ask)),
            Request::Resolve(ask) => reply(ask, |ask| self.resolve(&ask)),
            Request::Release(ask) => reply(ask, |ask| self.release(&ask)),
            Request::AssignHosts(ask) => reply(ask, |ask| self.assign_hosts(&ask)),
            Request::ResolveHost(ask) => reply(ask, |ask| self.resolve_host(&ask)),
        })
    }

    fn claim(&self, ask: &Claim, now: Timestamp) -> Result<Claimed, Refusal> {
        let of_slug = "SELECT key, confirmed FROM slugs WHERE slug = ?";
        if let Some(mut row) = self.sql.exec(of_slug, &[(&ask.slug).into()])?.pop() {
            let (key, confirmed) = (row.take()?, row.take()?);
            return Ok(if confirmed { Claimed::SlugTaken } else { Claimed::Reserved { key } });
        }
        let reserve = "INSERT INTO slugs (slug, key, confirmed, created_at) VALUES (?, ?, 0, ?)
            ON CONFLICT (key) DO NOTHING RETURNING key";
        let rows = self.sql.exec(reserve, &[(&ask.slug).into(), (&ask.candidate).into(), now.into()])?;
        Ok(if rows.is_empty() { Claimed::KeyTaken } else { Claimed::Reserved { key: ask.candidate } })
    }

    fn confirm(&self, ask: &Confirm) -> Result<Resolved, Refusal> {
        let confirm = "UPDATE slugs SET confirmed = 1 WHERE slug = ? RETURNING key";
        let row = self.sql.exec(confirm, &[(&ask.slug).into()])?.pop();
        Ok(Resolved { key: Some(row.ok_or_else(|| Refusal::no_such("workspace"))?.take()?) })
    }

    fn release(&self, ask: &Release) -> Result<Resolved, Refusal> {
        let release = "DELETE FROM slugs WHERE slug = ? AND key = ?";
        self.sql.exec(release, &[(&ask.slug).into(), (&ask.key).into()])?;
        self.sql.exec("DELETE FROM hosts WHERE key = ?", &[(&ask.key).into()])?;
        Ok(Resolved { key: None })
    }

    fn resolve(&self, ask: &Resolve) -> Result<Resolved, Refusal> {
        self.key_of("SELECT key FROM slugs WHERE slug = ? AND confirmed = 1", (&ask.slug).into())
    }

    fn assign_hosts(&self, ask: &AssignHosts) -> Result<Assigned, Refusal> {
        let key = Value::from(&ask.key);
        if self.sql.exec("SELECT 1 FROM slugs WHERE key = ? AND confirmed = 1", slice::from_ref(&key))?.is_empty() {
            return Err(Refusal::no_such("workspace"));
        }
        let hosts = Value::json(&ask.hosts)?;
        let taken = "SELECT host FROM hosts WHERE host IN (SELECT value FROM json_each(?)) AND key <> ? LIMIT 1";
        if let Some(mut row) = self.sql.exec(taken, &[hosts.clone(), key.clone()])?.pop() {
            return Ok(Assigned::Taken { host: row.take()? });
        }
        self.sql.exec("DELETE FROM hosts WHERE key = ?", slice::from_ref(&key))?;
        self.sql.exec("INSERT INTO hosts (host, key) SELECT value, ? FROM json_each(?)", &[key, hosts])?;
        Ok(Assigned::Done)
    }

    fn resolve_host(&self, ask: &ResolveHost) -> Result<Resolved, Refusal> {
        self.key_of("SELECT key FROM hosts WHERE host = ?", (&ask.host).into())
    }

    /// The one key that a query finds, where it finds any.
    fn key_of(&self, query: &str, value: Value) -> Result<Resolved, Refusal> {
        let row = self.sql.exec(query, &[value])?.pop();
        Ok(Resolved { key: row.map(|mut row| row.take()).transpose()? })
    }
}

/// Reads what [`Directory::handle`] wrote about a request of type `R`.
///
/// # Errors
/// [`NotAReply`] where the bytes are something else. That the request was refused is the inner result.
pub fn decode_reply<R: Ask>(bytes: &[u8]) -> Result<Result<R::Reply, Refusal>, NotAReply> {
    wire::decode_outcome(bytes)
}

fn reply<R: Ask>(ask: R, run: impl FnOnce(R) -> Result<R::Reply, Refusal>) -> Result<String, Refusal> {
    wire::json_of(&run(ask)?)
}

macro_rules! requests {
    ($($request:ident => $reply:ty),* $(,)?) => { $(
        impl Ask for $request {
            type Reply = $reply;
        }

        impl From<$request> for Request {
            fn from(request: $request) -> Self {
                Self::$request(request)
            }
        }
    )* };
}

requests! {
    Claim => Claimed,
    Confirm => Resolved,
    Resolve => Resolved,
    Release => Resolved,
    AssignHosts => Assigned,
    ResolveHost => Resolved,
}
