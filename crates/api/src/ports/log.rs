//! Log lines.

use serde::Serialize;

/// An event that is logged as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LogEvent {
    /// A request was answered.
    Answered(LogLine),
    /// Uses of tokens were counted and then lost.
    UsesLost(LostUses),
    /// A response ended before it was complete, after its request's line had been written.
    CutOff(CutOff),
}

/// The log line of one request. It names the route's pattern, never the path: a path may carry a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// `error` if the service failed, otherwise `info`.
    pub level: &'static str,
    /// The id that the response carries too.
    pub request_id: String,
    /// The method, or `other` for one that HTTP does not define.
    pub method: &'static str,
    /// The route's pattern; absent if none matched.
    pub route: Option<String>,
    /// The response's status.
    pub status: u16,
    /// The problem's code, if the response was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What happened inside, if the service failed, or why a caller was rejected. Never shown to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many requests were sent to ledgers and the directory.
    pub ledger_calls: u32,
    /// How many registry keys were read; for a snapshot, before its first byte was sent.
    pub registry_reads: u32,
    /// Milliseconds from the request to its response, as far as the clock shows.
    pub duration_ms: u64,
}

/// Logged if uses of tokens were counted and then lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostUses {
    /// `error`.
    pub level: &'static str,
    /// `USES_LOST`.
    pub code: &'static str,
    /// The request id under which they were reported to the ledgers.
    pub request_id: String,
    /// How many uses.
    pub uses: u64,
    /// Why; the first of several reasons.
    pub detail: String,
}

/// Logged if a response ended before it was complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutOff {
    /// `error`.
    pub level: &'static str,
    /// `SNAPSHOT_CUT_OFF`.
    pub code: &'static str,
    /// The id of the request.
    pub request_id: String,
    /// Why.
    pub detail: String,
}
