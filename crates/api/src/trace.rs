//! What one request did, for its log line.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;
use http::StatusCode;

use crate::{
    http::{Problem, problem::Fault},
    ports::{LogEvent, LogLine, Ports},
};

/// What one request did, for its log line. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<Traced>);

#[derive(Debug)]
pub(crate) struct Traced {
    /// The id in the request's log line and in its response.
    pub(crate) request_id: String,
    /// The origin of the web page that sent it, if it is not the API's own.
    pub(crate) origin: Option<Arc<str>>,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    ledger_calls: AtomicU32,
    registry_reads: AtomicU32,
    /// Whether the request verifies a token or takes rights away. Such requests are accepted from blocked addresses.
    is_urgent: AtomicBool,
    /// Whether the ledger has admitted the request's own token.
    is_admitted: AtomicBool,
    /// Whether the workspace allows the page that sent this to read the answer.
    page_may_read: AtomicBool,
    /// The workspaces whose leases this request must renew after its response.
    renewals: Mutex<Vec<WorkspaceKey>>,
}

impl Deref for Trace {
    type Target = Traced;

    fn deref(&self) -> &Traced {
        &self.0
    }
}

impl Trace {
    pub(crate) fn new(ports: &impl Ports, origin: Option<Arc<str>>) -> Self {
        let mut random = [0; 12];
        ports.random(&mut random);
        let request_id = format!("req_{}", hex::encode(random));
        Self(Arc::new(Traced { request_id, origin, tally: Tally::default() }))
    }

    pub(crate) fn set_urgent(&self, is_urgent: bool) {
        self.tally.is_urgent.store(is_urgent, Relaxed);
    }

    /// Whether the request verifies a token or takes rights away.
    pub(crate) fn is_urgent(&self) -> bool {
        self.tally.is_urgent.load(Relaxed)
    }

    pub(crate) fn count_ledger_call(&self) {
        self.tally.ledger_calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_registry_reads(&self, keys: usize) {
        self.tally.registry_reads.fetch_add(u32::try_from(keys).unwrap_or(u32::MAX), Relaxed);
    }

    /// Records that the ledger admitted the request's own token. True for the first call.
    pub(crate) fn is_first_admission(&self) -> bool {
        !self.tally.is_admitted.swap(true, Relaxed)
    }

    /// Writes the request's log line.
    pub(crate) fn log(
        &self,
        ports: &impl Ports,
        method: &'static str,
        route: Option<String>,
        status: StatusCode,
        problem: Option<Problem>,
        started_at: Timestamp,
    ) {
        // Some problems are reported with a redirect, so the status alone does not tell.
        let has_failed =
            status.is_server_error() || problem.as_ref().is_some_and(|problem| problem.status.is_server_error());
        ports.log(&LogEvent::Answered(LogLine {
            level: if has_failed { "error" } else { "info" },
            request_id: self.request_id.to_string(),
            method,
            route,
            status: status.as_u16(),
            code: problem.as_ref().map(|problem| problem.code.as_str()),
            detail: problem.and_then(|problem| Fault::from(problem).internal),
            ledger_calls: self.tally.ledger_calls.load(Relaxed),
            registry_reads: self.tally.registry_reads.load(Relaxed),
            duration_ms: ports.now().since(started_at),
        }));
    }

    /// Schedules the renewal of these workspaces' leases, after the response.
    pub(crate) fn add_renewals(&self, workspaces: impl Iterator<Item = WorkspaceKey>) {
        self.tally.renewals.lock().unwrap_or_else(PoisonError::into_inner).extend(workspaces);
    }

    pub(crate) fn take_renewals(&self) -> Vec<WorkspaceKey> {
        std::mem::take(&mut self.tally.renewals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The workspace allows the page that sent this to read the response.
    pub(crate) fn allow_page_to_read(&self) {
        self.tally.page_may_read.store(true, Relaxed);
    }

    pub(crate) fn page_may_read(&self) -> bool {
        self.tally.page_may_read.load(Relaxed)
    }
}
