//! Waiting until a change counts wherever tokens are checked.
//!
//! A verifier elsewhere may go by what was before until its lease is over. The ledger says in how long no such lease runs
//! any more; the request sleeps for that long, not the ledger, and then the answer says what it waited for. Whoever goes
//! away meanwhile has made the change all the same.

use std::borrow::Cow;

use counterfoil_protocol::rfc3339;
use counterfoil_verify::{Freshness, Timestamp};
use serde::Serialize;

use crate::http::problem::Problem;

/// What a request that waited is told, beside the answer itself.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Waited {
    /// How long that took, in milliseconds.
    ms: u64,
    /// No check of these freshnesses goes by what was before.
    counts_for: [Freshness; 2],
    /// Who may still do so.
    may_still_pass: Vec<Remainder>,
}

/// Who may go by what was before a change, also after the request has waited.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Remainder {
    /// Checks of this freshness.
    freshness: Untold,
    /// For how long, in words; of snapshots a time, the last at which any of them counts.
    until: Cow<'static, str>,
}

/// A freshness whose checks are not told of a change.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Untold {
    /// They read of it in the registry.
    Eventual,
    /// They find it in the next snapshot.
    Snapshot,
}

impl Waited {
    /// What is told after so many milliseconds. Snapshots are passed over where there are none.
    pub(crate) fn new(ms: u64, snapshots_until: Option<Timestamp>) -> Self {
        let copies = "a minute after the change has reached every copy of the registry, which takes about another minute \
                      and is not bounded";
        let eventual = Remainder { freshness: Untold::Eventual, until: copies.into() };
        let snapshot = |until| Remainder { freshness: Untold::Snapshot, until: rfc3339::format(until).into() };
        Self {
            ms,
            counts_for: [Freshness::Strong, Freshness::Bounded],
            may_still_pass: [eventual].into_iter().chain(snapshots_until.map(snapshot)).collect(),
        }
    }

    /// Adds it to an answer, which is a JSON object that says something.
    ///
    /// # Errors
    /// Where the answer is none.
    pub(crate) fn add_to(&self, mut answer: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let internal = |why: String| Problem::internal(why);
        if answer.pop() != Some(b'}') {
            return Err(internal("an answer that is no object cannot say how long it waited".to_owned()));
        }
        answer.extend(b",\"waited\":");
        serde_json::to_writer(&mut answer, self).map_err(|error| internal(error.to_string()))?;
        answer.push(b'}');
        Ok(answer)
    }
}
