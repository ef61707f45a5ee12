//! The deployment's secrets and variables.

use counterfoil_protocol::{WebAddress, json};
use counterfoil_token::{Digest, SealKey, SealSecret, TokenRef, WorkspaceKey};
use serde_json::Value;

/// The deployment's settings, as strings: empty if not set.
#[derive(Clone, Copy, Default)]
pub struct Settings<'a> {
    /// The secret `ROOT_TOKEN_DIGESTS`.
    pub root_token_digests: &'a str,
    /// The secret `SEAL_SECRETS`.
    pub seal_secrets: &'a str,
    /// The secret `SESSION_SECRETS`.
    pub session_secrets: &'a str,
    /// The secret `SNAPSHOT_KEYS`, which may be empty.
    pub snapshot_keys: &'a str,
    /// The secret `OIDC_CLIENT_SECRETS`, which may be empty.
    pub client_secrets: &'a str,
    /// The variable `PRIVATE_PROVIDERS`, which may be empty.
    pub private_providers: &'a str,
}

/// The deployment's secrets, parsed.
pub struct Config {
    root_digests: Vec<Digest>,
    seal_secrets: Vec<SealSecret>,
    session_secrets: Vec<SealSecret>,
    client_secrets: ClientSecrets,
    private_providers: bool,
}

/// The client secrets at identity providers: an object of objects, by issuer and client id. A client id alone would not
/// do: a workspace's manager chooses its issuers, and could have any client's secret sent to an issuer of their own by
/// naming that client.
struct ClientSecrets(Value);

/// A deployment secret is missing or invalid. Says which one and its expected form, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// See the message.
    #[error("ROOT_TOKEN_DIGESTS must be a JSON list of one or two SHA-256 digests in hex, the current one first")]
    RootTokenDigests,
    /// See the message.
    #[error("SEAL_SECRETS must be a JSON list of hex strings of at least 32 bytes, the current one first")]
    SealSecrets,
    /// See the message.
    #[error("SESSION_SECRETS must be a JSON list like SEAL_SECRETS, and must not share a secret with it")]
    SessionSecrets,
    /// See the message.
    #[error(
        "SNAPSHOT_KEYS, if set, must be a JSON list like SEAL_SECRETS, and must not share a secret with it or with \
         SESSION_SECRETS"
    )]
    SnapshotKeys,
    /// See the message.
    #[error(
        "OIDC_CLIENT_SECRETS, if set, must be a JSON object that maps each issuer to an object that maps client ids \
         to secrets"
    )]
    ClientSecrets,
    /// See the message.
    #[error("PRIVATE_PROVIDERS, if set, must be \"allow\"")]
    PrivateProviders,
}

impl Config {
    /// Parses the deployment's settings.
    ///
    /// # Errors
    /// [`ConfigError`] names the invalid one.
    pub fn parse(settings: &Settings<'_>) -> Result<Self, ConfigError> {
        let root_digests: Vec<Digest> =
            json::read(settings.root_token_digests.as_bytes()).ok_or(ConfigError::RootTokenDigests)?;
        if !(1..=2).contains(&root_digests.len()) {
            return Err(ConfigError::RootTokenDigests);
        }
        let seal_secrets = parse_seal_secrets(settings.seal_secrets)?;
        let session_secrets = parse_session_secrets(settings.session_secrets)?;
        // Other verifiers receive seal keys. A holder of one must not be able to seal a session with it.
        if share_one(&session_secrets, &seal_secrets) {
            return Err(ConfigError::SessionSecrets);
        }
        // Only ledgers have snapshot keys.
        let snapshot_keys = parse_snapshot_keys(settings.snapshot_keys)?;
        if share_one(&snapshot_keys, &seal_secrets) || share_one(&snapshot_keys, &session_secrets) {
            return Err(ConfigError::SnapshotKeys);
        }
        let client_secrets = ClientSecrets::parse(settings.client_secrets).ok_or(ConfigError::ClientSecrets)?;
        let private_providers = match settings.private_providers {
            "" => false,
            "allow" => true,
            _ => return Err(ConfigError::PrivateProviders),
        };
        Ok(Self { root_digests, seal_secrets, session_secrets, client_secrets, private_providers })
    }

    /// Whether requests may be sent to an identity provider at this address. By default only on the public internet:
    /// otherwise a workspace's manager could have the deployment send requests into its own network.
    pub(crate) fn may_ask(&self, address: &WebAddress) -> bool {
        self.private_providers || address.is_public()
    }

    /// Whether this is the digest of a root token.
    pub(crate) fn is_root(&self, digest: Digest) -> bool {
        self.root_digests.iter().fold(false, |found, root| found | root.ct_eq(&digest))
    }

    /// The keys that seal a workspace's tokens (authentication tags), the current one first.
    pub(crate) fn seal_keys(&self, workspace: WorkspaceKey) -> Vec<SealKey> {
        self.seal_secrets.iter().map(|secret| secret.key_for(workspace)).collect()
    }

    /// Whether this deployment issued the token, according to its authentication tag. Needs no request.
    pub(crate) fn has_sealed(&self, token: &TokenRef<'_>) -> bool {
        self.seal_keys(token.workspace()).iter().any(|key| token.is_sealed_by(key))
    }

    /// The secret of a client at this issuer; `None` for a public client.
    pub(crate) fn client_secret(&self, issuer: &WebAddress, client_id: &str) -> Option<&str> {
        self.client_secrets.0.get(issuer.as_str())?.get(client_id)?.as_str()
    }

    /// The keys that seal a workspace's sessions, the current one first.
    pub(crate) fn session_keys(&self, workspace: WorkspaceKey) -> impl Iterator<Item = SealKey> {
        self.session_secrets.iter().map(move |secret| secret.key_for(workspace))
    }
}

impl ClientSecrets {
    /// Parses them; none if the string is empty.
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Value::Null));
        }
        let issuers = json::parse(text.as_bytes()).ok()?;
        let holds_secrets =
            |clients: &Value| clients.as_object().is_some_and(|clients| clients.values().all(Value::is_string));
        issuers.as_object()?.values().all(holds_secrets).then_some(Self(issuers))
    }
}

/// Parses the deployment secret `SEAL_SECRETS`.
///
/// # Errors
/// [`ConfigError::SealSecrets`]
pub fn parse_seal_secrets(text: &str) -> Result<Vec<SealSecret>, ConfigError> {
    parse_secrets(text).ok_or(ConfigError::SealSecrets)
}

/// Parses the deployment secret `SESSION_SECRETS`.
///
/// # Errors
/// [`ConfigError::SessionSecrets`]
pub fn parse_session_secrets(text: &str) -> Result<Vec<SealSecret>, ConfigError> {
    parse_secrets(text).ok_or(ConfigError::SessionSecrets)
}

/// Parses the deployment secret `SNAPSHOT_KEYS`, which may be empty: then there are no snapshots.
///
/// # Errors
/// [`ConfigError::SnapshotKeys`]
pub fn parse_snapshot_keys(text: &str) -> Result<Vec<SealSecret>, ConfigError> {
    if text.is_empty() { Ok(Vec::new()) } else { parse_secrets(text).ok_or(ConfigError::SnapshotKeys) }
}

/// Whether the two lists have a secret in common.
fn share_one(these: &[SealSecret], those: &[SealSecret]) -> bool {
    these.iter().any(|secret| those.iter().any(|other| other.epoch() == secret.epoch()))
}

fn parse_secrets(text: &str) -> Option<Vec<SealSecret>> {
    let secrets: Vec<String> = json::read(text.as_bytes())?;
    let parse = |secret: &String| SealSecret::new(&hex::decode(secret).ok()?).ok();
    let secrets: Option<Vec<_>> = secrets.iter().map(parse).collect();
    secrets.filter(|secrets| !secrets.is_empty())
}
