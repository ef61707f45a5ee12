//! The outermost layer: gives each request an id, renders problems, writes the log line.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue};

use crate::{
    app::App,
    origin,
    ports::{LogLine, Ports},
    problem::Problem,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one request did, for its log line.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// The id under which the request is logged and answered.
    pub(crate) request_id: Arc<str>,
    ledger_calls: Arc<AtomicU32>,
    registry_reads: Arc<AtomicU32>,
    page_may_read: Arc<AtomicBool>,
}

impl Trace {
    fn new(ports: &impl Ports) -> Self {
        let mut random = [0; 12];
        ports.random(&mut random);
        let request_id = format!("req_{}", hex::encode(random)).into();
        Self { request_id, ledger_calls: Arc::default(), registry_reads: Arc::default(), page_may_read: Arc::default() }
    }

    pub(crate) fn count_ledger_call(&self) {
        self.ledger_calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_registry_reads(&self, keys: usize) {
        self.registry_reads.fetch_add(u32::try_from(keys).unwrap_or(u32::MAX), Relaxed);
    }
}

impl Trace {
    /// The workspace allows the page that sent this to read the answer.
    pub(crate) fn let_page_read(&self) {
        self.page_may_read.store(true, Relaxed);
    }
}

/// See the module. What the request brings as `X-Request-Id` is ignored: the log's ids are our own.
pub(crate) async fn trace<P: Ports>(State(app): State<App<P>>, mut request: Request, next: Next) -> Response {
    let trace = Trace::new(&app.ports);
    let started_at = app.ports.now();
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let origin = origin::foreign(request.headers(), request.uri());
    request.extensions_mut().insert(trace.clone());

    let mut response = match origin::preflight(request.method(), request.headers()) {
        Some(granted) => granted,
        None => next.run(request).await,
    };
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        response = problem.render(&trace.request_id);
    }
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    // Nearly every answer holds personal data or a token; none may be kept by a cache.
    response.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

    if let Some(origin) = origin.filter(|_| trace.page_may_read.load(Relaxed)) {
        origin::expose(&origin, response.headers_mut());
    }
    let status = response.status();
    app.ports.log(&LogLine {
        level: if status.is_server_error() { "error" } else { "info" },
        request_id: trace.request_id.to_string(),
        method,
        route,
        status: status.as_u16(),
        code: problem.as_ref().map(|problem| problem.code),
        detail: problem.and_then(|problem| problem.internal),
        ledger_calls: trace.ledger_calls.load(Relaxed),
        registry_reads: trace.registry_reads.load(Relaxed),
        duration_ms: app.ports.now().since(started_at),
    });
    response
}
