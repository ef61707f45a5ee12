//! The Durable Object: one for each workspace's ledger, and one for the directory.
//!
//! It answers one message at a time, from storage alone. What a command writes and the alarm that will publish it are
//! set in the same turn with no await between them, so they reach the disk together: a change is never kept without
//! the alarm that tells verifiers of it.

use counterfoil_api::{ConfigError, parse_seal_secrets, parse_session_secrets};
use counterfoil_ledger::{Context, Ledger as Workspace, directory::Directory, sql::SqlError};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::{
    alarm::{self, arm},
    app::secret,
    ports::{now, random},
    sql::DurableSql,
};

/// The address of a workspace's ledger, within its object.
pub(crate) const LEDGER: &str = "https://ledger/ledger";

/// The address of the directory, within its object.
pub(crate) const DIRECTORY: &str = "https://ledger/directory";

/// See the module.
#[durable_object(alarm)]
pub struct Ledger {
    state: State,
    env: Env,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
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
        alarm::run(&self.state, &self.env).await;
        Response::empty()
    }
}

impl Ledger {
    async fn ledger(&self, body: &[u8]) -> Result<Response> {
        let wrong = |error: ConfigError| worker::Error::RustError(error.to_string());
        let seal_secrets = parse_seal_secrets(&secret(&self.env, "SEAL_SECRETS")).map_err(wrong)?;
        let session_secrets = parse_session_secrets(&secret(&self.env, "SESSION_SECRETS")).map_err(wrong)?;
        let ledger = self.workspace().map_err(failed)?;
        let (seal_secrets, session_secrets) = (&seal_secrets, &session_secrets);
        let reply = ledger.handle(body, Context { now: now(), random: &mut random, seal_secrets, session_secrets });
        arm(&self.state, &ledger).await;
        Response::from_bytes(reply)
    }

    fn directory(&self, body: &[u8]) -> Result<Response> {
        let directory = Directory::open(DurableSql::new(&self.state).map_err(failed)?).map_err(failed)?;
        Response::from_bytes(directory.handle(body, now()))
    }

    fn workspace(&self) -> Result<Workspace<DurableSql>, SqlError> {
        Workspace::open(DurableSql::new(&self.state)?)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn failed(error: SqlError) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
