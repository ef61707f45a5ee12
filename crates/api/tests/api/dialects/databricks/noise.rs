//! Random requests below the dialect's paths: none causes a 5xx, and errors keep the dialect's format.

use std::sync::LazyLock;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

use super::{ON_BEHALF, Stage, TOKENS, refused};
use crate::arbitrary;

const HEADERS: &[&str] = &[
    "authorization",
    "x-api-key",
    "x-counterfoil-workspace",
    "x-databricks-workspace-id",
    "content-type",
    "cookie",
    "origin",
    "sec-fetch-site",
    "if-match",
];

const NAMES: &[&str] =
    &["comment", "lifetime_seconds", "scopes", "token_id", "token", "update_mask", "application_id", "x"];

/// A valid or invalid value of a field.
fn value() -> BoxedStrategy<Value> {
    arbitrary::json(NAMES, &["", "*", "orders:read", "comment,scopes", "ada", "admin", "nobody", "\u{0}", "a b"])
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => arbitrary::object(NAMES, value()).prop_map(|body| body.to_string().into_bytes()),
        1 => value().prop_map(|body| body.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..60),
        1 => Just(Vec::new()),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let known = &["/api/2.0/token/create", "/api/2.0/token/list", "/api/2.0/token/delete", TOKENS, ON_BEHALF][..];
    let id = prop_oneof!["[0-9a-fA-F]{64}", "(%[0-9A-F]{2}){0,9}", "[!-~]{0,70}", Just("{id}".to_owned())];
    prop_oneof![
        4 => select(known).prop_map(str::to_owned),
        2 => id.clone().prop_map(|id| format!("/api/2.0/token/{id}")),
        2 => id.prop_map(|id| format!("{TOKENS}/{id}")),
        1 => "/api/2[.]0/[ -~]{0,40}",
        2 => "[?](created_by_id|created_by_username|x)=[ -~]{0,20}".prop_map(|query| format!("{TOKENS}{query}")),
    ]
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        "(Bearer|Basic|)[ ]{0,2}[!-~]{0,60}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_causes_a_server_error_in_the_databricks_dialect(
        method in prop_oneof![9 => select(&["GET", "POST", "PATCH", "DELETE"][..]).prop_map(str::to_owned), 1 => "[A-Z]{1,9}"],
        path in path(),
        headers in vec((select(HEADERS), header()), 0..3),
        signed in prop::bool::weighted(0.8),
        body in body(),
    ) {
        // One stage for all cases, so each runs in the state that the earlier ones left.
        static STAGE: LazyLock<(Stage, String)> = LazyLock::new(|| {
            let stage = Stage::new();
            let (_, info) = stage.create(&stage.tenant.admin, &serde_json::json!({}));
            let id = info["token_id"].as_str().unwrap().to_owned();
            (stage, id)
        });
        let (stage, id) = &*STAGE;
        let mut request = Request::new(Body::from(body));
        let Ok(uri) = path.replace("{id}", id).parse::<Uri>() else { return Ok(()) };
        // Only absolute paths of this dialect.
        prop_assume!(uri.path().starts_with("/api/2.0/"));
        *request.uri_mut() = uri;
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        if signed {
            request.headers_mut().insert("authorization", format!("Bearer {}", stage.tenant.admin).parse().unwrap());
        }
        for (name, value) in headers {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
        let is_head = request.method() == Method::HEAD;
        let reply = stage.deployment.send(request);
        prop_assert!(reply.status < 500, "{:?}", reply);
        if reply.status >= 400 && !is_head {
            let code = reply.body["error_code"].as_str().unwrap_or_default().to_owned();
            refused(&reply, reply.status, &code);
        }
    }
}
