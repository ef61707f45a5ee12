//! An uninhabited implementation of the ports. Handlers are generic over the ports, and describing one requires a
//! concrete type.

use counterfoil_protocol::WebAddress;
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{RegistryKey, Timestamp};

use crate::ports::{
    Claims, Class, Description, IdentityProviderError, IdentityToken, Keys, LogEvent, Ports, Redemption, Told,
    Unreachable,
};

/// Implements the ports but has no values, so none of its methods is ever called.
#[derive(Clone)]
pub(crate) enum NoPorts {}

impl Ports for NoPorts {
    fn now(&self) -> Timestamp {
        match *self {}
    }

    fn random(&self, _: &mut [u8]) {
        match *self {}
    }

    async fn ledger(&self, _: WorkspaceKey, _: Vec<u8>) -> Result<Vec<u8>, Unreachable> {
        match *self {}
    }

    async fn directory(&self, _: Vec<u8>) -> Result<Vec<u8>, Unreachable> {
        match *self {}
    }

    async fn registry(&self, _: &[RegistryKey]) -> Result<Vec<Option<Vec<u8>>>, Unreachable> {
        match *self {}
    }

    async fn describe(&self, _: &WebAddress) -> Result<Told<Description>, IdentityProviderError> {
        match *self {}
    }

    async fn keys(&self, _: &WebAddress) -> Result<Told<Keys>, IdentityProviderError> {
        match *self {}
    }

    async fn redeem(&self, _: &Redemption) -> Result<String, IdentityProviderError> {
        match *self {}
    }

    async fn identify(&self, _: &IdentityToken) -> Result<Claims, IdentityProviderError> {
        match *self {}
    }

    async fn limit(&self, _: Class, _: &str) -> bool {
        match *self {}
    }

    async fn sleep(&self, _: u64) {
        match *self {}
    }

    fn log(&self, _: &LogEvent) {
        match *self {}
    }
}
