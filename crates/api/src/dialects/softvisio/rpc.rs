//! Messages and responses: JSON-RPC 2.0 in softvisio's variant, with its own error codes.

use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::tokens::{IssuedToken, Permission, Row};
use crate::http::{Problem, ProblemCode};

/// The most messages in one batch. Each is a command of its own.
const BATCH: usize = 100;

/// The content of a body or a frame.
#[derive(Debug)]
pub(super) enum Payload {
    One(Message),
    Many(Vec<Message>),
}

/// A call of a method.
#[derive(Debug)]
pub(super) struct Message {
    /// The method, as a path: `/v1/api-tokens/create`. Empty if none is named.
    pub(super) method: String,
    pub(super) params: Vec<Value>,
    pub(super) expects: Expects,
}

/// The response that a message expects.
#[derive(Debug)]
pub(super) enum Expects {
    /// None: it is a notification.
    Nothing,
    /// A response without an id: the body is not a JSON-RPC message but consists of arguments.
    Json,
    /// A response with this id.
    AnswerTo(Value),
}

/// The result of a message.
#[derive(Debug)]
pub(super) struct RpcReply {
    pub(super) expects: Expects,
    pub(super) outcome: Result<MethodResult, Problem>,
}

/// What a method returns.
#[derive(Debug, Default)]
pub(super) struct MethodResult {
    pub(super) data: Option<Data>,
    /// The total number, of which `data` may be a part.
    pub(super) total: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Data {
    Issued(IssuedToken),
    Tokens(Vec<Row>),
    Permissions(Vec<Permission>),
}

impl Payload {
    /// Parses a body. If its path names the method, that takes precedence, and a body that is not a message holds the
    /// arguments.
    ///
    /// # Errors
    /// `INVALID_BODY` if it is not a message but must be one, or if there are too many.
    pub(super) fn read(body: Option<Value>, method: Option<String>) -> Result<Self, Problem> {
        match body {
            Some(Value::Array(items)) if !items.is_empty() && items.iter().all(is_message) => {
                if items.len() > BATCH {
                    return Err(unreadable(format!("A batch can have at most {BATCH} messages.")));
                }
                Ok(Self::Many(items.into_iter().map(|item| Message::of(item, method.clone())).collect()))
            }
            Some(message) if is_message(&message) => Ok(Self::One(Message::of(message, method))),
            other => {
                let no_message = || unreadable("This is not a JSON-RPC 2.0 message.");
                let method = method.ok_or_else(no_message)?;
                Ok(Self::One(Message { method, params: in_list(other), expects: Expects::Json }))
            }
        }
    }
}

impl Message {
    fn of(message: Value, method: Option<String>) -> Self {
        let mut fields = if let Value::Object(fields) = message { fields } else { Map::new() };
        let expects = fields.remove("id").map_or(Expects::Nothing, Expects::AnswerTo);
        let named = || match fields.remove("method") {
            Some(Value::String(method)) => method,
            _ => String::new(),
        };
        let method = method.unwrap_or_else(named);
        Self { method, params: in_list(fields.remove("params")), expects }
    }
}

impl RpcReply {
    /// The response's status over HTTP.
    pub(super) fn status(&self) -> StatusCode {
        self.outcome.as_ref().map_or_else(|problem| code_and_status(problem).1, |_| StatusCode::OK)
    }

    /// The response, if one is expected.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let id = match &self.expects {
            Expects::Nothing => return None,
            Expects::Json => None,
            Expects::AnswerTo(id) => Some(id),
        };
        Some(match &self.outcome {
            Ok(MethodResult { data, total }) => {
                let (data, meta) = (data.as_ref(), Meta { total_rows: *total });
                let outcome = ResultBody { status: 200, status_text: "OK", exception: false, data, meta };
                write(&RpcResponse { jsonrpc: "2.0", result: Some(outcome), error: None, id })
            }
            Err(problem) => failure(problem, id),
        })
    }

    /// The problem with the sender's credential, if that is why the message was not executed.
    pub(super) fn failed_credential(&self) -> Option<&Problem> {
        self.outcome.as_ref().err().filter(|problem| problem.is_failed_credential())
    }

    pub(super) fn into_problem(self) -> Option<Problem> {
        self.outcome.err()
    }
}

/// Renders a problem.
pub(super) fn failure(problem: &Problem, id: Option<&Value>) -> Vec<u8> {
    let (code, status) = code_and_status(problem);
    let data = ErrorData { exception: status == StatusCode::INTERNAL_SERVER_ERROR, meta: Meta::default() };
    let error = ErrorBody { code, message: &problem.detail, data };
    write(&RpcResponse { jsonrpc: "2.0", result: None, error: Some(error), id })
}

/// The responses to a batch; `None` if no message expects one.
pub(super) fn list(answers: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut json = answers.join(&b',');
    json.insert(0, b'[');
    json.push(b']');
    (!answers.is_empty()).then_some(json)
}

/// softvisio's code of a problem, and its status over HTTP. softvisio's -32812 is never used: its clients fail on it over
/// HTTP.
pub(super) fn code_and_status(problem: &Problem) -> (i32, StatusCode) {
    let status = |code, status| (code, StatusCode::from_u16(status).unwrap_or(problem.status));
    match problem.code {
        ProblemCode::NoSuchRoute => return status(-32809, 404),
        ProblemCode::MethodNotAllowed => return status(-32804, 405),
        ProblemCode::InvalidJson | ProblemCode::InvalidBody | ProblemCode::BodyIncomplete => {
            return status(-32807, 400);
        }
        ProblemCode::Disabled
        | ProblemCode::NotYetValid
        | ProblemCode::OwnerSuspended
        | ProblemCode::WorkspaceSuspended => return status(-32813, 401),
        ProblemCode::Malformed
        | ProblemCode::Unknown
        | ProblemCode::Revoked
        | ProblemCode::Expired
        | ProblemCode::SessionEnded => return status(-32815, 401),
        ProblemCode::AmbiguousCredential => return status(-32811, 401),
        // softvisio's own server reports this in the method's result, which has a status in place of a code.
        ProblemCode::UnknownScope => return status(400, 400),
        _ => {}
    }
    match problem.status.as_u16() {
        401 | 403 => status(-32811, 401),
        400 | 422 => status(-32808, 400),
        429 => status(-32802, 429),
        503 => status(-32814, 503),
        other => (other.into(), problem.status),
    }
}

fn unreadable(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidBody, detail)
}

fn is_message(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.contains_key("jsonrpc"))
}

/// The arguments: a value that is not a list is the only argument.
fn in_list(params: Option<Value>) -> Vec<Value> {
    match params {
        None => Vec::new(),
        Some(Value::Array(params)) => params,
        Some(param) => vec![param],
    }
}

#[derive(Serialize)]
struct RpcResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
}

#[derive(Serialize)]
struct ResultBody<'a> {
    status: u16,
    status_text: &'static str,
    exception: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Data>,
    meta: Meta,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: i32,
    message: &'a str,
    data: ErrorData,
}

#[derive(Serialize)]
struct ErrorData {
    exception: bool,
    meta: Meta,
}

/// Its clients fail on a response without it.
#[derive(Default, Serialize)]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_rows: Option<usize>,
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Issued(issued) => issued.serialize(serializer),
            Self::Tokens(rows) => rows.serialize(serializer),
            Self::Permissions(permissions) => permissions.serialize(serializer),
        }
    }
}

/// Every value that is written here has a JSON form.
fn write(envelope: &RpcResponse<'_>) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap_or_default()
}
