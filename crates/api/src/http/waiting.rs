//! Waiting until a change takes effect everywhere (`wait`).
//!
//! Another verifier may use the previous state until its lease expires. The ledger's reply says in how many milliseconds
//! the last such lease expires. The request, not the ledger, sleeps until then, and the response reports the wait. If the
//! caller disconnects meanwhile, the change has still been made.

use std::borrow::Cow;

use counterfoil_protocol::rfc3339;
use counterfoil_verify::{Freshness, Timestamp};
use serde::Serialize;

use crate::http::problem::Problem;

/// How long the request waited, and where the change has taken effect.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Waited {
    /// How long the request waited, in milliseconds.
    ms: u64,
    /// Freshness levels at which the change has now taken effect.
    counts_for: [Freshness; 2],
    /// Checks that may still use the state before the change.
    may_still_pass: Vec<Remainder>,
}

/// Checks that may still use the state before the change, even after the request has waited.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Remainder {
    /// The freshness level of these checks.
    freshness: Untold,
    /// For how long, in words. For snapshots, the time at which the last of them expires.
    until: Cow<'static, str>,
}

/// A freshness level whose checks do not learn of a change directly.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Untold {
    /// These checks read the change from the registry.
    Eventual,
    /// These checks find the change in the next snapshot.
    Snapshot,
}

impl Waited {
    /// The report of a wait of so many milliseconds. Omits snapshots if there are none.
    pub(crate) fn new(ms: u64, snapshots_until: Option<Timestamp>) -> Self {
        let copies = "one minute after the change has reached every copy of the registry, which usually takes about \
            another minute and has no upper bound";
        let eventual = Remainder { freshness: Untold::Eventual, until: copies.into() };
        let snapshot = |until| Remainder { freshness: Untold::Snapshot, until: rfc3339::format(until).into() };
        Self {
            ms,
            counts_for: [Freshness::Strong, Freshness::Bounded],
            may_still_pass: [eventual].into_iter().chain(snapshots_until.map(snapshot)).collect(),
        }
    }

    /// Adds the report to a response, which must be a JSON object with at least one field.
    ///
    /// # Errors
    ///
    /// If the response is not an object.
    pub(crate) fn add_to(&self, mut answer: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let unreadable = |why: String| Problem::unreadable_reply(why);
        if answer.pop() != Some(b'}') {
            return Err(unreadable(
                "a response that is not an object cannot say how long the request waited".to_owned(),
            ));
        }
        answer.extend(b",\"waited\":");
        serde_json::to_writer(&mut answer, self).map_err(|error| unreadable(error.to_string()))?;
        answer.push(b'}');
        Ok(answer)
    }
}
