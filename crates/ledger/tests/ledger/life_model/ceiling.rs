//! The rule against escalation, put another way than the ledger puts it: by what a token could be used for.

use std::collections::BTreeSet;

use counterfoil_ledger::command::*;
use counterfoil_verify::{Scope, ScopeSet, Timestamp};

use super::Life;

/// What is asked of each token, to learn what it can do.
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
/// A scope that only admins grant, while the catalogue says so.
pub(super) const RESERVED: &str = "orders:secret";

type Abilities = BTreeSet<&'static str>;

/// What an actor could grant.
pub(super) struct Ceiling {
    /// What it can do itself.
    own: Abilities,
    pub(super) can: Abilities,
    expires_at: Option<Timestamp>,
    pub(super) admin: bool,
    /// Its token and that token's owner; root has none.
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

    /// What it may hand on: some only where it is an admin's.
    fn grantable(&self, reserved: bool) -> Abilities {
        self.can.iter().copied().filter(|scope| self.admin || !reserved || *scope != RESERVED).collect()
    }

    pub(super) fn check_end(&self, end: Option<Timestamp>) {
        assert!(self.expires_at.is_none_or(|own| end.is_some_and(|end| end <= own)), "escalated in time");
    }

    pub(super) fn check_reach(&self, owner: u64) {
        assert!(self.admin || self.acts_as.is_some_and(|(_, own)| own == owner), "acted on another's token");
    }
}

impl Life {
    /// What the actor could grant just now, by what verifiers are told of its text.
    pub(super) fn ceiling(&mut self, actor: Actor) -> Ceiling {
        let Actor::Token(digest) = actor else {
            return Ceiling { own: PROBES.into(), can: PROBES.into(), expires_at: None, admin: true, acts_as: None };
        };
        let answer = self.records(&[digest]);
        let (token, owner) = (answer.tokens[0].1.as_ref().unwrap(), &answer.owners[0]);
        let at = self.texts.iter().find(|text| text.digest == digest).unwrap().token;
        let own = probe(|scope| token.scopes.covers(scope) && owner.grants.covers(scope));
        let grants = own.contains("tokens:grant");
        let can = if grants { probe(|scope| owner.grants.covers(scope)) } else { own.clone() };
        let expires_at = token.expires_at.filter(|_| !grants);
        Ceiling { own, can, expires_at, admin: self.people[&token.owner].admin, acts_as: Some((at, token.owner)) }
    }

    /// A new token can do no more than its creator could grant, and than its owner is granted.
    pub(super) fn check_new(&self, ceiling: &Ceiling, ask: &CreateToken, view: &TokenView) {
        ceiling.check_reach(view.owner.number);
        ceiling.check_end(view.expires_at);
        assert_eq!((view.enabled, view.not_before), (ask.enabled, ask.not_before));
        let can = probe(|scope| view.scopes.covers(scope));
        assert!(can.is_subset(&ceiling.grantable(self.reserved)), "escalated by a new token: {can:?}");
        assert!(
            can.is_subset(&probe(|scope| self.people[&view.owner.number].grants.covers(scope))),
            "more than the owner"
        );
    }

    /// What can be done afterwards and could not be done before can be granted by the actor.
    pub(super) fn check_gain(&self, ceiling: &Ceiling, before: &ScopeSet, after: &ScopeSet) {
        let (had, has) = (probe(|scope| before.covers(scope)), probe(|scope| after.covers(scope)));
        let gained: Abilities = has.difference(&had).copied().collect();
        assert!(gained.is_subset(&ceiling.grantable(self.reserved)), "escalated: {gained:?}");
    }
}

pub(super) fn probe(covers: impl Fn(&Scope) -> bool) -> Abilities {
    PROBES.into_iter().filter(|scope| covers(&Scope::parse(scope).unwrap())).collect()
}
