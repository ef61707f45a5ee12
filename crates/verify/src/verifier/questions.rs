//! What is asked, and of whom, where memory does not suffice.

use alloc::vec::Vec;

use counterfoil_token::{Digest, WorkspaceKey};

use super::{Course, Need, Pending, Progress, Subject, Verifier, strictest, unavailable};
use crate::{
    answer::{LeaseQuestion, Question, RegistryKey, Segments, Use},
    demand::{Demand, Freshness},
    lease::Lease,
    memory::Moment,
};

/// Looks at the registry before the ledger is asked: for the token with its workspace, then for its owner.
pub(super) const LOOKS: u8 = 2;

/// The most uses in one report.
const REPORT: usize = 1_000;

impl Verifier {
    /// What to fetch next, where memory does not suffice.
    pub(super) fn ask(&mut self, subject: Subject, course: Course, demand: &Demand, now: Moment) -> Progress {
        let workspace = self.memory.workspace(subject.workspace);
        let freshness = workspace.map_or(course.freshness, |held| strictest(course.freshness, demand, held.item));
        let need = match freshness {
            Freshness::Eventual if course.looks < LOOKS => Need::Registry(self.registry_keys(subject, now)),
            _ if course.without_ledger => return unavailable(demand, now),
            Freshness::Bounded => {
                if demand.or_eventual && self.memory.lease(subject.workspace).is_some_and(|lease| lease.is_failing(now))
                {
                    return self.fall_back(subject, course, demand, now);
                }
                Need::Lease(self.lease_question(subject.workspace, Vec::from([subject.digest])))
            }
            _ => Need::Ledger(Question { workspace: subject.workspace, digests: Vec::from([subject.digest]) }),
        };
        let looks = course.looks + u8::from(matches!(need, Need::Registry(_)));
        let nth = self.questions;
        Progress::Fetch(Pending { subject, need, asked_at: now, nth, course: Course { looks, ..course } })
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

    pub(super) fn lease_question(&mut self, workspace: WorkspaceKey, digests: Vec<Digest>) -> LeaseQuestion {
        if self.memory.lease(workspace).is_none() {
            self.memory.keep_lease(workspace, Lease::default());
        }
        // It would take centuries to come round.
        self.questions = self.questions.saturating_add(1);
        let since = self.memory.lease(workspace).and_then(|lease| lease.position);
        let segments = self.limits.segments.then(|| self.segments_of(workspace));
        LeaseQuestion { workspace, since, digests, uses: Vec::new(), segments }
    }

    /// Which segments are gone by.
    fn segments_of(&mut self, workspace: WorkspaceKey) -> Segments {
        let run = self.memory.lease(workspace).map_or(0, |lease| lease.run);
        Segments { manifest: self.memory.base(workspace, run).map(|base| base.edition.manifest) }
    }

    pub(super) fn uses_to_tell(&mut self, workspace: WorkspaceKey, now: Moment) -> Vec<Use> {
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
