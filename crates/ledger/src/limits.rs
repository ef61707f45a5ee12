//! The rule against privilege escalation: the most that an actor can grant.
//!
//! A token can grant at most what it has itself: its effective scopes, expiration, CIDR ranges and client. A token with
//! `tokens:grant` can grant everything that its owner is granted. Every operation that creates a credential or grants
//! scopes is checked here, and so is every change that gives an existing token more access.

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

pub(crate) const TOO_LONG: &str = "The expiration is later than the workspace's maximum token lifetime allows.";
const OUTLIVES: &str = "The new token cannot expire later than the token that creates it.";

/// The most that an actor can grant.
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
            Authority::MemberSession(person) => all_of(person.member.grants.clone()),
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

    /// Whether the actor can grant this pattern. A wildcard can be granted only together with everything it covers at
    /// present.
    pub(crate) fn allow(&self, pattern: &ScopePattern, catalogue: &ScopeCatalogue) -> bool {
        self.scopes.covers_pattern(pattern) && (self.admin || !catalogue.reserves_for_admins(pattern))
    }

    /// Checks that the actor could grant all these patterns, which its command makes usable (by `who`). They exist
    /// already, so they need not be in the catalogue any more.
    ///
    /// # Errors
    /// `ESCALATION` names the scope that the actor does not have or that only admins can grant.
    pub(crate) fn check_reactivated<'a>(
        &self,
        who: &str,
        mut patterns: impl Iterator<Item = &'a ScopePattern>,
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        let Some(beyond) = patterns.find(|pattern| !self.allow(pattern, catalogue)) else { return Ok(()) };
        let why =
            if self.scopes.covers_pattern(beyond) { "only an admin can grant" } else { "your credential cannot grant" };
        Err(CommandError::escalation(format!("{who} could use the scope {beyond}, which {why}.")))
    }

    /// Checks that the actor has no expiration, CIDR range or client of its own. This is required to reactivate
    /// credentials that such limits would not apply to: a member's tokens, and sessions through an identity provider,
    /// which the member can open again at any time.
    ///
    /// # Errors
    /// `ESCALATION` with `detail` if the actor has such a limit.
    pub(crate) fn check_unbound(&self, detail: &str) -> Result<(), CommandError> {
        if self.expires_at.is_none() && self.addresses.is_empty() && self.client_id.is_none() {
            return Ok(());
        }
        Err(CommandError::escalation(detail))
    }

    /// Checks that the actor can grant every scope.
    ///
    /// # Errors
    /// `ESCALATION` with `detail`.
    pub(crate) fn check_everything(&self, detail: &str) -> Result<(), CommandError> {
        let everything = ScopeSet::everything();
        if self.admin && everything.iter().all(|pattern| self.scopes.covers_pattern(pattern)) {
            return Ok(());
        }
        Err(CommandError::escalation(detail))
    }

    /// Checks that each pattern exists, as far as the actor can see, and that the actor can grant it. `field` is the
    /// list's name in the request.
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

    /// The same for patterns with their JSON pointers in the request.
    pub(crate) fn check_each_scope<'a>(
        &self,
        patterns: impl Iterator<Item = (String, &'a ScopePattern)> + Clone,
        catalogue: &ScopeCatalogue,
    ) -> Result<(), CommandError> {
        self.check_known(patterns.clone(), catalogue)?;
        self.check_scopes_of(patterns.map(|(_, pattern)| pattern), catalogue)
    }

    /// Checks that each pattern exists, as far as the actor can see.
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

    /// Checks that the actor can grant each pattern.
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
            Some(pattern) if !self.scopes.covers_pattern(pattern) => {
                Err(CommandError::escalation(format!("The scope {pattern} is more than your credential can grant.")))
            }
            Some(pattern) => {
                Err(CommandError::escalation(format!("The scope {pattern} is reserved: only an admin can grant it.")))
            }
        }
    }

    /// The expiration of a new token with this lifetime; at most `latest`, if the workspace limits lifetimes.
    ///
    /// # Errors
    /// As [`end`](Self::end); `ESCALATION` for a time later than the actor's own expiration.
    pub(crate) fn expiry(
        &self,
        lifetime: Lifetime,
        now: Timestamp,
        latest: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, CommandError> {
        let end = self.end(lifetime, now, latest)?;
        if self.is_outlived_by(end) { Err(CommandError::escalation(OUTLIVES)) } else { Ok(end) }
    }

    /// The expiration of a token with this lifetime, independent of the actor.
    ///
    /// # Errors
    /// `INVALID_VALUE` for an impossible time.
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
            return Err(CommandError::invalid_value(pointer, "The expiration must be in the future."));
        }
        if end > Timestamp::END_OF_TIME {
            return Err(CommandError::invalid_value(pointer, "The expiration must be in the year 9999 or earlier."));
        }
        if latest.is_some_and(|latest| end > latest) {
            return Err(CommandError::invalid_value(pointer, TOO_LONG));
        }
        Ok(Some(end))
    }

    /// Whether a token with this expiration would outlive the actor.
    fn is_outlived_by(&self, end: Option<Timestamp>) -> bool {
        self.expires_at.is_some_and(|own| end.is_none_or(|end| end > own))
    }

    /// The CIDR ranges of a token for which these were requested.
    ///
    /// # Errors
    /// `ESCALATION` for a range that is not within the actor's own.
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
                "The IP range {block} is not within the allowed addresses of the token making this request."
            ))),
        }
    }

    /// Checks that the actor can bind a token to this client.
    ///
    /// # Errors
    /// `ESCALATION` for a client other than the actor's own.
    pub(crate) fn check_client(&self, asked: &str) -> Result<(), CommandError> {
        if self.client_id.as_deref().is_none_or(|own| own == asked) {
            return Ok(());
        }
        Err(CommandError::escalation("A token that belongs to a client can create tokens only for that client."))
    }

    /// Checks that the actor may receive the value of this token: it must be able to grant everything that the token
    /// has.
    ///
    /// # Errors
    /// `ESCALATION` says in which respect the token exceeds the actor: scopes, expiration, CIDR ranges or client.
    pub(crate) fn check_value_of(&self, token: &TokenRow, catalogue: &ScopeCatalogue) -> Result<(), CommandError> {
        self.check_scopes_of(token.scopes.iter(), catalogue)?;
        if self.is_outlived_by(token.expires_at) {
            return Err(CommandError::escalation("The token would expire later than the token making this request."));
        }
        let is_outside = |block: &AddressBlock| !self.addresses.iter().any(|own| own.contains_block(block));
        let anywhere = token.addresses.is_empty();
        if !self.addresses.is_empty() && (anywhere || token.addresses.iter().any(is_outside)) {
            return Err(CommandError::escalation(
                "The token could be used from addresses that are not allowed for the token making this request.",
            ));
        }
        if self.client_id.is_some() && self.client_id != token.client_id {
            return Err(CommandError::escalation(
                "The token belongs to another client than the token making this request.",
            ));
        }
        Ok(())
    }

    /// Checks what a change of a token makes possible: an actor that could not create the token in its new state must
    /// not extend the token's access. A change that only reduces access is open to every actor that may change the
    /// token.
    ///
    /// # Errors
    /// As [`check_value_of`](Self::check_value_of) and [`check_owner`].
    pub(crate) fn check_change(
        &self,
        before: &TokenRow,
        after: &OwnedToken,
        catalogue: &ScopeCatalogue,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        match Gain::of(before, &after.token, now) {
            Gain::Nothing => Ok(()),
            Gain::Description => self.check_value_of(&after.token, catalogue),
            Gain::Access => {
                self.check_value_of(&after.token, catalogue)?;
                check_owner(&after.owner, after.token.scopes.iter())
            }
        }
    }
}

/// What a change of a token adds.
enum Gain {
    /// Nothing: the change only reduces access, or concerns fields that verifiers do not receive.
    Nothing,
    /// Applications receive other data about the token and may rely on it.
    Description,
    /// The token has more scopes or addresses, becomes valid earlier, expires later, or is enabled again.
    Access,
}

impl Gain {
    fn of(before: &TokenRow, after: &TokenRow, now: Timestamp) -> Self {
        // Every field is listed, so that a new field does not compile before its effect is decided here.
        let TokenRow {
            scopes,
            enabled,
            not_before,
            expires_at,
            addresses,
            name,
            metadata,
            // Visible to callers that may read tokens, but not to applications.
            note: _,
            // An update never changes these.
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
            Self::Access
        } else if *name != before.name || *metadata != before.metadata {
            Self::Description
        } else {
            Self::Nothing
        }
    }
}

/// Checks that a token of this member can have these patterns.
///
/// # Errors
/// `ESCALATION` names the pattern that the member is not granted.
pub(crate) fn check_owner<'a>(
    owner: &MemberRow,
    mut patterns: impl Iterator<Item = &'a ScopePattern>,
) -> Result<(), CommandError> {
    match patterns.find(|pattern| !owner.grants.covers_pattern(pattern)) {
        None => Ok(()),
        Some(beyond) => Err(CommandError::escalation(format!(
            "The scope {beyond} is not covered by the granted scopes of the token's owner."
        ))),
    }
}

/// The latest expiration of a token created at this time, if the workspace limits lifetimes.
pub(crate) fn latest_end(workspace: &WorkspaceRow, issued: Timestamp) -> Option<Timestamp> {
    workspace.settings.max_lifetime.map(|seconds| issued.plus(seconds.saturating_mul(1_000)))
}
