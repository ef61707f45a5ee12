//! Random token histories compared with a small model: every command, by every holder of a token value, with failing
//! statements, ending processes, and a registry that loses writes or reports successful ones as failed. The ledger's
//! invariants must hold after every step.

mod apply;
mod ask;
mod audit;
mod ceiling;
mod checks;
mod registry;
mod send;
mod steps;

use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    cell::Cell,
    collections::BTreeMap,
    env,
    io::{self, Write as _},
    path::Path,
};

use counterfoil_ledger::{native::NativeSql, outbox};
use counterfoil_protocol::command::*;
use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, ScopeSet, Timestamp};
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use serde_json::{Map, Value as Json};

use self::steps::{Act, By, Plan, Step, step};
use crate::support::*;

/// Histories for each test, and the maximum number of steps. `cargo xtask model` runs more.
const LIVES: u64 = 500;
const STEPS: usize = 60;

#[test]
fn random_token_histories_keep_invariants() {
    live(3);
}

#[test]
fn more_random_token_histories_keep_invariants() {
    live(4);
}

/// The tests together send more than 28,000 commands; they run in parallel.
#[expect(clippy::explicit_write, reason = "libtest captures the output of passing tests")]
fn live(seed: u64) {
    let lives = env::var("LIVES").map_or(LIVES, |lives| lives.parse().unwrap());
    let config = ProptestConfig {
        cases: lives.try_into().unwrap(),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 1..=STEPS);
    let lived = TestRunner::new(config).run(&steps, |steps| {
        let mut life = Life::new();
        for step in steps {
            life.step(step);
        }
        life.settle();
        life.check(true);
        Ok(())
    });
    if let Err(error) = lived {
        panic!("{error}");
    }
    let (commands, effects) = COUNTS.get();
    assert!(
        commands >= 28 * lives && effects >= 11 * lives,
        "the lives were short: {commands} commands, {effects} effects"
    );
    writeln!(io::stderr(), "{commands} commands, of which {effects} were carried out").unwrap();
}

/// The expected state of a token.
struct Token {
    id: String,
    owner: u64,
    scopes: ScopeSet,
    enabled: bool,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    addresses: Vec<AddressBlock>,
    /// Its name and its metadata.
    told: (String, Option<Map<String, Json>>),
    revoked: bool,
    pin: Option<String>,
}

/// A token value that once existed.
struct Text {
    digest: Digest,
    token: usize,
    /// When it expires, if it was replaced.
    until: Option<Timestamp>,
}

struct Person {
    id: String,
    admin: bool,
    suspended: bool,
    suspended_by_admin: bool,
    erased: bool,
    quota: Option<u64>,
    grants: ScopeSet,
}

/// A command that was sent with an idempotency key and had an effect.
struct Kept {
    command: Json,
    at: Timestamp,
    reply: Json,
    /// Whether its reply must be stored. Erasing a member deletes some.
    sure: bool,
}

impl Person {
    /// A plain member.
    fn new(id: &str, grants: ScopeSet) -> Self {
        let (admin, suspended, suspended_by_admin, erased) = (false, false, false, false);
        Self { id: id.to_owned(), admin, suspended, suspended_by_admin, erased, quota: None, grants }
    }
}

/// A ledger and its expected state.
struct Life {
    world: World,
    database: String,
    tokens: Vec<Token>,
    texts: Vec<Text>,
    people: BTreeMap<u64, Person>,
    suspended: bool,
    reserved: bool,
    default_quota: u64,
    retention: Option<u64>,
    generation: u64,
    /// The audit rows that may still exist, by number.
    audit: BTreeMap<u64, (Timestamp, String)>,
    /// The number of the last row. Numbers are never reused.
    last_row: u64,
    kept: BTreeMap<(String, String, String), Kept>,
    last: Option<(Actor, u8, Json)>,
    registry: BTreeMap<String, (u64, Option<Vec<u8>>)>,
    /// Writes whose outcome is not reported yet.
    under_way: Vec<outbox::Put>,
    /// The last enqueued version of each key.
    enqueued: BTreeMap<String, u64>,
    /// The number of live tokens of each owner before the step.
    live: BTreeMap<u64, u64>,
    /// When all token values were last checked: none may change without a step.
    checked: (u64, Timestamp),
}

thread_local! {
    /// Sent and executed commands of the test on this thread.
    static COUNTS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

static DATABASES: AtomicU64 = AtomicU64::new(0);

impl Life {
    fn new() -> Self {
        let database = format!("file:life{}?mode=memory&cache=shared", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut world = World::over(NativeSql::open(Path::new(&database)).unwrap());
        let admin = world.attempt(Actor::Root, bootstrap()).unwrap().admin;
        let admin = world.held(admin);
        let mut life = Self {
            world,
            database,
            tokens: Vec::new(),
            texts: Vec::new(),
            people: BTreeMap::new(),
            suspended: false,
            reserved: false,
            default_quota: 600,
            retention: None,
            generation: 1,
            audit: BTreeMap::new(),
            last_row: 0,
            kept: BTreeMap::new(),
            last: None,
            registry: BTreeMap::new(),
            under_way: Vec::new(),
            enqueued: BTreeMap::new(),
            live: BTreeMap::new(),
            checked: (0, START),
        };
        life.people.insert(1, Person { admin: true, ..Person::new("admin", ScopeSet::everything()) });
        life.add(&admin.view, None);
        life.read_audit(2);
        life.take(Act::PutScopes { reserved: false, more: true });
        for (member, grants) in [
            (1, vec!["tokens:read", "tokens:write", "orders:*"]),
            (2, vec!["tokens:*", "workspace:manage", "orders:*", "read"]),
        ] {
            life.take(Act::AddMember { member, admin: false, grants: grants.clone(), quota: Some(4) });
            // One without expiration, and one that could be extended.
            for seconds in [None, Some(30)] {
                let scopes = grants.clone();
                let plan = Plan {
                    owner: Some(member),
                    scopes,
                    seconds,
                    delay: None,
                    enabled: true,
                    client: None,
                    addresses: 0,
                };
                life.take(Act::Create(plan));
            }
        }
        life.take(Act::AddClient { client: 0 });
        life
    }

    fn take(&mut self, act: Act) {
        self.step(Step { act, by: By::Root, key: None, fault: None, thorough: false });
    }

    fn step(&mut self, step: Step) {
        let actor = match &step.by {
            By::Root => Actor::Root,
            By::Text(nth) => Actor::Token(nth.get(&self.texts).digest),
        };
        self.live = self.people.keys().map(|owner| (*owner, self.live_of(*owner))).collect();
        match &step.act {
            Act::Wait { seconds } => self.world.wait(seconds * 1_000),
            Act::Drain(outcomes) => self.drain(outcomes, step.fault),
            Act::Settle => self.settle(),
            Act::Upkeep => self.upkeep(),
            Act::Reopen => self.reopen(),
            Act::Again => {
                if let Some((actor, key, command)) = self.last.take() {
                    self.send(actor, Some(key), command, step.fault, step.thorough);
                }
            }
            act => {
                let command = self.command(act);
                self.send(actor, step.key, command, step.fault, step.thorough);
            }
        }
        let moved = self.checked != (self.generation, self.world.now);
        self.check(step.thorough);
        if moved || step.thorough || step.fault.is_some() {
            self.check_outbox();
            self.check_texts();
            self.checked = (self.generation, self.world.now);
        }
    }

    fn add(&mut self, view: &TokenView, pin: Option<String>) {
        self.texts.push(Text { digest: view.digest, token: self.tokens.len(), until: None });
        self.tokens.push(Token {
            id: view.id.clone(),
            owner: view.owner.number,
            scopes: view.scopes.clone(),
            enabled: view.enabled,
            expires_at: view.expires_at,
            not_before: view.not_before,
            addresses: view.allowed_addresses.clone(),
            told: (view.name.clone(), view.metadata.clone()),
            revoked: false,
            pin,
        });
    }

    fn at(&self, id: &str) -> usize {
        self.tokens.iter().position(|token| token.id == id).unwrap()
    }
}

fn json_of<C: Into<Command>>(ask: C) -> Json {
    serde_json::to_value(ask.into()).unwrap()
}

fn parsed<T: serde::de::DeserializeOwned>(json: &Json) -> T {
    serde_json::from_value(json.clone()).unwrap()
}
