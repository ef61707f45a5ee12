//! The invariants of every token and token value, checked after every step.

use std::collections::BTreeSet;

use counterfoil_protocol::command::*;
use counterfoil_verify::{Answer, Code, Demand, Facts, OwnerRecord, TokenRecord, decide};

use super::{
    Life, Text, Token,
    ceiling::{PLACES, places},
};
use crate::support::*;

impl Life {
    /// Checks each invariant for every token and token value.
    pub(super) fn check(&mut self, thorough: bool) {
        let mut pins = BTreeSet::new();
        for token in self.tokens.iter().filter(|token| self.is_live(token)) {
            if let Some(pin) = &token.pin {
                assert!(pins.insert((token.owner, pin)), "two live tokens of an owner are bound to one client");
            }
        }
        for (number, person) in &self.people {
            let (live, quota) = (self.live_of(*number), person.quota.unwrap_or(self.default_quota));
            let before = self.live.get(number).copied().unwrap_or(0);
            assert!(live <= quota.max(before), "{live} live tokens, the quota is {quota}");
        }
        if thorough {
            assert_eq!(self.audit_after(0), self.audit, "an audit row was changed");
        }
    }

    pub(super) fn check_texts(&mut self) {
        let mut demand = Demand::of(key());
        demand.address = PLACES[0].parse().ok();
        let digests: Vec<_> = self.texts.iter().map(|text| text.digest).collect();
        for (part, texts) in digests.chunks(101).zip(0..) {
            let answer = self.records(part);
            assert_eq!(answer.generation, self.generation, "a token changed without a command");
            let workspace = answer.workspace.as_ref().unwrap();
            assert_eq!(workspace.suspended, self.suspended);
            for (text, (_, record)) in self.texts[texts * 101..].iter().zip(&answer.tokens) {
                let (token, record) = (&self.tokens[text.token], record.as_ref().unwrap());
                let (owner, person) = (owner_of(&answer, record), &self.people[&token.owner]);
                assert_eq!((&*record.id, record.owner), (token.id.as_str(), token.owner));
                assert_eq!(record.scopes, token.scopes, "the scopes differ");
                assert_eq!((&owner.grants, owner.suspended), (&person.grants, person.suspended));
                assert_eq!(record.addresses, token.addresses);
                assert_eq!((record.expires_at, record.not_before), (token.expires_at, token.not_before));
                let facts = Facts { token: record, owner, workspace };
                let code = decide(facts, &demand, self.world.now);
                assert_eq!(code == Code::Valid, self.is_good(text), "a check of {} says {code}", token.id);
            }
        }
    }

    pub(super) fn is_live(&self, token: &Token) -> bool {
        !token.revoked && token.expires_at.is_none_or(|end| self.world.now < end)
    }

    pub(super) fn live_of(&self, owner: u64) -> u64 {
        self.tokens.iter().filter(|token| token.owner == owner && self.is_live(token)).count() as u64
    }

    pub(super) fn is_valid(&self, actor: Actor) -> bool {
        let text = self.texts.iter().find(|text| actor == Actor::Token(text.digest)).unwrap();
        self.is_good(text)
    }

    /// Whether a check of the token value must return `VALID` now.
    pub(super) fn is_good(&self, text: &Text) -> bool {
        let (token, now) = (&self.tokens[text.token], self.world.now);
        !self.suspended
            && self.is_live(token)
            && text.until.is_none_or(|until| now < until)
            && token.enabled
            && places(&token.addresses).contains(PLACES[0])
            && !self.people[&token.owner].suspended
            && token.not_before.is_none_or(|start| start <= now)
    }
}

pub(super) fn owner_of<'a>(answer: &'a Answer, record: &TokenRecord) -> &'a OwnerRecord {
    answer.owners.iter().find(|owner| owner.number == record.owner).unwrap()
}
