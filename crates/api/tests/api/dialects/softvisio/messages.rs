//! How messages are received and answered, whatever their content.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{Acme, DONE, METHODS, code, refused};
use crate::{arbitrary, deployment::ORIGIN};

#[test]
fn softvisio_accepts_messages_batches_and_bare_arguments() {
    let acme = Acme::new();
    let eve = &acme.eve;
    let message = |id: Value, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": format!("/v1/api-tokens/{method}"), "params": params });
    for base in ["/", "/v1/api-tokens", "/v1/api-tokens/", "/v1/api-tokens/create"] {
        let made = acme.post(eve, base, &message(json!(1), "create", json!(["x"]))).expect(200);
        assert_eq!((&made["id"], &made["result"]["data"]["username"]), (&json!(1), &json!("eve")), "{base}");
    }
    // The path names the method; if it does not, the message does.
    let other = acme.post(eve, "/v1/api-tokens/create", &message(json!("a"), "read", json!(["by the address"])));
    assert_eq!(other.expect(200)["result"]["data"]["permissions"], json!({}));
    let relative = acme.post(eve, "/v1/api-tokens/", &json!({ "jsonrpc": "2.0", "id": null, "method": "/read" }));
    assert_eq!(relative.body["result"]["meta"], json!({ "total_rows": 6 }));
    assert!(relative.bytes.ends_with(br#""meta":{"total_rows":6}},"id":null}"#), "a null id is an id");

    for (body, name) in [(json!("alone"), "alone"), (json!(["listed"]), "listed")] {
        let made = acme.post(eve, "/v1/api-tokens/create", &body).expect(200);
        let id = &made["result"]["data"]["id"];
        assert_eq!(acme.names(&json!({ "id": id })), [name]);
    }
    let none = acme.deployment.call("POST", "/v1/api-tokens/read").bearer(eve).send();
    assert_eq!(none.expect(200)["result"]["status"], 200, "no body means no arguments");
    assert_eq!(acme.post(eve, "/v1/api-tokens/read", &json!([])).status, 200);
    let plain = acme.deployment.call("POST", "/v1/api-tokens/read").bearer(eve).content("text/plain", "[{}]").send();
    assert_eq!(plain.status, 200, "whatever the Content-Type");

    let batch = json!([
        message(json!(1), "create", json!(["one"])),
        { "jsonrpc": "2.0", "method": "/v1/api-tokens/create", "params": ["unasked"] },
        message(json!("b"), "delete", json!(["tok_never"])),
        message(json!(3), "no-such", json!([])),
        { "jsonrpc": "2.0", "id": 4 },
    ]);
    let replies = acme.post(eve, "/", &batch).expect(200);
    let codes: Vec<_> =
        replies.as_array().unwrap().iter().map(|reply| (&reply["id"], &reply["error"]["code"])).collect();
    let expected = [json!([1, null]), json!(["b", 404]), json!([3, -32809]), json!([4, -32809])];
    assert_eq!(json!(codes), json!(expected));
    assert_eq!(acme.names(&json!({ "limit": 2 })), ["unasked", "one"], "a notification is executed");
    let many = |count: usize| vec![message(json!(1), "read", json!([{ "limit": 1 }])); count];
    assert_eq!(acme.post(eve, "/", &json!(many(100))).expect(200).as_array().unwrap().len(), 100);
    assert_eq!(code(&acme.post(eve, "/", &json!(many(101)))), (400, -32807));
}

#[test]
fn a_notification_is_executed_without_a_response() {
    let acme = Acme::new();
    let silent = |method: &str, name: Value| json!({ "jsonrpc": "2.0", "method": method, "params": [name] });
    let create = silent("/v1/api-tokens/create", json!("quiet"));
    for body in [
        create.clone(),
        json!([create, create]),
        silent("/no-such", json!(0)),
        silent("/v1/api-tokens/create", json!(0)),
    ] {
        let reply = acme.post(&acme.eve, "/", &body);
        assert_eq!((reply.status, reply.bytes.len()), (204, 0), "{body}");
    }
    let quiet = json!({ "where": [["name", "=", "quiet"]] });
    assert_eq!(acme.names(&quiet), ["quiet"; 3]);
}

#[test]
fn a_body_that_is_no_json_rpc_message_is_rejected() {
    let acme = Acme::new();
    for body in [json!([]), json!({}), json!(5), json!(null), json!([1]), json!([{ "jsonrpc": "2.0" }, 1])] {
        refused(&acme.post(&acme.eve, "/", &body), 400, -32807, "This is not a JSON-RPC 2.0 message.");
    }
    for path in ["/", "/v1/api-tokens/create"] {
        let reply = acme.deployment.call("POST", path).bearer(&acme.eve).raw("{").send();
        assert_eq!((code(&reply), reply.line.code), ((400, -32807), Some("INVALID_JSON")));
        let large = acme.deployment.call("POST", path).bearer(&acme.eve).content("a/b", vec![b' '; 65_537]).send();
        assert_eq!(code(&large), (413, 413));
    }
    refused(&acme.call(&acme.eve, "no-such", &json!([])), 404, -32809, "This method does not exist.");
    let nowhere = acme.deployment.get(&acme.eve, "/v1/api-tokens/create/more");
    refused(&nowhere, 404, -32809, "This path does not exist.");
    for path in ["/v1/api-tokens/read", "/v1/api-tokens"] {
        let reply = acme.deployment.call("PUT", path).bearer(&acme.eve).send();
        refused(&reply, 405, -32804, "This path does not support this method. Use one that the `Allow` header names.");
    }
    let pinged =
        acme.deployment.call("POST", "/").json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "/ping" })).send();
    assert_eq!(pinged.bytes, format!("{},\"id\":1}}", DONE.strip_suffix('}').unwrap()).into_bytes());
}

pub(super) fn noise() -> impl Strategy<Value = Value> {
    let texts = &["2.0", "name", "like", "%_%", "in", "asc", "orders:*", "tok_0", "/v1/api-tokens/read"];
    let names = &["jsonrpc", "id", "method", "params", "where", "order_by", "offset", "limit", "orders:read", "x"];
    arbitrary::json(names, texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_causes_a_server_error_in_the_softvisio_dialect(
        requests in vec((
            select(&["GET", "POST", "PUT", "HEAD"][..]),
            prop_oneof![
                3 => select(&METHODS[..]).prop_map(|method| format!("/{method}")),
                1 => Just(String::new()),
                1 => "/[ -~]{0,20}",
                1 => "/%[0-9a-f]{2}",
            ],
            noise(),
            prop::option::of((select(&["authorization", "origin", "x-api-key", "cookie", "upgrade"][..]), vec(any::<u8>(), 0..30))),
        ), 1..8),
    ) {
        let acme = Acme::new();
        for (method, path, body, header) in requests {
            let uri = format!("{ORIGIN}/v1/api-tokens{path}");
            let Ok(mut request) = Request::builder().method(method).uri(uri).body(Body::from(body.to_string())) else { continue };
            request.headers_mut().insert("authorization", format!("Bearer {}", acme.eve).parse().unwrap());
            if let Some((name, value)) = header && let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
            let reply = acme.deployment.send(request);
            prop_assert!(reply.status < 500, "{:?}", reply);
            if reply.status >= 400 && method != "HEAD" {
                let is_batch = reply.body.is_array();
                prop_assert!(is_batch || reply.body["error"]["data"]["meta"].is_object(), "{:?}", reply);
            }
        }
    }
}
