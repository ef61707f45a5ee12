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
    decision::{Code, Facts, decide},
    demand::{Demand, Freshness},
    memory::{Memory, Moment},
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
    asked_at: Moment,
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
    memory: Memory,
    latest: Moment,
    foreign: Allowance,
}

impl Verifier {
    /// A verifier that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let memory = Memory::new(limits.memory);
        Self { limits, memory, latest: Moment::default(), foreign: Allowance::default() }
    }

    /// Tells the keys that seal a workspace's tokens, the current one first, as known at `now`. Answers of the ledger
    /// tell them too; a host that has the seal secrets need not wait for one.
    pub fn trust_seal_keys(&mut self, workspace: WorkspaceKey, keys: Vec<SealKey>, now: Timestamp) {
        let now = self.moment(now);
        self.memory.keep_seal_keys(workspace, keys, now);
    }

    /// Whether the workspace's seal keys are known and recent.
    pub fn knows_seal_keys(&mut self, workspace: WorkspaceKey, now: Timestamp) -> bool {
        let now = self.moment(now);
        self.memory.seal_keys(workspace).is_some_and(|keys| keys.is_recent(now, SEAL_KEYS_AGE))
    }

    /// Checks a text against a demand. A decision from memory allocates nothing.
    pub fn check(&mut self, text: &[u8], demand: &Demand, now: Timestamp) -> Progress {
        let now = self.moment(now);
        match Presented::parse(text) {
            Err(_) => certain(Code::Malformed, now),
            Ok(Presented::Ours(token)) => self.check_ours(token, demand, now),
            Ok(Presented::Foreign(foreign)) => self.check_foreign(foreign.digest(), 0, demand, now),
        }
    }

    /// Goes on with a check. `demand` must be the one that the check began with.
    pub fn supply(&mut self, pending: Pending, demand: &Demand, supply: Supply<'_>, now: Timestamp) -> Progress {
        let now = self.moment(now);
        match (&pending.need, supply) {
            (Need::Ledger(_), Supply::Ledger(answer)) => self.decide_from(&pending, answer, demand, now),
            (Need::Registry(keys), Supply::Registry(values)) => {
                let kept = keys.iter().zip(values).filter_map(|(key, value)| {
                    // What can be kept is, though another key's value may be missing.
                    self.keep(*key, value.as_deref(), pending.asked_at)
                });
                let complete = kept.count() == keys.len() && keys.len() == values.len();
                self.after_registry(&pending, complete, demand, now)
            }
            (Need::Registry(_), _) => ask_ledger(pending.subject, now),
            (Need::Ledger(_), _) => unavailable(demand, now),
        }
    }

    fn check_ours(&mut self, token: TokenRef<'_>, demand: &Demand, now: Moment) -> Progress {
        let workspace = token.workspace();
        if !demand.workspaces().contains(&workspace) {
            return certain(Code::Unknown, now);
        }
        let subject = Subject { workspace, digest: token.digest(), foreign: None };
        if let Some(decision) = self.recall(subject, demand, now) {
            return Progress::Decided(decision);
        }
        if self.memory.token(workspace, subject.digest).is_none() && self.seal_is_wrong(token, now) {
            return certain(Code::Unknown, now);
        }
        self.ask(subject, 0, demand, now)
    }

    /// Looks a foreign text up in each workspace of the demand in turn, from the `at`th on.
    fn check_foreign(&mut self, digest: Digest, at: usize, demand: &Demand, now: Moment) -> Progress {
        for (at, workspace) in demand.workspaces().iter().enumerate().skip(at) {
            let subject = Subject { workspace: *workspace, digest, foreign: Some(at) };
            if let Some(decision) = self.recall(subject, demand, now) {
                return Progress::Decided(decision);
            }
            if self.without_imports(*workspace, demand, now).is_some() {
                continue;
            }
            let seen = self.memory.token(*workspace, digest).is_some();
            if !seen && !self.foreign.take(self.limits.foreign_per_second, now.time) {
                return certain(Code::RateLimited, now);
            }
            return self.ask(subject, 0, demand, now);
        }
        let workspaces = demand.workspaces().iter();
        match workspaces.filter_map(|workspace| self.without_imports(*workspace, demand, now)).min() {
            Some(as_of) => decided(Code::Unknown, Freshness::Eventual, as_of, None),
            None => certain(Code::Unknown, now),
        }
    }

    /// The decision from memory, where the demand allows one and all three records are recent.
    fn recall(&mut self, subject: Subject, demand: &Demand, now: Moment) -> Option<Decision> {
        let Subject { workspace: key, digest, .. } = subject;
        if demand.freshness > Freshness::Eventual {
            return None;
        }
        let age = self.limits.eventual_age;
        let held = self.memory.workspace(key).filter(|held| held.is_recent(now, age))?;
        if strictest(demand, held.item) > Freshness::Eventual {
            return None;
        }
        let (workspace, as_of) = (Arc::clone(held.item), held.asked_at.time);
        let held = self.memory.token(key, digest).filter(|held| held.is_recent(now, age))?;
        let (token, as_of) = (Arc::clone(held.item), as_of.min(held.asked_at.time));
        let held = self.memory.owner(key, token.owner).filter(|held| held.is_recent(now, age))?;
        let (owner, as_of) = (Arc::clone(held.item), as_of.min(held.asked_at.time));
        let known = Known { token, owner, workspace };
        let code = decide(known.facts(), demand, now.time);
        Some(Decision { code, freshness: Freshness::Eventual, as_of, known: Some(known) })
    }

    /// What to fetch next, where memory does not suffice.
    fn ask(&mut self, subject: Subject, registry_rounds: u8, demand: &Demand, now: Moment) -> Progress {
        let workspace = self.memory.workspace(subject.workspace);
        let freshness = workspace.map_or(demand.freshness, |held| strictest(demand, held.item));
        if freshness > Freshness::Eventual || registry_rounds >= REGISTRY_ROUNDS {
            return ask_ledger(subject, now);
        }
        let need = Need::Registry(self.registry_keys(subject, now));
        Progress::Fetch(Pending { subject, need, asked_at: now, registry_rounds: registry_rounds + 1 })
    }

    /// The keys whose values are missing or too old. Which owner is only known once the token's record is.
    fn registry_keys(&mut self, subject: Subject, now: Moment) -> Vec<RegistryKey> {
        let Subject { workspace, digest, .. } = subject;
        let age = self.limits.eventual_age;
        let mut keys = Vec::new();
        let token = self.memory.token(workspace, digest);
        let owner = token.as_ref().map(|held| held.item.owner);
        if !token.is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Token(workspace, digest));
        }
        if !self.memory.workspace(workspace).is_some_and(|held| held.is_recent(now, age)) {
            keys.push(RegistryKey::Workspace(workspace));
        }
        if let Some(owner) = owner
            && !self.memory.owner(workspace, owner).is_some_and(|held| held.is_recent(now, age))
        {
            keys.push(RegistryKey::Owner(workspace, owner));
        }
        keys
    }

    /// Keeps what the registry held under a key; nothing where that was nothing, or nothing that belongs there.
    fn keep(&mut self, key: RegistryKey, value: Option<&[u8]>, asked_at: Moment) -> Option<()> {
        match key {
            RegistryKey::Token(workspace, digest) => {
                let record = TokenRecord::decode(value?).ok()?;
                self.memory.keep_token(workspace, digest, record, asked_at);
            }
            RegistryKey::Owner(workspace, number) => {
                let record = OwnerRecord::decode(value?).ok().filter(|record| record.number == number)?;
                self.memory.keep_owner(workspace, record, asked_at);
            }
            RegistryKey::Workspace(workspace) => {
                let record = WorkspaceRecord::decode(value?).ok().filter(|record| record.key == workspace)?;
                self.memory.keep_workspace(record, asked_at);
            }
        }
        Some(())
    }

    fn after_registry(&mut self, pending: &Pending, complete: bool, demand: &Demand, now: Moment) -> Progress {
        let subject = pending.subject;
        if let Some(at) = subject.foreign
            && self.without_imports(subject.workspace, demand, now).is_some()
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
    fn decide_from(&mut self, pending: &Pending, answer: &Answer, demand: &Demand, now: Moment) -> Progress {
        let Pending { subject: Subject { workspace: key, digest, foreign }, asked_at, .. } = *pending;
        let asked = answer.tokens.iter().find(|(answered, _)| *answered == digest);
        let is_of_key = answer.key == key && answer.workspace.as_ref().is_none_or(|workspace| workspace.key == key);
        let (Some((_, token)), true) = (asked, is_of_key) else {
            return unavailable(demand, now);
        };
        self.memory.keep_seal_keys(key, answer.seal_keys.clone(), asked_at);
        let (Some(workspace), Some(token)) = (&answer.workspace, token) else {
            return match foreign {
                Some(at) => self.check_foreign(digest, at + 1, demand, now),
                None => decided(Code::Unknown, Freshness::Strong, answer.as_of, None),
            };
        };
        let Some(owner) = answer.owners.iter().find(|owner| owner.number == token.owner) else {
            return unavailable(demand, now);
        };
        let known = Known {
            token: self.memory.keep_token(key, digest, token.clone(), asked_at),
            owner: self.memory.keep_owner(key, owner.clone(), asked_at),
            workspace: self.memory.keep_workspace(workspace.clone(), asked_at),
        };
        let code = decide(known.facts(), demand, answer.as_of);
        decided(code, Freshness::Strong, answer.as_of, Some(known))
    }

    fn seal_is_wrong(&mut self, token: TokenRef<'_>, now: Moment) -> bool {
        self.memory.seal_keys(token.workspace()).is_some_and(|keys| {
            keys.is_recent(now, SEAL_KEYS_AGE)
                && !keys.item.is_empty()
                && !keys.item.iter().any(|key| token.is_sealed_by(key))
        })
    }

    /// As of when nothing foreign is known to the workspace, where an eventual demand may take memory's word for it. A
    /// stronger one asks, since an import may just have changed that.
    fn without_imports(&mut self, workspace: WorkspaceKey, demand: &Demand, now: Moment) -> Option<Timestamp> {
        if demand.freshness > Freshness::Eventual {
            return None;
        }
        let age = self.limits.eventual_age;
        let held =
            self.memory.workspace(workspace).filter(|held| held.is_recent(now, age) && !held.item.has_imports)?;
        Some(held.asked_at.time)
    }

    fn moment(&mut self, now: Timestamp) -> Moment {
        self.latest = self.latest.next(now);
        self.latest
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

/// A decision that no record could change.
fn certain(code: Code, now: Moment) -> Progress {
    decided(code, Freshness::Strong, now.time, None)
}

fn unavailable(demand: &Demand, now: Moment) -> Progress {
    decided(Code::Unavailable, demand.freshness, now.time, None)
}

fn decided(code: Code, freshness: Freshness, as_of: Timestamp, known: Option<Known>) -> Progress {
    Progress::Decided(Decision { code, freshness, as_of, known })
}

fn ask_ledger(subject: Subject, now: Moment) -> Progress {
    let question = Question { workspace: subject.workspace, digests: Vec::from([subject.digest]) };
    let need = Need::Ledger(question);
    Progress::Fetch(Pending { subject, need, asked_at: now, registry_rounds: REGISTRY_ROUNDS })
}

/// The strictest freshness that the demand, or the workspace for one of its scopes, asks.
fn strictest(demand: &Demand, workspace: &WorkspaceRecord) -> Freshness {
    let asked = demand.scopes().map(|scope| workspace.freshness_of(scope));
    asked.fold(demand.freshness, Ord::max)
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
