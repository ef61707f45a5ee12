//! Messages over a WebSocket.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use counterfoil_api::{BackgroundWork, Frame, Wire};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{Acme, METHODS, arguments, messages::noise};
use crate::{
    deployment::{Reply, text},
    world::{Fault, World},
};

/// The client's end of a socket.
#[derive(Clone, Default)]
struct ClientEnd(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    frames: VecDeque<Option<Frame>>,
    messages: Vec<Value>,
    closed: Option<u16>,
    left: Vec<BackgroundWork<World>>,
}

impl Wire<World> for ClientEnd {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.0.lock().unwrap().frames.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn send(&mut self, text: &str) {
        self.0.lock().unwrap().messages.push(serde_json::from_str(text).unwrap());
    }

    fn close(&mut self, code: u16, reason: &str) {
        assert!(reason.len() <= 123, "the limit of a close frame");
        self.0.lock().unwrap().closed = Some(code);
    }

    fn go_on(&mut self, background: BackgroundWork<World>) {
        self.0.lock().unwrap().left.push(background);
    }
}

/// An open socket.
struct Socket<'a> {
    acme: &'a Acme,
    client: ClientEnd,
    server: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl<'a> Socket<'a> {
    fn new(acme: &'a Acme) -> Self {
        let client = ClientEnd::default();
        let server: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(acme.deployment.granted().unwrap().run(client.clone()));
        Self { acme, client, server: Some(server) }
    }

    /// Opened as softvisio's client does.
    fn open(acme: &'a Acme, token: &str) -> Self {
        let reply = upgrade(acme, &[("sec-websocket-protocol", &format!("jsonrpc_2.0,{token}"))]);
        assert_eq!((reply.status, reply.header("sec-websocket-protocol")), (101, Some("jsonrpc_2.0")));
        Self::new(acme)
    }

    /// Delivers frames all at once, and returns what has been sent by then.
    fn take(&mut self, frames: impl IntoIterator<Item = Option<Frame>>) -> Vec<Value> {
        self.client.0.lock().unwrap().frames.extend(frames);
        let lines = self.acme.deployment.world.inside().log.len();
        let server = self.server.as_mut().unwrap();
        if server.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.server = None;
        }
        let (messages, left) = {
            let mut seen = self.client.0.lock().unwrap();
            (std::mem::take(&mut seen.messages), std::mem::take(&mut seen.left))
        };
        left.into_iter().for_each(|background| self.acme.deployment.add_background(background));
        let log = self.acme.deployment.world.inside().log[lines..].to_vec();
        for line in &log {
            assert_eq!((line.method, line.route.as_deref()), ("message", Some("/v1/api-tokens/{method}")));
            assert_eq!((line.code.is_some(), line.detail.is_some()), (line.status >= 400, line.status >= 500));
            self.acme.deployment.check_log_has_no_secret(line);
        }
        messages
    }

    fn say(&mut self, message: &Value) -> Vec<Value> {
        self.take([Some(Frame::Text(message.to_string()))])
    }

    /// The response to a single message.
    fn call(&mut self, method: &str, params: Value) -> Value {
        let path = format!("/v1/api-tokens/{method}");
        let lines = self.acme.deployment.world.inside().log.len();
        let mut messages = self.say(&json!({ "jsonrpc": "2.0", "id": 7, "method": path, "params": params }));
        assert_eq!((messages.len(), &messages[0]["id"]), (1, &json!(7)));
        assert_eq!(self.acme.deployment.world.inside().log.len(), lines + 1, "one log line per message");
        messages.swap_remove(0)
    }

    fn closed(&self) -> Option<u16> {
        assert_eq!(
            self.server.is_none(),
            self.client.0.lock().unwrap().closed.is_some(),
            "closed exactly when its work has ended"
        );
        self.client.0.lock().unwrap().closed
    }
}

fn upgrade(acme: &Acme, headers: &[(&str, &str)]) -> Reply {
    upgrade_at(acme, "/", headers)
}

fn upgrade_at(acme: &Acme, path: &str, headers: &[(&str, &str)]) -> Reply {
    let call = acme.deployment.call("GET", path).header("upgrade", "WebSocket");
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
}

#[test]
fn a_websocket_message_gets_the_same_response_as_over_http() {
    let (over_http, over_socket) = (Acme::new(), Acme::new());
    let mut socket = Socket::open(&over_socket, &over_socket.eve);
    assert_eq!(over_http.eve, over_socket.eve, "the two worlds are identical");
    let (id, theirs) = (&over_http.eve_id, "tok_never");
    for method in METHODS {
        for arguments in [arguments(method, id), arguments(method, theirs), json!([5]), json!([{}, {}])] {
            let path = format!("/v1/api-tokens/{method}");
            let body = json!({ "jsonrpc": "2.0", "id": 7, "method": path, "params": arguments });
            let http = over_http.post(&over_http.eve, "/", &body);
            let mut messages = socket.call(method, arguments.clone());
            let mut body = http.body;
            // The only random values.
            for made in [&mut messages, &mut body] {
                let data = made.pointer_mut("/result/data").and_then(Value::as_object_mut);
                if let Some(data) = data.filter(|data| data.contains_key("token")) {
                    data.remove("token");
                    data.remove("id");
                }
                if method == "read" && made["result"]["data"].is_array() {
                    made["result"]["data"] = json!(made["result"]["data"].as_array().unwrap().len());
                }
            }
            assert_eq!(messages, body, "{method} {arguments}");
            // The token has deleted itself.
            if body["error"]["code"] == -32815 {
                assert_eq!((method, socket.closed()), ("delete", Some(1008)));
                return;
            }
            assert_eq!(socket.closed(), None);
        }
    }
    panic!("it never deleted itself");
}

#[test]
fn websocket_batches_and_notifications_work_as_over_http() {
    let acme = Acme::new();
    let mut socket = Socket::open(&acme, &acme.eve);
    let read = |id: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "/v1/api-tokens/read", "params": [] });
    let quiet = json!({ "jsonrpc": "2.0", "method": "/v1/api-tokens/create", "params": ["quiet"] });
    let messages = socket.say(&json!([read(json!(1)), quiet, read(json!("b"))]));
    let [batch] = messages.as_slice() else { panic!("one frame: {messages:?}") };
    assert_eq!((&batch[0]["id"], &batch[1]["id"], batch.as_array().unwrap().len()), (&json!(1), &json!("b"), 2));
    for silent in [quiet.clone(), json!([quiet, quiet]), json!({ "jsonrpc": "2.0", "method": "/pong" })] {
        assert_eq!(socket.say(&silent), [Value::Null; 0]);
    }
    assert_eq!(acme.names(&json!({ "where": { "name": "quiet" } })).len(), 4);
    for text in ["{", "", "[]", "5", "[1]", "null", "{\"id\":1}"] {
        let messages = socket.take([Some(Frame::Text(text.to_owned()))]);
        let expected = json!({ "code": -32807, "message": messages[0]["error"]["message"], "data": { "exception": false, "meta": {} } });
        assert_eq!(messages, [json!({ "jsonrpc": "2.0", "error": expected })], "{text}");
    }
    assert_eq!(socket.call("no-such", json!([]))["error"]["code"], -32809);
    assert_eq!(socket.closed(), None);
}

#[test]
fn each_websocket_message_is_authorized_anew() {
    let acme = Acme::new();
    let (id, token) = acme.made("target");
    let scopes = json!([id, { "tokens:read": true }]);
    acme.data(&acme.eve, "set-permissions", &scopes);
    let mut socket = Socket::open(&acme, &token);
    assert_eq!(socket.call("read", json!([]))["result"]["status"], 200);
    acme.data(&acme.eve, "set-permissions", &json!([id, {}]));
    assert_eq!(socket.call("read", json!([]))["error"]["code"], -32811);
    acme.data(&acme.eve, "set-permissions", &scopes);
    for (fault, code) in [(Fault::Before, -32814), (Fault::Garbled, 500)] {
        acme.deployment.world.inside().objects_fail = Some(fault);
        assert_eq!(socket.call("read", json!([]))["error"]["code"], code);
        acme.deployment.world.inside().objects_fail = None;
    }
    // A rejected token closes the socket.
    acme.data(&acme.eve, "set-enabled", &json!([id, false]));
    assert_eq!(socket.call("read", json!([]))["error"]["code"], -32813);
    assert_eq!(socket.closed(), Some(1008));
    let opened = |token: &str| upgrade(&acme, &[("sec-websocket-protocol", &format!("jsonrpc_2.0,{token}"))]).status;
    assert_eq!(opened(&token), 401);
    acme.data(&acme.eve, "set-enabled", &json!([id, true]));
    let mut socket = Socket::open(&acme, &token);
    acme.data(&acme.eve, "delete", &json!([id]));
    let asked = acme.deployment.world.inside().asked.ledgers;
    let read = json!({ "jsonrpc": "2.0", "id": 1, "method": "/v1/api-tokens/read", "params": [] });
    let messages = socket.say(&Value::Array(vec![read; 100]));
    assert_eq!((messages[0].as_array().unwrap().len(), &messages[0][0]["error"]["code"]), (1, &json!(-32815)));
    assert_eq!((socket.closed(), acme.deployment.world.inside().asked.ledgers), (Some(1008), asked + 1));
    assert_eq!((opened(&token), acme.deployment.world.inside().asked.ledgers), (401, asked + 1), "cached");
}

#[test]
fn a_batch_with_a_rejected_token_sends_one_ledger_request() {
    let acme = Acme::new();
    let (id, token) = acme.made("target");
    acme.data(&acme.eve, "delete", &json!([id]));
    let message = |n: i32| json!({ "jsonrpc": "2.0", "id": n, "method": "/v1/api-tokens/read", "params": [] });
    let batch = Value::Array((0..100).map(message).collect());
    for asked in [1, 0] {
        let reply = acme.post(&token, "/v1/api-tokens", &batch);
        assert_eq!(reply.line.ledger_calls, asked);
        let answers = reply.expect(200);
        let refused = answers.as_array().unwrap().iter().filter(|answer| answer["error"]["code"] == -32815);
        assert_eq!(refused.count(), 100, "each message is answered");
    }
}

#[test]
fn a_websocket_token_comes_as_sub_protocol_or_header() {
    let acme = Acme::new();
    let bearer = format!("Bearer {}", acme.eve);
    let both = format!("jsonrpc_2.0, {}", acme.eve);
    let code = |headers: &[(&str, &str)]| {
        let reply = upgrade(&acme, headers);
        let echoed = reply.header("sec-websocket-protocol").map(str::to_owned);
        if reply.status != 101 {
            assert_eq!((reply.status, acme.deployment.granted().is_none()), (401, true));
            return (false, reply.body["error"]["code"].as_i64().unwrap());
        }
        let answer = Socket::new(&acme).call("read", json!([]));
        (echoed.is_some_and(|echoed| echoed == "jsonrpc_2.0"), answer["error"]["code"].as_i64().unwrap_or_default())
    };
    assert_eq!(code(&[("authorization", &bearer)]), (false, 0));
    assert_eq!(code(&[("authorization", &acme.eve)]), (false, 0));
    assert_eq!(code(&[("sec-websocket-protocol", &both)]), (true, 0));
    assert_eq!(code(&[("sec-websocket-protocol", &acme.eve), ("sec-websocket-protocol", "jsonrpc_2.0")]), (true, 0));
    assert_eq!(code(&[("sec-websocket-protocol", &acme.eve)]), (false, 0));
    assert_eq!(code(&[("sec-websocket-protocol", &both), ("authorization", &bearer)]), (true, 0));
    assert_eq!(code(&[("sec-websocket-protocol", &both), ("authorization", "Bearer other")]), (false, -32811));
    assert_eq!(code(&[("sec-websocket-protocol", "jsonrpc_2.0, a, b")]), (false, -32811));
    assert_eq!(code(&[("sec-websocket-protocol", "jsonrpc_2.0")]), (false, -32811));
    assert_eq!(code(&[("sec-websocket-protocol", "jsonrpc_2.0,,nonsense")]), (false, -32815));
    // A browser sends the cookie whichever page opens the socket, so it is ignored.
    let opener = acme.deployment.token(&acme.tenant.admin, &["sessions:create", "tokens:*"]);
    let (session, _) = acme.deployment.session(&opener);
    let cookie = format!("__Host-counterfoil={session}");
    assert_eq!(code(&[("sec-websocket-protocol", "jsonrpc_2.0"), ("cookie", &cookie)]), (false, -32811));
}

#[test]
fn websockets_open_only_at_the_base_paths() {
    let acme = Acme::new();
    for path in ["/", "/v1/api-tokens", "/v1/api-tokens/"] {
        let protocols = format!("jsonrpc_2.0,{}", acme.eve);
        assert_eq!(upgrade_at(&acme, path, &[("sec-websocket-protocol", &protocols)]).status, 101, "{path}");
        assert_eq!(upgrade_at(&acme, path, &[]).status, 401, "no WebSocket is opened");
        let plain = acme.deployment.call("GET", path).bearer(&acme.eve).send();
        let expected = if path == "/" { (302, Some("/console/")) } else { (404, None) };
        assert_eq!((plain.status, plain.header("location")), expected);
        let head = acme.deployment.call("HEAD", path).header("upgrade", "websocket").send();
        assert_ne!(head.status, 101);
    }
    assert!(acme.deployment.granted().is_some());
    upgrade_at(&acme, "/v1/api-tokens/read", &[]);
    assert!(acme.deployment.granted().is_none());
    let other = acme.deployment.call("GET", "/").header("upgrade", "h2c").send();
    assert_eq!(other.status, 302);
}

#[test]
fn the_origin_is_checked_before_a_websocket_opens() {
    let acme = Acme::new();
    let (app, protocols) = (("origin", "https://app.example"), format!("jsonrpc_2.0,{}", acme.eve));
    let with_token = [("sec-websocket-protocol", &*protocols), app];
    let stranger = [("sec-websocket-protocol", "jsonrpc_2.0,nobody-knows-this"), app];
    let nobody = [("sec-websocket-protocol", "jsonrpc_2.0"), app];
    for path in ["/", "/v1/api-tokens"] {
        for headers in [&with_token, &stranger, &nobody] {
            let before = acme.deployment.world.dump();
            let refused = upgrade_at(&acme, path, headers);
            assert_eq!((refused.status, refused.body["error"]["code"].as_i64().unwrap() < 0), (403, true));
            assert_eq!((acme.deployment.granted().is_none(), acme.deployment.world.dump() == before), (true, true));
        }
    }
    acme.deployment.world.inside().objects_fail = Some(Fault::Before);
    assert_eq!(upgrade(&acme, &with_token).status, 503);
    acme.deployment.world.inside().objects_fail = None;
    let allow = |origins: Value| {
        let call = acme.deployment.call("PATCH", "/v1/workspace").bearer(&acme.tenant.admin);
        call.json(&json!({ "allowed_origins": origins })).send().expect(200);
    };
    allow(json!(["https://app.example"]));
    assert_eq!((upgrade(&acme, &stranger).status, upgrade(&acme, &nobody).status), (403, 403));
    assert_eq!(upgrade(&acme, &with_token).status, 101);
    let mut socket = Socket::new(&acme);
    assert_eq!(socket.call("read", json!([]))["result"]["status"], 200);
    allow(json!([]));
    assert_eq!(socket.call("read", json!([]))["error"]["code"], -32811);
}

#[test]
fn frames_in_progress_per_connection_are_bounded() {
    let acme = Acme::new();
    let mut socket = Socket::open(&acme, &acme.eve);
    let read = |id: i32| json!({ "jsonrpc": "2.0", "id": id, "method": "/v1/api-tokens/read" });
    let frames = (1..=40).map(|id| Some(Frame::Text(read(id).to_string())));
    let messages = socket.take(frames);
    let busy: Vec<_> =
        messages.iter().filter(|reply| reply["error"]["code"] == -32802).map(|reply| &reply["id"]).collect();
    assert_eq!((messages.len(), json!(busy)), (40, json!([33, 34, 35, 36, 37, 38, 39, 40])));
    assert_eq!(socket.say(&read(41))[0]["result"]["status"], 200, "there is room again");

    let fits = "x".repeat(65_536 - read(1).to_string().len());
    let largest = json!({ "jsonrpc": "2.0", "id": 1, "method": format!("/v1/api-tokens/read{fits}") });
    assert_eq!(largest.to_string().len(), 65_536);
    assert_eq!((socket.say(&largest)[0]["error"]["code"].as_i64(), socket.closed()), (Some(-32809), None));
    assert_eq!(socket.take([Some(Frame::Text(format!("{largest} ")))]), [Value::Null; 0]);
    assert_eq!(socket.closed(), Some(1009));

    let mut socket = Socket::open(&acme, &acme.eve);
    assert_eq!(socket.take([Some(Frame::Binary), Some(Frame::Text(read(1).to_string()))]), [Value::Null; 0]);
    assert_eq!(socket.closed(), Some(1003));
}

#[test]
fn a_closed_websocket_cancels_its_work() {
    let acme = Acme::new();
    let mut socket = Socket::open(&acme, &acme.eve);
    let asked = acme.deployment.world.inside().asked;
    let read = json!({ "jsonrpc": "2.0", "id": 1, "method": "/v1/api-tokens/read" });
    assert_eq!(socket.take([Some(Frame::Text(read.to_string())), None]), [Value::Null; 0]);
    assert_eq!((socket.closed(), acme.deployment.world.inside().asked), (Some(1000), asked));
}

#[test]
fn each_websocket_message_counts_as_a_use() {
    let acme = Acme::new();
    // All earlier uses are reported.
    acme.deployment.let_pass(100);
    acme.deployment.call("GET", "/healthz").send().expect(200);
    acme.deployment.let_pass(100);
    let mut socket = Socket::open(&acme, &acme.eve);
    for _ in 0..3 {
        socket.call("read", json!([]));
    }
    socket.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "/ping" }));
    acme.deployment.let_pass(60);
    let usage = acme.deployment.get(&acme.tenant.admin, &format!("/v1/tokens/{}/usage", acme.eve_id)).expect(200);
    assert_eq!(usage["total"], 4, "one for opening it; a ping does not count: {usage}");
    let read = acme.deployment.get(&acme.tenant.admin, &format!("/v1/tokens/{}", acme.eve_id)).expect(200);
    assert_eq!(text(&read, "/last_used_at"), "2027-01-15T08:03:20.000Z");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_frame_causes_a_server_error(frames in vec(prop_oneof![noise().prop_map(|value| value.to_string()), any::<String>()], 1..40)) {
        let acme = Acme::new();
        let mut socket = Socket::open(&acme, &acme.eve);
        let lines = acme.deployment.world.inside().log.len();
        socket.take(frames.into_iter().map(|text| Some(Frame::Text(text))));
        let log = acme.deployment.world.inside().log[lines..].to_vec();
        prop_assert!(log.iter().all(|line| line.status < 500), "{:?}", log);
        prop_assert!(socket.closed().is_none());
    }
}
