//! Which workspace a slug or a host stands for, as the directory told.
//!
//! There is one directory for all workspaces, and anybody can make up names: so an isolate remembers what the directory said,
//! also that there is no such workspace, and asks about names that it never met only so many times a second. A name that
//! is known goes by what was said before then, for a few minutes more, so that inventions keep nobody out.

use counterfoil_ledger::directory::{Host, Slug};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Allowance, Timestamp};

use crate::expiring::Expiring;

/// For how many milliseconds an answer stands: so long may a change take to be seen by another isolate.
const KEPT: u64 = 10_000;

/// The same where no workspace has the slug: who waits for one to be made looks again.
const ABSENT: u64 = 2_000;

/// For how long a known name goes by what was said, in milliseconds, while the directory may not be asked.
const STALE: u64 = 300_000;

/// The most names that are remembered.
const MOST: usize = 512;

/// How often in a second the directory is asked about names, on behalf of those who have proved nothing.
pub(crate) const ASKED_PER_SECOND: u32 = 20;

/// A name of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Slug(Slug),
    Host(Host),
}

/// What is remembered of names.
pub(crate) struct Names {
    told: Expiring<Name, Told>,
    asked: Allowance<()>,
}

#[derive(Clone, Copy)]
struct Told {
    key: Option<WorkspaceKey>,
    fresh_until: Timestamp,
}

/// What to do about a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Go by this.
    Told(Option<WorkspaceKey>),
    /// Ask the directory.
    Ask,
    /// Neither: too many names were asked about within this second.
    TooMany,
}

impl Default for Names {
    fn default() -> Self {
        Self { told: Expiring::new(MOST), asked: Allowance::default() }
    }
}

impl Names {
    /// What is known of the name. Whoever `is_root` is never limited, and is never told from memory that there is no such
    /// workspace: it may have been made a moment ago.
    pub(crate) fn look_up(&mut self, name: &Name, is_root: bool, now: Timestamp) -> Known {
        let told = self.told.get(name, now).copied();
        match told.filter(|told| !is_root || told.key.is_some()) {
            Some(told) if now < told.fresh_until => Known::Told(told.key),
            _ if is_root || self.asked.take((), ASKED_PER_SECOND, now) => Known::Ask,
            Some(told) => Known::Told(told.key),
            None => Known::TooMany,
        }
    }

    /// Remembers what the directory said just now.
    pub(crate) fn remember(&mut self, name: Name, key: Option<WorkspaceKey>, now: Timestamp) {
        let fresh = if key.is_none() && matches!(name, Name::Slug(_)) { ABSENT } else { KEPT };
        let kept = if key.is_some() { STALE } else { fresh };
        self.told.put(name, Told { key, fresh_until: now.plus(fresh) }, kept, now);
    }

    /// Names were given or taken through this isolate: which, is asked anew.
    pub(crate) fn forget(&mut self) {
        self.told.retain(|_| false);
    }
}
