//! What a request asks of the token it carries.

use alloc::vec::Vec;
use core::{fmt, net::IpAddr};

use counterfoil_token::WorkspaceKey;
use serde::{Deserialize, Serialize};

use crate::{
    reader::{Read, Reader},
    scope::Scope,
};

/// How stale an answer may be. Ordered: a later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
