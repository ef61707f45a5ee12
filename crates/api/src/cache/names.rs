//! Caches which workspace a slug or a host belongs to, according to the directory.
//!
//! All workspaces share one directory, and anybody can invent names. So an isolate caches the directory's responses, also
//! that no workspace has a name, and queries the directory about unknown names only a limited number of times per second.
//! While the limit is exhausted, a cached name stays valid for a few more minutes, so invented names keep nobody out.

use std::net::IpAddr;

use counterfoil_protocol::directory::{Host, Slug};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Allowance, Timestamp};

use crate::cache::{expiring::Expiring, network::network};

/// For how many milliseconds a response is valid. Other isolates may take as long to see a change.
const KEPT: u64 = 10_000;

/// The same if no workspace has the slug; shorter, for callers that wait for a workspace to be created.
const ABSENT: u64 = 2_000;

/// How long a cached name may be used while the directory may not be queried, in milliseconds.
const STALE: u64 = 300_000;

/// How long a query counts as in progress, and how often requests that wait for its response poll, in milliseconds. No
/// request can await another's query.
const OUT: u64 = 1_000;
pub(crate) const LOOK: u64 = 50;

/// How many times a request polls before it is told to retry, and how many requests per second begin to wait.
pub(crate) const LOOKS: u32 = 40;
const WAITING_PER_SECOND: u32 = 100;

/// The most names in the cache.
const MOST: usize = 512;

/// How many queries per second are sent to the directory for requesters that have proved nothing, in total and for one
/// address.
const ASKED_PER_SECOND: u32 = 20;
const ASKED_PER_ADDRESS: u32 = 5;

/// The same for credentials with one workspace's authentication tag.
const ASKED_PER_WORKSPACE: u32 = 5;

/// Who names a workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    Root,
    /// A credential with this workspace's valid authentication tag.
    Sealed(WorkspaceKey),
    /// Anybody, from this address if it is known.
    Other(Option<IpAddr>),
    /// Anybody, from a blocked address.
    Shut,
}

/// A name of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkspaceName {
    Slug(Slug),
    Host(Host),
}

/// The cache of names.
pub(crate) struct Names {
    told: Expiring<WorkspaceName, Resolved>,
    /// The names that the directory is being queried about.
    out: Expiring<WorkspaceName, ()>,
    asked: Allowance<()>,
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
pub(crate) enum Lookup {
    /// Use this.
    Known(Option<WorkspaceKey>),
    /// Query the directory.
    Ask,
    /// Another request is querying it: poll again in [`LOOK`].
    Wait,
    /// Reject the request: the limit of queries within this second is exhausted.
    TooMany,
}

impl Default for Names {
    fn default() -> Self {
        let (asked, by_address, by_workspace, waiting) = Default::default();
        Self { told: Expiring::new(MOST), out: Expiring::new(MOST), asked, by_address, by_workspace, waiting }
    }
}

impl Names {
    /// How to resolve the name. Root is never limited, and never gets a cached response that no workspace has the name:
    /// the workspace may have been created a moment ago.
    pub(crate) fn look_up(&mut self, name: &WorkspaceName, asker: Asker, now: Timestamp) -> Lookup {
        let is_root = matches!(asker, Asker::Root);
        let told = self.told.get(name, now).copied();
        match told.filter(|told| !is_root || told.key.is_some()) {
            Some(told) if now < told.fresh_until => Lookup::Known(told.key),
            _ if self.take(asker, now) => {
                self.out.put(name.clone(), (), OUT, now);
                Lookup::Ask
            }
            Some(told) => Lookup::Known(told.key),
            None if self.out.get(name, now).is_some() => Lookup::Wait,
            None => Lookup::TooMany,
        }
    }

    /// Takes from the allowance of requests that wait for another's query.
    pub(crate) fn may_wait(&mut self, now: Timestamp) -> bool {
        self.waiting.take((), WAITING_PER_SECOND, now)
    }

    /// Takes from the allowance of queries to the directory.
    fn take(&mut self, asker: Asker, now: Timestamp) -> bool {
        match asker {
            Asker::Root => true,
            Asker::Sealed(workspace) => self.by_workspace.take(workspace, ASKED_PER_WORKSPACE, now),
            Asker::Other(from) => {
                // An address's share counts only while the common allowance is not exhausted.
                let has_share = |address| self.by_address.take(network(address), ASKED_PER_ADDRESS, now);
                self.asked.has(&(), ASKED_PER_SECOND, now)
                    && from.is_none_or(has_share)
                    && self.asked.take((), ASKED_PER_SECOND, now)
            }
            Asker::Shut => false,
        }
    }

    /// Stores the directory's response.
    pub(crate) fn remember(&mut self, name: WorkspaceName, key: Option<WorkspaceKey>, now: Timestamp) {
        let fresh = if key.is_none() && matches!(name, WorkspaceName::Slug(_)) { ABSENT } else { KEPT };
        let kept = if key.is_some() { STALE } else { fresh };
        self.out.forget(&name);
        self.told.put(name, Resolved { key, fresh_until: now.plus(fresh) }, kept, now);
    }

    /// Names were assigned or removed through this isolate, so all are resolved anew. While the directory may not be
    /// queried, the cached workspaces of other names stay valid.
    pub(crate) fn forget(&mut self) {
        self.told.retain(|_, told| {
            told.fresh_until = Timestamp(0);
            told.key.is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_asked_about_is_waited_for_by_so_many_and_no_other_is() {
        let (mut names, now) = (Names::default(), Timestamp(5_000));
        let name = |at: u32| WorkspaceName::Slug(Slug::parse(&format!("name-{at}")).unwrap());
        let anybody = Asker::Other(None);
        for at in 0..ASKED_PER_SECOND {
            assert_eq!(names.look_up(&name(at), anybody, now), Lookup::Ask);
        }
        assert_eq!(names.look_up(&name(0), anybody, now), Lookup::Wait);
        assert_eq!(names.look_up(&name(999), anybody, now), Lookup::TooMany);
        assert_eq!((0..WAITING_PER_SECOND * 2).filter(|_| names.may_wait(now)).count(), 100);
        names.remember(name(0), None, now);
        assert_eq!(names.look_up(&name(0), anybody, now), Lookup::Known(None));
        // A query whose request was cancelled does not count as in progress forever.
        let later = now.plus(OUT);
        assert_eq!(names.look_up(&name(1), anybody, later), Lookup::Ask);
        assert_eq!(names.look_up(&name(2), Asker::Shut, later), Lookup::TooMany);
    }
}
