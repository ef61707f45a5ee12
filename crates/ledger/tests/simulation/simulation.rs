//! Verifiers, the ledger, the registry and clients, with the guarantees between them.

use std::collections::BTreeMap;

use counterfoil_ledger::{editions::Step, native::Seeded};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Freshness, Grant, LeaseQuestion, Limits, Need, Pending, Progress, RegistryKey,
    Renewal, Supply, Verifier,
};

use crate::{
    authority::{Authority, Dead, MEMBERS, demand, key},
    clock::Clock,
    counts::Counts,
    network::{Queue, chance, draw, flight},
};

const VERIFIERS: usize = 4;
/// The number of tokens, from the beginning on.
const TOKENS: usize = 240;
/// How long a verifier waits for a reply, in milliseconds: longer than the slowest message.
const PATIENCE: u64 = 8_000;
/// Leases last from 2 to this many seconds.
const LONGEST: u64 = 10;
/// How long no faults happen at the end, so that all verifiers can catch up.
const REST: u64 = 30_000;
/// The part of it after which all requests are answered again: lost ones have timed out and the longest back-off has
/// passed.
const RECOVERY: u64 = PATIENCE + 1_000 + 2_000;

/// A deliberate violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    None,
    /// Clocks run slower than allowed.
    ClocksAreSlow,
    /// Waiting clients wait for less than the ledger said.
    WaitsAreCutShort,
    /// Verifiers use leases for longer than they were granted.
    LeasesAreStretched,
    /// Replies to lease requests arrive without their changes.
    ChangesAreLost,
    /// Verifiers that start to use an edition do not get the changes since.
    EditionsAreStale,
}

impl Mutation {
    pub(crate) const ALL: [Self; 5] = [
        Self::ClocksAreSlow,
        Self::WaitsAreCutShort,
        Self::LeasesAreStretched,
        Self::ChangesAreLost,
        Self::EditionsAreStale,
    ];
}

enum Event {
    /// Requests arrive at a verifier.
    Checks(usize),
    /// A request arrives at the ledger.
    Asked(u64, Asked),
    /// A reply arrives at the verifier.
    Answered(u64, Reply),
    Timeout(u64),
    /// A check that waits for another one's request polls again.
    Look(u64),
    Change,
    Drain,
    Registry(String, Option<Vec<u8>>),
    /// The ledger takes a step of an edition.
    Edition,
    Disturb(usize),
    /// A verifier cannot reach the ledger for a while.
    CutOff(usize),
    CrashVerifier(usize),
    CrashLedger,
    Lease,
}

enum Asked {
    Ledger(counterfoil_verify::Question),
    Lease(LeaseQuestion),
}

#[derive(Clone)]
enum Reply {
    Ledger(Answer),
    Lease(Grant),
}

/// A request that waits, at one incarnation of a verifier.
struct Waiting {
    verifier: usize,
    life: u64,
    what: Subject,
}

enum Subject {
    Check { pending: Pending, token: usize, demand: usize, began_at: u64 },
    Renewal(Renewal),
}

struct Node {
    verifier: Verifier,
    clock: Clock,
    life: u64,
    cut_off_until: u64,
}

pub(crate) struct Simulation {
    random: Seeded,
    mutation: Mutation,
    time: u64,
    queue: Queue<Event>,
    authority: Authority,
    ledger_clock: Clock,
    /// The clock of clients that wait for a change to take effect.
    waiters: Clock,
    nodes: Vec<Node>,
    registry: BTreeMap<String, Vec<u8>>,
    waiting: BTreeMap<u64, Waiting>,
    numbers: u64,
    demands: Vec<Demand>,
    calm: bool,
    calm_since: u64,
    counts: Counts,
    broken: Option<String>,
}

/// Every other verifier loads segments.
fn new_verifier(at: usize) -> Verifier {
    Verifier::new(Limits { memory: 60_000, segments: at.is_multiple_of(2), ..Limits::default() })
}

impl Simulation {
    pub(crate) fn new(seed: u64, mutation: Mutation) -> Self {
        let mut random = Seeded(seed);
        let mut ledger_clock = Clock::new(&mut random);
        let mut authority = Authority::new(seed ^ (mutation as u64) << 32, ledger_clock.now(0));
        for at in 0..TOKENS as u64 {
            authority.issue(ledger_clock.now(0), at % MEMBERS);
        }
        let node = |at, random: &mut Seeded| {
            let is_slow = mutation == Mutation::ClocksAreSlow;
            let clock = if is_slow { Clock::slow() } else { Clock::new(random) };
            Node { verifier: new_verifier(at), clock, life: 0, cut_off_until: 0 }
        };
        let nodes = (0..VERIFIERS).map(|at| node(at, &mut random)).collect();
        let waiters = Clock::new(&mut random);
        let demands = vec![
            demand(Freshness::Bounded, false, true),
            demand(Freshness::Bounded, true, true),
            demand(Freshness::Strong, false, true),
            demand(Freshness::Eventual, false, true),
            demand(Freshness::Bounded, false, false),
            demand(Freshness::Eventual, false, false),
        ];
        let mut simulation = Self {
            random,
            mutation,
            time: 0,
            queue: Queue::new(),
            authority,
            ledger_clock,
            waiters,
            nodes,
            registry: BTreeMap::new(),
            waiting: BTreeMap::new(),
            numbers: 0,
            demands,
            calm: false,
            calm_since: u64::MAX,
            counts: Counts::default(),
            broken: None,
        };
        for at in 0..VERIFIERS {
            simulation.later(200, Event::Checks(at));
            simulation.later(40_000, Event::Disturb(at));
            simulation.later(60_000, Event::CrashVerifier(at));
            simulation.later(20_000, Event::CutOff(at));
        }
        simulation.later(500, Event::Change);
        simulation.later(500, Event::Drain);
        simulation.later(500, Event::Edition);
        simulation.later(40_000, Event::Disturb(VERIFIERS));
        simulation.later(45_000, Event::CrashLedger);
        simulation.later(50_000, Event::Lease);
        simulation
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Runs until this many checks are done, then without faults until all verifiers have caught up. Returns the
    /// violation, if any.
    pub(crate) fn run(&mut self, checks: u64) -> Option<String> {
        while self.counts.checks < checks && self.broken.is_none() {
            self.step();
        }
        (self.calm, self.calm_since) = (true, self.time);
        let end = self.time + REST;
        while self.time < end && self.broken.is_none() {
            self.step();
        }
        self.broken.take().or_else(|| self.differs_from_the_truth())
    }

    fn step(&mut self) {
        let Some((time, event)) = self.queue.take() else { panic!("no events are left") };
        self.time = time;
        match event {
            Event::Checks(at) => self.check_some(at),
            Event::Asked(number, asked) => self.answer(number, asked),
            Event::Answered(number, reply) => self.take(number, Some(&reply)),
            Event::Timeout(number) | Event::Look(number) => self.take(number, None),
            Event::Change => self.change(),
            Event::Drain => self.drain(),
            Event::Edition => self.go_on_with_edition(),
            Event::Registry(key, value) => {
                match value {
                    Some(value) => self.registry.insert(key, value),
                    None => self.registry.remove(&key),
                };
            }
            Event::Disturb(at) => {
                let clock = self.nodes.get_mut(at).map_or(&mut self.ledger_clock, |node| &mut node.clock);
                clock.disturb(time, &mut self.random);
                self.later(50_000, Event::Disturb(at));
            }
            Event::CutOff(at) => {
                self.nodes[at].cut_off_until = time + draw(&mut self.random, 30_000);
                self.later(80_000, Event::CutOff(at));
            }
            Event::CrashVerifier(at) => {
                if !self.calm {
                    self.nodes[at].verifier = new_verifier(at);
                    self.nodes[at].life += 1;
                    self.counts.crashes += 1;
                }
                self.later(120_000, Event::CrashVerifier(at));
            }
            Event::CrashLedger => {
                if !self.calm {
                    self.authority.restart();
                    self.counts.crashes += 1;
                }
                self.later(90_000, Event::CrashLedger);
            }
            Event::Lease => {
                let seconds = LONGEST.min(2 + draw(&mut self.random, 2 * LONGEST));
                self.authority.set_lease(self.ledger_clock.now(time), seconds);
                self.later(100_000, Event::Lease);
            }
        }
    }

    /// Schedules an event after a random time with this average.
    fn later(&mut self, milliseconds: u64, event: Event) {
        let delay = 1 + draw(&mut self.random, 2 * milliseconds);
        self.queue.put(self.time + delay, event);
    }

    fn check_some(&mut self, at: usize) {
        for _ in 0..=draw(&mut self.random, 24) {
            let token = self.pick(at);
            let demand = [0, 0, 0, 4, 4, 4, 4, 1, 1, 2, 3, 5][usize::try_from(draw(&mut self.random, 12)).unwrap()];
            self.counts.checks += 1;
            let Node { verifier, clock, .. } = &mut self.nodes[at];
            let text = self.authority.tokens[token].text.as_bytes();
            let progress = verifier.check(text, &self.demands[demand], clock.now(self.time));
            if let Progress::Decided(decision) = &progress {
                self.counts.hot += 1;
                if decision.renewal_due {
                    self.renew(at);
                }
            }
            self.proceed(at, progress, token, demand, self.time);
        }
        self.later(400, Event::Checks(at));
    }

    /// Few tokens are requested often, and many rarely. The later verifiers see few at all, so that only renewals keep
    /// them up to date.
    fn pick(&mut self, at: usize) -> usize {
        let count = self.authority.tokens.len() as u64;
        let (few, seldom) = [(25, 4), (12, 2), (6, 0), (4, 0)][at];
        let among = if chance(&mut self.random, seldom) { count } else { few };
        usize::try_from(count - 1 - draw(&mut self.random, among)).unwrap()
    }

    fn renew(&mut self, at: usize) {
        self.counts.renewals += 1;
        let Node { verifier, clock, life, .. } = &mut self.nodes[at];
        let renewal = verifier.renewal(key(), clock.now(self.time));
        let asked = Asked::Lease(renewal.question().clone());
        let waiting = Waiting { verifier: at, life: *life, what: Subject::Renewal(renewal) };
        self.send(waiting, asked);
    }

    fn send(&mut self, waiting: Waiting, asked: Asked) {
        self.numbers += 1;
        self.counts.questions += 1;
        let is_cut_off = self.time < self.nodes[waiting.verifier].cut_off_until && !self.calm;
        self.waiting.insert(self.numbers, waiting);
        if let Some(flight) = flight(&mut self.random, self.calm).filter(|_| !is_cut_off) {
            self.queue.put(self.time + flight, Event::Asked(self.numbers, asked));
        }
        self.queue.put(self.time + PATIENCE, Event::Timeout(self.numbers));
    }

    fn answer(&mut self, number: u64, asked: Asked) {
        let now = self.ledger_clock.now(self.time);
        let reply = match asked {
            Asked::Ledger(question) => Reply::Ledger(self.authority.records(now, &question)),
            Asked::Lease(question) => {
                let mut grant = self.authority.lease(now, &question);
                if self.mutation == Mutation::LeasesAreStretched {
                    grant.term *= 2;
                }
                if self.mutation == Mutation::ChangesAreLost {
                    grant.texts.clear();
                }
                let held = question.segments.and_then(|segments| segments.manifest);
                if self.mutation == Mutation::EditionsAreStale
                    && grant.edition.is_some_and(|edition| Some(edition.manifest) != held)
                {
                    grant.texts.clear();
                    grant.owners.clear();
                }
                Reply::Lease(grant)
            }
        };
        // Some arrive twice.
        for _ in 0..=u64::from(chance(&mut self.random, 20)) {
            if let Some(flight) = flight(&mut self.random, self.calm) {
                self.queue.put(self.time + flight, Event::Answered(number, reply.clone()));
            }
        }
    }

    fn take(&mut self, number: u64, reply: Option<&Reply>) {
        let Some(Waiting { verifier: at, life, what }) = self.waiting.remove(&number) else { return };
        let node = &mut self.nodes[at];
        if node.life != life {
            return;
        }
        let now = node.clock.now(self.time);
        match what {
            Subject::Renewal(renewal) => {
                let grant = match reply {
                    Some(Reply::Lease(grant)) => Some(grant),
                    _ => None,
                };
                node.verifier.renew(&renewal, grant, now);
            }
            Subject::Check { pending, token, demand, began_at } => {
                let supply = match reply {
                    _ if matches!(pending.need(), Need::Wait(..)) => Supply::Waited,
                    Some(Reply::Ledger(answer)) => Supply::Ledger(answer),
                    Some(Reply::Lease(grant)) => Supply::Lease(grant),
                    None => Supply::Unavailable,
                };
                let progress = node.verifier.supply(pending, &self.demands[demand], supply, now);
                self.proceed(at, progress, token, demand, began_at);
            }
        }
    }

    fn proceed(&mut self, at: usize, mut progress: Progress, token: usize, demand: usize, began_at: u64) {
        loop {
            let mut pending = match progress {
                Progress::Decided(decision) => return self.judge(&decision, token, demand, began_at),
                Progress::Fetch(pending) => pending,
            };
            self.nodes[at].verifier.asking(&mut pending, 1);
            let life = self.nodes[at].life;
            let asked = match pending.need() {
                Need::Ledger(question) => Asked::Ledger(question.clone()),
                Need::Lease(question) => Asked::Lease(question.clone()),
                Need::Registry(keys) => {
                    let values = self.read(&keys.clone());
                    let Node { verifier, clock, .. } = &mut self.nodes[at];
                    let (demand, now) = (&self.demands[demand], clock.now(self.time));
                    progress = verifier.supply(pending, demand, Supply::Registry(&values), now);
                    continue;
                }
                Need::Wait(_, milliseconds) => {
                    self.counts.looks += 1;
                    self.numbers += 1;
                    self.queue.put(self.time + milliseconds, Event::Look(self.numbers));
                    let what = Subject::Check { pending, token, demand, began_at };
                    self.waiting.insert(self.numbers, Waiting { verifier: at, life, what });
                    return;
                }
            };
            let what = Subject::Check { pending, token, demand, began_at };
            return self.send(Waiting { verifier: at, life, what }, asked);
        }
    }

    /// Checks a decision against the guarantees.
    fn judge(&mut self, decision: &Decision, token: usize, demand: usize, began_at: u64) {
        self.counts.unavailable += u64::from(decision.code == Code::Unavailable);
        if decision.code == Code::Unavailable && began_at > self.calm_since.saturating_add(RECOVERY) {
            self.broken =
                Some(format!("at {} ms a check that began at {began_at} was not answered in peace", self.time));
        }
        if decision.code != Code::Valid {
            return;
        }
        self.counts.passed += 1;
        let Some(Dead { since, nowhere_from }) = self.authority.tokens[token].dead else { return };
        let asked = self.demands[demand].freshness;
        let is_broken = match decision.freshness {
            _ if asked == Freshness::Strong => since <= began_at,
            Freshness::Snapshot | Freshness::Eventual => false,
            Freshness::Bounded | Freshness::Strong if asked == Freshness::Eventual => false,
            Freshness::Bounded | Freshness::Strong => self.time >= nowhere_from,
        };
        if asked == Freshness::Bounded && decision.freshness > Freshness::Eventual {
            self.counts.after_death += 1;
            self.counts.longest = self.counts.longest.max(self.time - since);
        }
        if is_broken {
            self.broken = Some(format!(
                "at {} ms a {asked:?} check that began at {began_at} passed token {token}, dead since {since} and nowhere to \
                 pass from {nowhere_from}: {:?}",
                self.time, decision.freshness
            ));
        }
    }

    fn change(&mut self) {
        let (wait, now) = (chance(&mut self.random, 400), self.ledger_clock.now(self.time));
        if !self.calm {
            if let Some((touched, safe_in)) = self.authority.change(now, &mut self.random, wait) {
                self.counts.changes += 1;
                self.counts.waits += u64::from(wait);
                self.note(&touched, safe_in);
            }
            if chance(&mut self.random, 500) {
                let member = draw(&mut self.random, MEMBERS);
                self.authority.issue(now, member);
            }
        }
        self.later(900, Event::Change);
    }

    /// Records the guarantees that apply to these tokens.
    fn note(&mut self, touched: &[usize], safe_in: Option<u64>) {
        let codes = self.authority.judge(self.ledger_clock.now(self.time), touched);
        let mut waits = safe_in.map_or(u64::MAX, |safe_in| self.waiters.truly(safe_in));
        if self.mutation == Mutation::WaitsAreCutShort {
            waits = waits.min(500);
        }
        let nowhere_from = self.time + waits.min(1_000 * LONGEST);
        for (at, code) in touched.iter().zip(codes) {
            let dead = &mut self.authority.tokens[*at].dead;
            *dead = match (code, *dead) {
                (Code::Valid, _) => None,
                // For a token that was already invalid, an earlier guarantee may be stricter.
                (_, Some(Dead { since, nowhere_from: before })) => {
                    Some(Dead { since, nowhere_from: before.min(nowhere_from) })
                }
                (_, None) => Some(Dead { since: self.time, nowhere_from }),
            };
        }
    }

    /// Writes changes to the registry, each key after its own delay.
    fn drain(&mut self) {
        let now = self.ledger_clock.now(self.time);
        for put in self.authority.drain(now) {
            let most = if chance(&mut self.random, 200) { 90_000 } else { 2_000 };
            let delay = draw(&mut self.random, most);
            self.queue.put(self.time + delay, Event::Registry(put.key, put.value));
        }
        self.later(1_000, Event::Drain);
    }

    fn read(&mut self, keys: &[RegistryKey]) -> Vec<Option<Vec<u8>>> {
        let files = keys.iter().filter(|key| matches!(key, RegistryKey::File(..)));
        self.counts.files += files.count() as u64;
        keys.iter().map(|key| self.registry.get(&key.path()).cloned()).collect()
    }

    /// A file is written, or not, or written without a report. Existing files may be lost or damaged.
    fn go_on_with_edition(&mut self) {
        let now = self.ledger_clock.now(self.time);
        for _ in 0..=draw(&mut self.random, 4) {
            let Some(step) = self.authority.edition_step(now) else { break };
            let (is_done, is_told) = (chance(&mut self.random, 930), chance(&mut self.random, 930));
            match &step {
                Step::Put { key, value, .. } if is_done => _ = self.registry.insert(key.clone(), value.clone()),
                Step::Delete { key, .. } if is_done => _ = self.registry.remove(key),
                _ => {}
            }
            self.authority.edition_stepped(&step, is_done && is_told, now);
        }
        let files: Vec<_> = self.registry.keys().filter(|key| key.starts_with("s/")).cloned().collect();
        if !files.is_empty() && chance(&mut self.random, 20) && !self.calm {
            let key = &files[usize::try_from(draw(&mut self.random, files.len() as u64)).unwrap()];
            self.counts.spoilt += 1;
            if chance(&mut self.random, 500) {
                self.registry.remove(key);
            } else if let Some(byte) = self.registry.get_mut(key).and_then(|file| file.last_mut()) {
                *byte ^= 1;
            }
        }
        self.later(400, Event::Edition);
    }

    /// After a while without faults, every verifier decides as the ledger does.
    fn differs_from_the_truth(&mut self) -> Option<String> {
        let all: Vec<usize> = (0..self.authority.tokens.len()).collect();
        let truth = self.authority.judge(self.ledger_clock.now(self.time), &all);
        for at in 0..VERIFIERS {
            for (token, code) in truth.iter().enumerate() {
                let Node { verifier, clock, .. } = &mut self.nodes[at];
                let now = clock.now(self.time);
                let demand = &self.demands[if token % 2 == 0 { 0 } else { 4 }];
                let mut progress = verifier.check(self.authority.tokens[token].text.as_bytes(), demand, now);
                while let Progress::Fetch(pending) = progress {
                    progress = match pending.need().clone() {
                        Need::Lease(question) => {
                            let grant = self.authority.lease(self.ledger_clock.now(self.time), &question);
                            verifier.supply(pending, demand, Supply::Lease(&grant), now)
                        }
                        Need::Registry(keys) => {
                            let values: Vec<_> =
                                keys.iter().map(|key| self.registry.get(&key.path()).cloned()).collect();
                            verifier.supply(pending, demand, Supply::Registry(&values), now)
                        }
                        Need::Wait(..) => verifier.supply(pending, demand, Supply::Waited, now),
                        Need::Ledger(_) => panic!("{:?}", pending.need()),
                    };
                }
                if let Progress::Decided(decision) = progress
                    && decision.code != *code
                {
                    return Some(format!(
                        "at the end, token {token} is {} at verifier {at} instead of {code}",
                        decision.code
                    ));
                }
            }
        }
        None
    }
}
