//! The rule against escalation: what an actor may hand on at most.
//!
//! A token hands on no more than it has itself: its effective scopes, its lifetime, its addresses. One that holds
//! `tokens:grant` hands on what its owner is granted. Every way in which a credential or a grant comes to be goes
//! through here.

use counterfoil_verify::{AddressBlock, ScopePattern, ScopeSet, Timestamp};

use crate::{
    authority::Authority,
    command::Lifetime,
    refusal::{InvalidCode, Refusal},
    scopes::{BuiltIn, Catalogue},
};

/// The last moment that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
pub(crate) const END_OF_TIME: Timestamp = Timestamp(253_402_300_799_999);

/// What an actor may hand on at most.
pub(crate) struct Limits {
    admin: bool,
    scopes: ScopeSet,
    expires_at: Option<Timestamp>,
    addresses: Vec<AddressBlock>,
}

impl Limits {
    pub(crate) fn of(authority: &Authority) -> Self {
        let admin = authority.is_admin();
        let all_of = |scopes| Self { admin, scopes, expires_at: None, addresses: Vec::new() };
        match authority {
            Authority::Root => all_of(ScopeSet::everything()),
            Authority::Verifier => all_of(ScopeSet::default()),
            Authority::Bearer(bearer) if BuiltIn::TokensGrant.is_in(&bearer.effective) => {
                all_of(bearer.held.owner.grants.clone())
            }
            Authority::Bearer(bearer) => Self {
                admin,
                scopes: bearer.effective.clone(),
                expires_at: bearer.held.token.expires_at,
                addresses: bearer.held.token.addresses.clone(),
            },
        }
    }

    /// Whether the actor may hand this pattern on. A wildcard is handed on only with all that it covers today.
    pub(crate) fn allow(&self, pattern: &ScopePattern, catalogue: &Catalogue) -> bool {
        self.scopes.covers_pattern(pattern) && (self.admin || !catalogue.reserves_for_admins(pattern))
    }

    /// Checks that each pattern exists, as far as the actor may know, and may be handed on by it. `field` is the list's
    /// name in the request.
    ///
    /// # Errors
    /// `UNKNOWN_SCOPE` points to the pattern; `ESCALATION` names it.
    pub(crate) fn check_scopes(
        &self,
        patterns: &[ScopePattern],
        catalogue: &Catalogue,
        field: &str,
    ) -> Result<(), Refusal> {
        for (index, pattern) in patterns.iter().enumerate() {
            if !catalogue.has(pattern, self.admin) {
                let detail = format!("The scope {pattern} is neither built in nor in the workspace's catalogue.");
                return Err(Refusal::invalid(InvalidCode::UnknownScope, format!("/{field}/{index}"), detail));
            }
        }
        match patterns.iter().find(|pattern| !self.allow(pattern, catalogue)) {
            None => Ok(()),
            Some(pattern) if !self.scopes.covers_pattern(pattern) => {
                Err(Refusal::escalation(format!("The scope {pattern} is more than the token presented may grant.")))
            }
            Some(pattern) => Err(Refusal::escalation(format!("The scope {pattern} is for admins to grant."))),
        }
    }

    /// When a token with this lifetime ends.
    ///
    /// # Errors
    /// `INVALID_VALUE` for a time that cannot be; `ESCALATION` for one past the actor's own end.
    pub(crate) fn expiry(&self, lifetime: Lifetime, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let (pointer, end) = match lifetime {
            Lifetime::Longest => return Ok(self.expires_at),
            Lifetime::Until(end) => ("/expires_at", end),
            Lifetime::Seconds(seconds) => ("/expires_in", now.plus(seconds.saturating_mul(1_000))),
        };
        if end <= now {
            return Err(Refusal::invalid_value(pointer, "A token must end later than now."));
        }
        if end > END_OF_TIME {
            return Err(Refusal::invalid_value(pointer, "A token must end in the year 9999 at the latest."));
        }
        if self.expires_at.is_some_and(|own| end > own) {
            return Err(Refusal::escalation("The new token may not outlive the token that creates it."));
        }
        Ok(Some(end))
    }

    /// Where a token for which these blocks are asked may be used from.
    ///
    /// # Errors
    /// `ESCALATION` for a block outside the actor's own.
    pub(crate) fn addresses(&self, asked: Vec<AddressBlock>) -> Result<Vec<AddressBlock>, Refusal> {
        if self.addresses.is_empty() {
            return Ok(asked);
        }
        if asked.is_empty() {
            return Ok(self.addresses.clone());
        }
        let outside = |block: &&AddressBlock| !self.addresses.iter().any(|own| own.contains_block(block));
        match asked.iter().find(outside) {
            None => Ok(asked),
            Some(block) => {
                Err(Refusal::escalation(format!("The block {block} lies outside those of the token that creates it.")))
            }
        }
    }
}
