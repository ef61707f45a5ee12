//! Decisions from fetched data.

use super::state::{CheckState, Known, Need, Pending, Progress, Subject, Verifier, decided, unavailable};
use crate::{
    answer::{Answer, Grant, LeaseQuestion, RegistryKey},
    base::Base,
    decision::{Code, Facts, decide},
    demand::{Demand, Freshness},
    lease::is_in_time,
    ledger_queries::LedgerQueries,
    monotonic_time::MonotonicTime,
    record::{Encoded as _, OwnerRecord, TokenRecord, WorkspaceRecord},
    record_cache::Source,
};
use counterfoil_token::WorkspaceKey;

/// How often the ledger is queried again after a response that came too late.
const REPEATS: u8 = 2;

impl Verifier {
    /// Caches the registry's value of a key. `None` if there is no value, or it is not the record that belongs there.
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
                self.cache.keep_token(workspace, digest, record, source);
            }
            RegistryKey::Owner(workspace, number) => {
                let record = OwnerRecord::decode(value?).ok().filter(|record| record.number == number)?;
                self.cache.keep_owner(workspace, record, source);
            }
            RegistryKey::Workspace(workspace) => {
                let record = WorkspaceRecord::decode(value?).ok().filter(|record| record.key == workspace)?;
                self.cache.keep_workspace(record, source);
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
        let Pending { subject, state, .. } = *pending;
        if let Some(at) = subject.foreign
            && self.without_imports(subject.workspace, state.freshness, now).is_some()
        {
            return self.check_foreign(subject.digest, at + 1, state, demand, now);
        }
        if !complete {
            return self.ask(subject, state.without_registry(), demand, now);
        }
        if let Some(decision) = self.decide_from_cache(subject, state.freshness, demand, now) {
            return Progress::Decided(decision);
        }
        self.fetch_missing(subject, state, demand, now)
    }

    /// The decision that follows from the response to a lease question. A response that arrives too late is not used:
    /// the ledger has assured other callers that it no longer would be.
    pub(super) fn decide_under(
        &mut self,
        pending: &Pending,
        grant: &Grant,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let Pending { subject, asked_at, nth, state, .. } = *pending;
        if !is_of(subject.workspace, &grant.answer) {
            return self.after_failed_query(pending, demand, now);
        }
        if grant.answer.workspace.is_none() {
            return self.decide_by(pending, &grant.answer, 0, demand, now);
        }
        match self.apply_grant(subject.workspace, grant, nth, asked_at, now) {
            Some(run) => {
                self.keep_for_waiting_checks(pending, &grant.answer, run);
                self.decide_by(pending, &grant.answer, run, demand, now)
            }
            None if state.late < REPEATS => {
                self.settle(pending);
                self.ask(subject, CheckState { late: state.late + 1, ..state }, demand, now)
            }
            None => self.after_failed_query(pending, demand, now),
        }
    }

    /// Takes a lease and everything that came with it, and returns its run. `None` if the response is older than the
    /// cache, or arrives after the lease that it grants has expired.
    pub(super) fn apply_grant(
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
        let mut lease = self.cache.lease(key).copied().unwrap_or_default();
        let position = grant.position();
        if lease.position.is_some_and(|held| position < held) || !is_in_time(asked_at, term, now) {
            return None;
        }
        let is_complete = lease.position.is_some_and(|held| {
            held == position || held.epoch == epoch && since.is_some_and(|since| since <= held.generation)
        });
        // Each check of a batch is supplied the same response. The first one applies the changes; each caches its own
        // token.
        let is_news = lease.position != Some(position);
        if lease.position.is_some_and(|held| held.epoch != epoch) {
            self.cache.forget_workspace(key);
        }
        if !is_complete {
            // Changes between the cached state and this response may be missing: no cached record is covered any more.
            self.runs = self.runs.wrapping_add(1).max(1);
            lease = lease.begin(self.runs);
        }
        // `None` if the run is another.
        let base = self.cache.take_base(key, lease.run);
        lease.renew(position, nth, asked_at, answer.as_of, term);
        self.cache.keep_lease(key, lease);
        if let Some(edition) = edition
            && let Some(base) = match base.filter(|base| base.edition == edition) {
                Some(base) if is_news => Some(base.after(grant)),
                None => Base::of(edition, grant, lease.run),
                held => held,
            }
        {
            self.cache.keep_base(key, base);
        }
        self.cache.keep_seal_keys(key, answer.seal_keys.clone(), asked_at);
        let source = Source { asked_at, run: lease.run, generation: answer.generation };
        if is_news {
            texts.iter().for_each(|digest| self.cache.invalidate_token(key, *digest));
            owners.iter().for_each(|number| self.cache.invalidate_owner(key, *number));
            for (digest, token) in &answer.tokens {
                let Some(token) = token else { continue };
                self.cache.keep_token(key, *digest, token.clone(), source);
            }
            for owner in &answer.owners {
                self.cache.keep_owner(key, owner.clone(), source);
            }
        }
        if let Some(workspace) = &answer.workspace {
            self.cache.keep_workspace(workspace.clone(), source);
        }
        self.succeed(key, nth);
        self.if_queried(key, LedgerQueries::end_renewal);
        Some(lease.run)
    }

    /// Caches the tokens that were queried for waiting checks.
    fn keep_for_waiting_checks(&mut self, pending: &Pending, answer: &Answer, run: u32) {
        let Pending { subject: Subject { workspace, .. }, need: Need::Lease(question), asked_at, .. } = pending else {
            return;
        };
        let Some((_, others @ [_, ..])) = question.digests.split_first() else { return };
        let source = Source { asked_at: *asked_at, run, generation: answer.generation };
        for (digest, token) in &answer.tokens {
            if let Some(token) = token
                && others.contains(digest)
            {
                self.cache.keep_token(*workspace, *digest, token.clone(), source);
            }
        }
        for owner in &answer.owners {
            self.cache.keep_owner(*workspace, owner.clone(), source);
        }
    }

    /// The decision that follows from a ledger's response. Its records are cached as covered by that lease run; by none
    /// if 0.
    pub(super) fn decide_by(
        &mut self,
        pending: &Pending,
        answer: &Answer,
        run: u32,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let Pending { subject: Subject { workspace: key, digest, foreign }, asked_at, nth, state, .. } = *pending;
        if !is_of(key, answer) {
            return self.after_failed_query(pending, demand, now);
        }
        self.succeed(key, nth);
        self.settle(pending);
        self.cache.keep_seal_keys(key, answer.seal_keys.clone(), asked_at);
        // The ledger answers, but cannot read this record. That is no reason to stop querying it for other tokens.
        let Some((_, token)) = answer.tokens.iter().find(|(answered, _)| *answered == digest) else {
            return self.fall_back_or_unavailable(pending, demand, now);
        };
        let (Some(workspace), Some(token)) = (&answer.workspace, token) else {
            if answer.workspace.is_none() {
                self.end_lease(key);
            }
            return match foreign {
                Some(at) => self.check_foreign(digest, at + 1, state, demand, now),
                None => decided(Code::Unknown, Freshness::Strong, answer.as_of, None),
            };
        };
        let Some(owner) = answer.owners.iter().find(|owner| owner.number == token.owner) else {
            return self.fall_back_or_unavailable(pending, demand, now);
        };
        let source = Source { asked_at, run, generation: answer.generation };
        let known = Known::of(
            self.cache.keep_token(key, digest, token.clone(), source),
            self.cache.keep_owner(key, owner.clone(), source),
            self.cache.keep_workspace(workspace.clone(), source),
        );
        // `VALID` must follow from the response, which is of one moment, and no newer cached record may contradict it.
        // Combining records of different moments could make a token valid that was invalid at each of them.
        let mut code = decide(Facts { token, owner, workspace }, demand, answer.as_of);
        if code == Code::Valid {
            code = known.facts().map_or(Code::Unavailable, |facts| decide(facts, demand, answer.as_of));
        }
        if code == Code::Valid && self.limits.count_uses {
            self.cache.count_use(key, digest, 1, answer.as_of);
        }
        decided(code, Freshness::Strong, answer.as_of, Some(known))
    }

    /// A lease question got no response. It is unknown whether its uses arrived, so they are counted again: twice is
    /// better than never.
    pub(super) fn lease_question_failed(&mut self, question: &LeaseQuestion) {
        if let Some(lease) = self.cache.lease(question.workspace) {
            lease.report_failed();
        }
        for counted in &question.uses {
            self.cache.count_use(question.workspace, counted.digest, counted.count, counted.last);
        }
    }

    /// The ledger gave no response, or an invalid one.
    pub(super) fn after_failed_query(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        self.settle(pending);
        self.fail(pending.subject.workspace, pending.nth, now);
        self.fall_back_or_unavailable(pending, demand, now)
    }

    /// Ends the check without the ledger, whose response does not decide it.
    fn fall_back_or_unavailable(&mut self, pending: &Pending, demand: &Demand, now: MonotonicTime) -> Progress {
        if demand.or_eventual && !pending.state.without_ledger {
            return self.fall_back(pending.subject, pending.state, demand, now);
        }
        unavailable(demand, now)
    }

    /// Continues with eventual freshness, without the ledger.
    pub(super) fn fall_back(
        &mut self,
        subject: Subject,
        state: CheckState,
        demand: &Demand,
        now: MonotonicTime,
    ) -> Progress {
        let state = CheckState { freshness: Freshness::Eventual, without_ledger: true, ..state };
        if let Some(at) = subject.foreign {
            return self.check_foreign(subject.digest, at, state, demand, now);
        }
        match self.decide_from_cache(subject, state.freshness, demand, now) {
            Some(decision) => Progress::Decided(decision),
            None => self.ask(subject, state, demand, now),
        }
    }
}

/// Whether the response is from that workspace's ledger.
fn is_of(key: WorkspaceKey, answer: &Answer) -> bool {
    answer.key == key && answer.workspace.as_ref().is_none_or(|workspace| workspace.key == key)
}
