//! The Durable Object: one for each workspace's ledger, and one for the directory.
//!
//! It answers one message at a time, from storage alone. A command's writes and the alarm that will publish them are
//! set in the same turn without an await in between, so they are persisted together: a change is never stored without
//! the alarm that publishes it.

use std::cell::OnceCell;

use counterfoil_api::{ConfigError, parse_seal_secrets, parse_session_secrets, parse_snapshot_keys};
use counterfoil_ledger::{Context, Ledger as Workspace, directory::Directory, sql::SqlError};
use counterfoil_token::SealSecret;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::{
    alarm::Alarm,
    app::secret,
    platform::{now, random},
    sql::DurableSql,
};

/// See the module. Everything that messages need is created by the first message that needs it.
#[durable_object(alarm)]
pub struct Ledger {
    state: State,
    env: Env,
    workspace: OnceCell<Workspace<DurableSql>>,
    directory: OnceCell<Directory<DurableSql>>,
    secrets: OnceCell<Secrets>,
    alarm: Alarm,
}

/// The deployment's secrets, parsed.
struct Secrets {
    seal: Vec<SealSecret>,
    session: Vec<SealSecret>,
    snapshot: Vec<SealSecret>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            workspace: OnceCell::new(),
            directory: OnceCell::new(),
            secrets: OnceCell::new(),
            alarm: Alarm::default(),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let body = request.bytes().await?;
        match request.path().as_str() {
            "/ledger" => self.ledger(&body).await,
            "/directory" => self.directory(&body),
            #[cfg(feature = "faults")]
            path => crate::faults::fault(path, &self.state),
            #[cfg(not(feature = "faults"))]
            _ => Response::error("no such address", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm.run(&self.state, &self.env, self.workspace()).await;
        Response::empty()
    }
}

impl Ledger {
    async fn ledger(&self, body: &[u8]) -> Result<Response> {
        let Secrets { seal, session, snapshot } = self.secrets()?;
        let ledger = self.workspace().map_err(failed)?;
        let context = Context {
            now: now(),
            random: &mut random,
            seal_secrets: seal,
            session_secrets: session,
            snapshot_secrets: snapshot,
        };
        let reply = ledger.handle(body, context);
        self.alarm.arm(&self.state, ledger).await;
        Response::from_bytes(reply)
    }

    fn directory(&self, body: &[u8]) -> Result<Response> {
        let open = || Directory::open(DurableSql::new(&self.state)?);
        let directory = get_or_init(&self.directory, open).map_err(failed)?;
        Response::from_bytes(directory.handle(body, now()))
    }

    fn workspace(&self) -> std::result::Result<&Workspace<DurableSql>, SqlError> {
        get_or_init(&self.workspace, || {
            let mut ledger = Workspace::open(DurableSql::new(&self.state)?)?;
            // A deployment may set a lower limit than the platform's.
            let limit = secret(&self.env, "STORAGE_LIMIT");
            if !limit.is_empty() {
                let limit = limit.parse().map_err(|_| SqlError::new("STORAGE_LIMIT must be a number of bytes"))?;
                ledger.limit_storage(limit);
            }
            Ok(ledger)
        })
    }

    fn secrets(&self) -> Result<&Secrets> {
        let parse = || {
            let secret = |name| secret(&self.env, name);
            Ok(Secrets {
                seal: parse_seal_secrets(&secret("SEAL_SECRETS"))?,
                session: parse_session_secrets(&secret("SESSION_SECRETS"))?,
                snapshot: parse_snapshot_keys(&secret("SNAPSHOT_KEYS"))?,
            })
        };
        get_or_init(&self.secrets, parse).map_err(|error: ConfigError| worker::Error::RustError(error.to_string()))
    }
}

/// The value of the cell, created if missing. If that fails, the next message tries again.
fn get_or_init<T, E>(
    cell: &OnceCell<T>,
    make: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<&T, E> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn failed(error: SqlError) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
