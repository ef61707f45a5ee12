//! How answers go out over HTTP.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::rpc::{self, RpcReply};
use crate::http::{Problem, problem::LoggedProblem};

/// The envelope of a problem.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let (_, status) = rpc::verdict(problem);
    in_json(status, rpc::failure(problem, None))
}

/// The answer to a lone message.
pub(super) fn one(reply: RpcReply) -> Response {
    let status = reply.status();
    let response = match reply.write() {
        Some(json) => in_json(status, json),
        None => silence(Some(status).filter(StatusCode::is_server_error)),
    };
    log(response, [reply])
}

/// The answers to those of several messages that want one, in a list. That its messages were refused is no failure of
/// the request; that the service failed is.
pub(super) fn many(replies: Vec<RpcReply>) -> Response {
    let failed = replies.iter().map(RpcReply::status).find(StatusCode::is_server_error);
    let answers: Vec<_> = replies.iter().filter_map(RpcReply::write).collect();
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
fn log(mut response: Response, replies: impl IntoIterator<Item = RpcReply>) -> Response {
    let status = response.status();
    let problem = replies.into_iter().find(|reply| reply.status() == status).and_then(RpcReply::into_problem);
    if let Some(problem) = problem {
        response.extensions_mut().insert(LoggedProblem(problem));
    }
    response
}

/// Tells of a problem, wherever the path leads.
pub(super) fn tell(problem: Problem) -> Response {
    let mut response = refuse(&problem);
    response.extensions_mut().insert(LoggedProblem(problem));
    response
}

fn in_json(status: StatusCode, json: Vec<u8>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, headers, json).into_response()
}
