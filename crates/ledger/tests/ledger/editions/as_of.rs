//! An edition shows exactly one generation: for every token value that ever existed it decides as the ledger did then,
//! whatever happened while it was built.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use counterfoil_ledger::{
    editions::{Kind, Step},
    sql::{Row, Sql as _},
};
use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, Ask, CreateToken, EraseMember, ImportLine, ImportTokens, Issued, Lifetime, Patch, PutScopes, Records,
        RevokeToken, RotateToken, ScopeChange, ScopeEntry, SuspendWorkspace, UpdateMember, UpdateToken,
    },
};
use counterfoil_token::Digest;
use counterfoil_verify::{
    AddressBlock, Answer, Code, Demand, Facts, Freshness, OwnerRecord, Scope, Timestamp, TokenRecord, WorkspaceRecord,
    decide,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngSeed, TestRunner},
};

use super::{Published, Registry};
use crate::{
    changes::{of_member, of_token},
    support::*,
};

const MEMBERS: [&str; 3] = ["ann", "ben", "cat"];
const PATTERNS: [&str; 5] = ["*", "orders:*", "orders:read", "read", "write"];

/// So few that a dozen tokens need several segments.
const FEW: u64 = 3;

#[derive(Clone, Debug)]
enum Act {
    Create { member: usize, scopes: Vec<&'static str>, seconds: Option<u64>, delay: Option<u64>, bound: bool },
    Import { member: usize, weak: bool },
    Enable { token: Index, enabled: bool },
    Expire { token: Index, seconds: Option<u64> },
    Bind { token: Index, bound: bool },
    Replace { token: Index, scopes: Vec<&'static str> },
    Rotate { token: Index, grace: u64 },
    Revoke { token: Index },
    Suspend { member: usize, suspended: bool },
    Grant { member: usize, grants: Vec<&'static str> },
    RevokeAll { member: usize },
    AddMember,
    Erase { member: usize },
    PutScopes { strong: bool },
    SuspendWorkspace { suspended: bool },
    WantSnapshots,
    Wait(u64),
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Done,
    /// Not reported to the ledger.
    Forgotten,
    Fails,
    SeemsToFail,
}

/// The state of the ledger when an edition began.
struct Then {
    generation: u64,
    at: Timestamp,
    tokens: BTreeMap<Digest, TokenRecord>,
    weak: BTreeSet<Digest>,
    owners: BTreeMap<u64, OwnerRecord>,
    workspace: WorkspaceRecord,
}

struct Life {
    world: World,
    registry: Registry,
    /// Every token value that was ever created.
    digests: Vec<Digest>,
    ids: Vec<String>,
    demands: Vec<Demand>,
    imports: u64,
    members: u64,
    /// Each edition that is being built or current, by kind and generation.
    then: BTreeMap<(Kind, u64), Then>,
    compared: BTreeSet<(Kind, u64)>,
}

thread_local! {
    /// Completed editions; those during which something changed; compared decisions; and valid ones.
    static COUNTS: Cell<(u64, u64, u64, u64)> = const { Cell::new((0, 0, 0, 0)) };
}

#[test]
fn edition_decides_as_ledger_did_at_its_generation() {
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec((act(), prop::collection::vec(outcome(), 0..7)), 1..=70);
    let lived = TestRunner::new(config).run(&steps, |steps| {
        let mut life = Life::new();
        for (act, outcomes) in steps {
            life.act(act);
            for outcome in outcomes {
                life.step(outcome);
            }
        }
        life.settle();
        Ok(())
    });
    if let Err(error) = lived {
        panic!("{error}");
    }
    let (editions, disturbed, compared, passed) = COUNTS.get();
    assert!(
        editions >= 600 && disturbed >= 200 && compared >= 100_000 && passed >= 10_000,
        "{editions} editions, {disturbed} of them disturbed; {compared} decisions, of which {passed} said yes"
    );
}

impl Life {
    fn new() -> Self {
        let (mut world, admin) = World::founded();
        for id in MEMBERS {
            world.attempt(Actor::Root, member(id, &["orders:*", "read", "write"])).unwrap();
        }
        let scopes = |texts: &[&str]| texts.iter().map(|text| Scope::parse(text).unwrap()).collect();
        let any = Demand::of(key());
        let (mut to_read, mut to_write) = (any.clone(), any.clone());
        to_read.all_of = scopes(&["orders:read"]);
        to_write.any_of = scopes(&["write", "orders:write"]);
        to_write.address = "192.0.2.7".parse().ok();
        Self {
            world,
            registry: Registry::default(),
            digests: vec![admin.digest],
            ids: vec![admin.id.clone()],
            demands: vec![any, to_read, to_write],
            imports: 0,
            members: 3,
            then: BTreeMap::new(),
            compared: BTreeSet::new(),
        }
    }

    fn act(&mut self, act: Act) {
        let id = |token: Index| token.get(&self.ids).clone();
        let to =
            |member: usize, scopes: &[&str]| CreateToken { owner: Some(MEMBERS[member].to_owned()), ..token(scopes) };
        let now = self.world.now;
        match act {
            Act::Create { member, scopes, seconds, delay, bound } => {
                let issued = self.send(CreateToken {
                    lifetime: seconds.map_or(Lifetime::Longest, Lifetime::Seconds),
                    not_before: delay.map(|seconds| now.plus(seconds * 1_000)),
                    allowed_addresses: addresses(bound),
                    ..to(member, &scopes)
                });
                self.issued(issued);
            }
            Act::Import { member, weak } => {
                let digest = Digest::of(&self.imports.to_be_bytes());
                self.imports += 1;
                let line = ImportLine { digest, weak, length: None, token: to(member, &["orders:read"]) };
                if let Some(Ok(id)) = self.send(ImportTokens { lines: vec![line] }).map(|mut done| done.lines.remove(0))
                {
                    self.digests.push(digest);
                    self.ids.push(id);
                }
            }
            Act::Enable { token, enabled } => {
                self.send(UpdateToken { enabled: Some(enabled), ..of_token(&id(token)) });
            }
            Act::Expire { token, seconds } => {
                let until = seconds.map(|seconds| Lifetime::Until(now.plus(seconds * 1_000)));
                self.send(UpdateToken { lifetime: until.map_or(Patch::Clear, Patch::Set), ..of_token(&id(token)) });
            }
            Act::Bind { token, bound } => {
                self.send(UpdateToken { allowed_addresses: Some(addresses(bound)), ..of_token(&id(token)) });
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
            Act::Revoke { token } => drop(self.send(RevokeToken { id: id(token), reason: None })),
            Act::Suspend { member, suspended } => {
                self.send(UpdateMember { suspended: Some(suspended), ..of_member(MEMBERS[member]) });
            }
            Act::Grant { member, grants } => {
                self.send(UpdateMember { grants: Some(patterns(&grants)), ..of_member(MEMBERS[member]) });
            }
            Act::RevokeAll { member } => {
                self.send(UpdateMember { revoke_all: true, ..of_member(MEMBERS[member]) });
            }
            Act::AddMember => {
                self.members += 1;
                self.send(member(&format!("m{}", self.members), &["read"]));
            }
            Act::Erase { member } => drop(self.send(EraseMember { id: MEMBERS[member].to_owned() })),
            Act::PutScopes { strong } => {
                let write = ScopeEntry { freshness: strong.then_some(Freshness::Strong), ..entry("write") };
                self.send(PutScopes {
                    scopes: vec![entry("orders:read"), entry("orders:write"), entry("read"), write],
                });
            }
            Act::SuspendWorkspace { suspended } => drop(self.send(SuspendWorkspace { suspended })),
            Act::WantSnapshots => self.world.ledger.want_snapshots(now).unwrap(),
            Act::Wait(milliseconds) => self.world.wait(milliseconds),
        }
    }

    /// Executes a command as root. It may be refused.
    fn send<C: Ask>(&mut self, ask: C) -> Option<C::Reply> {
        match self.world.attempt(Actor::Root, ask) {
            Ok(reply) => Some(reply),
            Err(CommandError::Internal { detail }) => panic!("{detail}"),
            Err(_) => None,
        }
    }

    fn issued(&mut self, issued: Option<Issued>) {
        let Some(issued) = issued else { return };
        let held = self.world.held(issued);
        self.digests.push(held.digest);
        if !self.ids.contains(&held.id) {
            self.ids.push(held.id.clone());
        }
    }

    fn step(&mut self, outcome: Outcome) -> Step {
        let step = self.world.ledger.edition_step_of(FEW, self.world.now).unwrap();
        self.note_beginning();
        match outcome {
            Outcome::Done => {
                self.registry.carry_out(&step);
                self.world.ledger.edition_done(&step, self.world.now).unwrap();
            }
            Outcome::Forgotten => self.registry.carry_out(&step),
            Outcome::Fails => self.world.ledger.edition_failed(&step, self.world.now).unwrap(),
            Outcome::SeemsToFail => {
                self.registry.carry_out(&step);
                self.world.ledger.edition_failed(&step, self.world.now).unwrap();
            }
        }
        self.registry.check(&self.world);
        let given_up = format!("SELECT count(*) FROM editions WHERE due_at > {}", self.world.now.plus(60_000).0);
        assert_eq!(self.world.number(&given_up), 0, "everything can be published");
        for kind in [Kind::Leases, Kind::Snapshots] {
            let current = self.world.ledger.current_edition(kind).unwrap();
            if let Some(current) = current
                && self.compared.insert((kind, current.generation))
            {
                self.compare(kind, current.generation);
            }
        }
        step
    }

    fn settle(&mut self) {
        for _ in 0..3_000 {
            let Step::Wait(next) = self.step(Outcome::Done) else { continue };
            match next {
                Some(next) if next.since(self.world.now) < DAY => self.world.now = next,
                _ => {
                    let current = self.world.ledger.current_edition(Kind::Leases).unwrap().unwrap();
                    assert_eq!(current.generation, super::generation(&self.world));
                    let known: BTreeSet<_> = super::known(&self.world).into_iter().collect();
                    assert_eq!(self.registry.files.keys().cloned().collect::<BTreeSet<_>>(), known);
                    return;
                }
            }
        }
        panic!("it does not terminate");
    }

    /// Records the ledger's state when an edition begins.
    fn note_beginning(&mut self) {
        let begun = "SELECT kind, generation FROM edition WHERE stage IN ('tokens', 'members')";
        let Some(mut row) = self.world.ledger.sql().exec(begun, &[]).unwrap().pop() else { return };
        let kind = if row.take::<String>().unwrap() == "leases" { Kind::Leases } else { Kind::Snapshots };
        let generation = row.take().unwrap();
        if self.then.contains_key(&(kind, generation)) {
            return;
        }
        assert_eq!(generation, super::generation(&self.world));
        let mut then = Then {
            generation,
            at: self.world.now,
            tokens: BTreeMap::new(),
            weak: BTreeSet::new(),
            owners: BTreeMap::new(),
            workspace: self.records(Vec::new()).workspace.unwrap(),
        };
        for digests in self.digests.clone().chunks(101) {
            let answer = self.records(digests.to_vec());
            then.tokens.extend(answer.tokens.into_iter().filter_map(|(digest, record)| Some((digest, record?))));
            then.owners.extend(answer.owners.into_iter().map(|owner| (owner.number, owner)));
        }
        let weak = "SELECT digest FROM tokens WHERE weak = 1 UNION SELECT digest FROM replaced_texts WHERE weak = 1";
        let weak = self.world.ledger.sql().exec(weak, &[]).unwrap();
        let digest = |mut row: Row| Digest::from_bytes(row.take::<Vec<u8>>().unwrap().try_into().unwrap());
        then.weak = weak.into_iter().map(digest).collect();
        self.then.insert((kind, generation), then);
    }

    fn records(&mut self, digests: Vec<Digest>) -> Answer {
        self.world.attempt(Actor::Verifier, Records { digests }).unwrap().0
    }

    fn compare(&self, kind: Kind, generation: u64) {
        let then = &self.then[&(kind, generation)];
        let published = self.registry.published(&self.world, kind);
        let without = kind == Kind::Snapshots;
        let header = published.manifest.header();
        assert_eq!(published.workspace(), &then.workspace);
        assert_eq!((header.without_addresses, header.without_weak), (without, without && !then.weak.is_empty()));
        let expected = |digest: &Digest| then.tokens.get(digest).filter(|_| !without || !then.weak.contains(digest));
        let count = self.digests.iter().filter(|digest| expected(digest).is_some()).count();
        assert_eq!(published.tokens(), count, "exactly these editions");
        for digest in &self.digests {
            let found = published.token(digest);
            assert_eq!(found.is_some(), expected(digest).is_some(), "{digest} as of {generation}");
            if let Some((found, token)) = found.zip(expected(digest)) {
                self.compare_token(&published, then, &found, token, without);
            }
            for place in [0, 1, 15] {
                let mut near = *digest.as_bytes();
                near[place] ^= 1;
                assert!(published.token(&Digest::from_bytes(near)).is_none());
            }
        }
        let disturbed = u64::from(generation < super::generation(&self.world));
        let (editions, others, compared, passed) = COUNTS.get();
        COUNTS.set((editions + 1, others + disturbed, compared, passed));
    }

    fn compare_token(
        &self,
        published: &Published,
        then: &Then,
        found: &TokenRecord,
        token: &TokenRecord,
        without_addresses: bool,
    ) {
        assert_eq!((found.number, found.owner), (token.number, token.owner));
        let owner = published.owner(token.owner).unwrap();
        assert_eq!(&owner, &then.owners[&token.owner]);
        let mut token = token.clone();
        if without_addresses && !token.addresses.is_empty() {
            token.addresses = vec![AddressBlock::nowhere()];
        }
        let workspace = &then.workspace;
        for demand in &self.demands {
            for later in [0, 1_000, 10_000, 30_000, DAY] {
                let now = then.at.plus(later);
                let expected = decide(Facts { token: &token, owner: &owner, workspace }, demand, now);
                let code = decide(Facts { token: found, owner: &owner, workspace }, demand, now);
                assert_eq!(code, expected, "as of {}, {later} ms later: {token:?}", then.generation);
                let (editions, disturbed, compared, passed) = COUNTS.get();
                let passes = u64::from(code == Code::Valid);
                COUNTS.set((editions, disturbed, compared + 1, passed + passes));
            }
        }
    }
}

fn addresses(bound: bool) -> Vec<AddressBlock> {
    if bound { vec!["192.0.2.0/24".parse().unwrap()] } else { Vec::new() }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        16 => Just(Outcome::Done),
        1 => Just(Outcome::Forgotten),
        1 => Just(Outcome::Fails),
        1 => Just(Outcome::SeemsToFail),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let token = any::<Index>;
    let member = || 0..MEMBERS.len();
    let scopes = || prop::collection::vec(prop::sample::select(&PATTERNS[..]), 1..3);
    let seconds = || prop::option::of(1..40_u64);
    let soon = prop::option::weighted(0.2, 1..20_u64);
    prop_oneof![
        6 => (member(), scopes(), seconds(), soon, prop::bool::weighted(0.1)).prop_map(
            |(member, scopes, seconds, delay, bound)| Act::Create { member, scopes, seconds, delay, bound }
        ),
        1 => (member(), prop::bool::weighted(0.3)).prop_map(|(member, weak)| Act::Import { member, weak }),
        2 => (token(), any::<bool>()).prop_map(|(token, enabled)| Act::Enable { token, enabled }),
        2 => (token(), seconds()).prop_map(|(token, seconds)| Act::Expire { token, seconds }),
        1 => (token(), any::<bool>()).prop_map(|(token, bound)| Act::Bind { token, bound }),
        2 => (token(), scopes()).prop_map(|(token, scopes)| Act::Replace { token, scopes }),
        6 => (token(), prop_oneof![Just(0), 1..30_u64]).prop_map(|(token, grace)| Act::Rotate { token, grace }),
        2 => token().prop_map(|token| Act::Revoke { token }),
        2 => (member(), prop::bool::weighted(0.3)).prop_map(|(member, suspended)| Act::Suspend { member, suspended }),
        2 => (member(), scopes()).prop_map(|(member, grants)| Act::Grant { member, grants }),
        2 => member().prop_map(|member| Act::RevokeAll { member }),
        1 => Just(Act::AddMember),
        1 => prop_oneof![9 => Just(None), 1 => member().prop_map(Some)]
            .prop_map(|member| member.map_or(Act::AddMember, |member| Act::Erase { member })),
        1 => any::<bool>().prop_map(|strong| Act::PutScopes { strong }),
        1 => prop::bool::weighted(0.2).prop_map(|suspended| Act::SuspendWorkspace { suspended }),
        1 => Just(Act::WantSnapshots),
        8 => (0..8_000_u64).prop_map(Act::Wait),
        3 => (0..40_000_u64).prop_map(Act::Wait),
        1 => Just(Act::Wait(120_000)),
    ]
}
