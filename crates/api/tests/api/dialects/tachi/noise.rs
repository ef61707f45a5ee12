//! Random requests below the dialect's paths: none causes a 5xx, and errors keep the dialect's format.

use axum::body::Body;
use http::{HeaderValue, Method, Request, Uri};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Map, Value};

use super::Tachi;
use crate::{
    arbitrary,
    deployment::{COOKIE, ORIGIN},
};

fn path() -> impl Strategy<Value = String> {
    let piece = || {
        prop_oneof![
            2 => Just("me".to_owned()),
            1 => select(&["1", "2", "ada", "create", "api-tokens", "api-token", "%ff", "%00"][..]).prop_map(str::to_owned),
            1 => "[!-~]{0,30}",
            1 => "(%[0-9a-fA-F]{2}){1,8}",
            1 => "tok_[0-9A-Za-z%]{20,24}",
        ]
    };
    let known = (piece(), select(&["api-tokens", "api-token"][..]), piece())
        .prop_map(|(user, list, token)| format!("{user}/{list}/{token}"));
    prop_oneof![
        2 => piece().prop_map(|user| format!("{user}/api-tokens")),
        2 => piece().prop_map(|user| format!("{user}/api-tokens/create")),
        2 => known,
        1 => vec(piece(), 0..5).prop_map(|pieces| pieces.join("/")),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let texts = &["ir", "greedy", "orders:read", "*", "tokens:*", ""];
    arbitrary::json(&["permissions", "clientID", "identifier", "x"], texts)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => json().prop_map(|json| json.to_string().into_bytes()), 1 => vec(any::<u8>(), 0..60)]
}

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let names =
        ["authorization", "x-api-key", "cookie", "origin", "sec-fetch-site", "content-type", "cf-connecting-ip"];
    let value = prop_oneof![
        vec(any::<u8>(), 0..40),
        "(Bearer|Basic|)[ ]{0,2}[!-~]{0,50}".prop_map(String::into_bytes),
        "__Host-counterfoil=(ses_[0-9A-Za-z]{42}|[ -~]{0,20})".prop_map(String::into_bytes),
    ];
    (select(names.to_vec()), value)
}

#[test]
fn no_request_causes_a_server_error_in_the_tachi_dialect() {
    let tachi = Tachi::new();
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let method = select(vec![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]);
    let signed = prop::option::weighted(0.8, select(vec![tachi.ada.clone(), tachi.boss.clone()]));
    let requests = (method, path(), "([?][!-~]{0,20})?", vec(header(), 0..3), body(), signed);
    let outcome = TestRunner::new(config).run(&requests, |(method, path, query, headers, body, session)| {
        let mut request = Request::new(Body::from(body));
        let is_read = method == Method::HEAD;
        *request.method_mut() = method;
        let Ok(uri) = format!("{ORIGIN}/api/v1/users/{path}{query}").parse::<Uri>() else { return Ok(()) };
        *request.uri_mut() = uri;
        if let Some(session) = session {
            request.headers_mut().insert("cookie", format!("{COOKIE}={session}").parse().unwrap());
            request.headers_mut().insert("origin", HeaderValue::from_static(ORIGIN));
        }
        for (name, value) in headers {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            request.headers_mut().append(name, value);
        }
        let reply = tachi.deployment.send(request);
        prop_assert!(reply.status < 500, "{:?}", reply);
        if !is_read {
            let fields: Vec<_> = reply.body.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
            let is_success = reply.status == 200;
            let expected =
                if is_success { &["body", "description", "success"][..] } else { &["description", "success"] };
            let mut sorted = fields;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, expected, "{:?}", reply);
            prop_assert_eq!(&reply.body["success"], &Value::from(is_success));
        }
        Ok(())
    });
    outcome.unwrap();
}
