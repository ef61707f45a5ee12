//! Drives the isolate's verifier: fetches what it asks for, many checks at a time.

use std::collections::BTreeMap;

use counterfoil_protocol::command::{self, Records};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Freshness, Grant, LeaseQuestion, Need, Pending, Position, Progress, RegistryKey,
    Supply,
};

use crate::{ledger_client::LedgerClient, ports::Ports};

/// One text to be checked against one demand.
pub(crate) struct Check<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) demand: &'a Demand,
}

/// What was fetched for a round of pending checks. What could not be had is absent.
#[derive(Default)]
struct Fetched {
    values: BTreeMap<String, Option<Vec<u8>>>,
    answers: BTreeMap<WorkspaceKey, Answer>,
    grants: BTreeMap<WorkspaceKey, Grant>,
}

/// What pending checks wait for, each thing once.
#[derive(Default)]
struct AllNeeds {
    keys: Vec<RegistryKey>,
    questions: BTreeMap<WorkspaceKey, Vec<Digest>>,
    /// Checks of one round stand where the verifier stands.
    leases: BTreeMap<WorkspaceKey, (Option<Position>, Vec<Digest>)>,
    /// For how many milliseconds others are waited for.
    wait: Option<u64>,
}

impl<P: Ports> LedgerClient<P> {
    /// Decides about all of them, in their order. Those that need I/O share it: one look at the registry and one
    /// question to each ledger a round.
    pub(crate) async fn decide_all(&self, checks: &[Check<'_>]) -> Vec<Decision> {
        let mut progress = self.begin(checks);
        while progress.iter().any(|progress| matches!(progress, Progress::Fetch(_))) {
            let fetched = self.fetch(&mut progress).await;
            progress = self.proceed(progress, checks, &fetched);
        }
        let decided = |progress| match progress {
            Progress::Decided(decision) => Some(decision),
            Progress::Fetch(_) => None,
        };
        let decisions: Vec<_> = progress.into_iter().filter_map(decided).collect();
        let due = decisions.iter().filter(|decision| decision.renewal_due);
        self.trace.leave_renewals(due.filter_map(|decision| Some(decision.known.as_ref()?.facts().workspace.key)));
        decisions
    }

    /// Has a lease renewed that is past its half, in the background of the request whose turn it is.
    pub(crate) async fn renew(&self, workspace: WorkspaceKey) {
        let renewal = self.app.verifier().renewal(workspace, self.app.ports.now());
        let LeaseQuestion { since, digests, .. } = renewal.question().clone();
        let grant = self.lease(workspace, since, digests).await;
        if grant.is_none() {
            self.seed();
        }
        self.app.verifier().renew(&renewal, grant.as_ref(), self.app.ports.now());
    }

    /// What the ledger grants; nothing where it gives no answer. The caller need not learn why.
    fn lease(
        &self,
        workspace: WorkspaceKey,
        since: Option<Position>,
        digests: Vec<Digest>,
    ) -> impl Future<Output = Option<Grant>> {
        // Its ledgers are near, and who a token is has to be told: segments would not spare a question.
        let question = command::Lease { since, digests, uses: Vec::new(), segments: None };
        let asked = self.ask_as_verifier(workspace, question);
        async move { Some(asked.await.ok()?.read().ok()?.0) }
    }

    fn begin(&self, checks: &[Check<'_>]) -> Vec<Progress> {
        let now = self.app.ports.now();
        let mut verifier = self.app.verifier();
        let mut begin = |check: &Check<'_>| {
            for workspace in check.demand.workspaces() {
                // Deriving keys costs more than a check: only those not known yet.
                if !verifier.knows_seal_keys(*workspace, now) {
                    verifier.trust_seal_keys(*workspace, self.app.config().seal_keys(*workspace), now);
                }
            }
            verifier.check(check.text, check.demand, now)
        };
        checks.iter().map(&mut begin).collect()
    }

    async fn fetch(&self, progress: &mut [Progress]) -> Fetched {
        let mut fetched = Fetched::default();
        let together = progress.iter().filter(|progress| matches!(progress, Progress::Fetch(_))).count();
        for progress in &mut *progress {
            if let Progress::Fetch(pending) = progress {
                self.app.verifier().asking(pending, together);
            }
        }
        let AllNeeds { keys, questions, leases, wait } = wanted(progress);
        // No request of an isolate can wait for what another one fetches: it looks again by a timer of its own. Where it
        // fetches something itself, that is time enough.
        if let Some(milliseconds) = wait.filter(|_| keys.is_empty() && questions.is_empty() && leases.is_empty()) {
            self.app.ports.sleep(milliseconds).await;
        }
        if !keys.is_empty() {
            self.trace.count_registry_reads(keys.len());
            if let Ok(values) = self.app.ports.registry(&keys).await {
                fetched.values.extend(keys.iter().map(RegistryKey::path).zip(values));
            }
        }
        for (workspace, digests) in questions {
            let question = Records { digests };
            // Without an answer the verifier says UNAVAILABLE; the caller need not learn why.
            if let Ok(answer) = self.ask_as_verifier(workspace, question).await.and_then(|reply| reply.read()) {
                fetched.answers.insert(workspace, answer.0);
            } else {
                self.seed();
            }
        }
        for (workspace, (since, digests)) in leases {
            match self.lease(workspace, since, digests).await {
                Some(grant) => _ = fetched.grants.insert(workspace, grant),
                None => self.seed(),
            }
        }
        fetched
    }

    /// A ledger did not answer: when this isolate asks it again, others are not to at the same moment.
    fn seed(&self) {
        let mut seed = [0; 8];
        self.app.ports.random(&mut seed);
        self.app.verifier().seed(u64::from_le_bytes(seed));
    }

    fn proceed(&self, progress: Vec<Progress>, checks: &[Check<'_>], fetched: &Fetched) -> Vec<Progress> {
        let now = self.app.ports.now();
        let mut verifier = self.app.verifier();
        let mut proceed = |(progress, check): (Progress, &Check<'_>)| match progress {
            // What memory said under a lease may not hold any more: others of the batch have been waited for.
            Progress::Decided(decision) if decision.freshness == Freshness::Bounded && decision.code == Code::Valid => {
                verifier.check(check.text, check.demand, now)
            }
            Progress::Decided(decision) => Progress::Decided(decision),
            Progress::Fetch(pending) => {
                let values = registry_values(&pending, fetched);
                let supply = match (pending.need(), &values) {
                    (Need::Registry(_), Some(values)) => Supply::Registry(values),
                    (Need::Ledger(question), _) => {
                        fetched.answers.get(&question.workspace).map_or(Supply::Unavailable, Supply::Ledger)
                    }
                    (Need::Lease(question), _) => {
                        fetched.grants.get(&question.workspace).map_or(Supply::Unavailable, Supply::Lease)
                    }
                    (Need::Wait(..), _) => Supply::Waited,
                    _ => Supply::Unavailable,
                };
                verifier.supply(pending, check.demand, supply, now)
            }
        };
        progress.into_iter().zip(checks).map(&mut proceed).collect()
    }
}

/// Everything that the pending checks wait for.
fn wanted(progress: &[Progress]) -> AllNeeds {
    let mut wanted = AllNeeds::default();
    for progress in progress {
        let Progress::Fetch(pending) = progress else { continue };
        match pending.need() {
            Need::Registry(keys) => add_new(&mut wanted.keys, keys),
            Need::Ledger(question) => {
                add_new(wanted.questions.entry(question.workspace).or_default(), &question.digests);
            }
            Need::Lease(LeaseQuestion { workspace, since, digests, .. }) => {
                let (_, all) = wanted.leases.entry(*workspace).or_insert_with(|| (*since, Vec::new()));
                add_new(all, digests);
            }
            Need::Wait(_, milliseconds) => wanted.wait = wanted.wait.max(Some(*milliseconds)),
        }
    }
    wanted
}

fn add_new<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for item in more {
        if !all.contains(item) {
            all.push(*item);
        }
    }
}

/// The values of the keys that a check waits for, where the registry answered.
fn registry_values(pending: &Pending, fetched: &Fetched) -> Option<Vec<Option<Vec<u8>>>> {
    let Need::Registry(keys) = pending.need() else { return None };
    keys.iter().map(|key| fetched.values.get(&key.path()).cloned()).collect()
}
