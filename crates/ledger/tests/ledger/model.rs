//! Compares the ledger with a plain list: random commands, random times, failing statements, and a registry that loses
//! writes or reports successful ones as failed.
//!
//! After each step the ledger's replies must match the list. At the end, with a working registry, the registry must
//! match the ledger.

use std::collections::BTreeMap;

use counterfoil_ledger::native::When;
use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateMember, CreateToken, Lifetime, ListMembers, Page, Records, RevokeToken, State, TokenView},
};
use counterfoil_token::Digest;
use counterfoil_verify::{Encoded as _, OwnerRecord, Timestamp, TokenRecord, WorkspaceRecord};
use proptest::prelude::*;

use crate::support::*;

/// The quota of each member.
const QUOTA: u64 = 3;
const MEMBERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A token is created, with a member's own token or by root.
    Create {
        member: usize,
        by_root: bool,
        seconds: Option<u64>,
        enabled: bool,
    },
    /// A token is revoked, by root or with its owner's own token.
    Revoke {
        nth: prop::sample::Index,
        by_root: bool,
    },
    Wait {
        seconds: u64,
    },
    /// All pages are read with this page size.
    List {
        member: Option<usize>,
        limit: u32,
    },
    /// The due records are written; each write has one of these outcomes.
    Drain {
        outcomes: Vec<Put>,
    },
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug)]
enum Put {
    Done,
    Failed,
    /// Written, but reported as failed.
    Unknown,
}

fn step() -> impl Strategy<Value = Step> {
    let create = (0..MEMBERS, any::<bool>(), prop::option::of(1..20_u64), any::<bool>());
    let put = prop_oneof![Just(Put::Done), Just(Put::Failed), Just(Put::Unknown)];
    prop_oneof![
        6 => create.prop_map(|(member, by_root, seconds, enabled)| Step::Create { member, by_root, seconds, enabled }),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(nth, by_root)| Step::Revoke { nth, by_root }),
        2 => (0..10_u64).prop_map(|seconds| Step::Wait { seconds }),
        2 => (prop::option::of(0..MEMBERS), 1..5_u32).prop_map(|(member, limit)| Step::List { member, limit }),
        3 => prop::collection::vec(put, 0..6).prop_map(|outcomes| Step::Drain { outcomes }),
    ]
}

fn fault() -> impl Strategy<Value = Option<(u64, When)>> {
    let when = prop_oneof![Just(When::Before), Just(When::After)];
    prop::option::weighted(0.3, (1..16_u64, when))
}

/// The expected state of a token.
struct Entry {
    view: TokenView,
    member: usize,
}

struct Model {
    world: World,
    /// The token with which each member acts. It counts towards the quota.
    own: Vec<Held>,
    /// By number.
    entries: Vec<Entry>,
    /// The content of the registry, with versions.
    registry: BTreeMap<String, (u64, Vec<u8>)>,
    changes: u64,
}

impl Model {
    fn new() -> Self {
        let (mut world, admin) = World::founded();
        let mut entries = vec![Entry { view: admin.view, member: MEMBERS }];
        let own: Vec<_> = (0..MEMBERS)
            .map(|member| {
                let grants = ["tokens:read", "tokens:write"];
                let ask = CreateMember { quota: Some(QUOTA), ..crate::support::member(&format!("m{member}"), &grants) };
                world.attempt(Actor::Root, ask).unwrap();
                let ask = CreateToken { owner: Some(format!("m{member}")), ..token(&grants) };
                let issued = world.attempt(Actor::Root, ask).unwrap();
                let held = world.held(issued);
                entries.push(Entry { view: held.view.clone(), member });
                held
            })
            .collect();
        // Bootstrap, the catalogue, and one member and one token for each.
        Self { world, own, entries, registry: BTreeMap::new(), changes: 2 + 2 * MEMBERS as u64 }
    }

    fn is_live(&self, entry: &Entry) -> bool {
        entry.view.revoked_at.is_none() && entry.view.expires_at.is_none_or(|end| self.world.now < end)
    }

    fn live_of(&self, member: usize) -> u64 {
        self.entries.iter().filter(|entry| entry.member == member && self.is_live(entry)).count() as u64
    }

    /// Whether the member's own token is still valid.
    fn may_act(&self, member: usize) -> bool {
        self.entries[1 + member].view.revoked_at.is_none()
    }

    fn take(&mut self, step: Step, fault: Option<(u64, When)>) {
        match step {
            Step::Create { member, by_root, seconds, enabled } => self.create(member, by_root, seconds, enabled, fault),
            Step::Revoke { nth, by_root } => self.revoke(nth.index(self.entries.len() - 1) + 1, by_root, fault),
            Step::Wait { seconds } => self.world.wait(seconds * 1_000),
            Step::List { member, limit } => self.list(member, limit),
            Step::Drain { outcomes } => self.drain(&outcomes, fault),
        }
    }

    fn create(
        &mut self,
        member: usize,
        by_root: bool,
        seconds: Option<u64>,
        enabled: bool,
        fault: Option<(u64, When)>,
    ) {
        let actor = if by_root { Actor::Root } else { self.own[member].actor };
        let ask = CreateToken {
            owner: Some(format!("m{member}")),
            lifetime: seconds.map_or(Lifetime::Longest, Lifetime::Seconds),
            enabled,
            ..token(&["tokens:read"])
        };
        match self.with(fault, |world| world.attempt(actor, ask)) {
            None => {}
            Some(Ok(issued)) => {
                assert!(by_root || self.may_act(member), "a revoked token issued another");
                assert!(self.live_of(member) < QUOTA, "the quota was exceeded");
                let held = self.world.held(issued);
                assert_eq!(held.number, self.entries.len() as u64 + 1, "numbers have gaps or duplicates");
                assert_eq!(held.expires_at, seconds.map(|seconds| self.world.now.plus(seconds * 1_000)));
                self.entries.push(Entry { view: held.view, member });
                self.changes += 1;
            }
            Some(Err(CommandError::QuotaExceeded { quota, .. })) => {
                assert_eq!((quota, self.live_of(member)), (QUOTA, QUOTA), "refused within the quota");
            }
            Some(Err(CommandError::Unauthenticated { .. })) => assert!(!by_root && !self.may_act(member)),
            Some(Err(refusal)) => panic!("{refusal:?}"),
        }
    }

    fn revoke(&mut self, at: usize, by_root: bool, fault: Option<(u64, When)>) {
        let member = self.entries[at].member;
        let actor = if by_root { Actor::Root } else { self.own[member].actor };
        let ask = RevokeToken { id: self.entries[at].view.id.clone(), reason: None };
        match self.with(fault, |world| world.attempt(actor, ask)) {
            None => {}
            Some(Ok(view)) => {
                assert!(by_root || self.may_act(member), "a revoked token revoked another");
                let now = self.world.now;
                let known = &mut self.entries[at].view;
                if known.revoked_at.is_none() {
                    self.changes += 1;
                    assert!(view.version > known.version);
                    known.version = view.version;
                }
                assert_eq!(view.revoked_at, Some(*known.revoked_at.get_or_insert(now)));
                assert_eq!(view.version, known.version);
            }
            Some(Err(CommandError::Unauthenticated { .. })) => assert!(!by_root && !self.may_act(member)),
            Some(Err(refusal)) => panic!("{refusal:?}"),
        }
    }

    /// Runs an action that has one failing statement. `None` if it failed; then it must not have changed anything.
    fn with<T>(
        &mut self,
        fault: Option<(u64, When)>,
        act: impl FnOnce(&mut World) -> Result<T, CommandError>,
    ) -> Option<Result<T, CommandError>> {
        let before = fault.map(|_| self.world.dump());
        self.world.ledger.sql().fail(fault);
        let outcome = act(&mut self.world);
        let struck = fault.is_some() && !self.world.ledger.sql().is_fault_ahead();
        self.world.ledger.sql().fail(None);
        if !struck {
            return Some(outcome);
        }
        assert!(matches!(outcome, Err(CommandError::Internal { .. })), "a failing statement was not reported");
        assert_eq!(before, Some(self.world.dump()), "a failed command changed something");
        None
    }

    fn state(&self, entry: &Entry) -> State {
        if entry.view.revoked_at.is_some() {
            State::Revoked
        } else if !entry.view.enabled {
            State::Disabled
        } else if !self.is_live(entry) {
            State::Expired
        } else {
            State::Active
        }
    }

    /// Reads all pages and compares them with the list.
    fn list(&mut self, member: Option<usize>, limit: u32) {
        let actor = member.map_or(Actor::Root, |member| self.own[member].actor);
        if member.is_some_and(|member| !self.may_act(member)) {
            return;
        }
        let mut expected: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| member.is_none_or(|member| entry.member == member))
            .map(|entry| TokenView { state: self.state(entry), ..entry.view.clone() })
            .collect();
        expected.reverse();
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = Page { limit: Some(limit), cursor };
            let listing = self.world.attempt(actor, all_tokens(page)).unwrap();
            assert_eq!(listing.total, expected.len() as u64);
            assert!(listing.items.len() <= limit as usize);
            found.extend(listing.items);
            assert!(found.len() <= expected.len(), "the pages never end");
            cursor = listing.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
    }

    fn drain(&mut self, outcomes: &[Put], fault: Option<(u64, When)>) {
        let outbox = self.world.ledger.outbox();
        let due = outbox.due(self.world.now, outcomes.len()).unwrap();
        for (put, outcome) in due.iter().zip(outcomes) {
            if matches!(outcome, Put::Done | Put::Unknown) {
                let held = self.registry.insert(put.key.clone(), (put.version, put.value.clone().unwrap()));
                assert!(held.is_none_or(|(version, _)| version <= put.version), "an older version was written last");
            }
            // If the outbox cannot even record the outcome, the record is written again.
            self.world.ledger.sql().fail(fault);
            let _ = match outcome {
                Put::Done => outbox.done(put, self.world.now),
                Put::Failed | Put::Unknown => outbox.failed(put, self.world.now),
            };
            self.world.ledger.sql().fail(None);
        }
    }

    /// The ledger's replies match the list.
    fn check(&mut self) {
        let digests: Vec<_> = self.entries.iter().map(|entry| entry.view.digest).collect();
        let answer = self.world.attempt(Actor::Verifier, Records { digests }).unwrap().0;
        assert_eq!(answer.generation, self.changes, "the generation does not match the number of changes");
        for (entry, (digest, record)) in self.entries.iter().zip(&answer.tokens) {
            let record = record.as_ref().unwrap();
            assert_eq!((*digest, &*record.id), (entry.view.digest, entry.view.id.as_str()));
            assert_eq!(record.revoked, entry.view.revoked_at.is_some());
            assert_eq!((record.enabled, record.expires_at), (entry.view.enabled, entry.view.expires_at));
        }
        let members = self.world.attempt(Actor::Root, ListMembers { page: Page::default() }).unwrap();
        for member in 0..MEMBERS {
            let live = self.live_of(member);
            assert!(live <= QUOTA);
            assert_eq!(members.items[1 + member].live_tokens, live);
        }
        assert_eq!(self.world.number("SELECT count(*) FROM audit"), 1 + self.changes, "an audit row is missing");
    }

    /// With a working registry, all records are written and match the ledger.
    fn settle(&mut self) {
        while let Some(due) = self.world.ledger.outbox().next_due(self.world.now).unwrap() {
            assert!(due.since(self.world.now) <= 60_000, "a record waits for more than a minute");
            self.world.now = Timestamp(due.0.max(self.world.now.0));
            self.drain(&[Put::Done; 10], None);
        }
        let digests: Vec<Digest> = self.entries.iter().map(|entry| entry.view.digest).collect();
        let answer = self.world.attempt(Actor::Verifier, Records { digests }).unwrap().0;
        let mut held = |path: String| self.registry.remove(&path).map(|(_, value)| value);
        for (digest, record) in answer.tokens {
            let value = held(format!("r/0Ab3dE/{digest}"));
            assert_eq!(value.and_then(|value| TokenRecord::decode(&value).ok()), record);
        }
        for owner in answer.owners {
            let value = held(format!("o/0Ab3dE/{}", owner.number));
            assert_eq!(value.and_then(|value| OwnerRecord::decode(&value).ok()), Some(owner));
        }
        let value = held("w/0Ab3dE".to_owned());
        assert_eq!(value.and_then(|value| WorkspaceRecord::decode(&value).ok()), answer.workspace);
        assert!(self.registry.is_empty(), "the registry holds an unknown record");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_does_as_a_plain_list_would(steps in prop::collection::vec((step(), fault()), 1..40)) {
        let mut model = Model::new();
        for (step, fault) in steps {
            model.take(step, fault);
            model.check();
        }
        model.settle();
    }
}
