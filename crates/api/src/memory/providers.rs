//! What an isolate remembers of identity providers, and of whose they are.

use counterfoil_protocol::command::IdentityProvider;
use counterfoil_token::WorkspaceKey;

use crate::{
    memory::{documents::Memory, expiring::Expiring, turns::Turns},
    ports::{Description, Keys},
};

/// What an isolate remembers of providers.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) descriptions: Memory<Description>,
    pub(crate) keys: Memory<Keys>,
    pub(crate) turns: Turns,
}

/// The providers of a workspace.
#[derive(Clone)]
pub(crate) enum WorkspaceProviders {
    Known(Vec<IdentityProvider>),
    /// There is no such workspace.
    NoWorkspace,
}

/// What is remembered of workspaces' providers.
pub(crate) type KnownProviders = Expiring<WorkspaceKey, WorkspaceProviders>;

/// Nothing yet.
pub(crate) fn no_known_providers() -> KnownProviders {
    Expiring::new(MOST)
}

/// For how many milliseconds a workspace's providers are remembered.
pub(crate) const KEPT: u64 = 5_000;

/// Of how many workspaces.
const MOST: usize = 256;
