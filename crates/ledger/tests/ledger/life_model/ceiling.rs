//! An independent formulation of the rule against escalation: by what a token can be used for.

use std::collections::BTreeSet;

use counterfoil_protocol::command::*;
use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, Scope, ScopeSet, Timestamp};

use super::Life;

/// The requirements that are checked for each token to learn what it can do.
const PROBES: [&str; 10] = [
    "tokens:read",
    "tokens:write",
    "tokens:grant",
    "tokens:verify",
    "workspace:manage",
    "orders:read",
    "orders:write",
    "orders:secret",
    "read",
    "write",
];
/// A scope that only admins can grant while the catalogue says so.
pub(super) const RESERVED: &str = "orders:secret";

/// The client addresses for which tokens are checked. All commands come from the first one.
pub(super) const PLACES: [&str; 4] = ["192.0.2.1", "192.0.2.77", "198.51.100.5", "203.0.113.9"];

type Abilities = BTreeSet<&'static str>;

/// What an actor can grant.
pub(super) struct Ceiling {
    /// What it can do itself.
    own: Abilities,
    pub(super) can: Abilities,
    expires_at: Option<Timestamp>,
    addresses: Vec<AddressBlock>,
    pub(super) admin: bool,
    /// The digest of its token value, if rotation has replaced it.
    pub(super) replaced: Option<Digest>,
    /// Its token and that token's owner; absent for root.
    pub(super) acts_as: Option<(usize, u64)>,
}

impl Ceiling {
    pub(super) fn holds(&self, scope: &str) -> bool {
        self.own.contains(scope)
    }

    /// Whether this is the token that it uses.
    pub(super) fn is_own(&self, token: usize) -> bool {
        self.acts_as.is_some_and(|(own, _)| own == token)
    }

    /// What it can grant; reserved scopes only if it is an admin.
    fn grantable(&self, reserved: bool) -> Abilities {
        self.can.iter().copied().filter(|scope| self.admin || !reserved || *scope != RESERVED).collect()
    }

    pub(super) fn check_end(&self, end: Option<Timestamp>) {
        assert!(self.expires_at.is_none_or(|own| end.is_some_and(|end| end <= own)), "the expiration was escalated");
    }

    fn check_addresses(&self, addresses: &[AddressBlock]) {
        let (asked, own) = (places(addresses), places(&self.addresses));
        assert!(asked.is_subset(&own), "the addresses were escalated: {asked:?}");
    }

    /// The credentials being enabled are not restricted like the actor, so the actor must have no restriction.
    pub(super) fn check_unbound(&self) {
        assert!(self.expires_at.is_none(), "a restricted actor enabled unrestricted credentials");
    }

    /// An action reserved for admins was executed by an admin.
    pub(super) fn check_admin(&self, is_admins: bool, what: &str) {
        assert!(self.admin || !is_admins, "{what} by no admin");
    }

    pub(super) fn check_reach(&self, owner: u64) {
        assert!(
            self.admin || self.acts_as.is_some_and(|(_, own)| own == owner),
            "a member acted on another member's token"
        );
    }
}

impl Life {
    /// What the actor can grant now, derived from the records of its token value.
    pub(super) fn ceiling(&mut self, actor: Actor) -> Ceiling {
        let Actor::Token(digest) = actor else {
            let (own, can) = (PROBES.into(), PROBES.into());
            return Ceiling {
                own,
                can,
                expires_at: None,
                addresses: Vec::new(),
                admin: true,
                replaced: None,
                acts_as: None,
            };
        };
        let answer = self.records(&[digest]);
        let (token, owner) = (answer.tokens[0].1.as_ref().unwrap(), &answer.owners[0]);
        let text = self.texts.iter().find(|text| text.digest == digest).unwrap();
        let (at, replaced) = (text.token, text.until.map(|_| digest));
        let own = probe(|scope| token.scopes.covers(scope) && owner.grants.covers(scope));
        let grants = own.contains("tokens:grant");
        let can = if grants { probe(|scope| owner.grants.covers(scope)) } else { own.clone() };
        let expires_at = token.expires_at.filter(|_| !grants);
        let addresses = if grants { Vec::new() } else { token.addresses.clone() };
        let admin = self.people[&token.owner].admin;
        Ceiling { own, can, expires_at, addresses, admin, replaced, acts_as: Some((at, token.owner)) }
    }

    /// A new token can do no more than its creator can grant, and no more than its owner is granted.
    pub(super) fn check_new(&self, ceiling: &Ceiling, ask: &CreateToken, view: &TokenView) {
        ceiling.check_reach(view.owner.number);
        self.check_result(ceiling, view.expires_at, &view.allowed_addresses, &view.scopes);
        assert_eq!((view.enabled, view.not_before), (ask.enabled, ask.not_before));
        self.check_owner(view.owner.number, &view.scopes);
    }

    /// The actor could have created a token like this.
    pub(super) fn check_result(
        &self,
        ceiling: &Ceiling,
        end: Option<Timestamp>,
        addresses: &[AddressBlock],
        scopes: &ScopeSet,
    ) {
        ceiling.check_end(end);
        ceiling.check_addresses(addresses);
        let can = probe(|scope| scopes.covers(scope));
        assert!(can.is_subset(&ceiling.grantable(self.reserved)), "the scopes were escalated: {can:?}");
    }

    pub(super) fn check_owner(&self, owner: u64, scopes: &ScopeSet) {
        let granted = probe(|scope| self.people[&owner].grants.covers(scope));
        assert!(probe(|scope| scopes.covers(scope)).is_subset(&granted), "more than the owner is granted");
    }

    /// The actor can grant everything that is possible after the change and was not before. Returns whether there is
    /// anything.
    pub(super) fn check_gain(&self, ceiling: &Ceiling, before: &ScopeSet, after: &ScopeSet) -> bool {
        let (had, has) = (probe(|scope| before.covers(scope)), probe(|scope| after.covers(scope)));
        let gained: Abilities = has.difference(&had).copied().collect();
        assert!(gained.is_subset(&ceiling.grantable(self.reserved)), "the scopes were escalated: {gained:?}");
        !gained.is_empty()
    }
}

/// The addresses among [`PLACES`] from which a token with these ranges is valid.
pub(super) fn places(addresses: &[AddressBlock]) -> BTreeSet<&'static str> {
    let is_in = |place: &str| addresses.iter().any(|block| block.contains(place.parse().unwrap()));
    PLACES.into_iter().filter(|place| addresses.is_empty() || is_in(place)).collect()
}

pub(super) fn probe(covers: impl Fn(&Scope) -> bool) -> Abilities {
    PROBES.into_iter().filter(|scope| covers(&Scope::parse(scope).unwrap())).collect()
}
