//! What is logged.

use serde::Serialize;

/// Something that is logged, as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LogEvent {
    /// A request was answered.
    Answered(LogLine),
    /// Uses of tokens were counted and then lost.
    UsesLost(LostUses),
    /// An answer ended before it was whole, when its request's line was written already.
    CutOff(CutOff),
}

/// What is logged of one request. It names the route's pattern, never the path: a path may carry a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// `error` where the service failed, else `info`.
    pub level: &'static str,
    /// The id that the answer carried too.
    pub request_id: String,
    /// The method, or `other` for one that HTTP does not define.
    pub method: &'static str,
    /// The route's pattern; absent where none matched.
    pub route: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// The problem's code, where the answer was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What happened inside, where the service failed, or why somebody was not let in. Never shown to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many times a ledger or the directory was asked.
    pub ledger_calls: u32,
    /// How many registry keys were read; of a snapshot, before the first of it was sent.
    pub registry_reads: u32,
    /// Milliseconds from the request to its answer, as far as the clock tells.
    pub duration_ms: u64,
}

/// What is logged where uses of tokens were counted and then lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostUses {
    /// `error`.
    pub level: &'static str,
    /// `USES_LOST`.
    pub code: &'static str,
    /// The id under which the ledgers were told of them.
    pub request_id: String,
    /// How many uses.
    pub uses: u64,
    /// Why; of several reasons the first.
    pub detail: String,
}

/// What is logged where an answer ended before it was whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutOff {
    /// `error`.
    pub level: &'static str,
    /// `SNAPSHOT_CUT_OFF`.
    pub code: &'static str,
    /// The id of the request that was answered so.
    pub request_id: String,
    /// Why.
    pub detail: String,
}
