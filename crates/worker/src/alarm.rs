//! The alarm of an object: writes the outbox to the registry, builds editions, and runs the ledger's upkeep.
//!
//! The runtime runs one alarm of an object at a time, so writes to the registry never overlap. The alarm never throws,
//! because the runtime abandons a throwing alarm after six attempts, and it always schedules the next alarm for the
//! earliest remaining job. A write with an unknown outcome counts as failed and is repeated: a record may be written
//! twice, but is never lost.

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

/// Concurrent writes: an object may have six connections.
const CONCURRENCY: usize = 6;

/// Batches of writes in one run: well below the platform's limit of a thousand KV operations per invocation.
const ROUNDS: usize = 100;

/// The timeout of one write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// When to try again if the outbox could not be read.
const RETRY: Duration = Duration::from_secs(5);

/// Upkeep steps in one run; each deletes a few hundred rows at most.
const STEPS: usize = 20;

/// Edition steps in one run; each writes one file of a few hundred kilobytes at most.
const EDITION_STEPS: usize = 20;

/// An object's alarm. Reading the runtime's alarm requires an await, and setting it is always a write, so the time is
/// cached here.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// When the alarm runs at the latest; absent if unknown.
    set_to: Cell<Option<Timestamp>>,
    /// Whether nothing was due when the storage was last asked.
    was_idle: Cell<bool>,
}

impl Alarm {
    /// Runs the alarm: writes due records, builds editions, runs upkeep, and schedules the next alarm.
    pub(crate) async fn run(&self, state: &State, env: &Env, ledger: Result<&Ledger<DurableSql>, SqlError>) {
        self.set_to.set(None);
        match ledger {
            Ok(ledger) => {
                if let Err(error) = publish(ledger, env).await {
                    worker::console_error!("the outbox could not be drained: {error}");
                }
                let edition = or_retry("no edition could be built", build_editions(ledger, env).await);
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

    /// Schedules the alarm for the earliest job of the outbox or of an edition, as far as known. Otherwise the alarm
    /// does not change: other jobs are not urgent, and the alarm of the next change that verifiers must see finds them.
    pub(crate) async fn arm(&self, state: &State, ledger: &Ledger<DurableSql>) {
        // Only a write makes something due. Most messages are checks, which write nothing.
        if !ledger.sql().take_has_written() && self.was_idle.get() {
            return;
        }
        let next = ledger.next_due(now());
        self.was_idle.set(matches!(next, Ok(None)));
        self.set(state, or_retry("the time of the next alarm is unknown", next)).await;
    }

    /// Schedules the alarm for this time at the latest. There is no await before the cached time is set.
    async fn set(&self, state: &State, at: Option<Timestamp>) {
        let Some(at) = at.filter(|at| self.set_to.get().is_none_or(|set_to| *at < set_to)) else { return };
        self.set_to.set(Some(at));
        // A plain number would be relative to now. The runtime rejects a time at or before 1970, which a damaged row
        // may contain.
        let scheduled = ScheduledTime::new(Date::new(&(at.max(now()).0 as f64).into()));
        if let Err(error) = state.storage().set_alarm(scheduled).await {
            worker::console_error!("the alarm could not be set: {error}");
            self.set_to.set(None);
        }
    }
}

/// When the next job is due, or a short retry interval if that could not be determined.
fn or_retry(what: &str, next: Result<Option<Timestamp>, SqlError>) -> Option<Timestamp> {
    next.unwrap_or_else(|error| {
        worker::console_error!("{what}: {error}");
        Some(now().plus(as_millis(RETRY)))
    })
}

/// Takes the due steps of editions and returns when the next one is due.
async fn build_editions(ledger: &Ledger<DurableSql>, env: &Env) -> Result<Option<Timestamp>, SqlError> {
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
                worker::console_warn!("the registry rejected {key}: {error}");
                ledger.edition_failed(&step, now())?;
            }
        }
    }
    Ok(Some(now()))
}

/// Takes the due steps of upkeep and returns when the next one is due.
async fn upkeep(ledger: &Ledger<DurableSql>, env: &Env) -> Result<Option<Timestamp>, SqlError> {
    for _ in 0..STEPS {
        match ledger.upkeep(now())? {
            Upkeep::More => {}
            Upkeep::Wait(next) => return Ok(next),
            Upkeep::Release(slug, key) => {
                // If interrupted, both are repeated, which is harmless: the slug stays released, or belongs to another
                // workspace by then.
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
        let due = outbox.due(now(), CONCURRENCY)?;
        if due.is_empty() {
            break;
        }
        let puts = due.iter().map(|put| store(&registry, &put.key, put.value.as_deref()));
        for (put, outcome) in due.iter().zip(join_all(puts).await) {
            match outcome {
                Ok(()) => outbox.done(put, now())?,
                Err(error) => {
                    worker::console_warn!("the registry rejected {}: {error}", put.key);
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

/// Writes a value to the registry, or deletes the key if there is no value.
async fn store(registry: &KvStore, key: &str, value: Option<&[u8]>) -> Result<(), Unreachable> {
    within(TIMEOUT, async {
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
