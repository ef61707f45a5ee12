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

/// What is remembered of workspaces' providers; nothing where there is no such workspace.
pub(crate) type Entrances = Expiring<WorkspaceKey, Option<Vec<IdentityProvider>>>;

/// Nothing yet.
pub(crate) fn no_entrances() -> Entrances {
    Expiring::new(MOST)
}

/// For how many milliseconds a workspace's providers are remembered.
pub(crate) const KEPT: u64 = 5_000;

/// Of how many workspaces.
const MOST: usize = 256;
