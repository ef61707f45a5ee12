//! The one implementation of what a verifier remembers, what it asks, and when it may answer.
//!
//! The machine is sans-IO. [`Verifier::check`] gives either a decision or a [`Pending`] that says what to fetch; the
//! host fetches it and hands it to [`Verifier::supply`], until there is a decision. Nothing is shared between two
//! requests but the memory itself, so a request that its host drops strands no other.
//!
//! Guarantees:
//! - A strong decision follows from a question asked after the check began. Memory can only make it newer.
//! - A yes needs all three records. What is missing, unreadable or out of reach is asked of the ledger, and
//!   [`Code::Unavailable`] where that cannot be had.
//! - A text that was never issued costs no I/O once the workspace's seal keys are known: its seal is wrong.

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::{Digest, Presented, SealKey, TokenRef, WorkspaceKey};

use crate::{
    answer::{Answer, Question, RegistryKey},
    cache::{Cache, Versioned},
    decision::{Code, Facts, decide},
    demand::{Demand, Freshness},
    record::{Encoded, OwnerRecord, TokenRecord, WorkspaceRecord},
    time::Timestamp,
};

/// How much a verifier may hold and spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of records held in memory, about.
    pub memory: usize,
    /// How long eventual answers may come from memory, in milliseconds.
    pub eventual_age: u64,
    /// How many foreign texts never seen before may be looked up in a second.
    pub foreign_per_second: u32,
}

impl Default for Limits {
    /// 16 MiB; 60 s, the promise of eventual freshness; 100 a second.
    fn default() -> Self {
        Self { memory: 16 << 20, eventual_age: 60_000, foreign_per_second: 100 }
    }
}

/// How long seal keys may speak against a text without being confirmed, in milliseconds. A new seal secret must have
/// been known to verifiers for this long, as one that is not current yet, before tokens are sealed with it.
const SEAL_KEYS_AGE: u64 = 60_000;

/// Registry look-ups before the ledger is asked: the token with its workspace, then its owner.
const REGISTRY_ROUNDS: u8 = 2;

/// A step towards a decision.
#[derive(Debug)]
pub enum Progress {
    /// Done.
    Decided(Decision),
    /// Something is to be fetched first.
    Fetch(Pending),
}

/// The answer about one token.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What was decided.
    pub code: Code,
    /// How fresh the answer is.
    pub freshness: Freshness,
    /// As of when it holds.
    pub as_of: Timestamp,
    /// Who the token is, where it was ever issued: also where it does not pass.
    pub known: Option<Known>,
}

/// The records that a decision rests on.
#[derive(Clone, Debug)]
pub struct Known {
    token: Arc<TokenRecord>,
    owner: Arc<OwnerRecord>,
    workspace: Arc<WorkspaceRecord>,
}

/// A check that waits for what [`need`](Self::need) names. It holds a digest, never a text.
#[derive(Debug)]
pub struct Pending {
    subject: Subject,
    need: Need,
    asked_at: Timestamp,
    registry_rounds: u8,
}

/// What a host has to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// These keys of the registry, in this order.
    Registry(Vec<RegistryKey>),
    /// The ledger's answer to this question. A host may put several into one, of one workspace, and supply each with
    /// the one answer.
    Ledger(Question),
}

/// What a host has fetched.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// The values of the keys asked for, in their order.
    Registry(&'a [Option<Vec<u8>>]),
    /// The ledger's answer.
    Ledger(&'a Answer),
    /// It could not be had.
    Unavailable,
}

/// Whose text is being checked.
#[derive(Clone, Copy, Debug)]
struct Subject {
    workspace: WorkspaceKey,
    digest: Digest,
    /// For a text issued elsewhere: which of the demand's workspaces is being asked.
    foreign: Option<usize>,
}

/// Remembers records and decides. One per isolate.
#[derive(Debug)]
pub struct Verifier {
    limits: Limits,
    tokens: Cache<(WorkspaceKey, Digest), Held<TokenRecord>>,
    owners: Cache<(WorkspaceKey, u64), Held<OwnerRecord>>,
    workspaces: Cache<WorkspaceKey, Held<WorkspaceRecord>>,
    seals: Cache<WorkspaceKey, Seals>,
    foreign: Allowance,
}

impl Verifier {
    /// A verifier that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tokens: Cache::new(limits.memory / 4 * 3),
            owners: Cache::new(limits.memory / 8),
            workspaces: Cache::new(limits.memory / 16),
            seals: Cache::new(limits.memory / 16),
            foreign: Allowance::default(),
        }
    }

    /// Tells the keys that seal a workspace's tokens, the current one first, as known at `now`. Answers of the ledger
    /// tell them too; a host that has the seal secrets need not wait for one.
    pub fn trust_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, now: Timestamp) {
        self.seals.put(workspace, Seals { keys, asked_at: now });
    }

    /// Whether the workspace's seal keys are known and recent.
    pub fn knows_seal_keys(&mut self, workspace: WorkspaceKey, now: Timestamp) -> bool {
        self.seals.get(&workspace).is_some_and(|seals| is_recent(seals.asked_at, now, SEAL_KEYS_AGE))
    }

    /// Checks a text against a demand. A decision from memory allocates nothing.
    pub fn check(&mut self, text: &[u8], demand: &Demand, now: Timestamp) -> Progress {
        match Presented::parse(text) {
            Err(_) => certain(Code::Malformed, now),
            Ok(Presented::Ours(token)) => self.check_ours(token, demand, now),
            Ok(Presented::Foreign(foreign)) => self.check_foreign(foreign.digest(), 0, demand, now),
        }
    }

    /// Goes on with a check. `demand` must be the one that the check began with.
    pub fn supply(&mut self, pending: Pending, demand: &Demand, supply: Supply<'_>, now: Timestamp) -> Progress {
        match (&pending.need, supply) {
            (Need::Ledger(_), Supply::Ledger(answer)) => self.decide_from(&pending, answer, demand, now),
            (Need::Registry(keys), Supply::Registry(values)) => {
                let complete = keys.len() == values.len()
                    && keys.iter().zip(values).fold(true, |complete, (key, value)| {
                        self.hold_from_registry(*key, value.as_deref(), pending.asked_at) && complete
                    });
                self.after_registry(&pending, complete, demand, now)
            }
            (Need::Registry(_), _) => ask_ledger(pending.subject, now),
            (Need::Ledger(_), _) => unavailable(demand, now),
        }
    }

    fn check_ours(&mut self, token: TokenRef<'_>, demand: &Demand, now: Timestamp) -> Progress {
        let workspace = token.workspace();
        if !demand.workspaces().contains(&workspace) {
            return certain(Code::Unknown, now);
        }
        let subject = Subject { workspace, digest: token.digest(), foreign: None };
        if let Some(decision) = self.recall(subject, demand, now) {
            return Progress::Decided(decision);
        }
        if self.tokens.get(&subject.key()).is_none() && self.seal_is_wrong(token, now) {
            return certain(Code::Unknown, now);
        }
        self.ask(subject, 0, demand, now)
    }

    /// Looks a foreign text up in each workspace of the demand in turn, from the `at`th on.
    fn check_foreign(&mut self, digest: Digest, at: usize, demand: &Demand, now: Timestamp) -> Progress {
        for (at, workspace) in demand.workspaces().iter().enumerate().skip(at) {
            let subject = Subject { workspace: *workspace, digest, foreign: Some(at) };
            if let Some(decision) = self.recall(subject, demand, now) {
                return Progress::Decided(decision);
            }
            if self.has_no_imports(*workspace, demand, now) {
                continue;
            }
            let seen = self.tokens.get(&subject.key()).is_some();
            if !seen && !self.foreign.take(self.limits.foreign_per_second, now) {
                return certain(Code::RateLimited, now);
            }
            return self.ask(subject, 0, demand, now);
        }
        certain(Code::Unknown, now)
    }

    /// The decision from memory, where the demand allows one and all three records are recent.
    fn recall(&mut self, subject: Subject, demand: &Demand, now: Timestamp) -> Option<Decision> {
        let age = self.limits.eventual_age;
        let workspace = self.workspaces.get(&subject.workspace).filter(|held| held.is_recent(now, age))?;
        if strictest(demand, &workspace.item) > Freshness::Eventual {
            return None;
        }
        let token = self.tokens.get(&subject.key()).filter(|held| held.is_recent(now, age))?;
        let owner = (subject.workspace, token.item.owner);
        let owner = self.owners.get(&owner).filter(|held| held.is_recent(now, age))?;
        let known = Known {
            token: Arc::clone(&token.item),
            owner: Arc::clone(&owner.item),
            workspace: Arc::clone(&workspace.item),
        };
        let as_of = token.asked_at.min(owner.asked_at).min(workspace.asked_at);
        let code = decide(known.facts(), demand, now);
        Some(Decision { code, freshness: Freshness::Eventual, as_of, known: Some(known) })
    }

    /// What to fetch next, where memory does not suffice.
    fn ask(&mut self, subject: Subject, registry_rounds: u8, demand: &Demand, now: Timestamp) -> Progress {
        let workspace = self.workspaces.get(&subject.workspace);
        let freshness = workspace.map_or(demand.freshness, |held| strictest(demand, &held.item));
        if freshness > Freshness::Eventual || registry_rounds >= REGISTRY_ROUNDS {
            return ask_ledger(subject, now);
        }
        let need = Need::Registry(self.registry_keys(subject, now));
        Progress::Fetch(Pending { subject, need, asked_at: now, registry_rounds: registry_rounds + 1 })
    }

    /// The keys whose values are missing or too old. Which owner is only known once the token's record is.
    fn registry_keys(&mut self, subject: Subject, now: Timestamp) -> Vec<RegistryKey> {
        let age = self.limits.eventual_age;
        let mut keys = Vec::new();
        let token = self.tokens.get(&subject.key());
        let owner = token.map(|held| held.item.owner);
        if !token.is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Token(subject.workspace, subject.digest));
        }
        if !self.workspaces.get(&subject.workspace).is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Workspace(subject.workspace));
        }
        if let Some(owner) = owner
            && !self.owners.get(&(subject.workspace, owner)).is_some_and(|held| held.is_recent(now, age))
        {
            keys.push(RegistryKey::Owner(subject.workspace, owner));
        }
        keys
    }

    /// Keeps what the registry held under a key; false where that was nothing, or nothing that belongs there.
    fn hold_from_registry(&mut self, key: RegistryKey, value: Option<&[u8]>, asked_at: Timestamp) -> bool {
        let Some(value) = value else { return false };
        match key {
            RegistryKey::Token(workspace, digest) => TokenRecord::decode(value)
                .map(|record| hold(&mut self.tokens, (workspace, digest), record, asked_at))
                .is_ok(),
            RegistryKey::Owner(workspace, number) => match OwnerRecord::decode(value) {
                Ok(record) if record.number == number => {
                    hold(&mut self.owners, (workspace, number), record, asked_at);
                    true
                }
                _ => false,
            },
            RegistryKey::Workspace(workspace) => match WorkspaceRecord::decode(value) {
                Ok(record) if record.key == workspace => {
                    hold(&mut self.workspaces, workspace, record, asked_at);
                    true
                }
                _ => false,
            },
        }
    }

    fn after_registry(&mut self, pending: &Pending, complete: bool, demand: &Demand, now: Timestamp) -> Progress {
        let subject = pending.subject;
        if let Some(at) = subject.foreign
            && self.has_no_imports(subject.workspace, demand, now)
        {
            return self.check_foreign(subject.digest, at + 1, demand, now);
        }
        if !complete {
            return ask_ledger(subject, now);
        }
        match self.recall(subject, demand, now) {
            Some(decision) => Progress::Decided(decision),
            None => self.ask(subject, pending.registry_rounds, demand, now),
        }
    }

    /// The decision that follows from a ledger's answer, or from what is newer in memory.
    fn decide_from(&mut self, pending: &Pending, answer: &Answer, demand: &Demand, now: Timestamp) -> Progress {
        let Pending { subject, asked_at, .. } = pending;
        let asked = answer.tokens.iter().find(|(digest, _)| *digest == subject.digest);
        let (Some((_, token)), true) = (asked, answer.key == subject.workspace) else {
            return unavailable(demand, now);
        };
        let (key, seal_keys) = (subject.workspace, answer.seal_keys.clone());
        self.seals.put(key, Seals { keys: seal_keys, asked_at: *asked_at });
        let (Some(workspace), Some(token)) = (&answer.workspace, token) else {
            return match subject.foreign {
                Some(at) => self.check_foreign(subject.digest, at + 1, demand, now),
                None => strong(Code::Unknown, answer.as_of, None),
            };
        };
        let Some(owner) = answer.owners.iter().find(|owner| owner.number == token.owner) else {
            return unavailable(demand, now);
        };
        let known = Known {
            token: hold(&mut self.tokens, subject.key(), token.clone(), *asked_at),
            owner: hold(&mut self.owners, (key, owner.number), owner.clone(), *asked_at),
            workspace: hold(&mut self.workspaces, key, workspace.clone(), *asked_at),
        };
        strong(decide(known.facts(), demand, answer.as_of), answer.as_of, Some(known))
    }

    fn seal_is_wrong(&mut self, token: TokenRef<'_>, now: Timestamp) -> bool {
        self.seals.get(&token.workspace()).is_some_and(|seals| {
            is_recent(seals.asked_at, now, SEAL_KEYS_AGE)
                && !seals.keys.is_empty()
                && !seals.keys.iter().any(|key| token.is_sealed_by(key))
        })
    }

    /// Whether an eventual demand may take memory's word that nothing foreign is known to the workspace. A stronger one
    /// asks, since an import may just have changed that.
    fn has_no_imports(&mut self, workspace: WorkspaceKey, demand: &Demand, now: Timestamp) -> bool {
        let age = self.limits.eventual_age;
        demand.freshness == Freshness::Eventual
            && self.workspaces.get(&workspace).is_some_and(|held| held.is_recent(now, age) && !held.item.has_imports)
    }
}

impl Pending {
    /// What the check waits for.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }
}

impl Known {
    /// The records by reference, as [`decide`] takes them.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts { token: &self.token, owner: &self.owner, workspace: &self.workspace }
    }
}

impl Subject {
    fn key(&self) -> (WorkspaceKey, Digest) {
        (self.workspace, self.digest)
    }
}

/// A decision that no record could change.
fn certain(code: Code, now: Timestamp) -> Progress {
    strong(code, now, None)
}

fn strong(code: Code, as_of: Timestamp, known: Option<Known>) -> Progress {
    Progress::Decided(Decision { code, freshness: Freshness::Strong, as_of, known })
}

fn unavailable(demand: &Demand, now: Timestamp) -> Progress {
    let freshness = demand.freshness;
    Progress::Decided(Decision { code: Code::Unavailable, freshness, as_of: now, known: None })
}

fn ask_ledger(subject: Subject, now: Timestamp) -> Progress {
    let question = Question { workspace: subject.workspace, digests: Vec::from([subject.digest]) };
    let need = Need::Ledger(question);
    Progress::Fetch(Pending { subject, need, asked_at: now, registry_rounds: REGISTRY_ROUNDS })
}

/// The strictest freshness that the demand, or the workspace for one of its scopes, asks.
fn strictest(demand: &Demand, workspace: &WorkspaceRecord) -> Freshness {
    let asked = demand.scopes().map(|scope| workspace.freshness_of(scope));
    asked.fold(demand.freshness, Ord::max)
}

/// A time later than `now` is not recent: the clock was set back, and how far is not known.
fn is_recent(asked_at: Timestamp, now: Timestamp, age: u64) -> bool {
    asked_at <= now && now.since(asked_at) <= age
}

/// A record in memory, with when it was asked for: what it says was so then or later.
#[derive(Debug)]
struct Held<T> {
    item: Arc<T>,
    asked_at: Timestamp,
}

impl<T> Held<T> {
    fn is_recent(&self, now: Timestamp, age: u64) -> bool {
        is_recent(self.asked_at, now, age)
    }
}

/// Keeps the newer of what is held and what came in, as recent as the question, and gives it back.
fn hold<K, T>(cache: &mut Cache<K, Held<T>>, key: K, record: T, asked_at: Timestamp) -> Arc<T>
where
    K: Copy + Eq + core::hash::Hash,
    Held<T>: Versioned,
{
    let incoming = Held { item: Arc::new(record), asked_at };
    let item = match cache.get(&key) {
        Some(held) if held.version() > incoming.version() => Arc::clone(&held.item),
        _ => incoming.item,
    };
    cache.put(key, Held { item: Arc::clone(&item), asked_at });
    item
}

impl Versioned for Held<TokenRecord> {
    fn version(&self) -> u64 {
        self.item.version
    }

    fn cost(&self) -> usize {
        let record = &*self.item;
        let texts = [Some(&record.id), Some(&record.name), record.client_id.as_ref(), record.metadata.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        size_of::<TokenRecord>() + texts + record.scopes.cost() + size_of_val(record.addresses.as_slice())
    }
}

impl Versioned for Held<OwnerRecord> {
    fn version(&self) -> u64 {
        self.item.version
    }

    fn cost(&self) -> usize {
        size_of::<OwnerRecord>() + self.item.id.len() + self.item.grants.cost()
    }
}

impl Versioned for Held<WorkspaceRecord> {
    fn version(&self) -> u64 {
        self.item.version
    }

    fn cost(&self) -> usize {
        let scopes = self.item.freshness.iter().map(|(scope, _)| size_of_val(scope) + scope.as_str().len() + 8);
        size_of::<WorkspaceRecord>() + self.item.slug.len() + scopes.sum::<usize>()
    }
}

/// A workspace's seal keys, the current one first, and when they were confirmed.
#[derive(Debug)]
struct Seals {
    keys: Vec<SealKey>,
    asked_at: Timestamp,
}

impl Versioned for Seals {
    fn version(&self) -> u64 {
        self.asked_at.0
    }

    fn cost(&self) -> usize {
        size_of::<Self>() + size_of_val(self.keys.as_slice())
    }
}

/// So many a second, counted in fixed windows: at a border of two, twice that may pass.
#[derive(Debug, Default)]
struct Allowance {
    window: u64,
    taken: u32,
}

impl Allowance {
    fn take(&mut self, per_second: u32, now: Timestamp) -> bool {
        let window = now.0 / 1000;
        if window != self.window {
            *self = Self { window, taken: 0 };
        }
        let granted = self.taken < per_second;
        self.taken += u32::from(granted);
        granted
    }
}
