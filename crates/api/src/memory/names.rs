//! Which workspace a slug or a host stands for, as the directory told.
//!
//! There is one directory for all workspaces, and anybody can make up names: so an isolate remembers what the directory said,
//! also that there is no such workspace, and asks about names that it never met only so many times a second. A name that
//! is known goes by what was said before then, for a few minutes more, so that inventions keep nobody out.

use std::net::IpAddr;

use counterfoil_protocol::directory::{Host, Slug};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Allowance, Timestamp};

use crate::memory::{expiring::Expiring, network::network};

/// For how many milliseconds an answer stands: so long may a change take to be seen by another isolate.
const KEPT: u64 = 10_000;

/// The same where no workspace has the slug: who waits for one to be made looks again.
const ABSENT: u64 = 2_000;

/// For how long a known name goes by what was said, in milliseconds, while the directory may not be asked.
const STALE: u64 = 300_000;

/// For how long a question counts as out, and how often whoever waits for its answer looks again, in milliseconds. No request can
/// wait for what another one asks.
const OUT: u64 = 1_000;
pub(crate) const LOOK: u64 = 50;

/// How many times a request looks again before it is told to come later, and how many begin to wait in a second.
pub(crate) const LOOKS: u32 = 40;
const WAITING_PER_SECOND: u32 = 100;

/// The most names that are remembered.
const MOST: usize = 512;

/// How often in a second the directory is asked about names, on behalf of those who have proved nothing; and of those at one
/// address.
const ASKED_PER_SECOND: u32 = 20;
const ASKED_PER_ADDRESS: u32 = 5;

/// The same on behalf of those who present what was sealed for one workspace.
const ASKED_PER_WORKSPACE: u32 = 5;

/// Who names a workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    Root,
    /// Whoever presents what was sealed for this workspace once.
    Sealed(WorkspaceKey),
    /// Anybody, from this address where that is known.
    Other(Option<IpAddr>),
    /// The same from an address that is shut.
    Shut,
}

/// A name of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkspaceName {
    Slug(Slug),
    Host(Host),
}

/// What is remembered of names.
pub(crate) struct Names {
    told: Expiring<WorkspaceName, Resolved>,
    /// What the directory is asked about just now.
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

/// What to do about a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Go by this.
    Known(Option<WorkspaceKey>),
    /// Ask the directory.
    Ask,
    /// Another request asks about it: look again in [`LOOK`].
    Wait,
    /// None of these: too many names were asked about within this second.
    TooMany,
}

impl Default for Names {
    fn default() -> Self {
        let (asked, by_address, by_workspace, waiting) = Default::default();
        Self { told: Expiring::new(MOST), out: Expiring::new(MOST), asked, by_address, by_workspace, waiting }
    }
}

impl Names {
    /// What is known of the name. Root is never limited, and is never told from memory that there is no such workspace: it may
    /// have been made a moment ago.
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

    /// Takes leave to wait for what another request asks.
    pub(crate) fn may_wait(&mut self, now: Timestamp) -> bool {
        self.waiting.take((), WAITING_PER_SECOND, now)
    }

    /// Takes leave to ask the directory.
    fn take(&mut self, asker: Asker, now: Timestamp) -> bool {
        match asker {
            Asker::Root => true,
            Asker::Sealed(workspace) => self.by_workspace.take(workspace, ASKED_PER_WORKSPACE, now),
            Asker::Other(from) => {
                // Addresses are kept apart only as long as there is something to share.
                let has_share = |address| self.by_address.take(network(address), ASKED_PER_ADDRESS, now);
                self.asked.has(&(), ASKED_PER_SECOND, now)
                    && from.is_none_or(has_share)
                    && self.asked.take((), ASKED_PER_SECOND, now)
            }
            Asker::Shut => false,
        }
    }

    /// Remembers what the directory said just now.
    pub(crate) fn remember(&mut self, name: WorkspaceName, key: Option<WorkspaceKey>, now: Timestamp) {
        let fresh = if key.is_none() && matches!(name, WorkspaceName::Slug(_)) { ABSENT } else { KEPT };
        let kept = if key.is_some() { STALE } else { fresh };
        self.out.forget(&name);
        self.told.put(name, Resolved { key, fresh_until: now.plus(fresh) }, kept, now);
    }

    /// Names were given or taken through this isolate: which, is asked anew. Where that may not be, what is known of others
    /// does not get lost.
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
        // Whoever asked and is gone without a word has not asked.
        let later = now.plus(OUT);
        assert_eq!(names.look_up(&name(1), anybody, later), Lookup::Ask);
        assert_eq!(names.look_up(&name(2), Asker::Shut, later), Lookup::TooMany);
    }
}
