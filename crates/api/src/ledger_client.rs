//! The client of the ledgers and of the directory: sends typed commands, returns typed replies or problems.

use std::{net::IpAddr, sync::Arc};

use counterfoil_protocol::{
    Answered, CommandError,
    command::{Actor, Ask, Command, IdempotencyKey, Request},
    directory, reply_json,
};
use counterfoil_token::{Digest, WorkspaceKey};
use futures_util::future::BoxFuture;

use crate::{
    http::{Problem, Reply, waiting::Waited},
    ports::Ports,
    state::App,
    trace::Trace,
};

/// Sends one request's commands to the ledgers.
#[derive(Clone)]
pub(crate) struct LedgerClient<P> {
    pub(crate) app: App<P>,
    pub(crate) trace: Trace,
}

/// Where a request comes from, as far as it is known.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) address: Option<IpAddr>,
    /// The origin of the web page that sent the request, if it is not the API's own.
    pub(crate) origin: Option<Arc<str>>,
}

/// How to execute a command.
#[derive(Default)]
pub(crate) struct CommandOptions {
    /// Execute it once under this key.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// Execute it only if the token has one of these versions.
    pub(crate) if_version: Option<Vec<u64>>,
    /// Respond only when the change is in effect for every check that is not `eventual`.
    pub(crate) wait: bool,
}

impl<P: Ports> LedgerClient<P> {
    /// Sends a command to a workspace's ledger. If the ledger admits the actor, and the origin of the page that sent the
    /// request, that page may read the response.
    pub(crate) fn ask<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_with(workspace, actor, from, CommandOptions::default(), command)
    }

    /// Like [`Self::ask`], in the name of the isolate's own verifier.
    pub(crate) fn ask_as_verifier<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask(workspace, Actor::Verifier, Source::default(), command)
    }

    /// Like [`Self::ask`], with options.
    pub(crate) fn ask_with<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        options: CommandOptions,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let sent = self.send(workspace, actor, from, options, command.into());
        async move { sent.await.map(|Answered { reply, repeated, .. }| Reply::new(reply, repeated)) }
    }

    /// The part of sending that is the same for every command, so that it is compiled once.
    fn send(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        options: CommandOptions,
        command: Command,
    ) -> BoxFuture<'_, Result<Answered<Vec<u8>>, Problem>> {
        Box::pin(async move {
            let request = Request {
                workspace,
                actor,
                request_id: self.trace.request_id.to_string(),
                address: from.address,
                idempotency_key: options.idempotency_key,
                origin: from.origin.as_deref().map(str::to_owned),
                if_version: options.if_version,
                wait: options.wait,
                command,
            };
            let changes = !request.command.is_question();
            self.app.count_change(request.actor, &request.command).await?;
            let json = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
            self.trace.count_ledger_call();
            let asked_after = self.app.admission().changes();
            let reply = self.app.ports.ledger(request.workspace, json).await;
            let outcome = reply.as_deref().map(reply_json);
            // A rejected command changed nothing, and must not make anybody query the ledger again.
            if changes && !matches!(outcome, Ok(Ok(Err(_)))) {
                // The caller may verify its change here immediately. If the outcome is unknown, assume that it was
                // applied.
                self.app.verifier().end_lease(request.workspace);
                self.app.admission().forget_rejected(request.workspace, self.app.ports.now());
                self.app.known_providers().forget(&request.workspace);
            }
            let outcome = outcome.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
            let outcome = outcome.map_err(|error| Problem::unreadable_reply(error.to_string()))?;
            self.cache_outcome(&request, outcome.as_ref().err(), asked_after);
            let Answered { reply, repeated, safe_in, snapshots_until } = outcome?;
            let mut reply = reply.to_owned();
            if let Some(milliseconds) = safe_in {
                let began_at = self.app.ports.now();
                self.app.ports.sleep(milliseconds).await;
                reply = Waited::new(self.app.ports.now().since(began_at), snapshots_until).add_to(reply)?;
            }
            Ok(Answered { reply, repeated, safe_in, snapshots_until })
        })
    }

    /// Caches whether the ledger admitted the credential or rejected it.
    fn cache_outcome(&self, request: &Request, refusal: Option<&CommandError>, asked_after: u64) {
        let &Request { workspace, actor, address, .. } = request;
        let now = self.app.ports.now();
        if let Some(refusal) = refusal.filter(|refusal| refusal.shuts_out()) {
            return self.app.admission().reject(workspace, actor, address, refusal, asked_after, now);
        }
        if request.origin.is_some() {
            self.trace.allow_page_to_read();
        }
        self.app.admission().admit(workspace, actor, address, now);
        self.count_caller(workspace, actor);
    }

    /// Sends a request to the directory.
    pub(crate) async fn directory<R: directory::Ask>(&self, request: R) -> Result<R::Reply, Problem> {
        let request = serde_json::to_vec(&request.into()).map_err(|error| Problem::internal(error.to_string()))?;
        self.trace.count_ledger_call();
        let reply = self.app.ports.directory(request).await;
        let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
        let reply =
            directory::decode_reply::<R>(&reply).map_err(|error| Problem::unreadable_reply(error.to_string()))?;
        Ok(reply?)
    }
}

impl<P: Ports> LedgerClient<P> {
    /// Counts one use of the request's own token once the ledger has admitted it, however many commands the request
    /// sends.
    pub(crate) fn count_caller(&self, workspace: WorkspaceKey, actor: Actor) {
        if let Actor::Token(digest) | Actor::Session(digest) = actor
            && self.trace.is_first_admission()
        {
            self.count_uses(workspace, [digest]);
        }
    }

    /// Counts one use of each of these token values.
    pub(crate) fn count_uses(&self, workspace: WorkspaceKey, digests: impl IntoIterator<Item = Digest>) {
        let now = self.app.ports.now();
        let mut counter = self.app.counter();
        digests.into_iter().for_each(|digest| counter.count(workspace, digest, now));
    }
}
