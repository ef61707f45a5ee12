//! The rule against escalation: what an actor may hand on at most.
//!
//! A token hands on no more than it has itself: its effective scopes, its lifetime, its addresses, its client. One that
//! holds `tokens:grant` hands on what its owner is granted. Every way in which a credential or a grant comes to be goes
//! through here.

use counterfoil_verify::{AddressBlock, ScopePattern, ScopeSet, Timestamp};

use crate::{
    authority::Authority,
    command::Lifetime,
    members::MemberRow,
    refusal::{InvalidCode, Refusal},
    scopes::{BuiltIn, Catalogue},
    tokens::TokenRow,
    workspace::WorkspaceRow,
};

/// The last moment that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
pub(crate) const END_OF_TIME: Timestamp = Timestamp(253_402_300_799_999);

const TOO_LONG: &str = "A token may not live longer than the workspace's maximum.";
const OUTLIVES: &str = "The new token may not outlive the token that creates it.";

/// What an actor may hand on at most.
pub(crate) struct Limits {
    admin: bool,
    scopes: ScopeSet,
    expires_at: Option<Timestamp>,
    addresses: Vec<AddressBlock>,
    client_id: Option<String>,
}

impl Limits {
    pub(crate) fn of(authority: &Authority) -> Self {
        let admin = authority.is_admin();
        let all_of = |scopes| Self { admin, scopes, expires_at: None, addresses: Vec::new(), client_id: None };
        match authority {
            Authority::Root => all_of(ScopeSet::everything()),
            Authority::Verifier | Authority::SignIn => all_of(ScopeSet::default()),
            Authority::Person(person) => all_of(person.member.grants.clone()),
            Authority::Bearer(bearer) if BuiltIn::TokensGrant.is_in(&bearer.effective) => {
                all_of(bearer.held.owner.grants.clone())
            }
            Authority::Bearer(bearer) => Self {
                admin,
                scopes: bearer.effective.clone(),
                expires_at: bearer.held.token.expires_at,
                addresses: bearer.held.token.addresses.clone(),
                client_id: bearer.held.token.client_id.clone(),
            },
        }
    }

    /// Whether the actor may hand this pattern on. A wildcard is handed on only with all that it covers today.
    pub(crate) fn allow(&self, pattern: &ScopePattern, catalogue: &Catalogue) -> bool {
        self.scopes.covers_pattern(pattern) && (self.admin || !catalogue.reserves_for_admins(pattern))
    }

    /// Checks that the actor could grant all of this, which comes alive by what it does: scopes that are there already and
    /// need not be in the catalogue any more. `who` may use them then.
    ///
    /// # Errors
    /// `ESCALATION` names the scope that is more than the actor has, or is for admins to grant.
    pub(crate) fn check_alive<'a>(
        &self,
        who: &str,
        mut patterns: impl Iterator<Item = &'a ScopePattern>,
        catalogue: &Catalogue,
    ) -> Result<(), Refusal> {
        let Some(beyond) = patterns.find(|pattern| !self.allow(pattern, catalogue)) else { return Ok(()) };
        let why = if self.scopes.covers_pattern(beyond) {
            "is for admins to grant"
        } else {
            "is more than the token presented may grant"
        };
        Err(Refusal::escalation(format!("{who} may use the scope {beyond}, which {why}.")))
    }

    /// Checks that the actor may bring to life what heeds no end, address or client of its own: a member's tokens, and the
    /// sessions that a provider vouches for, which are opened anew whenever the member likes.
    ///
    /// # Errors
    /// `ESCALATION` with this sentence where the actor is bound itself.
    pub(crate) fn check_unbound(&self, detail: &str) -> Result<(), Refusal> {
        if self.expires_at.is_none() && self.addresses.is_empty() && self.client_id.is_none() {
            return Ok(());
        }
        Err(Refusal::escalation(detail))
    }

    /// Checks that the actor may hand on everything that there is.
    ///
    /// # Errors
    /// `ESCALATION` with this sentence.
    pub(crate) fn check_everything(&self, detail: &str) -> Result<(), Refusal> {
        let everything = ScopeSet::everything();
        if self.admin && everything.iter().all(|pattern| self.scopes.covers_pattern(pattern)) {
            return Ok(());
        }
        Err(Refusal::escalation(detail))
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
        let places = patterns.iter().enumerate().map(|(index, pattern)| (format!("/{field}/{index}"), pattern));
        self.check_each_scope(places, catalogue)
    }

    /// The same for patterns that each have a place in the request, as a JSON pointer.
    pub(crate) fn check_each_scope<'a>(
        &self,
        patterns: impl Iterator<Item = (String, &'a ScopePattern)> + Clone,
        catalogue: &Catalogue,
    ) -> Result<(), Refusal> {
        for (pointer, pattern) in patterns.clone() {
            if !catalogue.has(pattern, self.admin) {
                let detail = format!("The scope {pattern} is neither built in nor in the workspace's catalogue.");
                return Err(Refusal::invalid(InvalidCode::UnknownScope, pointer, detail));
            }
        }
        match patterns.map(|(_, pattern)| pattern).find(|pattern| !self.allow(pattern, catalogue)) {
            None => Ok(()),
            Some(pattern) if !self.scopes.covers_pattern(pattern) => {
                Err(Refusal::escalation(format!("The scope {pattern} is more than the token presented may grant.")))
            }
            Some(pattern) => Err(Refusal::escalation(format!("The scope {pattern} is for admins to grant."))),
        }
    }

    /// When a token with this lifetime ends, which is at the `latest` where the workspace sets a limit.
    ///
    /// # Errors
    /// `INVALID_VALUE` for a time that cannot be; `ESCALATION` for one past the actor's own end.
    pub(crate) fn expiry(
        &self,
        lifetime: Lifetime,
        now: Timestamp,
        latest: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let (pointer, end) = match lifetime {
            Lifetime::Longest => match [self.expires_at, latest].into_iter().flatten().min() {
                None => return Ok(None),
                Some(end) => ("/expires_at", end.min(END_OF_TIME)),
            },
            Lifetime::Until(end) => ("/expires_at", end),
            Lifetime::Seconds(seconds) => ("/expires_in", now.plus(seconds.saturating_mul(1_000))),
        };
        if end <= now {
            return Err(Refusal::invalid_value(pointer, "A token must end later than now."));
        }
        if end > END_OF_TIME {
            return Err(Refusal::invalid_value(pointer, "A token must end in the year 9999 at the latest."));
        }
        if latest.is_some_and(|latest| end > latest) {
            return Err(Refusal::invalid_value(pointer, TOO_LONG));
        }
        if self.expires_at.is_some_and(|own| end > own) {
            return Err(Refusal::escalation(OUTLIVES));
        }
        Ok(Some(end))
    }

    /// Checks that a token may go on without end.
    ///
    /// # Errors
    /// As [`expiry`](Self::expiry).
    pub(crate) fn check_endless(&self, latest: Option<Timestamp>) -> Result<(), Refusal> {
        match (latest, self.expires_at) {
            (None, None) => Ok(()),
            (Some(_), _) => Err(Refusal::invalid_value("/expires_at", TOO_LONG)),
            (None, Some(_)) => Err(Refusal::escalation(OUTLIVES)),
        }
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

    /// Checks that a token may be pinned to this client.
    ///
    /// # Errors
    /// `ESCALATION` for another client than the actor's own.
    pub(crate) fn check_client(&self, asked: &str) -> Result<(), Refusal> {
        if self.client_id.as_deref().is_none_or(|own| own == asked) {
            return Ok(());
        }
        Err(Refusal::escalation("A token that belongs to a client creates tokens for that client only."))
    }

    /// Checks that the actor may hold the text of this token: that it could hand on all that the token may do.
    ///
    /// # Errors
    /// `ESCALATION` where the token may do more, for longer, from elsewhere or for another client.
    pub(crate) fn check_text_of(&self, token: &TokenRow) -> Result<(), Refusal> {
        let scopes = token.scopes.iter().all(|pattern| self.scopes.covers_pattern(pattern));
        let time = self.expires_at.is_none_or(|own| token.expires_at.is_some_and(|end| end <= own));
        let inside = |block: &AddressBlock| self.addresses.iter().any(|own| own.contains_block(block));
        let addresses = self.addresses.is_empty() || !token.addresses.is_empty() && token.addresses.iter().all(inside);
        let client = self.client_id.is_none() || self.client_id == token.client_id;
        if scopes && time && addresses && client {
            return Ok(());
        }
        Err(Refusal::escalation("The token may do more than the token presented may grant."))
    }
}

/// Checks that a token of this member may be given these patterns.
///
/// # Errors
/// `ESCALATION` names the pattern that the member is not granted itself.
pub(crate) fn check_owner<'a>(
    owner: &MemberRow,
    mut patterns: impl Iterator<Item = &'a ScopePattern>,
) -> Result<(), Refusal> {
    match patterns.find(|pattern| !owner.grants.covers_pattern(pattern)) {
        None => Ok(()),
        Some(beyond) => {
            Err(Refusal::escalation(format!("The scope {beyond} is more than the token's owner is granted.")))
        }
    }
}

/// When a token that was issued then ends at the latest, where the workspace limits the life of its tokens.
pub(crate) fn latest_end(workspace: &WorkspaceRow, issued: Timestamp) -> Option<Timestamp> {
    workspace.settings.max_lifetime.map(|seconds| issued.plus(seconds.saturating_mul(1_000)))
}
