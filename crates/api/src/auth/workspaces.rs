//! Resolves the workspace of a request.

use std::net::IpAddr;

use counterfoil_protocol::directory::{self, Host, Slug};
use counterfoil_token::WorkspaceKey;
use http::Uri;

use crate::{
    cache::{
        admission,
        names::{MAX_POLLS, NameLookup, POLL_INTERVAL, Requester, WorkspaceName},
    },
    http::Problem,
    ledger_client::LedgerClient,
    ports::Ports,
};

impl<P: Ports> LedgerClient<P> {
    /// The key of the workspace with this slug.
    pub(crate) async fn resolve(&self, slug: &str, requester: Requester) -> Result<Option<WorkspaceKey>, Problem> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        self.resolve_name(WorkspaceName::Slug(slug), requester).await
    }

    /// The key of the workspace with this URI's host.
    pub(crate) async fn resolve_host(&self, uri: &Uri, requester: Requester) -> Result<Option<WorkspaceKey>, Problem> {
        let host = uri.authority().and_then(|authority| Host::parse(authority.as_str()).ok());
        let Some(host) = host else { return Ok(None) };
        self.resolve_name(WorkspaceName::Host(host), requester).await
    }

    /// A requester that has proved nothing and calls from this address.
    pub(crate) fn anonymous(&self, from: Option<IpAddr>) -> Requester {
        let is_allowed = self.app.admission().check_address(from, self.app.ports.now()).is_ok();
        if is_allowed { Requester::Anonymous(from) } else { Requester::Blocked }
    }

    async fn resolve_name(&self, name: WorkspaceName, requester: Requester) -> Result<Option<WorkspaceKey>, Problem> {
        let mut polls = 0;
        loop {
            let now = self.app.ports.now();
            let known = self.app.names().look_up(&name, requester, now);
            match known {
                NameLookup::Cached(key) => return Ok(key),
                NameLookup::Query => break,
                NameLookup::Wait if polls < MAX_POLLS && (polls > 0 || self.app.names().may_wait(now)) => {
                    polls += 1;
                    self.app.ports.sleep(POLL_INTERVAL).await;
                }
                NameLookup::Wait | NameLookup::RateLimited => return Err(admission::too_many()),
            }
        }
        let resolved = match name.clone() {
            WorkspaceName::Slug(slug) => self.directory(directory::Resolve { slug }).await,
            WorkspaceName::Host(host) => self.directory(directory::ResolveHost { host }).await,
        };
        let key = resolved?.key;
        self.app.names().store(name, key, self.app.ports.now());
        Ok(key)
    }
}
