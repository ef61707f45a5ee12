//! The outermost layer: assigns each request an id, renders problems, writes the log line.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, Method};

use crate::{
    auth::credential,
    http::{Problem, origin, problem::LoggedProblem},
    layers::envelopes,
    ports::Ports,
    routes,
    state::App,
    trace::Trace,
    usage::BackgroundWork,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The methods that the log names.
static METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// A method's name for the log. Callers can send any string as a method, even a secret, so other names are not logged.
fn name_of(method: &Method) -> &'static str {
    METHODS.iter().find(|known| *known == method).map_or("other", Method::as_str)
}

/// See the module. An `X-Request-Id` of the request is ignored: the log's ids are our own.
pub(crate) async fn trace<P: Ports>(State(app): State<App<P>>, mut request: Request, next: Next) -> Response {
    let trace = Trace::new(&app.ports, origin::foreign(request.headers(), request.uri()));
    let started_at = app.ports.now();
    let method = name_of(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let envelope = envelopes::at(request.uri().path());
    let verifies = route.as_deref().is_some_and(routes::verifies);
    let takes_away = request.method() == Method::DELETE || route.as_deref().is_some_and(routes::takes_away);
    trace.set_urgent(verifies || takes_away);
    let address = credential::client_address(request.headers());
    request.extensions_mut().insert(trace.clone());

    let mut response = match origin::preflight(&request) {
        Some(granted) => granted,
        None => next.run(request).await,
    };
    let told = response.extensions_mut().remove::<LoggedProblem>().map(|LoggedProblem(problem)| problem);
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        response = envelope.map_or_else(|| problem.in_json(&trace.request_id), |envelope| envelope(problem));
    }
    let problem = problem.or(told);
    // Visitors of a page of another origin do not choose what it sends, so their addresses are not blocked for it.
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
    // Nearly every response holds personal data or a token, so none may be cached.
    response.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

    if let Some(origin) = trace.origin.as_deref().filter(|_| trace.page_may_read()) {
        origin::expose(origin, response.headers_mut());
    }
    trace.log(&app.ports, method, route, response.status(), problem, started_at);
    if let Some(background) = BackgroundWork::of(&app, trace.take_renewals()) {
        response.extensions_mut().insert(background);
    }
    response
}
