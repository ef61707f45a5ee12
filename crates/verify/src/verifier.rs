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
mod state;

use alloc::vec::Vec;

use counterfoil_token::{Digest, Presented, SealKey, TokenRef, WorkspaceKey};

use self::state::{Course, Found, Stricter, Subject, certain, decided};
pub use self::state::{Decision, Known, Limits, Need, Pending, Progress, Renewal, Supply, Verifier};
use crate::{
    allowance::Allowance,
    answer::{Grant, Question},
    asking::Asking,
    decision::Code,
    demand::{Demand, Freshness},
    memory::Memory,
    monotonic_time::MonotonicTime,
    time::Timestamp,
};

/// How long seal keys may speak against a text without being confirmed, in milliseconds. A new seal secret must have
/// been known to verifiers for this long, as one that is not current yet, before tokens are sealed with it.
const SEAL_KEYS_AGE: u64 = 60_000;

impl Verifier {
    /// A verifier that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let memory = Memory::new(limits.memory);
        Self {
            limits,
            memory,
            snapshots: Vec::new(),
            latest: MonotonicTime::default(),
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
            Need::Lease(_) => (Question::MOST_DIGESTS / together.max(1)).saturating_sub(1),
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

    fn check_ours(&mut self, token: TokenRef<'_>, course: Course, demand: &Demand, now: MonotonicTime) -> Progress {
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
    fn go_on(&mut self, subject: Subject, course: Course, demand: &Demand, now: MonotonicTime) -> Progress {
        match self.look_up(subject, course, demand, now) {
            Some(found) => self.follow(found, subject, course, demand, now),
            None => self.ask(subject, course, demand, now),
        }
    }

    /// Looks a foreign text up in each workspace of the demand in turn, from the `at`th on.
    fn check_foreign(
        &mut self,
        digest: Digest,
        at: usize,
        course: Course,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
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

    fn seal_is_wrong(&mut self, token: TokenRef<'_>, now: MonotonicTime) -> bool {
        self.memory.seal_keys(token.workspace()).is_some_and(|keys| {
            keys.is_recent(now, SEAL_KEYS_AGE)
                && !keys.item.is_empty()
                && !keys.item.iter().any(|key| token.is_sealed_by(key))
        })
    }

    fn moment(&mut self, now: Timestamp) -> MonotonicTime {
        self.latest = self.latest.next(now);
        self.latest
    }
}
