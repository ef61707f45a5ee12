//! The rule against escalation: what an actor may hand on at most.
//!
//! A token hands on no more than it has itself: its effective scopes, its lifetime, its addresses, its client. One that
//! holds `tokens:grant` hands on what its owner is granted. Every way in which a credential or a grant comes to be goes
//! through here, and so does every change that makes an existing token able to do more.

use counterfoil_protocol::{
    BuiltIn,
    command::Lifetime,
    command_error::{CommandError, InvalidCode},
};
use counterfoil_verify::{AddressBlock, ScopePattern, ScopeSet, Timestamp};

use crate::{
    authority::Authority,
    rows::{MemberRow, OwnedToken, ScopeCatalogue, TokenRow, WorkspaceRow},
};

pub(crate) const TOO_LONG: &str = "A token may not live longer than the workspace's maximum.";
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
    pub(crate) fn allow(&self, pattern: &ScopePattern, catalogue: &ScopeCatalogue) -> bool {
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
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        let Some(beyond) = patterns.find(|pattern| !self.allow(pattern, catalogue)) else { return Ok(()) };
        let why = if self.scopes.covers_pattern(beyond) {
            "is for admins to grant"
        } else {
            "is more than the token presented may grant"
        };
        Err(CommandError::escalation(format!("{who} may use the scope {beyond}, which {why}.")))
    }

    /// Checks that the actor may bring to life what heeds no end, address or client of its own: a member's tokens, and the
    /// sessions that a provider vouches for, which are opened anew whenever the member likes.
    ///
    /// # Errors
    /// `ESCALATION` with this sentence where the actor is bound itself.
    pub(crate) fn check_unbound(&self, detail: &str) -> Result<(), CommandError> {
        if self.expires_at.is_none() && self.addresses.is_empty() && self.client_id.is_none() {
            return Ok(());
        }
        Err(CommandError::escalation(detail))
    }

    /// Checks that the actor may hand on everything that there is.
    ///
    /// # Errors
    /// `ESCALATION` with this sentence.
    pub(crate) fn check_everything(&self, detail: &str) -> Result<(), CommandError> {
        let everything = ScopeSet::everything();
        if self.admin && everything.iter().all(|pattern| self.scopes.covers_pattern(pattern)) {
            return Ok(());
        }
        Err(CommandError::escalation(detail))
    }

    /// Checks that each pattern exists, as far as the actor may know, and may be handed on by it. `field` is the list's
    /// name in the request.
    ///
    /// # Errors
    /// `UNKNOWN_SCOPE` points to the pattern; `ESCALATION` names it.
    pub(crate) fn check_scopes(
        &self,
        patterns: &[ScopePattern],
        catalogue: &ScopeCatalogue,
        field: &str,
    ) -> Result<(), CommandError> {
        let places = patterns.iter().enumerate().map(|(index, pattern)| (format!("/{field}/{index}"), pattern));
        self.check_each_scope(places, catalogue)
    }

    /// The same for patterns that each have a place in the request, as a JSON pointer.
    pub(crate) fn check_each_scope<'a>(
        &self,
        patterns: impl Iterator<Item = (String, &'a ScopePattern)> + Clone,
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        self.check_known(patterns.clone(), catalogue)?;
        self.check_scopes_of(patterns.map(|(_, pattern)| pattern), catalogue)
    }

    /// Checks that each pattern exists, as far as the actor may know.
    ///
    /// # Errors
    /// `UNKNOWN_SCOPE` points to the pattern.
    pub(crate) fn check_known<'a>(
        &self,
        mut patterns: impl Iterator<Item = (String, &'a ScopePattern)>,
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        match patterns.find(|(_, pattern)| !catalogue.has(pattern, self.admin)) {
            None => Ok(()),
            Some((pointer, pattern)) => {
                let detail = format!("The scope {pattern} is neither built in nor in the workspace's catalogue.");
                Err(CommandError::invalid(InvalidCode::UnknownScope, pointer, detail))
            }
        }
    }

    /// Checks that the actor may hand each pattern on.
    ///
    /// # Errors
    /// `ESCALATION` names the pattern.
    pub(crate) fn check_scopes_of<'a>(
        &self,
        mut patterns: impl Iterator<Item = &'a ScopePattern>,
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        match patterns.find(|pattern| !self.allow(pattern, catalogue)) {
            None => Ok(()),
            Some(pattern) if !self.scopes.covers_pattern(pattern) => Err(CommandError::escalation(format!(
                "The scope {pattern} is more than the token presented may grant."
            ))),
            Some(pattern) => Err(CommandError::escalation(format!("The scope {pattern} is for admins to grant."))),
        }
    }

    /// When a new token with this lifetime ends, which is at the `latest` where the workspace sets a limit.
    ///
    /// # Errors
    /// As [`end`](Self::end); `ESCALATION` for a time past the actor's own end.
    pub(crate) fn expiry(
        &self,
        lifetime: Lifetime,
        now: Timestamp,
        latest: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, CommandError> {
        let end = self.end(lifetime, now, latest)?;
        if self.is_outlived_by(end) { Err(CommandError::escalation(OUTLIVES)) } else { Ok(end) }
    }

    /// When a token with this lifetime ends, whoever gives it.
    ///
    /// # Errors
    /// `INVALID_VALUE` for a time that cannot be.
    pub(crate) fn end(
        &self,
        lifetime: Lifetime,
        now: Timestamp,
        latest: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, CommandError> {
        let (pointer, end) = match lifetime {
            Lifetime::Longest => match [self.expires_at, latest].into_iter().flatten().min() {
                None => return Ok(None),
                Some(end) => ("/expires_at", end.min(Timestamp::END_OF_TIME)),
            },
            Lifetime::Until(end) => ("/expires_at", end),
            Lifetime::Seconds(seconds) => ("/expires_in", now.plus(seconds.saturating_mul(1_000))),
        };
        if end <= now {
            return Err(CommandError::invalid_value(pointer, "A token must end later than now."));
        }
        if end > Timestamp::END_OF_TIME {
            return Err(CommandError::invalid_value(pointer, "A token must end in the year 9999 at the latest."));
        }
        if latest.is_some_and(|latest| end > latest) {
            return Err(CommandError::invalid_value(pointer, TOO_LONG));
        }
        Ok(Some(end))
    }

    /// Whether a token with this end would go on after the actor's own.
    fn is_outlived_by(&self, end: Option<Timestamp>) -> bool {
        self.expires_at.is_some_and(|own| end.is_none_or(|end| end > own))
    }

    /// Where a token for which these blocks are asked may be used from.
    ///
    /// # Errors
    /// `ESCALATION` for a block outside the actor's own.
    pub(crate) fn addresses(&self, asked: Vec<AddressBlock>) -> Result<Vec<AddressBlock>, CommandError> {
        if self.addresses.is_empty() {
            return Ok(asked);
        }
        if asked.is_empty() {
            return Ok(self.addresses.clone());
        }
        let outside = |block: &&AddressBlock| !self.addresses.iter().any(|own| own.contains_block(block));
        match asked.iter().find(outside) {
            None => Ok(asked),
            Some(block) => Err(CommandError::escalation(format!(
                "The block {block} lies outside those of the token that creates it."
            ))),
        }
    }

    /// Checks that a token may be pinned to this client.
    ///
    /// # Errors
    /// `ESCALATION` for another client than the actor's own.
    pub(crate) fn check_client(&self, asked: &str) -> Result<(), CommandError> {
        if self.client_id.as_deref().is_none_or(|own| own == asked) {
            return Ok(());
        }
        Err(CommandError::escalation("A token that belongs to a client creates tokens for that client only."))
    }

    /// Checks that the actor may hold the text of this token: that it could hand on all that the token may do.
    ///
    /// # Errors
    /// `ESCALATION` says in what the token may do more, for longer, from elsewhere or for another client.
    pub(crate) fn check_text_of(&self, token: &TokenRow, catalogue: &ScopeCatalogue) -> Result<(), CommandError> {
        self.check_scopes_of(token.scopes.iter(), catalogue)?;
        if self.is_outlived_by(token.expires_at) {
            return Err(CommandError::escalation("The token would outlive the token presented."));
        }
        let is_outside = |block: &AddressBlock| !self.addresses.iter().any(|own| own.contains_block(block));
        let anywhere = token.addresses.is_empty();
        if !self.addresses.is_empty() && (anywhere || token.addresses.iter().any(is_outside)) {
            return Err(CommandError::escalation(
                "The token may be used from addresses that the token presented may not.",
            ));
        }
        if self.client_id.is_some() && self.client_id != token.client_id {
            return Err(CommandError::escalation("The token belongs to another client than the token presented."));
        }
        Ok(())
    }

    /// Checks what a change of a token makes possible, whatever it changes: who could not issue the token as it is
    /// afterwards makes it able to do no more. A change that takes away, and nothing else, is anybody's who may change
    /// the token.
    ///
    /// # Errors
    /// As [`check_text_of`](Self::check_text_of) and [`check_owner`].
    pub(crate) fn check_change(
        &self,
        before: &TokenRow,
        after: &OwnedToken,
        catalogue: &ScopeCatalogue,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        match Gain::of(before, &after.token, now) {
            Gain::Nothing => Ok(()),
            Gain::Told => self.check_text_of(&after.token, catalogue),
            Gain::Reach => {
                self.check_text_of(&after.token, catalogue)?;
                check_owner(&after.owner, after.token.scopes.iter())
            }
        }
    }
}

/// What a change of a token makes possible.
enum Gain {
    /// It takes away at most, or touches what verifiers are not told.
    Nothing,
    /// Origins are told something else of the token, and may go by it.
    Told,
    /// The token may do more, sooner, for longer or from elsewhere, or is alive again.
    Reach,
}

impl Gain {
    fn of(before: &TokenRow, after: &TokenRow, now: Timestamp) -> Self {
        // Every field is named. One that is new does not compile before it is said what a change of it makes possible.
        let TokenRow {
            scopes,
            enabled,
            not_before,
            expires_at,
            addresses,
            name,
            metadata,
            // Shown to who may read tokens, and to no origin.
            note: _,
            // No change of a token touches these.
            number: _,
            id: _,
            digest: _,
            seal_epoch: _,
            hint: _,
            owner: _,
            revoked_at: _,
            revoke_reason: _,
            created_at: _,
            created_by: _,
            client_id: _,
            pinned: _,
            last_used_at: _,
            issued: _,
            version: _,
            weak: _,
        } = after;
        let starts = |time: Option<Timestamp>| time.map_or(now, |start| start.max(now));
        let is_new = |block: &AddressBlock| !before.addresses.iter().any(|own| own.contains_block(block));
        let more = scopes.iter().any(|pattern| !before.scopes.covers_pattern(pattern));
        let alive = *enabled && !before.enabled;
        let sooner = starts(*not_before) < starts(before.not_before);
        let longer = before.expires_at.is_some_and(|old| expires_at.is_none_or(|new| new > old));
        let elsewhere = !before.addresses.is_empty() && (addresses.is_empty() || addresses.iter().any(is_new));
        if more || alive || sooner || longer || elsewhere {
            Self::Reach
        } else if *name != before.name || *metadata != before.metadata {
            Self::Told
        } else {
            Self::Nothing
        }
    }
}

/// Checks that a token of this member may be given these patterns.
///
/// # Errors
/// `ESCALATION` names the pattern that the member is not granted itself.
pub(crate) fn check_owner<'a>(
    owner: &MemberRow,
    mut patterns: impl Iterator<Item = &'a ScopePattern>,
) -> Result<(), CommandError> {
    match patterns.find(|pattern| !owner.grants.covers_pattern(pattern)) {
        None => Ok(()),
        Some(beyond) => {
            Err(CommandError::escalation(format!("The scope {beyond} is more than the token's owner is granted.")))
        }
    }
}

/// When a token that was issued then ends at the latest, where the workspace limits the life of its tokens.
pub(crate) fn latest_end(workspace: &WorkspaceRow, issued: Timestamp) -> Option<Timestamp> {
    workspace.settings.max_lifetime.map(|seconds| issued.plus(seconds.saturating_mul(1_000)))
}
