//! Drives the isolate's verifier: fetches what it asks for, many checks at a time.

use std::collections::BTreeMap;

use counterfoil_ledger::command::{Actor, Records};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Answer, Decision, Demand, Need, Pending, Progress, RegistryKey, Supply};

use crate::{
    ledger::{Gate, Source, Terms},
    ports::Ports,
};

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
}

impl<P: Ports> Gate<P> {
    /// Decides about all of them, in their order. Those that need I/O share it: one look at the registry and one
    /// question to each ledger a round.
    pub(crate) async fn decide_all(&self, checks: &[Check<'_>]) -> Vec<Decision> {
        let mut progress = self.begin(checks);
        while progress.iter().any(|progress| matches!(progress, Progress::Fetch(_))) {
            let fetched = self.fetch(&progress).await;
            progress = self.proceed(progress, checks, &fetched);
        }
        let decided = |progress| match progress {
            Progress::Decided(decision) => Some(decision),
            Progress::Fetch(_) => None,
        };
        progress.into_iter().filter_map(decided).collect()
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

    async fn fetch(&self, progress: &[Progress]) -> Fetched {
        let mut fetched = Fetched::default();
        let (keys, questions) = needs(progress);
        if !keys.is_empty() {
            self.trace.count_registry_reads(keys.len());
            if let Ok(values) = self.app.ports.registry(&keys).await {
                fetched.values.extend(keys.iter().map(RegistryKey::path).zip(values));
            }
        }
        for (workspace, digests) in questions {
            let question = Records { digests };
            // Without an answer the verifier says UNAVAILABLE; the caller need not learn why.
            if let Ok(answer) = self
                .ask(workspace, Actor::Verifier, Source::default(), Terms::default(), question)
                .await
                .and_then(|reply| reply.read())
            {
                fetched.answers.insert(workspace, answer.0);
            }
        }
        fetched
    }

    fn proceed(&self, progress: Vec<Progress>, checks: &[Check<'_>], fetched: &Fetched) -> Vec<Progress> {
        let now = self.app.ports.now();
        let mut verifier = self.app.verifier();
        let mut proceed = |(progress, check): (Progress, &Check<'_>)| match progress {
            Progress::Decided(decision) => Progress::Decided(decision),
            Progress::Fetch(pending) => {
                let values = registry_values(&pending, fetched);
                let supply = match (pending.need(), &values) {
                    (Need::Registry(_), Some(values)) => Supply::Registry(values),
                    (Need::Ledger(question), _) => {
                        fetched.answers.get(&question.workspace).map_or(Supply::Unavailable, Supply::Ledger)
                    }
                    _ => Supply::Unavailable,
                };
                verifier.supply(pending, check.demand, supply, now)
            }
        };
        progress.into_iter().zip(checks).map(&mut proceed).collect()
    }
}

/// Everything that the pending checks wait for, each thing once.
fn needs(progress: &[Progress]) -> (Vec<RegistryKey>, BTreeMap<WorkspaceKey, Vec<Digest>>) {
    let mut keys: Vec<RegistryKey> = Vec::new();
    let mut questions: BTreeMap<WorkspaceKey, Vec<Digest>> = BTreeMap::new();
    for progress in progress {
        let Progress::Fetch(pending) = progress else { continue };
        match pending.need() {
            Need::Registry(wanted) => add_new(&mut keys, wanted),
            Need::Ledger(question) => add_new(questions.entry(question.workspace).or_default(), &question.digests),
        }
    }
    (keys, questions)
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
