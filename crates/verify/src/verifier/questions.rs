//! What is asked, and of whom, where memory does not suffice.

use alloc::vec::Vec;

use counterfoil_token::{Digest, WorkspaceKey};

use super::state::{Course, LOOKS, Need, Pending, Progress, Subject, Verifier, strictest, unavailable};
use crate::{
    answer::{LeaseQuestion, Question, RegistryKey, Segments, Use},
    asking::{Asking, Verdict, jitter},
    demand::{Demand, Freshness},
    lease::Lease,
    monotonic_time::MonotonicTime,
};

/// How long a check that waits for others lets pass before it looks again, in milliseconds; after so many looks twice as long,
/// and after as many more four times.
const LOOK: u64 = 25;
const LOOKS_EACH: u8 = 8;

/// How long it waits in all, in milliseconds: longer than hosts wait for an answer, so that it mostly ends with one, or with a
/// failure. And how often, where its host does not wait at all.
const LONGEST_WAIT: u64 = 5_000;
const WAITS: u8 = 250;

/// The most uses in one report.
const REPORT: usize = 1_000;

impl Verifier {
    /// What to fetch next, where memory does not suffice.
    pub(super) fn ask(&mut self, subject: Subject, course: Course, demand: &Demand, now: MonotonicTime) -> Progress {
        let workspace = self.memory.workspace(subject.workspace);
        let freshness = workspace.map_or(course.freshness, |held| strictest(course.freshness, demand, held.item));
        if freshness == Freshness::Eventual && course.looks < LOOKS {
            let need = Need::Registry(self.registry_keys(subject, now));
            return self.fetch(subject, need, Course { looks: course.looks + 1, ..course }, now);
        }
        if course.without_ledger {
            return unavailable(demand, now);
        }
        match self.verdict(subject, freshness, course, demand, now) {
            Verdict::Ask => {
                let digests = Vec::from([subject.digest]);
                let need = match freshness {
                    Freshness::Bounded => Need::Lease(self.lease_question(subject.workspace, digests)),
                    _ => {
                        self.count_question();
                        Need::Ledger(Question { workspace: subject.workspace, digests })
                    }
                };
                self.fetch(subject, need, course, now)
            }
            Verdict::Wait => self.wait(subject, course, now),
            // The ledger did not answer lately, and one is trying again: who need not wait for that does not.
            Verdict::WaitForTrial if !demand.or_eventual => self.wait(subject, course, now),
            _ if demand.or_eventual => self.fall_back(subject, course, demand, now),
            _ => unavailable(demand, now),
        }
    }

    pub(super) fn fetch(&self, subject: Subject, need: Need, course: Course, now: MonotonicTime) -> Progress {
        Progress::Fetch(Pending { subject, need, asked_at: now, nth: self.questions, out: 0, course })
    }

    /// Whether the ledger is asked.
    fn verdict(
        &mut self,
        subject: Subject,
        freshness: Freshness,
        course: Course,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Verdict {
        let Subject { workspace, digest, .. } = subject;
        // Its own question has just been answered, but too late.
        if course.late > 0 || self.memory.asking(workspace).is_none() {
            return Verdict::Ask;
        }
        let is_bounded = freshness == Freshness::Bounded;
        let is_covered = is_bounded && self.needs_renewal_only(subject, demand, now);
        let at_once = self.limits.asking_at_once.max(1);
        let Some(asking) = self.memory.asking(workspace) else { return Verdict::Ask };
        let verdict = match asking.verdict(&digest, is_covered, at_once, now) {
            // A strong answer follows from a question of its own.
            Verdict::Wait if !is_bounded => Verdict::Ask,
            verdict => verdict,
        };
        let is_patient =
            course.waits == 0 || course.waits < WAITS && course.waiting_since.is_recent(now, LONGEST_WAIT - 1);
        match verdict {
            // None came in all this time: it asks itself, unless too many do.
            Verdict::Wait if !is_patient && asking.has_room(&digest, at_once, now) => Verdict::Ask,
            Verdict::Wait | Verdict::WaitForTrial if !is_patient => Verdict::Brake,
            Verdict::Wait | Verdict::WaitForTrial if is_bounded && !is_covered => {
                self.memory.with_asking(workspace, |asking| asking.wait_for(digest, now));
                verdict
            }
            verdict => verdict,
        }
    }

    /// Whether any answer to a question for a lease will do, but where it says that this text has changed.
    fn needs_renewal_only(&mut self, subject: Subject, demand: &Demand, now: MonotonicTime) -> bool {
        let Subject { workspace: key, digest, .. } = subject;
        let Some(lease) = self.memory.lease(key).copied().filter(|lease| !lease.is_running(now)) else { return false };
        if !self.memory.workspace(key).is_some_and(|held| held.is_under(&lease)) {
            return false;
        }
        if self.memory.base(key, lease.run).is_some_and(|base| base.tells_text(&digest)) {
            return true;
        }
        let token = self.memory.token(key, digest).filter(|held| !demand.in_full || !held.item.is_brief());
        let owner = token.filter(|held| held.is_under(&lease)).map(|held| held.item.owner);
        owner.is_some_and(|owner| self.memory.owner(key, owner).is_some_and(|held| held.is_under(&lease)))
    }

    fn wait(&mut self, subject: Subject, course: Course, now: MonotonicTime) -> Progress {
        let waiting_since = if course.waits == 0 { now } else { course.waiting_since };
        let look = LOOK << (course.waits / LOOKS_EACH).min(2);
        let course = Course { waits: course.waits.saturating_add(1), waiting_since, ..course };
        self.fetch(subject, Need::Wait(subject.workspace, look), course, now)
    }

    /// Others were asking. What they were told is in memory now, or is asked for.
    pub(super) fn look_again(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        let Pending { subject, course, .. } = *pending;
        if let Some(at) = subject.foreign {
            return self.check_foreign(subject.digest, at, course, demand, now);
        }
        match self.recall(subject, course.freshness, demand, now) {
            Some(decision) => Progress::Decided(decision),
            None => self.go_on(subject, course, demand, now),
        }
    }

    /// A question was answered.
    pub(super) fn succeed(&mut self, workspace: WorkspaceKey, nth: u32) {
        self.if_asking(workspace, |asking| asking.succeed(nth));
    }

    /// Changes how questions fare, where that is known.
    pub(super) fn if_asking(&mut self, workspace: WorkspaceKey, change: impl FnOnce(&mut Asking)) {
        if self.memory.asking(workspace).is_some() {
            self.memory.with_asking(workspace, change);
        }
    }

    /// A question is out no more.
    pub(super) fn settle(&mut self, pending: &Pending) {
        let Pending { subject: Subject { workspace, .. }, out, .. } = *pending;
        if out > 0 {
            self.if_asking(workspace, |asking| asking.settle(out));
        }
    }

    /// A question was not answered, or not so that it can be used.
    pub(super) fn fail(&mut self, workspace: WorkspaceKey, nth: u32, now: MonotonicTime) {
        let (asked, jitter) = (self.questions, jitter(self.seed, workspace));
        self.memory.with_asking(workspace, |asking| asking.fail(nth, asked, now, jitter));
    }

    /// The keys whose values are missing or too old. Which owner is only known once the token's record is.
    fn registry_keys(&mut self, subject: Subject, now: MonotonicTime) -> Vec<RegistryKey> {
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

    pub(super) fn lease_question(&mut self, workspace: WorkspaceKey, digests: Vec<Digest>) -> LeaseQuestion {
        if self.memory.lease(workspace).is_none() {
            self.memory.keep_lease(workspace, Lease::default());
        }
        self.count_question();
        let since = self.memory.lease(workspace).and_then(|lease| lease.position);
        let segments = self.limits.segments.then(|| self.segments_of(workspace));
        LeaseQuestion { workspace, since, digests, uses: Vec::new(), segments }
    }

    fn count_question(&mut self) {
        // It would take centuries to come round.
        self.questions = self.questions.saturating_add(1);
    }

    /// Which segments are gone by.
    fn segments_of(&mut self, workspace: WorkspaceKey) -> Segments {
        let run = self.memory.lease(workspace).map_or(0, |lease| lease.run);
        Segments { manifest: self.memory.base(workspace, run).map(|base| base.edition.manifest) }
    }

    pub(super) fn uses_to_tell(&mut self, workspace: WorkspaceKey, now: MonotonicTime) -> Vec<Use> {
        let is_due = self.memory.lease(workspace).is_some_and(|lease| lease.is_report_due(now));
        let mut uses = Vec::new();
        if is_due && self.limits.count_uses {
            uses = self.memory.take_uses(workspace, REPORT);
        }
        if let (false, Some(lease)) = (uses.is_empty(), self.memory.lease(workspace)) {
            lease.report(now);
        }
        uses
    }
}
