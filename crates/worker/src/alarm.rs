//! The outbox's drain: publishes what changed to the registry, until nothing is left.
//!
//! The runtime runs one alarm of an object at a time, hence there is one drain at a time. It never throws, since the
//! runtime gives a throwing alarm up after six tries, and always arms the next alarm for the earliest job left. A put
//! whose outcome is not known counts as failed and is repeated: a record may be written twice, never lost.

use std::time::Duration;

use counterfoil_ledger::{Ledger, outbox::Put, sql::SqlError};
use counterfoil_verify::Timestamp;
use futures_util::future::join_all;
use js_sys::Date;
use worker::{Env, ScheduledTime, State, kv::KvStore};

use crate::{
    ports::{now, within},
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

/// Publishes what is due and arms the next alarm.
pub(crate) async fn drain(state: &State, env: &Env) {
    let opened = DurableSql::new(state).and_then(Ledger::open);
    match opened {
        Ok(ledger) => {
            if let Err(error) = publish(&ledger, env).await {
                worker::console_error!("the outbox could not be drained: {error}");
            }
            arm(state, &ledger).await;
        }
        Err(error) => {
            worker::console_error!("the ledger could not be opened: {error}");
            set_alarm(state, now().plus(as_millis(RETRY))).await;
        }
    }
}

/// Sets the alarm for the earliest job in the outbox, where there is one.
pub(crate) async fn arm(state: &State, ledger: &Ledger<DurableSql>) {
    match ledger.outbox().next_due() {
        Ok(None) => {}
        Ok(Some(due)) => set_alarm(state, due).await,
        Err(error) => {
            worker::console_error!("the outbox could not be read: {error}");
            set_alarm(state, now().plus(as_millis(RETRY))).await;
        }
    }
}

async fn publish(ledger: &Ledger<DurableSql>, env: &Env) -> Result<(), SqlError> {
    let registry = env.kv("REGISTRY").map_err(|error| SqlError::new(error.to_string()))?;
    let outbox = ledger.outbox();
    for _ in 0..ROUNDS {
        let due = outbox.due(now(), WIDTH)?;
        if due.is_empty() {
            break;
        }
        for (put, outcome) in due.iter().zip(join_all(due.iter().map(|put| store(&registry, put))).await) {
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

async fn store(registry: &KvStore, put: &Put) -> Result<(), counterfoil_api::Unreachable> {
    within(PATIENCE, async { registry.put_bytes(&put.key, &put.value)?.execute().await }).await
}

async fn set_alarm(state: &State, at: Timestamp) {
    // A bare number would count from now.
    let at = ScheduledTime::new(Date::new(&(at.0 as f64).into()));
    if let Err(error) = state.storage().set_alarm(at).await {
        worker::console_error!("the alarm could not be set: {error}");
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
