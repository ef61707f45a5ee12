//! Decisions from what was fetched.

use super::state::{Course, Known, Need, Pending, Progress, Subject, Verifier, decided, unavailable};
use crate::{
    answer::{Answer, Grant, LeaseQuestion, RegistryKey},
    asking::Asking,
    base::Base,
    decision::{Code, Facts, decide},
    demand::{Demand, Freshness},
    lease::is_in_time,
    memory::Source,
    monotonic_time::MonotonicTime,
    record::{Encoded as _, OwnerRecord, TokenRecord, WorkspaceRecord},
};
use counterfoil_token::WorkspaceKey;

/// How often the ledger is asked again whose answer came too late.
const REPEATS: u8 = 2;

impl Verifier {
    /// Keeps what the registry held under a key; nothing where that was nothing, or nothing that belongs there.
    pub(super) fn keep(
        &mut self,
        subject: Subject,
        key: RegistryKey,
        value: Option<&[u8]>,
        asked_at: MonotonicTime,
    ) -> Option<()> {
        let source = Source::registry(asked_at);
        match key {
            RegistryKey::Token(workspace, digest) => {
                let record = TokenRecord::decode(value?).ok()?;
                self.memory.keep_token(workspace, digest, record, source);
            }
            RegistryKey::Owner(workspace, number) => {
                let record = OwnerRecord::decode(value?).ok().filter(|record| record.number == number)?;
                self.memory.keep_owner(workspace, record, source);
            }
            RegistryKey::Workspace(workspace) => {
                let record = WorkspaceRecord::decode(value?).ok().filter(|record| record.key == workspace)?;
                self.memory.keep_workspace(record, source);
            }
            RegistryKey::File(_, name) => self.keep_file(subject, name, value, asked_at)?,
        }
        Some(())
    }

    pub(super) fn after_registry(
        &mut self,
        pending: &Pending,
        complete: bool,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let Pending { subject, course, .. } = *pending;
        if let Some(at) = subject.foreign
            && self.without_imports(subject.workspace, course.freshness, now).is_some()
        {
            return self.check_foreign(subject.digest, at + 1, course, demand, now);
        }
        if !complete {
            return self.ask(subject, course.without_registry(), demand, now);
        }
        if let Some(decision) = self.recall(subject, course.freshness, demand, now) {
            return Progress::Decided(decision);
        }
        self.go_on(subject, course, demand, now)
    }

    /// The decision that follows from the answer to a question for a lease. One that comes too late tells nothing: the
    /// ledger has promised to others that it would not be relied upon any more.
    pub(super) fn decide_under(
        &mut self,
        pending: &Pending,
        grant: &Grant,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let Pending { subject, asked_at, nth, course, .. } = *pending;
        if !is_of(subject.workspace, &grant.answer) {
            return self.get_no_answer(pending, demand, now);
        }
        if grant.answer.workspace.is_none() {
            return self.decide_by(pending, &grant.answer, 0, demand, now);
        }
        match self.take(subject.workspace, grant, nth, asked_at, now) {
            Some(run) => {
                self.keep_others(pending, &grant.answer, run);
                self.decide_by(pending, &grant.answer, run, demand, now)
            }
            None if course.late < REPEATS => {
                self.settle(pending);
                self.ask(subject, Course { late: course.late + 1, ..course }, demand, now)
            }
            None => self.get_no_answer(pending, demand, now),
        }
    }

    /// Takes a lease with all that came with it, and gives its run; nothing where the answer is older than what is known,
    /// or comes when what it grants is over.
    pub(super) fn take(
        &mut self,
        key: WorkspaceKey,
        grant: &Grant,
        nth: u32,
        asked_at: MonotonicTime,
        now: MonotonicTime,
    ) -> Option<u32> {
        let Grant { epoch, since, term, ref answer, ref texts, ref owners, edition } = *grant;
        if !is_of(key, answer) {
            return None;
        }
        let mut lease = self.memory.lease(key).copied().unwrap_or_default();
        let position = grant.position();
        if lease.position.is_some_and(|held| position < held) || !is_in_time(asked_at, term, now) {
            return None;
        }
        let tells_all = lease.position.is_some_and(|held| {
            held == position || held.epoch == epoch && since.is_some_and(|since| since <= held.generation)
        });
        // Of a batch each check is supplied the same answer: the first one takes what it tells, each keeps its own token.
        let is_news = lease.position != Some(position);
        if lease.position.is_some_and(|held| held.epoch != epoch) {
            self.memory.forget(key);
        }
        if !tells_all {
            // Changes may be missing between what is held and this: of what was held nothing counts any more.
            self.runs = self.runs.wrapping_add(1).max(1);
            lease = lease.begin(self.runs);
        }
        // Of another run there is none.
        let base = self.memory.take_base(key, lease.run);
        lease.renew(position, nth, asked_at, answer.as_of, term);
        self.memory.keep_lease(key, lease);
        if let Some(edition) = edition
            && let Some(base) = match base.filter(|base| base.edition == edition) {
                Some(base) if is_news => Some(base.after(grant)),
                None => Base::of(edition, grant, lease.run),
                held => held,
            }
        {
            self.memory.keep_base(key, base);
        }
        self.memory.keep_seal_keys(key, answer.seal_keys.clone(), asked_at);
        let source = Source { asked_at, run: lease.run, generation: answer.generation };
        if is_news {
            texts.iter().for_each(|digest| self.memory.doubt_token(key, *digest));
            owners.iter().for_each(|number| self.memory.doubt_owner(key, *number));
            for (digest, token) in &answer.tokens {
                let Some(token) = token else { continue };
                self.memory.keep_token(key, *digest, token.clone(), source);
            }
            for owner in &answer.owners {
                self.memory.keep_owner(key, owner.clone(), source);
            }
        }
        if let Some(workspace) = &answer.workspace {
            self.memory.keep_workspace(workspace.clone(), source);
        }
        self.succeed(key, nth);
        self.if_asking(key, Asking::end_turn);
        Some(lease.run)
    }

    /// Keeps what was asked for those who wait.
    fn keep_others(&mut self, pending: &Pending, answer: &Answer, run: u32) {
        let Pending { subject: Subject { workspace, .. }, need: Need::Lease(question), asked_at, .. } = pending else {
            return;
        };
        let Some((_, others @ [_, ..])) = question.digests.split_first() else { return };
        let source = Source { asked_at: *asked_at, run, generation: answer.generation };
        for (digest, token) in &answer.tokens {
            if let Some(token) = token
                && others.contains(digest)
            {
                self.memory.keep_token(*workspace, *digest, token.clone(), source);
            }
        }
        for owner in &answer.owners {
            self.memory.keep_owner(*workspace, owner.clone(), source);
        }
    }

    /// The decision that follows from a ledger's answer, whose records are kept as under that run of leases; none where 0.
    pub(super) fn decide_by(
        &mut self,
        pending: &Pending,
        answer: &Answer,
        run: u32,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let Pending { subject: Subject { workspace: key, digest, foreign }, asked_at, nth, course, .. } = *pending;
        if !is_of(key, answer) {
            return self.get_no_answer(pending, demand, now);
        }
        self.succeed(key, nth);
        self.settle(pending);
        self.memory.keep_seal_keys(key, answer.seal_keys.clone(), asked_at);
        // The ledger answers, but cannot read this one. That is no reason not to ask it about others.
        let Some((_, token)) = answer.tokens.iter().find(|(answered, _)| *answered == digest) else {
            return self.do_without_ledger(pending, demand, now);
        };
        let (Some(workspace), Some(token)) = (&answer.workspace, token) else {
            if answer.workspace.is_none() {
                self.end_lease(key);
            }
            return match foreign {
                Some(at) => self.check_foreign(digest, at + 1, course, demand, now),
                None => decided(Code::Unknown, Freshness::Strong, answer.as_of, None),
            };
        };
        let Some(owner) = answer.owners.iter().find(|owner| owner.number == token.owner) else {
            return self.do_without_ledger(pending, demand, now);
        };
        let source = Source { asked_at, run, generation: answer.generation };
        let known = Known {
            token: self.memory.keep_token(key, digest, token.clone(), source),
            owner: self.memory.keep_owner(key, owner.clone(), source),
            workspace: self.memory.keep_workspace(workspace.clone(), source),
        };
        // A yes must follow from the answer, which is of one moment, and what is newer in memory must not speak against it:
        // taken together, records of different moments could let a token pass that was dead at each of them.
        let told = Facts { token, owner, workspace };
        let mut code = decide(told, demand, answer.as_of);
        if code == Code::Valid {
            code = decide(known.facts(), demand, answer.as_of);
        }
        if code == Code::Valid && self.limits.count_uses {
            self.memory.count_use(key, digest, 1, answer.as_of);
        }
        decided(code, Freshness::Strong, answer.as_of, Some(known))
    }

    /// A question for a lease got no answer. Whether its uses have arrived nobody knows: better twice than never.
    pub(super) fn miss(&mut self, question: &LeaseQuestion) {
        if let Some(lease) = self.memory.lease(question.workspace) {
            lease.fail();
        }
        for counted in &question.uses {
            self.memory.count_use(question.workspace, counted.digest, counted.count, counted.last);
        }
    }

    /// The ledger gave no answer, or what is none.
    pub(super) fn get_no_answer(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        self.settle(pending);
        self.fail(pending.subject.workspace, pending.nth, now);
        self.do_without_ledger(pending, demand, now)
    }

    /// Nothing follows from its answer.
    fn do_without_ledger(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        if demand.or_eventual && !pending.course.without_ledger {
            return self.fall_back(pending.subject, pending.course, demand, now);
        }
        unavailable(demand, now)
    }

    /// An eventual answer must do.
    pub(super) fn fall_back(
        &mut self,
        subject: Subject,
        course: Course,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let course = Course { freshness: Freshness::Eventual, without_ledger: true, ..course };
        if let Some(at) = subject.foreign {
            return self.check_foreign(subject.digest, at, course, demand, now);
        }
        match self.recall(subject, course.freshness, demand, now) {
            Some(decision) => Progress::Decided(decision),
            None => self.ask(subject, course, demand, now),
        }
    }
}

/// Whether the answer is that workspace's.
fn is_of(key: WorkspaceKey, answer: &Answer) -> bool {
    answer.key == key && answer.workspace.as_ref().is_none_or(|workspace| workspace.key == key)
}
