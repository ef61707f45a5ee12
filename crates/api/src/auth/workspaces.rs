//! Resolves the workspace of a request.

use std::net::IpAddr;

use counterfoil_protocol::directory::{self, Host, Slug};
use counterfoil_token::WorkspaceKey;
use http::Uri;

use crate::{
    cache::{
        admission,
        names::{Asker, LOOK, LOOKS, Lookup, WorkspaceName},
    },
    http::Problem,
    ledger_client::LedgerClient,
    ports::Ports,
};

impl<P: Ports> LedgerClient<P> {
    /// The key of the workspace with this slug.
    pub(crate) async fn resolve(&self, slug: &str, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        self.resolve_name(WorkspaceName::Slug(slug), asker).await
    }

    /// The key of the workspace with this URI's host.
    pub(crate) async fn resolve_host(&self, uri: &Uri, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let host = uri.authority().and_then(|authority| Host::parse(authority.as_str()).ok());
        let Some(host) = host else { return Ok(None) };
        self.resolve_name(WorkspaceName::Host(host), asker).await
    }

    /// A requester that has proved nothing and calls from this address.
    pub(crate) fn stranger(&self, from: Option<IpAddr>) -> Asker {
        let is_open = self.app.admission().check_address(from, self.app.ports.now()).is_ok();
        if is_open { Asker::Other(from) } else { Asker::Shut }
    }

    async fn resolve_name(&self, name: WorkspaceName, asker: Asker) -> Result<Option<WorkspaceKey>, Problem> {
        let mut looks = 0;
        loop {
            let now = self.app.ports.now();
            let known = self.app.names().look_up(&name, asker, now);
            match known {
                Lookup::Known(key) => return Ok(key),
                Lookup::Ask => break,
                Lookup::Wait if looks < LOOKS && (looks > 0 || self.app.names().may_wait(now)) => {
                    looks += 1;
                    self.app.ports.sleep(LOOK).await;
                }
                Lookup::Wait | Lookup::TooMany => return Err(admission::too_many()),
            }
        }
        let resolved = match name.clone() {
            WorkspaceName::Slug(slug) => self.directory(directory::Resolve { slug }).await,
            WorkspaceName::Host(host) => self.directory(directory::ResolveHost { host }).await,
        };
        let key = resolved?.key;
        self.app.names().remember(name, key, self.app.ports.now());
        Ok(key)
    }
}
