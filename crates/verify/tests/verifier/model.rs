//! In any sequence of events: no strong check accepts a token that was invalid when the check began, a bounded one only
//! tokens that were valid within a lease, and an eventual one only tokens that were valid within its bound.

use crate::world::{START, World, demand};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Freshness, Limits, Timestamp};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Issue,
    Revoke(usize),
    Disable(usize, bool),
    SuspendOwner(bool),
    RevokeAll,
    Publish(usize),
    PublishOwner,
    PublishSegments(u8),
    LoseFile(usize),
    LedgerUp(bool),
    RegistryUp(bool),
    Wait(u64),
    Check(usize, Freshness, bool),
    CheckForged(Freshness),
}

fn step() -> impl Strategy<Value = Step> {
    let freshness = prop_oneof![Just(Freshness::Strong), Just(Freshness::Bounded), Just(Freshness::Eventual)];
    let token = 0..6usize;
    prop_oneof![
        2 => Just(Step::Issue),
        1 => token.clone().prop_map(Step::Revoke),
        1 => (token.clone(), any::<bool>()).prop_map(|(token, enabled)| Step::Disable(token, enabled)),
        1 => any::<bool>().prop_map(Step::SuspendOwner),
        1 => Just(Step::RevokeAll),
        3 => token.clone().prop_map(Step::Publish),
        2 => Just(Step::PublishOwner),
        2 => (0..3u8).prop_map(Step::PublishSegments),
        1 => any::<usize>().prop_map(Step::LoseFile),
        1 => prop::bool::weighted(0.7).prop_map(Step::LedgerUp),
        1 => prop::bool::weighted(0.7).prop_map(Step::RegistryUp),
        2 => (0..90u64).prop_map(Step::Wait),
        3 => (0..6u64).prop_map(Step::Wait),
        8 => (token, freshness.clone(), any::<bool>())
            .prop_map(|(token, freshness, in_full)| Step::Check(token, freshness, in_full)),
        1 => freshness.prop_map(Step::CheckForged),
    ]
}

/// Since when the ledger would reject a token, and since when the registry knows that.
#[derive(Clone, Copy, Default)]
struct Life {
    dead_since: Option<Timestamp>,
}

struct Model {
    world: World,
    tokens: Vec<(String, Life)>,
    owner_suspended: bool,
    now: Timestamp,
    /// Since when a check that was not answered need not back off.
    recovered: Timestamp,
    /// The first time at which every registry record was equal to the ledger's: no older one is left.
    registry_current_since: Option<Timestamp>,
}

impl Model {
    fn new(segments: bool) -> Self {
        let world = World::with_limits(Limits { segments, ..Limits::default() });
        Self {
            world,
            tokens: vec![],
            owner_suspended: false,
            now: START,
            recovered: START,
            registry_current_since: Some(START),
        }
    }

    fn is_live(&self, at: usize) -> bool {
        let digest = Digest::of(self.tokens[at].0.as_bytes());
        let ledger = &self.world.ledgers[&crate::world::home()];
        let (token, owner) = (&ledger.tokens[&digest], &ledger.owners[&1]);
        !token.revoked && token.enabled && token.issued >= owner.revoked_before && !owner.suspended
    }

    fn note(&mut self) {
        for at in 0..self.tokens.len() {
            let live = self.is_live(at);
            let life = &mut self.tokens[at].1;
            life.dead_since = if live { None } else { life.dead_since.or(Some(self.now)) };
        }
        let world = &self.world;
        let ledger = &world.ledgers[&crate::world::home()];
        let holds = |path: String, bytes: Vec<u8>| world.registry.get(&path).is_none_or(|held| *held == bytes);
        use counterfoil_verify::{Encoded, RegistryKey};
        let home = crate::world::home();
        let current = ledger
            .tokens
            .iter()
            .all(|(digest, record)| holds(RegistryKey::Token(home, *digest).path(), record.encode()))
            && ledger
                .owners
                .iter()
                .all(|(number, owner)| holds(RegistryKey::Owner(home, *number).path(), owner.encode()));
        self.registry_current_since = if current { self.registry_current_since.or(Some(self.now)) } else { None };
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        let token = |at: usize| self.tokens.get(at).map(|(text, _)| text.clone());
        match step {
            Step::Issue if self.tokens.len() < 6 => {
                let text = self.world.issue();
                self.tokens.push((text, Life::default()));
            }
            Step::Issue => {}
            Step::Revoke(at) => {
                if let Some(text) = token(at) {
                    self.world.change(&text, |record| record.revoked = true);
                }
            }
            Step::Disable(at, enabled) => {
                if let Some(text) = token(at) {
                    self.world.change(&text, |record| record.enabled = enabled);
                }
            }
            Step::SuspendOwner(suspended) => {
                self.owner_suspended = suspended;
                self.world.change_owner(1, |owner, _| owner.suspended = suspended);
            }
            Step::RevokeAll => self.world.change_owner(1, |owner, generation| owner.revoked_before = generation),
            Step::Publish(at) => {
                if let Some(text) = token(at) {
                    self.world.publish(&text);
                }
            }
            Step::PublishOwner => self.world.publish_owner(crate::world::home(), 1),
            Step::PublishSegments(bits) => self.world.publish_segments(bits),
            Step::LoseFile(at) => {
                let files = self.world.files();
                if !files.is_empty() {
                    self.world.registry.remove(&files[at % files.len()]);
                }
            }
            Step::LedgerUp(up) => self.world.ledger_up = up,
            Step::RegistryUp(up) => self.world.registry_up = up,
            Step::Wait(seconds) => self.now = self.now.plus(seconds * 1000),
            Step::Check(at, freshness, in_full) => return self.check(at, freshness, in_full),
            Step::CheckForged(freshness) => {
                let text = self.world.forge(crate::world::home());
                let code = self.world.check(&text, &demand(freshness), self.now).code;
                if !self.world.ledger_up {
                    self.recovered = self.now.plus(2_000);
                }
                prop_assert!(matches!(code, Code::Unknown | Code::Unavailable), "{}", code);
            }
        }
        self.note();
        Ok(())
    }

    fn check(&mut self, at: usize, freshness: Freshness, in_full: bool) -> Result<(), TestCaseError> {
        let Some((text, life)) = self.tokens.get(at).cloned() else { return Ok(()) };
        let mut demand = demand(freshness);
        demand.in_full = in_full;
        let decision = self.world.check(&text, &demand, self.now);
        let live = self.is_live(at);
        if !self.world.ledger_up {
            self.recovered = self.now.plus(2_000);
        }
        // After a failure the ledger may not be queried for a back-off.
        let is_asked = self.world.ledger_up && self.now >= self.recovered;
        if freshness == Freshness::Bounded {
            // Under a lease of ten seconds, of which it uses 8.8.
            let may_pass = live || life.dead_since.is_some_and(|since| self.now.since(since) < 8_800);
            prop_assert!(decision.code != Code::Valid || may_pass);
            prop_assert!(!is_asked || decision.code != Code::Unavailable);
            prop_assert!(decision.freshness > Freshness::Eventual);
        } else if freshness > Freshness::Eventual {
            let is_answered = decision.code != Code::Unavailable;
            prop_assert!(!is_answered || self.world.ledger_up);
            prop_assert!(is_answered || !is_asked);
            prop_assert_eq!(decision.code == Code::Valid, live && is_answered);
        } else if decision.code == Code::Valid
            && let Some(dead_since) = life.dead_since
        {
            // It may be accepted for a minute after the registry had no record from before.
            let known_since = self.registry_current_since.map(|since| since.max(dead_since));
            prop_assert!(known_since.is_none_or(|since| self.now.since(since) <= 60_000));
            prop_assert_eq!(decision.freshness, Freshness::Eventual);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_revoked_token_is_accepted_beyond_its_freshness_bound(
        segments: bool, steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(segments);
        for step in steps {
            model.run(step)?;
        }
    }
}
