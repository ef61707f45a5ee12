//! softvisio's `/v1/api-tokens`: its RPC over HTTP and over [a socket](socket).
//!
//! However a message comes, alone or in a batch, over HTTP or a socket, [`methods::answer`] answers it.

#[cfg(fuzzing)]
pub mod fuzzing;
mod methods;
mod permissions;
mod rpc;
mod select;
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
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

use self::rpc::{Reply, Said};
use crate::{
    app::App,
    body::{self, Id},
    credential::{self, Caller},
    ports::Ports,
    problem::{Problem, Told},
};

/// Where the methods are: each below it by its name.
const PATH: &str = "/v1/api-tokens/";

/// The two base paths that its clients are pointed at both take messages that name their method.
pub(super) fn routes<P: Ports>() -> Router<App<P>> {
    Router::new()
        .route("/", post(unnamed::<P>))
        .route("/v1/api-tokens", get(socket_only::<P>).post(unnamed::<P>))
        .route("/v1/api-tokens/", get(socket_only::<P>).post(unnamed::<P>))
        .route("/v1/api-tokens/{method}", get(bare::<P>).post(named::<P>))
}

/// The envelope of a problem.
pub(super) fn refuse(problem: &Problem) -> Response {
    let (_, status) = rpc::verdict(problem);
    in_json(status, rpc::failure(problem, None))
}

/// Opens a socket at the root, to which the clients of a whole deployment are pointed; whoever wants none is led to the
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
        tell(Problem::not_found())
    }
}

/// A call without arguments: its clients send it so.
async fn bare<P: Ports>(State(app): State<App<P>>, Id(method): Id, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    speak(app, Some(method), Request::from_parts(parts, axum::body::Body::empty())).await
}

/// The path names the method; the body is its arguments, or one message or several about them.
async fn named<P: Ports>(State(app): State<App<P>>, Id(method): Id, request: Request) -> Response {
    speak(app, Some(method), request).await
}

/// Each message names its method.
async fn unnamed<P: Ports>(State(app): State<App<P>>, request: Request) -> Response {
    speak(app, None, request).await
}

/// Answers what a request says: one function for all routes.
fn speak<P: Ports>(app: App<P>, method: Option<String>, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let body = body::any_json(Request::new(body)).await;
        let said = match body.and_then(|body| Said::read(body, method.map(|method| format!("{PATH}{method}")))) {
            Ok(said) => said,
            Err(problem) => return tell(problem),
        };
        let address = credential::client_address(&parts.headers);
        let mut caller = enter(parts, &app).await;
        match said {
            Said::One(message) => one(methods::answer(&caller, message).await),
            Said::Many(messages) => {
                let mut replies = Vec::new();
                for message in messages {
                    let reply = methods::answer(&caller, message).await;
                    // Who is not let in with one of them is not with the next either, and nobody is asked again.
                    if let Some(problem) = reply.failed_credential() {
                        caller = Err(problem.clone());
                    }
                    replies.push(reply);
                }
                if replies.iter().any(|reply| reply.failed_credential().is_some()) {
                    // The answer is none that would be counted: it is 200.
                    app.count_failed(address).await;
                }
                many(replies)
            }
        }
    })
}

/// Who sends this. A token may come in `Authorization` without the word `Bearer`, also twice the same.
async fn enter<P: Ports>(mut parts: Parts, app: &App<P>) -> Result<Caller<P>, Problem> {
    for value in parts.headers.iter_mut().filter(|(name, _)| *name == header::AUTHORIZATION).map(|(_, value)| value) {
        let tokens: Vec<&str> = value.to_str().map(|text| text.split(", ").collect()).unwrap_or_default();
        if tokens.iter().any(|token| token.is_empty() || token.contains(' ')) {
            continue;
        }
        let named: Vec<_> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
        if let Ok(named) = HeaderValue::try_from(named.join(", ")) {
            *value = named;
        }
    }
    let text = credential::presented(&parts.headers)?;
    Caller::presenting(&parts, app, text).await
}

/// The answer to a lone message.
fn one(reply: Reply) -> Response {
    let status = reply.status();
    let response = match reply.write() {
        Some(json) => in_json(status, json),
        None => silence(Some(status).filter(StatusCode::is_server_error)),
    };
    log(response, [reply])
}

/// The answers to those of several messages that want one, in a list. That its messages were refused is no failure of
/// the request; that the service failed is.
fn many(replies: Vec<Reply>) -> Response {
    let failed = replies.iter().map(Reply::status).find(StatusCode::is_server_error);
    let answers: Vec<_> = replies.iter().filter_map(Reply::write).collect();
    let response = match rpc::list(&answers) {
        Some(json) => in_json(failed.unwrap_or(StatusCode::OK), json),
        None => silence(failed),
    };
    log(response, replies)
}

/// The answer to what wants none (JSON-RPC 2.0, section 4.1). That the service failed is said all the same.
fn silence(failed: Option<StatusCode>) -> Response {
    failed.unwrap_or(StatusCode::NO_CONTENT).into_response()
}

/// Has the log name the problem that gave the response its status.
fn log(mut response: Response, replies: impl IntoIterator<Item = Reply>) -> Response {
    let status = response.status();
    let problem = replies.into_iter().find(|reply| reply.status() == status).and_then(Reply::into_problem);
    if let Some(problem) = problem {
        response.extensions_mut().insert(Told(problem));
    }
    response
}

/// Tells of a problem, wherever the path leads.
fn tell(problem: Problem) -> Response {
    let mut response = refuse(&problem);
    response.extensions_mut().insert(Told(problem));
    response
}

fn in_json(status: StatusCode, json: Vec<u8>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, headers, json).into_response()
}
