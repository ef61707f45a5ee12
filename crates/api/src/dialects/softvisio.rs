//! softvisio's `/v1/api-tokens`: its RPC over HTTP and over [a WebSocket](socket).
//!
//! [`methods::execute`] executes every message, alone or in a batch, over HTTP or a WebSocket.

mod answers;
#[cfg(fuzzing)]
pub mod fuzzing;
mod methods;
mod permissions;
mod rpc;
mod select;
mod sender;
mod socket;
mod tokens;

pub use socket::{Frame, Upgrade, Wire};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::future::BoxFuture;
use http::{StatusCode, header};

pub(crate) use self::answers::refuse;
use self::{
    answers::{many, one, report},
    methods::PATH,
    rpc::Payload,
    sender::sender,
};
use crate::{
    auth::credential,
    http::{Id, Problem, body},
    ports::Ports,
    state::App,
};

/// Messages that name their method are accepted at both base paths that its clients use.
pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .route("/", post(without_method::<P>))
        .route("/v1/api-tokens", get(socket_only::<P>).post(without_method::<P>))
        .route("/v1/api-tokens/", get(socket_only::<P>).post(without_method::<P>))
        .route("/v1/api-tokens/{method}", get(without_arguments::<P>).post(with_method::<P>))
}

/// Opens a WebSocket at the root, where the clients of a whole deployment connect. Any other request is redirected to the
/// console.
pub(crate) async fn start<P: Ports>(State(app): State<App<P>>, request: Request) -> Response {
    if socket::is_wanted(&request) {
        socket::open(app, request.into_parts().0).await
    } else {
        (StatusCode::FOUND, [(header::LOCATION, "/console/")]).into_response()
    }
}

async fn socket_only<P: Ports>(State(app): State<App<P>>, request: Request) -> Response {
    if socket::is_wanted(&request) {
        socket::open(app, request.into_parts().0).await
    } else {
        report(Problem::not_found())
    }
}

/// A call without arguments: its clients send it as a `GET`.
async fn without_arguments<P: Ports>(State(app): State<App<P>>, Id(method): Id, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    handle(app, Some(method), Request::from_parts(parts, axum::body::Body::empty())).await
}

/// The path names the method. The body holds its arguments, or one or more messages.
async fn with_method<P: Ports>(State(app): State<App<P>>, Id(method): Id, request: Request) -> Response {
    handle(app, Some(method), request).await
}

/// Each message names its method.
async fn without_method<P: Ports>(State(app): State<App<P>>, request: Request) -> Response {
    handle(app, None, request).await
}

/// Answers a request. One function for all routes.
fn handle<P: Ports>(app: App<P>, method: Option<String>, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let body = body::any_json(Request::new(body)).await;
        let payload = match body.and_then(|body| Payload::read(body, method.map(|method| format!("{PATH}{method}")))) {
            Ok(payload) => payload,
            Err(problem) => return report(problem),
        };
        let address = credential::client_address(&parts.headers);
        let mut caller = sender(parts, &app).await;
        match payload {
            Payload::One(message) => one(methods::execute(&caller, message).await),
            Payload::Many(messages) => {
                let mut replies = Vec::new();
                for message in messages {
                    let reply = methods::execute(&caller, message).await;
                    // If the credential is rejected with one message, so it is with the next: the ledger is not queried
                    // again.
                    if let Some(problem) = reply.failed_credential() {
                        caller = Err(problem.clone());
                    }
                    replies.push(reply);
                }
                if replies.iter().any(|reply| reply.failed_credential().is_some()) {
                    // The outermost layer does not count this one: its status is 200.
                    app.count_failed(address).await;
                }
                many(replies)
            }
        }
    })
}
