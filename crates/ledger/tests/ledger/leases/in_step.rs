//! Compares verifiers with the ledger. After any history, a verifier that has just renewed its lease decides from its
//! cache as the ledger does, about every token value that ever existed. Other verifiers do so after the wait.
//! The same applies to verifiers that load segments, with what the ledger published and the changes since.

use std::{cell::Cell, collections::BTreeMap};

use counterfoil_ledger::editions::Step;
use counterfoil_protocol::{Answered, CommandError, command::*, json, reply_json};
use counterfoil_token::{Digest, Prefix, Token};
use counterfoil_verify::{
    AddressBlock, Answer, Code, Demand, Facts, Freshness, Grant, LeaseQuestion, Limits, Need, Pending, Progress,
    Renewal, Scope, Supply, Timestamp, Verifier, decide,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngSeed, TestRunner},
};

use super::steps::{Act, FOREIGN, Look, MEMBERS, step};
use crate::{
    changes::{of_member, of_token, of_workspace},
    support::*,
};

/// A verifier with its own clock.
struct Follower {
    verifier: Verifier,
    /// How far its clock is behind the ledger's, in milliseconds.
    behind: u64,
    /// Whether it loads segments.
    loads: bool,
    questions: Vec<Question>,
}

/// A request under way, or its reply.
struct Question {
    asked: Asked,
    grant: Option<Grant>,
}

enum Asked {
    InBackground(Renewal),
    /// For a token value and a requirement.
    By(Pending, usize),
}

/// The source of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Memory,
    Segments,
    Ledger,
}

struct InStep {
    world: World,
    /// Every token value, created or invented.
    texts: Vec<String>,
    /// The ids of tokens.
    tokens: Vec<String>,
    followers: Vec<Follower>,
    demands: Vec<Demand>,
    /// The files of editions.
    registry: BTreeMap<String, Vec<u8>>,
    /// When all changes have taken effect everywhere.
    safe_at: Timestamp,
    has_backup: bool,
}

/// The number of compared decisions.
#[derive(Clone, Copy, Debug)]
struct Compared {
    from_memory: u64,
    /// Of these, the valid ones.
    passed: u64,
    /// The decisions for which a segment was loaded and the ledger not queried.
    from_segments: u64,
}

/// Few, so that there are many segments.
const TEXTS_A_SEGMENT: u64 = 6;

thread_local! {
    static COMPARED: Cell<Compared> = const { Cell::new(Compared { from_memory: 0, passed: 0, from_segments: 0 }) };
}

#[test]
fn verifier_with_fresh_lease_decides_as_ledger() {
    let compared = keep_in_step(400, false);
    assert!(compared.from_memory >= 150_000 && compared.passed >= 20_000, "{compared:?}");
    assert!(compared.from_segments >= 500, "{compared:?}");
}

#[test]
fn verifier_with_fresh_lease_accepts_no_more_after_restore() {
    let compared = keep_in_step(150, true);
    assert!(compared.from_memory >= 50_000 && compared.passed >= 5_000, "{compared:?}");
    assert!(compared.from_segments >= 150, "{compared:?}");
}

fn keep_in_step(cases: u32, with_restores: bool) -> Compared {
    let config =
        ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() };
    let steps = prop::collection::vec(step(), 1..=60);
    let kept = TestRunner::new(config).run(&steps, |steps| {
        let mut both = InStep::new();
        for (act, follower, look) in steps {
            if with_restores || !matches!(act, Act::Restore) {
                both.act(act);
            }
            both.publish();
            both.look(follower.index(both.followers.len()), look);
        }
        for follower in 0..both.followers.len() {
            both.renew(follower);
        }
        Ok(())
    });
    if let Err(error) = kept {
        panic!("{error}");
    }
    COMPARED.get()
}

impl InStep {
    fn new() -> Self {
        let (mut world, admin) = World::founded();
        for id in MEMBERS {
            world.attempt(Actor::Root, member(id, &["orders:*", "read", "write"])).unwrap();
        }
        let seal_key = world.seal_secrets[0].key_for(key());
        let random = &mut world.random;
        let never = Token::mint(&Prefix::default(), key(), &seal_key, &mut |bytes| random.fill(bytes)).unwrap();
        let mut texts: Vec<_> = (0..FOREIGN).map(foreign).collect();
        texts.push(never.as_ref().expose().to_owned());
        let limits = Limits { foreign_per_second: u32::MAX, count_uses: true, ..Limits::default() };
        let forgetful = Limits { memory: 3_000, ..limits };
        let segments = Limits { segments: true, ..limits };
        let cramped = Limits { memory: 6_000, ..segments };
        let followers = [(limits, 0), (limits, 7 * 3_600_000), (forgetful, 1), (segments, 0), (cramped, 2)];
        let new = |(limits, behind): (Limits, _)| Follower {
            verifier: Verifier::new(limits),
            behind,
            loads: limits.segments,
            questions: Vec::new(),
        };
        let scopes = |texts: &[&str]| texts.iter().map(|text| Scope::parse(text).unwrap()).collect();
        let any = Demand::of(key());
        let (mut to_read, mut to_write) = (any.clone(), any.clone());
        to_read.all_of = scopes(&["orders:read"]);
        to_write.any_of = scopes(&["write", "orders:write"]);
        to_write.address = "192.0.2.7".parse().ok();
        let mut brief = to_write.clone();
        (brief.in_full, brief.any_of) = (false, scopes(&["orders:read", "read"]));
        let mut both = Self {
            world,
            texts,
            tokens: vec![admin.id.clone()],
            followers: followers.into_iter().map(new).collect(),
            demands: vec![any, to_read, to_write, brief],
            registry: BTreeMap::new(),
            safe_at: START,
            has_backup: false,
        };
        for member in 0..MEMBERS.len() {
            let scopes = vec!["orders:*", "read"];
            both.act(Act::Create { member, scopes, seconds: None, delay: None, enabled: true, bound: false });
        }
        both
    }

    fn act(&mut self, act: Act) {
        let id = |token: Index| token.get(&self.tokens).clone();
        let to =
            |member: usize, scopes: &[&str]| CreateToken { owner: Some(MEMBERS[member].to_owned()), ..token(scopes) };
        let now = self.world.now;
        match act {
            Act::Create { member, scopes, seconds, delay, enabled, bound } => {
                let issued = self.send(CreateToken {
                    lifetime: seconds.map_or(Lifetime::Longest, Lifetime::Seconds),
                    not_before: delay.map(|seconds| now.plus(seconds * 1_000)),
                    enabled,
                    allowed_addresses: addresses(bound),
                    ..to(member, &scopes)
                });
                self.issued(issued);
            }
            Act::Import { text, member, scopes } => {
                let digest = Digest::of(foreign(text).as_bytes());
                let lines = vec![ImportLine { digest, weak: false, length: None, token: to(member, &scopes) }];
                let imported = self.send(ImportTokens { lines });
                self.tokens.extend(imported.into_iter().flat_map(|imported| imported.lines).flatten());
            }
            Act::Enable { token, enabled } => {
                self.send(UpdateToken { enabled: Some(enabled), ..of_token(&id(token)) });
            }
            Act::Expire { token, seconds } => {
                let lifetime = patch(seconds.map(|seconds| Lifetime::Until(now.plus(seconds * 1_000))));
                self.send(UpdateToken { lifetime, ..of_token(&id(token)) });
            }
            Act::Delay { token, seconds } => {
                let not_before = patch(seconds.map(|seconds| now.plus(seconds * 1_000)));
                self.send(UpdateToken { not_before, ..of_token(&id(token)) });
            }
            Act::Bind { token, bound } => {
                self.send(UpdateToken { allowed_addresses: Some(addresses(bound)), ..of_token(&id(token)) });
            }
            Act::Rename { token } => {
                let name = Some(format!("as of {}", now.0));
                self.send(UpdateToken { name, ..of_token(&id(token)) });
            }
            Act::Replace { token, scopes } => {
                let scopes = Some(ScopeChange::Replace(patterns(&scopes)));
                self.send(UpdateToken { scopes, ..of_token(&id(token)) });
            }
            Act::Rotate { token, grace } => {
                let issued =
                    self.send(RotateToken { id: id(token), grace_seconds: grace, end_previous: grace % 3 == 1 });
                self.issued(issued);
            }
            Act::Revoke { token } => {
                self.send(RevokeToken { id: id(token), reason: None });
            }
            Act::RevokeSome { tokens } => {
                let select = Selection::Ids(tokens.into_iter().map(id).collect());
                self.send(RevokeTokens { select, reason: None });
            }
            Act::RevokeOf { member } => {
                let filter = TokenFilter { owner: Some(MEMBERS[member].to_owned()), ..TokenFilter::default() };
                self.send(RevokeTokens { select: Selection::Filter(filter), reason: None });
            }
            Act::AddMember { member: of } => {
                self.send(member(MEMBERS[of], &["orders:*", "read", "write"]));
            }
            Act::Suspend { member, suspended } => {
                self.send(UpdateMember { suspended: Some(suspended), ..of_member(MEMBERS[member]) });
            }
            Act::Grant { member, grants } => {
                self.send(UpdateMember { grants: Some(patterns(&grants)), ..of_member(MEMBERS[member]) });
            }
            Act::RevokeAll { member } => {
                self.send(UpdateMember { revoke_all: true, ..of_member(MEMBERS[member]) });
            }
            Act::Erase { member } => {
                self.send(EraseMember { id: MEMBERS[member].to_owned() });
            }
            Act::PutScopes { strong } => {
                let write = ScopeEntry { freshness: strong.then_some(Freshness::Strong), ..entry("write") };
                self.send(PutScopes {
                    scopes: vec![entry("orders:read"), entry("orders:write"), entry("read"), write],
                });
            }
            Act::SuspendWorkspace { suspended } => {
                self.send(SuspendWorkspace { suspended });
            }
            Act::LeaseMax { seconds } => {
                self.send(UpdateWorkspace { lease_max: Some(seconds), ..of_workspace() });
            }
            Act::Wait(milliseconds) => self.world.wait(milliseconds),
            Act::Backup => {
                self.world.meddle("SAVEPOINT backup");
                self.has_backup = true;
            }
            Act::Restore if self.has_backup => {
                self.world.meddle("ROLLBACK TO backup");
                self.world.wait(1);
                self.world.meddle(&format!("UPDATE workspace SET epoch = {}", self.world.now.0));
                // After a restore, the operator waits for the longest possible lease.
                self.safe_at = self.world.now.plus(61_000);
            }
            Act::Restore => {}
        }
    }

    /// Executes a command as root, with `wait`. It may be refused.
    fn send<C: Ask>(&mut self, ask: C) -> Option<C::Reply> {
        let request = Request {
            workspace: key(),
            actor: Actor::Root,
            request_id: "in step".to_owned(),
            address: None,
            idempotency_key: None,
            origin: None,
            if_version: None,
            wait: true,
            command: ask.into(),
        };
        let reply = self.world.handle(&serde_json::to_vec(&request).unwrap());
        match reply_json(&reply).unwrap() {
            Ok(Answered { reply, safe_in, .. }) => {
                self.safe_at = self.safe_at.max(self.world.now.plus(safe_in.unwrap()));
                Some(json::read(reply).unwrap())
            }
            Err(CommandError::Internal { detail }) => panic!("{detail}"),
            Err(_) => None,
        }
    }

    fn issued(&mut self, issued: Option<Issued>) {
        let Some(issued) = issued else { return };
        self.texts.push(issued.text.as_ref().unwrap().expose().to_owned());
        let held = self.world.held(issued);
        if !self.tokens.contains(&held.id) {
            self.tokens.push(held.id.clone());
        }
    }

    /// The ledger takes steps of an edition.
    fn publish(&mut self) {
        for _ in 0..20 {
            let step = self.world.ledger.edition_step_of(TEXTS_A_SEGMENT, self.world.now).unwrap();
            match &step {
                Step::Put { key, value, .. } => _ = self.registry.insert(key.clone(), value.clone()),
                Step::Delete { key, .. } => _ = self.registry.remove(key),
                Step::More => {}
                Step::Wait(_) => return,
            }
            self.world.ledger.edition_done(&step, self.world.now).unwrap();
        }
    }

    fn look(&mut self, at: usize, look: Look) {
        match look {
            Look::Nothing => {}
            Look::Renew => self.renew(at),
            Look::Check(text) => {
                let text = text.index(self.texts.len());
                self.check(at, text, 0);
            }
            Look::Ask(text) => self.ask(at, text),
            Look::Arrive(nth) => self.arrive(at, nth),
            Look::Return(nth) => self.receive(at, nth),
        }
        // After the wait, it agrees without having queried the ledger.
        if self.world.now >= self.safe_at {
            self.compare(at, false);
        }
    }

    fn renew(&mut self, at: usize) {
        let now = self.now(at);
        let renewal = self.followers[at].verifier.renewal(key(), now);
        let grant = self.grant(renewal.question());
        self.followers[at].verifier.renew(&renewal, Some(&grant), now);
        self.compare(at, true);
    }

    fn ask(&mut self, at: usize, text: Option<Index>) {
        let now = self.now(at);
        let verifier = &mut self.followers[at].verifier;
        let asked = match text {
            None => Asked::InBackground(verifier.renewal(key(), now)),
            Some(text) => match verifier.check(text.get(&self.texts).as_bytes(), &self.demands[0], now) {
                Progress::Fetch(pending) => Asked::By(pending, 0),
                Progress::Decided(_) => return,
            },
        };
        self.followers[at].questions.push(Question { asked, grant: None });
    }

    fn arrive(&mut self, at: usize, nth: Index) {
        let waiting: Vec<_> = (0..self.followers[at].questions.len())
            .filter(|nth| self.followers[at].questions[*nth].grant.is_none())
            .collect();
        if waiting.is_empty() {
            return;
        }
        let nth = *nth.get(&waiting);
        let question = match &self.followers[at].questions[nth].asked {
            Asked::InBackground(renewal) => renewal.question().clone(),
            Asked::By(pending, _) => match pending.need() {
                Need::Lease(question) => question.clone(),
                // The caller that needed a file has gone away.
                Need::Registry(_) => return,
                other => panic!("{other:?} for a bounded answer"),
            },
        };
        self.followers[at].questions[nth].grant = Some(self.grant(&question));
    }

    /// A late reply never makes the cache worse.
    fn receive(&mut self, at: usize, nth: Index) {
        let now = self.now(at);
        let follower = &mut self.followers[at];
        let answered: Vec<_> =
            (0..follower.questions.len()).filter(|nth| follower.questions[*nth].grant.is_some()).collect();
        if answered.is_empty() {
            return;
        }
        let Question { asked, grant } = follower.questions.swap_remove(*nth.get(&answered));
        let grant = grant.unwrap();
        match asked {
            Asked::InBackground(renewal) => follower.verifier.renew(&renewal, Some(&grant), now),
            Asked::By(pending, demand) => {
                // If it came too late, the verifier repeats the request, and no caller waits for it.
                let demand = &self.demands[demand];
                drop(follower.verifier.supply(pending, demand, Supply::Lease(&grant), now));
            }
        }
    }

    /// The follower's decision and its source.
    fn check(&mut self, at: usize, text: usize, demand: usize) -> (Code, From) {
        let now = self.now(at);
        let demand = self.demands[demand].clone();
        let mut progress = self.followers[at].verifier.check(self.texts[text].as_bytes(), &demand, now);
        let mut from = From::Memory;
        loop {
            let pending = match progress {
                Progress::Decided(decision) => return (decision.code, from),
                Progress::Fetch(pending) => pending,
            };
            progress = match pending.need().clone() {
                Need::Lease(question) => {
                    from = From::Ledger;
                    let grant = self.grant(&question);
                    self.followers[at].verifier.supply(pending, &demand, Supply::Lease(&grant), now)
                }
                Need::Ledger(question) => {
                    from = From::Ledger;
                    let answer = self.records(question.digests);
                    self.followers[at].verifier.supply(pending, &demand, Supply::Ledger(&answer), now)
                }
                Need::Registry(keys) => {
                    assert!(self.followers[at].loads, "the registry was read for a bounded decision");
                    from = from.max(From::Segments);
                    // The registry has no records here, so the ledger must supply the owner.
                    let values: Vec<_> = keys.iter().map(|key| self.registry.get(&key.path()).cloned()).collect();
                    self.followers[at].verifier.supply(pending, &demand, Supply::Registry(&values), now)
                }
                // A renewal is under way that arrives late or never: the verifier waits until its limit and then sends
                // its own request.
                Need::Wait(..) => self.followers[at].verifier.supply(pending, &demand, Supply::Waited, now),
            };
        }
    }

    /// Compares the follower's decisions about every token value with the ledger's: from its cache only, or with all
    /// requests that it needs.
    fn compare(&mut self, at: usize, asking: bool) {
        let digests: Vec<_> = self.texts.iter().map(|text| Digest::of(text.as_bytes())).collect();
        let answers: Vec<_> = digests.chunks(101).map(|part| self.records(part.to_vec())).collect();
        for text in 0..self.texts.len() {
            for demand in 0..self.demands.len() {
                let expected = strong(&answers[text / 101], text % 101, &self.demands[demand]);
                let now = self.now(at);
                let (code, from) = if asking {
                    self.check(at, text, demand)
                } else {
                    let verifier = &mut self.followers[at].verifier;
                    match verifier.check(self.texts[text].as_bytes(), &self.demands[demand], now) {
                        Progress::Decided(decision) => (decision.code, From::Memory),
                        Progress::Fetch(_) => continue,
                    }
                };
                assert!(
                    code == expected,
                    "{code} and not {expected} of text {text} with demand {demand}, from {from:?} of follower {at}"
                );
                let mut compared = COMPARED.get();
                compared.from_memory += u64::from(from == From::Memory);
                compared.passed += u64::from(from == From::Memory && code == Code::Valid);
                compared.from_segments += u64::from(from == From::Segments);
                COMPARED.set(compared);
            }
        }
    }

    fn now(&self, at: usize) -> Timestamp {
        Timestamp(self.world.now.0 - self.followers[at].behind)
    }

    fn grant(&mut self, question: &LeaseQuestion) -> Grant {
        let LeaseQuestion { workspace, since, digests, uses, segments } = question.clone();
        assert_eq!(workspace, key());
        let uses = uses.iter().map(|used| Uses { digest: used.digest, last_used_at: used.last, count: used.count });
        self.world.attempt(Actor::Verifier, Lease { since, digests, uses: uses.collect(), segments }).unwrap().0
    }

    fn records(&mut self, digests: Vec<Digest>) -> Answer {
        self.world.attempt(Actor::Verifier, Records { digests }).unwrap().0
    }
}

/// The decision that follows from the ledger's own reply.
fn strong(answer: &Answer, nth: usize, demand: &Demand) -> Code {
    let Some(token) = &answer.tokens[nth].1 else { return Code::Unknown };
    let owner = answer.owners.iter().find(|owner| owner.number == token.owner).unwrap();
    decide(Facts { token, owner, workspace: answer.workspace.as_ref().unwrap() }, demand, answer.as_of)
}

fn foreign(text: u8) -> String {
    format!("sk_live_from_elsewhere_{text}")
}

fn addresses(bound: bool) -> Vec<AddressBlock> {
    if bound { vec!["192.0.2.0/24".parse().unwrap()] } else { Vec::new() }
}

fn patch<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Clear, Patch::Set)
}
