//! Drives the isolate's verifier: fetches what it needs, for many checks at a time.

use std::collections::BTreeMap;

use counterfoil_protocol::command::{self, Records};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Freshness, Grant, LeaseQuestion, Need, Pending, Position, Progress, RegistryKey,
    Supply, Timestamp, Verifier,
};

use crate::{ledger_client::LedgerClient, ports::Ports};

/// One token value and the requirement to verify it against.
pub(crate) struct Check<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) demand: &'a Demand,
}

/// What was fetched for a round of pending checks. What could not be fetched is absent.
#[derive(Default)]
struct Fetched {
    values: BTreeMap<String, Option<Vec<u8>>>,
    answers: BTreeMap<WorkspaceKey, Answer>,
    grants: BTreeMap<WorkspaceKey, Grant>,
}

/// What pending checks need, without duplicates.
#[derive(Default)]
struct AllNeeds {
    keys: Vec<RegistryKey>,
    questions: BTreeMap<WorkspaceKey, Vec<Digest>>,
    /// Checks of one round share the verifier's position.
    leases: BTreeMap<WorkspaceKey, (Option<Position>, Vec<Digest>)>,
    /// For how many milliseconds to wait for requests of others.
    wait: Option<u64>,
}

impl<P: Ports> LedgerClient<P> {
    /// Decides all checks, in their order. Checks that need I/O share it: in each round, one read of the registry and one
    /// request to each ledger.
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
        self.trace.add_renewals(due.filter_map(|decision| Some(decision.known.as_ref()?.workspace())));
        decisions
    }

    /// Renews a lease that is past half of its duration, in the background of the request whose turn it is.
    pub(crate) async fn renew(&self, workspace: WorkspaceKey) {
        let renewal = self.app.verifier().renewal(workspace, self.app.ports.now());
        let LeaseQuestion { since, digests, .. } = renewal.question().clone();
        let grant = self.lease(workspace, since, digests).await;
        if grant.is_none() {
            self.seed();
        }
        self.app.verifier().renew(&renewal, grant.as_ref(), self.app.ports.now());
    }

    /// The lease that the ledger grants. `None` if it does not respond: the reason is not the caller's concern.
    fn lease(
        &self,
        workspace: WorkspaceKey,
        since: Option<Position>,
        digests: Vec<Digest>,
    ) -> impl Future<Output = Option<Grant>> {
        // The ledgers are near, and the response must name the token. With segments a request would still be needed.
        let question = command::Lease { since, digests, uses: Vec::new(), segments: None };
        let asked = self.ask_as_verifier(workspace, question);
        async move { Some(asked.await.ok()?.read().ok()?.0) }
    }

    fn begin(&self, checks: &[Check<'_>]) -> Vec<Progress> {
        let now = self.app.ports.now();
        let mut verifier = self.app.verifier();
        let mut begin = |check: &Check<'_>| {
            for workspace in check.demand.workspaces() {
                // Deriving a key costs more than a check, so only missing keys are derived.
                if !verifier.knows_seal_keys(*workspace, now) {
                    verifier.trust_seal_keys(*workspace, self.app.config().seal_keys(*workspace), now);
                }
            }
            begun(&mut verifier, check, now)
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
        // On Workers, a request cannot wait for I/O that another request started. It sleeps on a timer of its own and
        // checks again. If it fetches something itself, that takes long enough.
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
            // Without a response the verifier decides UNAVAILABLE. The reason is not the caller's concern.
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

    /// A ledger did not respond. The new seed spreads retries, so that isolates do not all query it again at once.
    fn seed(&self) {
        let mut seed = [0; 8];
        self.app.ports.random(&mut seed);
        self.app.verifier().seed(u64::from_le_bytes(seed));
    }

    fn proceed(&self, progress: Vec<Progress>, checks: &[Check<'_>], fetched: &Fetched) -> Vec<Progress> {
        let now = self.app.ports.now();
        let mut verifier = self.app.verifier();
        let mut proceed = |(progress, check): (Progress, &Check<'_>)| match progress {
            // Time has passed for the other checks of the batch, so a decision under a lease may be outdated.
            Progress::Decided(decision) if decision.freshness == Freshness::Bounded && decision.code == Code::Valid => {
                begun(&mut verifier, check, now)
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
                let progress = verifier.supply(pending, check.demand, supply, now);
                completed(&mut verifier, progress)
            }
        };
        progress.into_iter().zip(checks).map(&mut proceed).collect()
    }
}

/// Begins a check. If it is decided, the decision has its records.
fn begun(verifier: &mut Verifier, check: &Check<'_>, now: Timestamp) -> Progress {
    let progress = verifier.check(check.text, check.demand, now);
    completed(verifier, progress)
}

fn completed(verifier: &mut Verifier, mut progress: Progress) -> Progress {
    if let Progress::Decided(decision) = &mut progress {
        verifier.complete(decision);
    }
    progress
}

/// Everything that the pending checks need.
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

/// The values of the keys that a check needs, if the registry responded.
fn registry_values(pending: &Pending, fetched: &Fetched) -> Option<Vec<Option<Vec<u8>>>> {
    let Need::Registry(keys) = pending.need() else { return None };
    keys.iter().map(|key| fetched.values.get(&key.path()).cloned()).collect()
}
