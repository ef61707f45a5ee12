//! Caches which workspace a slug or a host belongs to, according to the directory.
//!
//! All workspaces share one directory, and any client can invent names. So an isolate caches the directory's responses,
//! also that no workspace has a name, and queries the directory about unknown names only a limited number of times per
//! second. While the limit is exhausted, a cached name stays valid for a few more minutes, so invented names do not
//! lock out other clients.

use std::net::IpAddr;

use counterfoil_protocol::directory::{Host, Slug};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Allowance, Timestamp};

use crate::cache::{expiring::ExpiringMap, network::network};

/// For how many milliseconds a response is valid. Other isolates may take as long to see a change.
const KEPT: u64 = 10_000;

/// The same if no workspace has the slug; shorter, for callers that wait for a workspace to be created.
const ABSENT: u64 = 2_000;

/// How long a cached name may be used while the directory may not be queried, in milliseconds.
const STALE: u64 = 300_000;

/// How long a query counts as in progress, and how often requests that wait for its response poll, in milliseconds. No
/// request can await another's query.
const PENDING: u64 = 1_000;
pub(crate) const POLL_INTERVAL: u64 = 50;

/// How many times a request polls before it is told to retry, and how many requests per second begin to wait.
pub(crate) const MAX_POLLS: u32 = 40;
const WAITING_PER_SECOND: u32 = 100;

/// The most names in the cache.
const MOST: usize = 512;

/// How many queries per second are sent to the directory for requesters that have proved nothing, in total and for one
/// address.
const QUERIES_PER_SECOND: u32 = 20;
const QUERIES_PER_ADDRESS: u32 = 5;

/// The same for credentials with one workspace's authentication tag.
const QUERIES_PER_WORKSPACE: u32 = 5;

/// Who names a workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Requester {
    Root,
    /// A credential with this workspace's valid authentication tag.
    Sealed(WorkspaceKey),
    /// Anybody, from this address if it is known.
    Anonymous(Option<IpAddr>),
    /// Anybody, from a blocked address.
    Blocked,
}

/// A name of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkspaceName {
    Slug(Slug),
    Host(Host),
}

/// The cache of names.
pub(crate) struct NameCache {
    resolved: ExpiringMap<WorkspaceName, Resolved>,
    /// The names that the directory is being queried about.
    pending: ExpiringMap<WorkspaceName, ()>,
    total: Allowance<()>,
    by_address: Allowance<IpAddr>,
    waiting: Allowance<()>,
    by_workspace: Allowance<WorkspaceKey>,
}

#[derive(Clone, Copy)]
struct Resolved {
    key: Option<WorkspaceKey>,
    fresh_until: Timestamp,
}

/// How to resolve a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NameLookup {
    /// Use this.
    Cached(Option<WorkspaceKey>),
    /// Query the directory.
    Query,
    /// Another request is querying it: poll again in [`POLL_INTERVAL`].
    Wait,
    /// Reject the request: the limit of queries within this second is exhausted.
    RateLimited,
}

impl Default for NameCache {
    fn default() -> Self {
        let (total, by_address, by_workspace, waiting) = Default::default();
        Self {
            resolved: ExpiringMap::new(MOST),
            pending: ExpiringMap::new(MOST),
            total,
            by_address,
            by_workspace,
            waiting,
        }
    }
}

impl NameCache {
    /// How to resolve the name. Root is never limited, and never gets a cached response that no workspace has the name:
    /// the workspace may have been created a moment ago.
    pub(crate) fn look_up(&mut self, name: &WorkspaceName, requester: Requester, now: Timestamp) -> NameLookup {
        let is_root = matches!(requester, Requester::Root);
        let resolved = self.resolved.get(name, now).copied();
        match resolved.filter(|resolved| !is_root || resolved.key.is_some()) {
            Some(resolved) if now < resolved.fresh_until => NameLookup::Cached(resolved.key),
            _ if self.take_allowance(requester, now) => {
                self.pending.put(name.clone(), (), PENDING, now);
                NameLookup::Query
            }
            Some(resolved) => NameLookup::Cached(resolved.key),
            None if self.pending.get(name, now).is_some() => NameLookup::Wait,
            None => NameLookup::RateLimited,
        }
    }

    /// Takes from the allowance of requests that wait for another's query.
    pub(crate) fn may_wait(&mut self, now: Timestamp) -> bool {
        self.waiting.take((), WAITING_PER_SECOND, now)
    }

    /// Takes from the allowance of queries to the directory.
    fn take_allowance(&mut self, requester: Requester, now: Timestamp) -> bool {
        match requester {
            Requester::Root => true,
            Requester::Sealed(workspace) => self.by_workspace.take(workspace, QUERIES_PER_WORKSPACE, now),
            Requester::Anonymous(from) => {
                // An address's share counts only while the common allowance is not exhausted.
                let has_share = |address| self.by_address.take(network(address), QUERIES_PER_ADDRESS, now);
                self.total.has(&(), QUERIES_PER_SECOND, now)
                    && from.is_none_or(has_share)
                    && self.total.take((), QUERIES_PER_SECOND, now)
            }
            Requester::Blocked => false,
        }
    }

    /// Stores the directory's response.
    pub(crate) fn store(&mut self, name: WorkspaceName, key: Option<WorkspaceKey>, now: Timestamp) {
        let fresh = if key.is_none() && matches!(name, WorkspaceName::Slug(_)) { ABSENT } else { KEPT };
        let kept = if key.is_some() { STALE } else { fresh };
        self.pending.forget(&name);
        self.resolved.put(name, Resolved { key, fresh_until: now.plus(fresh) }, kept, now);
    }

    /// Names were assigned or removed through this isolate, so all are resolved again. While the directory may not be
    /// queried, the cached workspaces of other names stay valid.
    pub(crate) fn forget(&mut self) {
        self.resolved.retain(|_, resolved| {
            resolved.fresh_until = Timestamp(0);
            resolved.key.is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pending_names_are_waited_for_and_by_a_limited_number() {
        let (mut names, now) = (NameCache::default(), Timestamp(5_000));
        let name = |at: u32| WorkspaceName::Slug(Slug::parse(&format!("name-{at}")).unwrap());
        let anonymous = Requester::Anonymous(None);
        for at in 0..QUERIES_PER_SECOND {
            assert_eq!(names.look_up(&name(at), anonymous, now), NameLookup::Query);
        }
        assert_eq!(names.look_up(&name(0), anonymous, now), NameLookup::Wait);
        assert_eq!(names.look_up(&name(999), anonymous, now), NameLookup::RateLimited);
        assert_eq!((0..WAITING_PER_SECOND * 2).filter(|_| names.may_wait(now)).count(), 100);
        names.store(name(0), None, now);
        assert_eq!(names.look_up(&name(0), anonymous, now), NameLookup::Cached(None));
        // The query of a cancelled request stops counting as in progress after `PENDING`.
        let later = now.plus(PENDING);
        assert_eq!(names.look_up(&name(1), anonymous, later), NameLookup::Query);
        assert_eq!(names.look_up(&name(2), Requester::Blocked, later), NameLookup::RateLimited);
    }
}
