//! The outbox's drain, which publishes what changed to the registry; the making of editions, and the ledger's upkeep.
//!
//! The runtime runs one alarm of an object at a time, hence there is one drain at a time. It never throws, since the
//! runtime gives a throwing alarm up after six tries, and always arms the next alarm for the earliest job left. A put
//! whose outcome is not known counts as failed and is repeated: a record may be written twice, never lost.

use std::{cell::Cell, time::Duration};

use counterfoil_api::{Ports as _, Unreachable};
use counterfoil_ledger::{Ledger, Upkeep, editions, sql::SqlError};
use counterfoil_protocol::{
    Slug,
    directory::{self, Release},
};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;
use futures_util::future::join_all;
use js_sys::Date;
use worker::{Env, ScheduledTime, State, kv::KvStore};

use crate::{
    platform::{now, within},
    ports::WorkerPorts,
    sql::DurableSql,
};

/// Puts under way at once: an object may have six connections.
const WIDTH: usize = 6;

/// Rounds of puts in one run, well below the thousand KV operations that the platform allows an invocation.
const ROUNDS: usize = 100;

/// How long one put may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// When to try again where even the outbox could not be read.
const RETRY: Duration = Duration::from_secs(5);

/// Steps of upkeep in one run; each takes away a few hundred rows at most.
const STEPS: usize = 20;

/// Steps of an edition in one run. Each puts a file of some hundred kilobytes at most, one after the other.
const EDITION_STEPS: usize = 20;

/// An object's alarm. That of the runtime is known only to who waits for an answer, and is written each time it is set; so
/// what it is set to is remembered here too.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// When it goes off, or sooner; absent where that is not known.
    set_to: Cell<Option<Timestamp>>,
}

impl Alarm {
    /// It has gone off: publishes what is due, makes editions of it, looks after what is due of its own accord, and arms
    /// the next.
    pub(crate) async fn run(&self, state: &State, env: &Env, ledger: Result<&Ledger<DurableSql>, SqlError>) {
        self.set_to.set(None);
        match ledger {
            Ok(ledger) => {
                if let Err(error) = publish(ledger, env).await {
                    worker::console_error!("the outbox could not be drained: {error}");
                }
                let edition = or_retry("no edition could be made", make_editions(ledger, env).await);
                let upkeep = or_retry("the ledger's upkeep failed", upkeep(ledger, env).await);
                let record = or_retry("the outbox could not be read", ledger.outbox().next_due(now()));
                self.set(state, [record, edition, upkeep].into_iter().flatten().min()).await;
            }
            Err(error) => {
                worker::console_error!("the ledger could not be opened: {error}");
                self.set(state, Some(now().plus(as_millis(RETRY)))).await;
            }
        }
    }

    /// Arms it for the earliest job in the outbox, or of an edition, as far as that is known. Else it stays as it is: what
    /// else there is to do is found by the alarm of the next change that verifiers must see, and none of it is urgent.
    pub(crate) async fn arm(&self, state: &State, ledger: &Ledger<DurableSql>) {
        self.set(state, or_retry("nobody knows what is to be done next", ledger.next_due(now()))).await;
    }

    /// Sets it to go off then at the latest. No await comes before that.
    async fn set(&self, state: &State, at: Option<Timestamp>) {
        let Some(at) = at.filter(|at| self.set_to.get().is_none_or(|set_to| *at < set_to)) else { return };
        self.set_to.set(Some(at));
        // A bare number would count from now. The runtime refuses a time at or before 1970, which a damaged row may hold.
        let scheduled = ScheduledTime::new(Date::new(&(at.max(now()).0 as f64).into()));
        if let Err(error) = state.storage().set_alarm(scheduled).await {
            worker::console_error!("the alarm could not be set: {error}");
            self.set_to.set(None);
        }
    }
}

/// When a job comes next; soon where that could not be found out.
fn or_retry(what: &str, next: Result<Option<Timestamp>, SqlError>) -> Option<Timestamp> {
    next.unwrap_or_else(|error| {
        worker::console_error!("{what}: {error}");
        Some(now().plus(as_millis(RETRY)))
    })
}

/// Takes the steps of an edition that are due and says when the next one is.
async fn make_editions(ledger: &Ledger<DurableSql>, env: &Env) -> Result<Option<Timestamp>, SqlError> {
    let registry = registry(env)?;
    for _ in 0..EDITION_STEPS {
        let step = ledger.edition_step(now())?;
        let (key, outcome) = match &step {
            editions::Step::More => continue,
            editions::Step::Wait(next) => return Ok(*next),
            editions::Step::Put { key, value, .. } => (key, store(&registry, key, Some(value)).await),
            editions::Step::Delete { key, .. } => (key, store(&registry, key, None).await),
        };
        match outcome {
            Ok(()) => ledger.edition_done(&step, now())?,
            Err(error) => {
                worker::console_warn!("the registry did not take {key}: {error}");
                ledger.edition_failed(&step, now())?;
            }
        }
    }
    Ok(Some(now()))
}

/// Takes the steps of upkeep that are due and says when the next one is.
async fn upkeep(ledger: &Ledger<DurableSql>, env: &Env) -> Result<Option<Timestamp>, SqlError> {
    for _ in 0..STEPS {
        match ledger.upkeep(now())? {
            Upkeep::More => {}
            Upkeep::Wait(next) => return Ok(next),
            Upkeep::Release(slug, key) => {
                // Cut off in between, both are done again: a slug that is released, or another's by now, stays so.
                release(env, slug, key).await.map_err(|error| SqlError::new(error.to_string()))?;
                ledger.forget(now())?;
            }
        }
    }
    Ok(Some(now()))
}

async fn release(env: &Env, slug: Slug, key: WorkspaceKey) -> Result<(), Unreachable> {
    let ports = WorkerPorts::new(env).map_err(|error| Unreachable(error.to_string()))?;
    let request = directory::Request::from(Release { slug, key });
    let request = serde_json::to_vec(&request).map_err(|error| Unreachable(error.to_string()))?;
    let reply = ports.directory(request).await?;
    match directory::decode_reply::<Release>(&reply) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refusal)) => Err(Unreachable(refusal.to_string())),
        Err(error) => Err(Unreachable(error.to_string())),
    }
}

async fn publish(ledger: &Ledger<DurableSql>, env: &Env) -> Result<(), SqlError> {
    let registry = registry(env)?;
    let outbox = ledger.outbox();
    for _ in 0..ROUNDS {
        let due = outbox.due(now(), WIDTH)?;
        if due.is_empty() {
            break;
        }
        let puts = due.iter().map(|put| store(&registry, &put.key, put.value.as_deref()));
        for (put, outcome) in due.iter().zip(join_all(puts).await) {
            match outcome {
                Ok(()) => outbox.done(put, now())?,
                Err(error) => {
                    worker::console_warn!("the registry did not take {}: {error}", put.key);
                    outbox.failed(put, now())?;
                }
            }
        }
    }
    Ok(())
}

fn registry(env: &Env) -> Result<KvStore, SqlError> {
    env.kv("REGISTRY").map_err(|error| SqlError::new(error.to_string()))
}

/// Puts a value into the registry, or deletes the key where there is none.
async fn store(registry: &KvStore, key: &str, value: Option<&[u8]>) -> Result<(), Unreachable> {
    within(PATIENCE, async {
        match value {
            Some(value) => registry.put_bytes(key, value)?.execute().await,
            None => registry.delete(key).await,
        }
    })
    .await
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
