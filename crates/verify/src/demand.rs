//! What a request asks of the token it carries.

use alloc::vec::Vec;
use core::{cmp::Ordering, fmt, net::IpAddr};

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize};

use crate::{
    reader::{Read, Reader},
    scope::Scope,
};

/// How stale an answer may be. Ordered: the greater of two is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// From memory up to a minute old, else from the registry. Goes on while the ledger is down.
    Eventual,
    /// From memory, under a lease of the ledger's: nothing passes longer after its revocation returned than a lease
    /// lasts.
    #[default]
    Bounded,
    /// From the ledger, each time: nothing passes after its revocation returned.
    Strong,
    /// From a signed file, until that expires: the weakest, and the only one with no network. It is nobody's setting, so it
    /// stands in no record. (Those name the others by their places.)
    #[serde(skip)]
    Snapshot,
}

impl Freshness {
    /// All there are, the strictest first.
    pub const ALL: [Self; 4] = [Self::Strong, Self::Bounded, Self::Eventual, Self::Snapshot];

    /// The level as callers write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Bounded => "bounded",
            Self::Eventual => "eventual",
            Self::Snapshot => "snapshot",
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Snapshot => 0,
            Self::Eventual => 1,
            Self::Bounded => 2,
            Self::Strong => 3,
        }
    }
}

impl Ord for Freshness {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Freshness {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a request needs. It always names the workspaces whose tokens count: scope names are each tenant's own, so a
/// token must never pass at somebody else's gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    workspaces: Vec<WorkspaceKey>,
    /// Scopes that must all be granted.
    pub all_of: Vec<Scope>,
    /// Scopes of which one must be granted; none asked for where empty.
    pub any_of: Vec<Scope>,
    /// Where the request comes from. A token that is bound to addresses is refused where this is not known.
    pub address: Option<IpAddr>,
    /// How stale the answer may be.
    pub freshness: Freshness,
    /// Whether an eventual answer will do where the ledger does not answer. What the workspace asks for a scope stands.
    pub or_eventual: bool,
    /// Whether the decision has to tell in full who the token is. A segment has its number alone: the rest takes one read
    /// of the registry, the first time.
    pub in_full: bool,
}

/// A demand has to name a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWorkspace;

impl Demand {
    /// A demand for any live token of one workspace, judged as fresh as is usual.
    #[must_use]
    pub fn of(workspace: WorkspaceKey) -> Self {
        Self {
            workspaces: Vec::from([workspace]),
            all_of: Vec::new(),
            any_of: Vec::new(),
            address: None,
            freshness: Freshness::default(),
            or_eventual: false,
            in_full: true,
        }
    }

    /// A demand for any live token of one of the workspaces.
    ///
    /// # Errors
    /// [`NoWorkspace`] where the list is empty.
    pub fn of_any(workspaces: Vec<WorkspaceKey>) -> Result<Self, NoWorkspace> {
        let first = *workspaces.first().ok_or(NoWorkspace)?;
        Ok(Self { workspaces, ..Self::of(first) })
    }

    /// The workspaces whose tokens count; at least one.
    #[must_use]
    pub fn workspaces(&self) -> &[WorkspaceKey] {
        &self.workspaces
    }

    /// Every scope that the demand mentions.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.all_of.iter().chain(&self.any_of)
    }
}

impl Read for Freshness {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.byte() {
            0 => Some(Self::Eventual),
            1 => Some(Self::Bounded),
            2 => Some(Self::Strong),
            _ => None,
        }
    }
}

impl fmt::Display for NoWorkspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a demand must name at least one workspace")
    }
}

impl core::error::Error for NoWorkspace {}
