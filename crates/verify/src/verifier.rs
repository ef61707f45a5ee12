//! The one implementation of what a verifier remembers, what it asks, and when it may answer.
//!
//! The machine is sans-IO. [`Verifier::check`] gives either a decision or a [`Pending`] that says what to fetch; the
//! host fetches it and hands it to [`Verifier::supply`], until there is a decision. Nothing is shared between two
//! requests but the memory itself, so a request that its host drops strands no other: where one waits for what another asks,
//! that has an end.
//!
//! Guarantees:
//! - A strong decision follows from a question asked after the check began. Memory can only make it newer.
//! - A bounded decision follows from memory under a lease of the ledger's, or from a question as above. What an answer
//!   that is older than memory says, or one that comes when its own lease is over, counts for nothing.
//! - Of what segments say, only what the ledger vouches for under a lease counts: what changed since is asked.
//! - A yes needs all three records. What is missing, unreadable or out of reach is asked of the ledger, and
//!   [`Code::Unavailable`] where that cannot be had.
//! - A text that was never issued costs no I/O once the workspace's seal keys are known: its seal is wrong.
//! - A ledger that does not answer is asked by one check a back-off, a quarter of a second at first and 2 s at most; the others
//!   are [`Code::Unavailable`], or eventual, at once. A question that is merely out makes nobody unavailable: see
//!   [`Need::Wait`].

mod answers;
mod offline;
mod questions;
mod recall;
mod segments;

use alloc::{sync::Arc, vec::Vec};

use counterfoil_token::{Digest, Presented, SealKey, TokenRef, WorkspaceKey};

use crate::{
    allowance::Allowance,
    answer::{Answer, Grant, LeaseQuestion, Question, RegistryKey},
    asking::Asking,
    decision::{Code, Facts},
    demand::{Demand, Freshness},
    memory::{Memory, Moment},
    record::{OwnerRecord, TokenRecord, WorkspaceRecord},
    time::Timestamp,
    verifier::{
        offline::{Loaded, Stricter},
        questions::LOOKS,
        segments::{FETCHES, Found},
    },
};

/// How much a verifier may hold and spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of records and segments held in memory, about.
    pub memory: usize,
    /// How long eventual answers may come from memory, in milliseconds.
    pub eventual_age: u64,
    /// How many foreign texts never seen before may be looked up in one workspace in a second.
    pub foreign_per_second: u32,
    /// Whether uses of tokens are counted, to be told with questions for leases.
    pub count_uses: bool,
    /// Whether segments are loaded from the registry.
    pub segments: bool,
    /// How many questions for leases of one workspace are out at once, before those who come then wait.
    pub asking_at_once: usize,
}

impl Default for Limits {
    /// 16 MiB; 60 s, the promise of eventual freshness; 100 a second in each workspace; uses are not counted, and no segments loaded; 16 at once.
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            eventual_age: 60_000,
            foreign_per_second: 100,
            count_uses: false,
            segments: false,
            asking_at_once: 16,
        }
    }
}

/// How long seal keys may speak against a text without being confirmed, in milliseconds. A new seal secret must have
/// been known to verifiers for this long, as one that is not current yet, before tokens are sealed with it.
const SEAL_KEYS_AGE: u64 = 60_000;

/// How often the ledger is asked again whose answer came too late.
const REPEATS: u8 = 2;

/// The most texts that a ledger is asked about at once.
const TEXTS: usize = 100;

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
    /// Whether it is this request's turn to have the workspace's lease renewed, in its background: see
    /// [`Verifier::renewal`]. Where it does not, the next one does, a second later.
    pub renewal_due: bool,
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
    /// Of a question to the ledger: which one it is, by their count.
    nth: u32,
    /// By which number it is [out](Verifier::asking), together with others that are asked as one; 0 where it is not.
    out: u32,
    course: Course,
}

/// A question for a lease that nobody waits for.
#[derive(Debug)]
pub struct Renewal {
    question: LeaseQuestion,
    asked_at: Moment,
    nth: u32,
}

/// What a host has to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// These keys of the registry, in this order.
    Registry(Vec<RegistryKey>),
    /// The ledger's answer to this question. A host may put several into one, of one workspace, and supply each with
    /// the one answer.
    Ledger(Question),
    /// The ledger's answer to this question, likewise.
    Lease(LeaseQuestion),
    /// Nothing is to be fetched: others ask already what this waits for. It is to be gone on with after so many milliseconds,
    /// or, where requests may wait for one another, as soon as anything else of this workspace was supplied. It then looks again.
    Wait(WorkspaceKey, u64),
}

/// What a host has fetched.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// The values of the keys asked for, in their order.
    Registry(&'a [Option<Vec<u8>>]),
    /// The ledger's answer.
    Ledger(&'a Answer),
    /// Its answer to a question for a lease.
    Lease(&'a Grant),
    /// It has waited.
    Waited,
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

/// How a check has gone so far.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// How fresh the answer has to be: as demanded, until that cannot be had and need not be.
    freshness: Freshness,
    /// How often the registry was looked at.
    looks: u8,
    /// How much was fetched for what segments say.
    fetches: u8,
    /// How many answers came too late.
    late: u8,
    /// How often it has waited for others, and since when.
    waits: u8,
    waiting_since: Moment,
    /// Whether the ledger gave no answer: it is not asked again.
    without_ledger: bool,
    /// As of when the workspaces asked so far did not know a foreign text, where segments said so.
    unknown: Option<Timestamp>,
}

/// Remembers records and decides. One per isolate.
#[derive(Debug)]
pub struct Verifier {
    limits: Limits,
    memory: Memory,
    snapshots: Vec<Loaded>,
    latest: Moment,
    foreign: Allowance<WorkspaceKey>,
    /// How many runs of leases there were.
    runs: u32,
    /// How many questions to ledgers.
    questions: u32,
    seed: u64,
}

impl Verifier {
    /// A verifier that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let memory = Memory::new(limits.memory);
        Self {
            limits,
            memory,
            snapshots: Vec::new(),
            latest: Moment::default(),
            foreign: Allowance::default(),
            runs: 0,
            questions: 0,
            seed: 0,
        }
    }

    /// Takes a random number: so that it goes back to a ledger that failed at another time than others of a fleet. Here, and not
    /// when the verifier is made, since some hosts have random numbers only later.
    pub fn seed(&mut self, seed: u64) {
        self.seed = seed;
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
        let Ok(presented) = Presented::parse(text) else { return certain(Code::Malformed, now) };
        let mut course = Course::of(demand.freshness);
        if demand.freshness == Freshness::Snapshot {
            match self.decide_offline(&presented, demand, now) {
                Ok(progress) => return progress,
                Err(Stricter(freshness)) => course.freshness = freshness,
            }
        }
        match presented {
            Presented::Ours(token) => self.check_ours(token, course, demand, now),
            Presented::Foreign(foreign) => self.check_foreign(foreign.digest(), 0, course, demand, now),
        }
    }

    /// Goes on with a check. `demand` must be the one that the check began with.
    pub fn supply(&mut self, pending: Pending, demand: &Demand, supply: Supply<'_>, now: Timestamp) -> Progress {
        let now = self.moment(now);
        match (&pending.need, supply) {
            (Need::Ledger(_), Supply::Ledger(answer)) => self.decide_by(&pending, answer, 0, demand, now),
            (Need::Lease(_), Supply::Lease(grant)) => self.decide_under(&pending, grant, demand, now),
            (Need::Registry(keys), Supply::Registry(values)) => {
                let kept = keys.iter().zip(values).filter_map(|(key, value)| {
                    // What can be kept is, though another key's value may be missing.
                    self.keep(pending.subject, *key, value.as_deref(), pending.asked_at)
                });
                let complete = kept.count() == keys.len() && keys.len() == values.len();
                self.after_registry(&pending, complete, demand, now)
            }
            (Need::Registry(keys), _) => {
                for key in keys {
                    self.keep(pending.subject, *key, None, pending.asked_at);
                }
                self.ask(pending.subject, pending.course.without_registry(), demand, now)
            }
            (Need::Wait(..), _) => self.look_again(&pending, demand, now),
            (Need::Ledger(_), _) => self.get_no_answer(&pending, demand, now),
            (Need::Lease(question), _) => {
                self.miss(question);
                self.get_no_answer(&pending, demand, now)
            }
        }
    }

    /// The question by which a workspace's lease is renewed, for the request whose [turn](Decision::renewal_due) it is.
    pub fn renewal(&mut self, workspace: WorkspaceKey, now: Timestamp) -> Renewal {
        let now = self.moment(now);
        let mut question = self.lease_question(workspace, Vec::new());
        question.uses = self.uses_to_tell(workspace, now);
        self.memory.with_asking(workspace, |asking| asking.renew(now, true));
        Renewal { question, asked_at: now, nth: self.questions }
    }

    /// Takes the answer to such a question; `None` where there was none.
    pub fn renew(&mut self, renewal: &Renewal, grant: Option<&Grant>, now: Timestamp) {
        let now = self.moment(now);
        match grant {
            Some(grant) => _ = self.take(renewal.question.workspace, grant, renewal.nth, renewal.asked_at, now),
            None => {
                self.miss(&renewal.question);
                self.fail(renewal.question.workspace, renewal.nth, now);
            }
        }
    }

    /// To be called when what a check waits for is fetched, and not where the check is dropped. Others then need not ask for what
    /// it will bring, and a question for a lease takes uses along that were counted, and texts that others wait to be told of.
    ///
    /// Questions that the host puts `together` into one are told here one after the other, each with how many they are. With
    /// what they take along they ask about no more than 100 texts, or about as many as they are.
    pub fn asking(&mut self, pending: &mut Pending, together: usize) {
        let Pending { subject, need, asked_at, out, .. } = pending;
        let Subject { workspace, digest, .. } = *subject;
        let number = self.questions;
        let mut others = Vec::new();
        let room = match need {
            Need::Lease(_) => (TEXTS / together.max(1)).saturating_sub(1),
            Need::Ledger(_) if self.memory.asking(workspace).is_some_and(Asking::is_failing) => 0,
            _ => return,
        };
        self.memory.with_asking(workspace, |asking| asking.ask(number, digest, room, *asked_at, &mut others));
        if let Need::Lease(question) = need {
            question.digests.append(&mut others);
            question.uses.extend(self.uses_to_tell(workspace, *asked_at));
        }
        *out = number;
    }

    /// Ends the workspace's lease, so that the ledger is asked before anything bounded is answered: for whoever has just
    /// changed something there.
    pub fn end_lease(&mut self, workspace: WorkspaceKey) {
        if let Some(lease) = self.memory.lease(workspace) {
            lease.end(self.questions);
        }
        self.if_asking(workspace, Asking::forget_out);
    }

    fn check_ours(&mut self, token: TokenRef<'_>, course: Course, demand: &Demand, now: Moment) -> Progress {
        let workspace = token.workspace();
        if !demand.workspaces().contains(&workspace) {
            return certain(Code::Unknown, now);
        }
        let subject = Subject { workspace, digest: token.digest(), foreign: None };
        if let Some(decision) = self.recall(subject, course.freshness, demand, now) {
            return Progress::Decided(decision);
        }
        if self.memory.token(workspace, subject.digest).is_none() && self.seal_is_wrong(token, now) {
            return certain(Code::Unknown, now);
        }
        self.go_on(subject, course, demand, now)
    }

    /// Looks where the records are to be had that memory lacks.
    fn go_on(&mut self, subject: Subject, course: Course, demand: &Demand, now: Moment) -> Progress {
        match self.look_up(subject, course, demand, now) {
            Some(found) => self.follow(found, subject, course, demand, now),
            None => self.ask(subject, course, demand, now),
        }
    }

    /// Looks a foreign text up in each workspace of the demand in turn, from the `at`th on.
    fn check_foreign(&mut self, digest: Digest, at: usize, course: Course, demand: &Demand, now: Moment) -> Progress {
        let freshness = course.freshness;
        for (at, workspace) in demand.workspaces().iter().enumerate().skip(at) {
            let subject = Subject { workspace: *workspace, digest, foreign: Some(at) };
            if let Some(decision) = self.recall(subject, freshness, demand, now) {
                return Progress::Decided(decision);
            }
            if self.without_imports(*workspace, freshness, now).is_some() {
                continue;
            }
            let found = self.look_up(subject, course, demand, now);
            if let Some(found @ (Found::Known | Found::Nothing(_))) = found {
                return self.follow(found, subject, course, demand, now);
            }
            let seen = course.fetches > 0 || course.waits > 0 || self.memory.token(*workspace, digest).is_some();
            if !seen && !self.foreign.take(*workspace, self.limits.foreign_per_second, now.time) {
                return certain(Code::RateLimited, now);
            }
            return match found {
                Some(found) => self.follow(found, subject, course, demand, now),
                None => self.ask(subject, course, demand, now),
            };
        }
        let workspaces = demand.workspaces().iter();
        let without_imports = workspaces.filter_map(|workspace| self.without_imports(*workspace, freshness, now));
        match without_imports.chain(course.unknown).min() {
            Some(as_of) => decided(Code::Unknown, freshness, as_of, None),
            None => certain(Code::Unknown, now),
        }
    }

    fn seal_is_wrong(&mut self, token: TokenRef<'_>, now: Moment) -> bool {
        self.memory.seal_keys(token.workspace()).is_some_and(|keys| {
            keys.is_recent(now, SEAL_KEYS_AGE)
                && !keys.item.is_empty()
                && !keys.item.iter().any(|key| token.is_sealed_by(key))
        })
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

impl Renewal {
    /// What to ask.
    #[must_use]
    pub fn question(&self) -> &LeaseQuestion {
        &self.question
    }
}

impl Course {
    fn of(freshness: Freshness) -> Self {
        Self {
            freshness,
            looks: 0,
            fetches: 0,
            late: 0,
            waits: 0,
            waiting_since: Moment::default(),
            without_ledger: false,
            unknown: None,
        }
    }

    /// The same, after a look at the registry that brought nothing: it is not looked at again.
    fn without_registry(self) -> Self {
        Self { looks: LOOKS, fetches: FETCHES, ..self }
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
    Progress::Decided(Decision { code, freshness, as_of, known, renewal_due: false })
}

/// The strictest of this freshness and what the workspace asks for the demand's scopes.
fn strictest(freshness: Freshness, demand: &Demand, workspace: &WorkspaceRecord) -> Freshness {
    let asked = demand.scopes().map(|scope| workspace.freshness_of(scope));
    asked.fold(freshness, Ord::max)
}
