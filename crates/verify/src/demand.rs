//! The requirement that a request's token has to meet.

use alloc::vec::Vec;
use core::{cmp::Ordering, fmt, net::IpAddr};

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize};

use crate::{
    reader::{Read, Reader},
    scope::Scope,
};

/// How stale the records of a decision may be. Ordered: the greater of two is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// From cached records up to a minute old, else from the registry. Available while the ledger is down.
    Eventual,
    /// From cached records under a lease: a token is accepted for at most the lease after its revocation returned.
    #[default]
    Bounded,
    /// From the ledger, each time: no token is accepted after its revocation returned.
    Strong,
    /// From a signed file, until it expires: the weakest level, and the only one with no network. It is not a setting,
    /// so no record contains it. (Records encode the other levels by their position in this enum.)
    #[serde(skip)]
    Snapshot,
}

impl Freshness {
    /// All levels, the strictest first.
    pub const ALL: [Self; 4] = [Self::Strong, Self::Bounded, Self::Eventual, Self::Snapshot];

    /// The name in the API.
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

/// A requirement. It always names the accepted workspaces: scope names are local to a workspace, so another workspace's
/// verifier must never accept a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    workspaces: Vec<WorkspaceKey>,
    /// Scopes that are all required.
    pub all_of: Vec<Scope>,
    /// Scopes of which one is required; none if empty.
    pub any_of: Vec<Scope>,
    /// The client's address. If it is not known, tokens that are bound to addresses are rejected.
    pub address: Option<IpAddr>,
    /// The freshness level.
    pub freshness: Freshness,
    /// Whether an eventual decision is accepted if the ledger does not answer. A stricter level that the workspace sets
    /// for a scope still applies.
    pub or_eventual: bool,
    /// Whether the decision needs the token's full record. Segments contain only its number; the rest takes one
    /// registry read, the first time.
    pub in_full: bool,
}

/// A requirement must name a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWorkspace;

impl Demand {
    /// A requirement that any valid token of one workspace meets, with the default freshness.
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

    /// A requirement that any valid token of one of the workspaces meets.
    ///
    /// # Errors
    ///
    /// [`NoWorkspace`] if the list is empty.
    pub fn of_any(workspaces: Vec<WorkspaceKey>) -> Result<Self, NoWorkspace> {
        let first = *workspaces.first().ok_or(NoWorkspace)?;
        Ok(Self { workspaces, ..Self::of(first) })
    }

    /// The accepted workspaces; at least one.
    #[must_use]
    pub fn workspaces(&self) -> &[WorkspaceKey] {
        &self.workspaces
    }

    /// Every scope that the requirement mentions.
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
        f.write_str("a requirement must name at least one workspace")
    }
}

impl core::error::Error for NoWorkspace {}
