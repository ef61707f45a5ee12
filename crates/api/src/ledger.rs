//! The way to the ledgers and the directory: typed questions out, typed replies or problems back.

use std::{net::IpAddr, sync::Arc};

use counterfoil_protocol::directory;
use counterfoil_protocol::{
    Answered, Refusal,
    command::{Actor, Ask, Command, IdempotencyKey, Request},
    directory::{Host, Slug},
    reply_json,
};
use counterfoil_token::WorkspaceKey;
use futures_util::future::BoxFuture;
use http::Uri;

use crate::{
    admission::{self, Kind},
    answer::Reply,
    app::App,
    credential::Caller,
    idempotency::Idempotency,
    names::{Asker, Known, LOOK, LOOKS, Name},
    ports::Ports,
    problem::Problem,
    trace::Trace,
    waiting::Waited,
};

/// One request's way to the ledgers.
#[derive(Clone)]
pub(crate) struct Gate<P> {
    pub(crate) app: App<P>,
    pub(crate) trace: Trace,
}

/// Where a request comes from, as far as that is known.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) address: Option<IpAddr>,
    /// The origin of the web page, where that is not the API's own.
    pub(crate) origin: Option<Arc<str>>,
}

/// On what terms a command is to be carried out.
#[derive(Default)]
pub(crate) struct Terms {
    /// Once under this key.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// While the token has one of these versions.
    pub(crate) if_version: Option<Vec<u64>>,
    /// Answered only when it counts for every check that is not eventual.
    pub(crate) wait: bool,
}

impl<P: Ports> Gate<P> {
    /// Has a workspace's ledger carry out a command. Where the ledger has let the actor in, with the page that it acts
    /// through, that page may read the answer.
    pub(crate) fn ask<C: Ask>(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        terms: Terms,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let sent = self.send(workspace, actor, from, terms, command.into());
        async move { sent.await.map(|Answered { reply, repeated, .. }| Reply::new(reply, repeated)) }
    }

    /// The part of asking that is the same for every command, compiled once.
    fn send(
        &self,
        workspace: WorkspaceKey,
        actor: Actor,
        from: Source,
        terms: Terms,
        command: Command,
    ) -> BoxFuture<'_, Result<Answered<Vec<u8>>, Problem>> {
        Box::pin(async move {
            let request = Request {
                workspace,
                actor,
                request_id: self.trace.request_id.to_string(),
                address: from.address,
                idempotency_key: terms.idempotency_key,
                origin: from.origin.as_deref().map(str::to_owned),
                if_version: terms.if_version,
                wait: terms.wait,
                command,
            };
            let changes = !request.command.is_question();
            self.app.count_change(request.actor, &request.command).await?;
            let json = serde_json::to_vec(&request).map_err(|error| Problem::internal(error.to_string()))?;
            self.trace.count_ledger_call();
            let asked_after = self.app.admission().changes();
            let reply = self.app.ports.ledger(request.workspace, json).await;
            let outcome = reply.as_deref().map(reply_json);
            // A refused command has changed nothing, and whoever sends such makes nobody ask anew.
            if changes && !matches!(outcome, Ok(Ok(Err(_)))) {
                // Whoever changed something may check it here at once. Where nobody knows whether it was changed, too.
                self.app.verifier().end_lease(request.workspace);
                self.app.admission().forget_refused(request.workspace, self.app.ports.now());
                self.app.entrances().forget(&request.workspace);
            }
            let outcome = outcome.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
            let outcome = outcome.map_err(|error| Problem::internal(error.to_string()))?;
            self.learn(&request, outcome.as_ref().err(), asked_after);
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

    /// Takes note of whom the ledger let in, or refused.
    fn learn(&self, request: &Request, refusal: Option<&Refusal>, asked_after: u64) {
        let &Request { workspace, actor, address, .. } = request;
        let now = self.app.ports.now();
        if let Some(refusal) = refusal.filter(|refusal| refusal.shuts_out()) {
            return self.app.admission().refuse(workspace, actor, address, refusal, asked_after, now);
        }
        if request.origin.is_some() {
            self.trace.let_page_read();
        }
        self.app.admission().let_in(workspace, actor, address, now);
        self.count_caller(workspace, actor);
    }

    /// Has the directory carry out a request.
    pub(crate) async fn directory<R: directory::Ask>(&self, request: R) -> Result<R::Reply, Problem> {
        let request = serde_json::to_vec(&request.into()).map_err(|error| Problem::internal(error.to_string()))?;
        self.trace.count_ledger_call();
        let reply = self.app.ports.directory(request).await;
        let reply = reply.map_err(|error| Problem::ledger_unavailable(error.to_string()))?;
        let reply = directory::decode_reply::<R>(&reply).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(reply?)
    }

    /// The key of the workspace with this slug.
    pub(crate) async fn resolve(&self, slug: &str, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        self.resolve_name(Name::Slug(slug), asker).await
    }

    /// The key of the workspace that is reached by the host of this URI.
    pub(crate) async fn resolve_host(&self, uri: &Uri, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let host = uri.authority().and_then(|authority| Host::parse(authority.as_str()).ok());
        let Some(host) = host else { return Ok(None) };
        self.resolve_name(Name::Host(host), asker).await
    }

    /// Who has proved nothing, and comes from there.
    pub(crate) fn stranger(&self, from: Option<IpAddr>) -> Asker {
        let is_open = self.app.admission().check_address(from, self.app.ports.now()).is_ok();
        if is_open { Asker::Other(from) } else { Asker::Shut }
    }

    async fn resolve_name(&self, name: Name, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let mut looks = 0;
        loop {
            let now = self.app.ports.now();
            let known = self.app.names().look_up(&name, asker, now);
            match known {
                Known::Told(key) => return Ok(key),
                Known::Ask => break,
                Known::Wait if looks < LOOKS && (looks > 0 || self.app.names().may_wait(now)) => {
                    looks += 1;
                    self.app.ports.sleep(LOOK).await;
                }
                Known::Wait | Known::TooMany => return Err(admission::too_many()),
            }
        }
        let resolved = match name.clone() {
            Name::Slug(slug) => self.directory(directory::Resolve { slug }).await,
            Name::Host(host) => self.directory(directory::ResolveHost { host }).await,
        };
        let key = resolved?.key;
        self.app.names().remember(name, key, self.app.ports.now());
        Ok(key)
    }
}

impl<P: Ports> Caller<P> {
    /// Has the caller's ledger carry out a command in the caller's name.
    pub(crate) fn ask<C: Ask>(&self, command: C) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_on(Terms::default(), command)
    }

    /// The same, once: where a command came under this key before, what it answered then.
    pub(crate) fn ask_once<C: Ask>(
        &self,
        Idempotency(idempotency_key): Idempotency,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        self.ask_on(Terms { idempotency_key, ..Terms::default() }, command)
    }

    /// The same, on these terms.
    pub(crate) fn ask_on<C: Ask>(
        &self,
        terms: Terms,
        command: C,
    ) -> impl Future<Output = Result<Reply<C::Reply>, Problem>> {
        let from = Source { address: self.address, origin: self.gate.trace.origin.clone() };
        let admitted = self.admit();
        let asked = self.gate.ask(self.workspace, self.actor, from, terms, command);
        async move {
            admitted?;
            asked.await
        }
    }

    /// Checks that the ledger may be asked about the caller: not where it has refused it a moment ago, and not too often about
    /// those that it has not let in lately.
    fn admit(&self) -> Result<(), Problem> {
        let now = self.gate.app.ports.now();
        let mut admission = self.gate.app.admission();
        admission.check_refused(self.workspace, self.actor, self.address, now)?;
        let kind = match self.actor {
            Actor::Root => return Ok(()),
            _ if admission.knows(self.workspace, self.actor, self.address, now) => return Ok(()),
            _ if self.is_sealed => Kind::Sealed,
            _ => Kind::Other,
        };
        admission.take_for(self.workspace, self.actor, kind, now)
    }
}
