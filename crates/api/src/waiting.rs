//! Waiting until a change counts wherever tokens are checked.
//!
//! A verifier elsewhere may go by what was before until its lease is over. The ledger says in how long no such lease runs
//! any more; the request sleeps for that long, not the ledger, and then the answer says what it waited for. Whoever goes
//! away meanwhile has made the change all the same.

use counterfoil_verify::Freshness;
use serde::Serialize;

use crate::problem::Problem;

/// What a request that waited is told, beside the answer itself.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Waited {
    /// How long that took, in milliseconds.
    ms: u64,
    /// No check of these freshnesses goes by what was before.
    counts_for: [Freshness; 2],
    /// Who may still do so.
    may_still_pass: [Remainder; 1],
}

/// Who may go by what was before a change, also after the request has waited.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Remainder {
    /// Checks of this freshness.
    freshness: Freshness,
    /// For how long.
    until: &'static str,
}

impl Waited {
    /// Adds it to an answer, which is a JSON object that says something.
    ///
    /// # Errors
    /// Where the answer is none.
    pub(crate) fn add_to(mut answer: Vec<u8>, ms: u64) -> Result<Vec<u8>, Problem> {
        let internal = |why: String| Problem::internal(why);
        let waited = Self {
            ms,
            counts_for: [Freshness::Strong, Freshness::Bounded],
            may_still_pass: [Remainder {
                freshness: Freshness::Eventual,
                until: "a minute after the change has reached every copy of the registry, which takes about another minute \
                        and is not bounded",
            }],
        };
        if answer.pop() != Some(b'}') {
            return Err(internal("an answer that is no object cannot say how long it waited".to_owned()));
        }
        answer.extend(b",\"waited\":");
        serde_json::to_writer(&mut answer, &waited).map_err(|error| internal(error.to_string()))?;
        answer.push(b'}');
        Ok(answer)
    }
}
