//! What all requests to one isolate share.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use counterfoil_ledger::{WebAddress, json};
use counterfoil_token::{Digest, SealKey, SealSecret, TokenRef, WorkspaceKey};
use counterfoil_verify::{Limits, Verifier};

use crate::{hosts::Hosts, ports::Ports, usage::Counter};

/// What all requests to one isolate share. Cheap to clone.
pub struct App<P>(Arc<Shared<P>>);

/// What an [`App`] is made of.
pub struct Shared<P> {
    /// The world around.
    pub(crate) ports: P,
    config: Config,
    verifier: Mutex<Verifier>,
    counter: Mutex<Counter>,
    hosts: Mutex<Hosts>,
}

/// The deployment's secrets, parsed.
pub struct Config {
    root_digests: Vec<Digest>,
    seal_secrets: Vec<SealSecret>,
    session_secrets: Vec<SealSecret>,
    client_secrets: ClientSecrets,
}

/// The secrets of clients at identity providers, by issuer and client id. A client id alone would not do: whoever manages
/// a workspace names its issuers, and would be sent the secret of any client by naming that.
type ClientSecrets = BTreeMap<String, BTreeMap<String, String>>;

/// A deployment secret is missing or wrong. Says which and how it should look, never what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// See the message.
    #[error("ROOT_TOKEN_DIGESTS must be a JSON list of one or two SHA-256 digests in hex, the current one first")]
    RootTokenDigests,
    /// See the message.
    #[error("SEAL_SECRETS must be a JSON list of hex strings of at least 32 bytes, the current one first")]
    SealSecrets,
    /// See the message.
    #[error("SESSION_SECRETS must be a JSON list like SEAL_SECRETS, with none of its secrets")]
    SessionSecrets,
    /// See the message.
    #[error(
        "OIDC_CLIENT_SECRETS must be a JSON object from issuers to objects from client ids to secrets, where it is set"
    )]
    ClientSecrets,
}

impl Config {
    /// Reads the deployment secrets `ROOT_TOKEN_DIGESTS`, `SEAL_SECRETS`, `SESSION_SECRETS` and `OIDC_CLIENT_SECRETS`. The
    /// last one may be empty.
    ///
    /// # Errors
    /// [`ConfigError`] names the one that is wrong.
    pub fn parse(
        root_token_digests: &str,
        seal_secrets: &str,
        session_secrets: &str,
        client_secrets: &str,
    ) -> Result<Self, ConfigError> {
        let root_digests: Vec<Digest> =
            json::read(root_token_digests.as_bytes()).ok_or(ConfigError::RootTokenDigests)?;
        if !(1..=2).contains(&root_digests.len()) {
            return Err(ConfigError::RootTokenDigests);
        }
        let seal_secrets = parse_seal_secrets(seal_secrets)?;
        let session_secrets = parse_session_secrets(session_secrets)?;
        // Verifiers elsewhere are given seal keys: whoever has one must not be able to seal a session with it.
        let is_shared = |secret: &SealSecret| seal_secrets.iter().any(|other| other.epoch() == secret.epoch());
        if session_secrets.iter().any(is_shared) {
            return Err(ConfigError::SessionSecrets);
        }
        let client_secrets = match client_secrets {
            "" => ClientSecrets::new(),
            text => json::read(text.as_bytes()).ok_or(ConfigError::ClientSecrets)?,
        };
        Ok(Self { root_digests, seal_secrets, session_secrets, client_secrets })
    }

    /// Whether this is the digest of a root token.
    pub(crate) fn is_root(&self, digest: Digest) -> bool {
        self.root_digests.iter().fold(false, |found, root| found | root.ct_eq(&digest))
    }

    /// The keys that seal a workspace's tokens, the current one first.
    pub(crate) fn seal_keys(&self, workspace: WorkspaceKey) -> Vec<SealKey> {
        self.seal_secrets.iter().map(|secret| secret.key_for(workspace)).collect()
    }

    /// Whether the token was ever issued here: its seal says so, and nobody need be asked.
    pub(crate) fn has_sealed(&self, token: &TokenRef<'_>) -> bool {
        self.seal_keys(token.workspace()).iter().any(|key| token.is_sealed_by(key))
    }

    /// The secret of a client at this issuer; public clients have none.
    pub(crate) fn client_secret(&self, issuer: &WebAddress, client_id: &str) -> Option<&str> {
        self.client_secrets.get(issuer.as_str())?.get(client_id).map(String::as_str)
    }

    /// The keys that seal a workspace's sessions, likewise.
    pub(crate) fn session_keys(&self, workspace: WorkspaceKey) -> impl Iterator<Item = SealKey> {
        self.session_secrets.iter().map(move |secret| secret.key_for(workspace))
    }
}

/// Reads the deployment secret `SEAL_SECRETS`.
///
/// # Errors
/// [`ConfigError::SealSecrets`]
pub fn parse_seal_secrets(text: &str) -> Result<Vec<SealSecret>, ConfigError> {
    parse_secrets(text).ok_or(ConfigError::SealSecrets)
}

/// Reads the deployment secret `SESSION_SECRETS`.
///
/// # Errors
/// [`ConfigError::SessionSecrets`]
pub fn parse_session_secrets(text: &str) -> Result<Vec<SealSecret>, ConfigError> {
    parse_secrets(text).ok_or(ConfigError::SessionSecrets)
}

fn parse_secrets(text: &str) -> Option<Vec<SealSecret>> {
    let secrets: Vec<String> = json::read(text.as_bytes())?;
    let parse = |secret: &String| SealSecret::new(&hex::decode(secret).ok()?).ok();
    let secrets: Option<Vec<_>> = secrets.iter().map(parse).collect();
    secrets.filter(|secrets| !secrets.is_empty())
}

// Not derived: that would call for ports that can be cloned.
impl<P> Clone for App<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for App<P> {
    type Target = Shared<P>;

    fn deref(&self) -> &Shared<P> {
        &self.0
    }
}

impl<P: Ports> App<P> {
    /// The application of one isolate.
    pub fn new(ports: P, config: Config) -> Self {
        let verifier = Mutex::new(Verifier::new(Limits::default()));
        Self(Arc::new(Shared { ports, config, verifier, counter: Mutex::default(), hosts: Mutex::default() }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The isolate's verifier. Never held across an await. A thread that panicked with it leaves records that are each
    /// whole, so its memory stays usable.
    pub(crate) fn verifier(&self) -> MutexGuard<'_, Verifier> {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate knows of hosts. Never held across an await, likewise.
    pub(crate) fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate has counted and not reported. Never held across an await, likewise.
    pub(crate) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
