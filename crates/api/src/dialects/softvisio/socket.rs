//! Messages over a WebSocket.
//!
//! A request to open one becomes a response that carries an [`Upgrade`], which knows the caller and answers frames. The
//! Worker's shell creates the socket and passes it in as a [`Wire`]; it decides nothing.
//!
//! The ledger must admit the token before a socket opens. A socket is not a session: it keeps only the credential that
//! opened it, and the ledger authorizes each message again, like a request. If the token has been revoked, or the page's
//! origin is no longer allowed, the next message is rejected and the socket is closed. A cookie is not accepted: unlike
//! `fetch`, a page of any origin may open a WebSocket and read the messages.
//!
//! The resources of one connection are bounded: it has a limited number of frames in progress, each of which executes one
//! message after the other, and further frames are rejected immediately.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use counterfoil_protocol::command::{Actor, ReadSelf, ReadWorkspace};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{
    answers::report,
    methods,
    rpc::{Message, Payload, RpcReply, code_and_status, failure, list},
    sender::sender,
};
use crate::{
    http::{Problem, ProblemCode, body},
    ports::Ports,
    state::App,
    trace::Trace,
    usage::BackgroundWork,
};

/// The sub-protocol. Clients offer the token as another sub-protocol, which is never echoed.
const PROTOCOL: &str = "jsonrpc_2.0";

/// The largest frame, in bytes.
const MAX_FRAME: usize = 64 * 1024;

/// The most frames of one connection in progress at a time.
const WIDTH: usize = 32;

/// What the log line of a message has in place of the request's method and route.
const MESSAGE: &str = "message";
const ROUTE: &str = "/v1/api-tokens/{method}";

/// Codes of RFC 6455, section 7.4.1.
const NORMAL: u16 = 1000;
const UNSUPPORTED: u16 = 1003;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// A frame that a socket receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Anything else.
    Binary,
}

/// An open socket. If it is broken, what is sent is lost, and no more frames arrive.
pub trait Wire<P> {
    /// The next frame; `None` if there will be no more.
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>>;

    /// Sends text.
    fn send(&mut self, text: &str);

    /// Closes the socket, with a status code and a reason of at most 123 bytes.
    fn close(&mut self, code: u16, reason: &str);

    /// Lets work continue in the background of the request that opened the socket.
    fn go_on(&mut self, background: BackgroundWork<P>);
}

/// The connection to open, in the extensions of a response with status 101.
#[derive(Clone)]
pub struct Upgrade<P> {
    app: App<P>,
    /// The request that asked for it.
    parts: Arc<Parts>,
    /// The origin of the page that asked, if it is not the API's own.
    origin: Option<Arc<str>>,
}

/// Whether a request asks for a WebSocket (RFC 6455, section 4.2.1).
pub(super) fn is_wanted(request: &Request) -> bool {
    let protocol = request.headers().get(header::UPGRADE);
    request.method() == Method::GET
        && protocol.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers a request for a WebSocket.
pub(super) fn open<P: Ports>(app: App<P>, mut parts: Parts) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let Some(trace) = parts.extensions.get::<Trace>().cloned() else {
            return report(Problem::internal("the request has no trace"));
        };
        let is_offered = take_protocols(&mut parts.headers);
        parts.headers.remove(header::COOKIE);
        if let Err(problem) = check(parts.clone(), &app).await {
            // A page that is not allowed always gets 403, so that it cannot test credentials.
            let is_pages = trace.origin.is_some() && !problem.status.is_server_error();
            let mut response = report(problem);
            if is_pages {
                *response.status_mut() = StatusCode::FORBIDDEN;
            }
            return response;
        }
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        if is_offered {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        response.extensions_mut().insert(Upgrade { app, parts: Arc::new(parts), origin: trace.origin.clone() });
        response
    })
}

/// Moves offered sub-protocols that are credentials to `Authorization`, and returns whether ours is offered.
fn take_protocols(headers: &mut HeaderMap) -> bool {
    let mut is_offered = false;
    let mut tokens = Vec::new();
    for value in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        let offered = value.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in offered.filter(|name| !name.is_empty()) {
            if name == PROTOCOL {
                is_offered = true;
            } else if let Ok(token) = HeaderValue::try_from(format!("Bearer {name}")) {
                tokens.push(token);
            }
        }
    }
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    for token in tokens {
        headers.append(header::AUTHORIZATION, token);
    }
    is_offered
}

/// Checks with the ledger that it admits the credential and, if there is one, the page.
async fn check<P: Ports>(parts: Parts, app: &App<P>) -> Result<(), Problem> {
    let caller = sender(parts, app).await?;
    match caller.actor {
        // The root token is no member's token, and no page acts with it.
        Actor::Root => caller.ask(ReadWorkspace {}).await.map(drop),
        _ => caller.ask(ReadSelf {}).await.map(drop),
    }
}

/// The result of a frame.
#[derive(Default)]
struct FrameAnswer {
    /// The response, if one is expected.
    text: Option<String>,
    /// Whether the credential that opened the socket is no longer admitted.
    closes: bool,
}

impl<P: Ports> Upgrade<P> {
    /// Answers frames until the socket is closed. Frames in progress are then cancelled.
    pub async fn run(self, mut wire: impl Wire<P>) {
        let mut work: Vec<BoxFuture<'static, FrameAnswer>> = Vec::new();
        let end = poll_fn(|context| {
            while let Poll::Ready(frame) = wire.poll_frame(context) {
                match frame {
                    None => return Poll::Ready((NORMAL, "")),
                    Some(Frame::Binary) => return Poll::Ready((UNSUPPORTED, "Only text frames are accepted.")),
                    Some(Frame::Text(text)) if text.len() > MAX_FRAME => {
                        return Poll::Ready((TOO_BIG, "A frame can have at most 65536 bytes."));
                    }
                    Some(Frame::Text(text)) => work.push(self.clone().answer(text, work.len() < WIDTH)),
                }
            }
            let (before, mut closes) = (work.len(), false);
            work.retain_mut(|answer| match answer.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(outcome) => {
                    outcome.text.iter().for_each(|text| wire.send(text));
                    closes |= outcome.closes;
                    false
                }
            });
            if closes {
                return Poll::Ready((POLICY, "The token is no longer valid."));
            }
            if work.len() < before
                && let Some(background) = BackgroundWork::of(&self.app, Vec::new())
            {
                wire.go_on(background);
            }
            Poll::Pending
        });
        let (code, reason) = end.await;
        wire.close(code, reason);
    }

    /// The response to a frame, if one is expected.
    fn answer(self, text: String, has_room: bool) -> BoxFuture<'static, FrameAnswer> {
        Box::pin(async move {
            let mut closes = false;
            let json = match body::parse(text.as_bytes()).and_then(|body| Payload::read(Some(body), None)) {
                Err(problem) => {
                    let json = failure(&problem, None);
                    let (trace, now) = (self.trace(), self.app.ports.now());
                    trace.log(&self.app.ports, MESSAGE, route(), code_and_status(&problem).1, Some(problem), now);
                    Some(json)
                }
                Ok(Payload::One(message)) => {
                    let reply = self.reply(message, has_room).await;
                    closes = reply.failed_credential().is_some();
                    reply.write()
                }
                Ok(Payload::Many(messages)) => {
                    let mut replies = Vec::new();
                    for message in messages {
                        let reply = self.reply(message, has_room).await;
                        replies.extend(reply.write());
                        // The socket closes, so the remaining messages are not executed.
                        if reply.failed_credential().is_some() {
                            closes = true;
                            break;
                        }
                    }
                    list(&replies)
                }
            };
            FrameAnswer { text: json.and_then(|json| String::from_utf8(json).ok()), closes }
        })
    }

    /// Executes one message.
    async fn reply(&self, message: Message, has_room: bool) -> RpcReply {
        let (trace, started_at) = (self.trace(), self.app.ports.now());
        let reply = if has_room {
            let mut parts = Parts::clone(&self.parts);
            parts.extensions.insert(trace.clone());
            methods::execute(&sender(parts, &self.app).await, message).await
        } else {
            let detail =
                format!("A connection can have at most {WIDTH} messages in progress at a time. Wait for a response.");
            let problem = Problem::new(ProblemCode::RateLimited, detail);
            RpcReply { expects: message.expects, outcome: Err(problem) }
        };
        let problem = reply.outcome.as_ref().err().cloned();
        trace.log(&self.app.ports, MESSAGE, route(), reply.status(), problem, started_at);
        reply
    }

    fn trace(&self) -> Trace {
        Trace::new(&self.app.ports, self.origin.clone())
    }
}

fn route() -> Option<String> {
    Some(ROUTE.to_owned())
}
