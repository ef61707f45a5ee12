//! The caches of identity providers' documents and of workspaces' identity providers.

use counterfoil_protocol::command::IdentityProvider;
use counterfoil_token::WorkspaceKey;

use crate::{
    cache::{documents::DocumentCache, expiring::ExpiringMap, pacing::Pacer},
    ports::{Description, Keys},
};

/// The caches of identity providers' documents, and the pacing of requests to them.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) descriptions: DocumentCache<Description>,
    pub(crate) keys: DocumentCache<Keys>,
    pub(crate) exchanges: Pacer,
}

/// The identity providers of a workspace.
#[derive(Clone)]
pub(crate) enum WorkspaceProviders {
    Known(Vec<IdentityProvider>),
    /// The workspace does not exist.
    NoWorkspace,
}

/// The cache of workspaces' identity providers.
pub(crate) type WorkspaceProvidersCache = ExpiringMap<WorkspaceKey, WorkspaceProviders>;

/// An empty cache.
pub(crate) fn empty() -> WorkspaceProvidersCache {
    ExpiringMap::new(MOST)
}

/// For how many milliseconds a workspace's providers are cached.
pub(crate) const KEPT: u64 = 5_000;

/// The most workspaces in the cache.
const MOST: usize = 256;
