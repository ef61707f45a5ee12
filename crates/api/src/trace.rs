//! The outermost layer: gives each request an id, renders problems, writes the log line.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use counterfoil_token::WorkspaceKey;
use counterfoil_verify::Timestamp;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    app::App,
    credential, envelope, origin,
    ports::{LogLine, Ports},
    problem::{Problem, Told},
    routes,
    usage::Afterwards,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one request did, for its log line. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<Traced>);

#[derive(Debug)]
pub(crate) struct Traced {
    /// The id under which the request is logged and answered.
    pub(crate) request_id: String,
    /// The origin of the web page that sent it, where that is not the API's own.
    pub(crate) origin: Option<Arc<str>>,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    ledger_calls: AtomicU32,
    registry_reads: AtomicU32,
    /// Whether the request has a token verified, or takes rights away: no address is shut for that.
    is_urgent: AtomicBool,
    /// Whether the request's own token was let in.
    is_let_in: AtomicBool,
    /// Whether the workspace allows the page that sent this to read the answer.
    page_may_read: AtomicBool,
    /// The workspaces whose leases it is this request's turn to have renewed.
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

    /// Whether the request has a token verified, or takes rights away.
    pub(crate) fn is_urgent(&self) -> bool {
        self.tally.is_urgent.load(Relaxed)
    }

    pub(crate) fn count_ledger_call(&self) {
        self.tally.ledger_calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_registry_reads(&self, keys: usize) {
        self.tally.registry_reads.fetch_add(u32::try_from(keys).unwrap_or(u32::MAX), Relaxed);
    }

    /// Takes note that the request's own token was let in, and says whether nobody had.
    pub(crate) fn is_first_let_in(&self) -> bool {
        !self.tally.is_let_in.swap(true, Relaxed)
    }

    /// Writes the line of a request that was answered so.
    pub(crate) fn log(
        &self,
        ports: &impl Ports,
        method: &'static str,
        route: Option<String>,
        status: StatusCode,
        problem: Option<Problem>,
        started_at: Timestamp,
    ) {
        // Also where a browser was led on and told.
        let has_failed =
            status.is_server_error() || problem.as_ref().is_some_and(|problem| problem.status.is_server_error());
        ports.log(&LogLine {
            level: if has_failed { "error" } else { "info" },
            request_id: self.request_id.to_string(),
            method,
            route,
            status: status.as_u16(),
            code: problem.as_ref().map(|problem| problem.code),
            detail: problem.and_then(|problem| problem.internal),
            ledger_calls: self.tally.ledger_calls.load(Relaxed),
            registry_reads: self.tally.registry_reads.load(Relaxed),
            duration_ms: ports.now().since(started_at),
        });
    }

    /// The leases of these workspaces are to be renewed once the request is answered.
    pub(crate) fn leave_renewals(&self, workspaces: impl Iterator<Item = WorkspaceKey>) {
        self.tally.renewals.lock().unwrap_or_else(PoisonError::into_inner).extend(workspaces);
    }

    pub(crate) fn take_renewals(&self) -> Vec<WorkspaceKey> {
        std::mem::take(&mut self.tally.renewals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The workspace allows the page that sent this to read the answer.
    pub(crate) fn let_page_read(&self) {
        self.tally.page_may_read.store(true, Relaxed);
    }
}

/// The methods that the log calls by their names.
static METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

/// A method's name for the log. Any text may be a method, a secret too: what is none of HTTP's own is not repeated.
fn name_of(method: &Method) -> &'static str {
    METHODS.iter().find(|known| *known == method).map_or("other", Method::as_str)
}

/// See the module. What the request brings as `X-Request-Id` is ignored: the log's ids are our own.
pub(crate) async fn trace<P: Ports>(State(app): State<App<P>>, mut request: Request, next: Next) -> Response {
    let trace = Trace::new(&app.ports, origin::foreign(request.headers(), request.uri()));
    let started_at = app.ports.now();
    let method = name_of(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let envelope = envelope::at(request.uri().path());
    let verifies = route.as_deref().is_some_and(routes::verifies);
    let takes_away = request.method() == Method::DELETE || route.as_deref().is_some_and(routes::takes_away);
    trace.tally.is_urgent.store(verifies || takes_away, Relaxed);
    let address = credential::client_address(request.headers());
    request.extensions_mut().insert(trace.clone());

    let mut response = match origin::preflight(&request) {
        Some(granted) => granted,
        None => next.run(request).await,
    };
    let told = response.extensions_mut().remove::<Told>().map(|Told(problem)| problem);
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        response = problem.render(&trace.request_id, envelope);
    }
    let problem = problem.or(told);
    // A page of another origin can have its visitors send what it likes.
    let counts = !verifies && trace.origin.is_none();
    if counts && problem.as_ref().is_some_and(Problem::is_failed_credential) {
        app.count_failed(address).await;
    }
    if let Some(problem) = &problem {
        problem.advise(&mut response);
    }
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    // Nearly every answer holds personal data or a token; none may be kept by a cache.
    response.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

    if let Some(origin) = trace.origin.as_deref().filter(|_| trace.tally.page_may_read.load(Relaxed)) {
        origin::expose(origin, response.headers_mut());
    }
    trace.log(&app.ports, method, route, response.status(), problem, started_at);
    if let Some(afterwards) = Afterwards::of(&app, trace.take_renewals()) {
        response.extensions_mut().insert(afterwards);
    }
    response
}
