//! How often somebody may do what makes others work. The platform counts: for each location, and not to the digit.
//!
//! Verification by a credential that passes is never limited. Nor is what takes rights away, in whatever number: an
//! incident must not wait.

use std::net::IpAddr;

use counterfoil_protocol::command::{Actor, Command};

use crate::{
    http::Problem,
    memory::{admission, network::network},
    ports::{Class, Ports},
    state::App,
};

impl<P: Ports> App<P> {
    /// A credential from this address did not pass.
    pub(crate) async fn count_failed(&self, from: Option<IpAddr>) {
        let Some(address) = from else { return };
        if !self.ports.limit(Class::FailedCredentials, &network(address).to_string()).await {
            self.admission().shut(address, self.ports.now());
        }
    }

    /// Somebody at this address is about to sign in.
    pub(crate) async fn count_sign_in(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let Some(address) = from else { return Ok(()) };
        if self.ports.limit(Class::SignIns, &network(address).to_string()).await {
            return Ok(());
        }
        Err(Problem {
            again_in: 60,
            ..admission::limited("Too many sign-ins came from your address. Try again after Retry-After.")
        })
    }

    /// This actor is about to have this command carried out.
    pub(crate) async fn count_change(&self, actor: Actor, command: &Command) -> Result<(), Problem> {
        let (Actor::Token(digest) | Actor::Session(digest)) = actor else { return Ok(()) };
        if command.is_question() || command.takes_away() {
            return Ok(());
        }
        // Half of a digest tells one credential from another as well as all of it, and nobody the digest.
        let key = hex::encode(digest.as_bytes().get(..16).unwrap_or_default());
        if self.ports.limit(Class::Changes, &key).await {
            return Ok(());
        }
        let detail = "This credential makes too many changes. Try again after Retry-After; to change many tokens at once, \
            POST /v1/tokens/import and /v1/tokens/revoke take them in one request. Nothing was changed.";
        Err(Problem { again_in: 10, ..admission::limited(detail) })
    }
}
