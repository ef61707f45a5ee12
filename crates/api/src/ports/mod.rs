//! What the API needs of the world around it, and what crosses between the two.

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

/// The world around the API. One implementation is the Worker's; tests have another that injects faults.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Fills the slice with random bytes fit for secrets.
    fn random(&self, bytes: &mut [u8]);

    /// Hands a request to a workspace's ledger and brings back its reply, both as the ledger reads and writes them.
    ///
    /// # Errors
    /// [`Unreachable`] where no reply came in time. Whether the ledger carried it out is then not known.
    fn ledger(
        &self,
        workspace: WorkspaceKey,
        request: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send;

    /// Hands a request to the directory, likewise.
    ///
    /// # Errors
    /// [`Unreachable`], likewise.
    fn directory(&self, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send;

    /// Reads values from the registry, in the order of the keys.
    ///
    /// # Errors
    /// [`Unreachable`] where the registry did not answer.
    fn registry(&self, keys: &[RegistryKey]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Unreachable>> + Send;

    /// Reads what an identity provider says of itself.
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

    /// Checks an identity token: that it is signed with one of these keys, by RS256, ES256 or EdDSA; that it names
    /// this issuer, and this audience, to the letter; and that its time has come and is not over, give or take a minute.
    ///
    /// # Errors
    /// [`IdentityProviderError`]
    fn identify(&self, token: &IdentityToken) -> impl Future<Output = Result<Claims, IdentityProviderError>> + Send;

    /// Counts one more of this class by whom the key names, and says whether that many are allowed. Where nobody counts, all
    /// are; and where counting fails: it keeps the service from being overrun, and nobody out who may not come in.
    fn limit(&self, class: Class, key: &str) -> impl Future<Output = bool> + Send;

    /// Waits, in the background of the request that asks for it and of no other.
    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + Send;

    /// Writes one line to the log.
    fn log(&self, event: &LogEvent);
}

/// Nobody answered: why, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);
