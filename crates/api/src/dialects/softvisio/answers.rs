//! Responses over HTTP.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::rpc::{self, RpcReply};
use crate::http::{Problem, problem::LoggedProblem};

/// Renders a problem.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let (_, status) = rpc::code_and_status(problem);
    in_json(status, rpc::failure(problem, None))
}

/// The response to a single message.
pub(super) fn one(reply: RpcReply) -> Response {
    let status = reply.status();
    let response = match reply.write() {
        Some(json) => in_json(status, json),
        None => no_response(Some(status).filter(StatusCode::is_server_error)),
    };
    log(response, [reply])
}

/// The responses to the messages of a batch that expect one, as a list. Rejected messages are no failure of the request;
/// a failure of the service is.
pub(super) fn many(replies: Vec<RpcReply>) -> Response {
    let failed = replies.iter().map(RpcReply::status).find(StatusCode::is_server_error);
    let answers: Vec<_> = replies.iter().filter_map(RpcReply::write).collect();
    let response = match rpc::list(&answers) {
        Some(json) => in_json(failed.unwrap_or(StatusCode::OK), json),
        None => no_response(failed),
    };
    log(response, replies)
}

/// The response if no message expects one (JSON-RPC 2.0, section 4.1). A failure of the service is reported all the same.
fn no_response(failed: Option<StatusCode>) -> Response {
    failed.unwrap_or(StatusCode::NO_CONTENT).into_response()
}

/// Attaches, for the log, the problem that determined the response's status.
fn log(mut response: Response, replies: impl IntoIterator<Item = RpcReply>) -> Response {
    let status = response.status();
    let problem = replies.into_iter().find(|reply| reply.status() == status).and_then(RpcReply::into_problem);
    if let Some(problem) = problem {
        response.extensions_mut().insert(LoggedProblem(problem));
    }
    response
}

/// A response that reports a problem in this dialect's format, whatever the path.
pub(super) fn report(problem: Problem) -> Response {
    let mut response = refuse(&problem);
    response.extensions_mut().insert(LoggedProblem(problem));
    response
}

fn in_json(status: StatusCode, json: Vec<u8>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, headers, json).into_response()
}
