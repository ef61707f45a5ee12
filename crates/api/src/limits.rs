//! Rate limits on requests that cause work. The platform counts them, per location and approximately.
//!
//! Checks by a valid credential are never limited. Neither is any number of requests that take rights away: an incident
//! must not wait.

use std::net::IpAddr;

use counterfoil_protocol::command::{Actor, Command};

use crate::{
    cache::{admission, network::network},
    http::Problem,
    ports::{Class, Ports},
    state::App,
};

impl<P: Ports> App<P> {
    /// A credential from this address was rejected. If there were too many, the address is blocked for a while.
    pub(crate) async fn count_failed(&self, from: Option<IpAddr>) {
        let Some(address) = from else { return };
        if !self.ports.limit(Class::FailedCredentials, &network(address).to_string()).await {
            self.admission().block(address, self.ports.now());
        }
    }

    /// Counts a sign-in that a client at this address is about to begin or complete.
    pub(crate) async fn count_sign_in(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let Some(address) = from else { return Ok(()) };
        if self.ports.limit(Class::SignIns, &network(address).to_string()).await {
            return Ok(());
        }
        let detail = "Too many sign-ins from your address. Retry after the time in `Retry-After`.";
        Err(admission::limited(detail).again_in(60))
    }

    /// Counts a change that this actor is about to make.
    pub(crate) async fn count_change(&self, actor: Actor, command: &Command) -> Result<(), Problem> {
        let (Actor::Token(digest) | Actor::Session(digest)) = actor else { return Ok(()) };
        if command.is_question() || command.takes_away() {
            return Ok(());
        }
        // Half a digest identifies a credential as well as all of it, and does not disclose the digest.
        let key = hex::encode(digest.as_bytes().get(..16).unwrap_or_default());
        if self.ports.limit(Class::Changes, &key).await {
            return Ok(());
        }
        let detail = "Too many changes by this credential; nothing was changed. Retry after the time in \
            `Retry-After`. To change many tokens in one request, use `POST /v1/tokens/import` or `POST \
            /v1/tokens/revoke`.";
        Err(admission::limited(detail).again_in(10))
    }
}
