//! The ports: what the API needs from outside, and the types that cross them.

mod identity;
mod limits;
mod log;

use std::future::Future;

use counterfoil_protocol::WebAddress;
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{RegistryKey, Timestamp};

pub use self::{
    identity::{Claims, Description, IdentityProviderError, IdentityToken, Keys, Redemption, Told},
    limits::Class,
    log::{CutOff, LogEvent, LogLine, LostUses},
};

/// Everything outside the API. The Worker has one implementation; the tests have another that injects faults.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Fills the slice with random bytes that are suitable for secrets.
    fn random(&self, bytes: &mut [u8]);

    /// Sends a request to a workspace's ledger and returns its reply, both encoded as the ledger expects.
    ///
    /// # Errors
    /// [`Unreachable`] if no reply came in time. Whether the ledger executed the request is then unknown.
    fn ledger(
        &self,
        workspace: WorkspaceKey,
        request: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send;

    /// Sends a request to the directory.
    ///
    /// # Errors
    /// [`Unreachable`], as for [`Self::ledger`].
    fn directory(&self, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send;

    /// Reads values from the registry, in the order of the keys.
    ///
    /// # Errors
    /// [`Unreachable`] if the registry did not respond.
    fn registry(&self, keys: &[RegistryKey]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Unreachable>> + Send;

    /// Reads an identity provider's discovery document.
    ///
    /// # Errors
    /// [`IdentityProviderError`]
    fn describe(
        &self,
        issuer: &WebAddress,
    ) -> impl Future<Output = Result<Told<Description>, IdentityProviderError>> + Send;

    /// Reads an identity provider's keys at this address.
    ///
    /// # Errors
    /// [`IdentityProviderError`]
    fn keys(&self, jwks_uri: &WebAddress) -> impl Future<Output = Result<Told<Keys>, IdentityProviderError>> + Send;

    /// Exchanges a code for an identity token.
    ///
    /// # Errors
    /// [`IdentityProviderError`]
    fn redeem(&self, code: &Redemption) -> impl Future<Output = Result<String, IdentityProviderError>> + Send;

    /// Verifies an identity token: its signature by one of these keys with RS256, ES256 or EdDSA; its issuer and
    /// audience, which must match exactly; and its validity period, with a tolerance of a minute.
    ///
    /// # Errors
    /// [`IdentityProviderError`]
    fn identify(&self, token: &IdentityToken) -> impl Future<Output = Result<Claims, IdentityProviderError>> + Send;

    /// Counts one more of this class for the key, and returns whether it is within the limit. Returns true if nothing
    /// counts, or if counting fails: the limits protect the service from overload, they do not decide access.
    fn limit(&self, class: Class, key: &str) -> impl Future<Output = bool> + Send;

    /// Waits, in the background of the request that calls it and of no other.
    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + Send;

    /// Writes one line to the log.
    fn log(&self, event: &LogEvent);
}

/// No response: why, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);
