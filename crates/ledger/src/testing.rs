//! Methods of a ledger that only tests and benchmarks use.

use core::net::IpAddr;

use counterfoil_protocol::{
    CommandError,
    command::{Actor, Ask, Request},
    decode_reply,
};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{ContentHash, Timestamp};

use crate::{
    editions,
    ledger::{Context, Ledger},
    sql::{Sql, SqlError},
};

impl<S: Sql> Ledger<S> {
    /// Takes one step of an edition with this maximum average number of token values per segment.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails. The step is not taken then.
    pub fn edition_step_of(&self, texts: u64, now: Timestamp) -> Result<editions::Step, SqlError> {
        self.sql().transaction(|| editions::step(self.sql(), now, texts))
    }

    /// The current edition of that kind, if any.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn current_edition(&self, kind: editions::Kind) -> Result<Option<editions::Current>, SqlError> {
        editions::Current::load(self.sql(), kind)
    }

    /// The files that the current edition of that kind references, in its manifest's order.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn edition_files(&self, kind: editions::Kind) -> Result<Vec<ContentHash>, SqlError> {
        editions::current_files(self.sql(), kind)
    }

    /// Records that snapshots are requested: they are built for a week from now on.
    ///
    /// # Errors
    /// [`SqlError`] if the database fails.
    pub fn want_snapshots(&self, now: Timestamp) -> Result<(), SqlError> {
        self.sql().transaction(|| editions::want_snapshots(self.sql(), now))
    }

    /// Executes one command with its request and reply encoded as JSON, as over the wire.
    ///
    /// # Errors
    /// [`CommandError`] as the ledger returns it, or if its reply cannot be decoded.
    pub fn call<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        address: Option<IpAddr>,
        command: C,
        context: Context<'_>,
    ) -> Result<C::Reply, CommandError> {
        let request = Request {
            workspace,
            actor,
            request_id: "native".to_owned(),
            address,
            idempotency_key: None,
            origin: None,
            if_version: None,
            wait: false,
            command: command.into(),
        };
        let body = serde_json::to_vec(&request).map_err(|error| CommandError::internal(error.to_string()))?;
        let reply = self.handle(&body, context);
        decode_reply::<C>(&reply).map_err(|error| CommandError::internal(error.to_string()))?
    }
}
