//! The dialect of parcelLab.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    arbitrary,
    deployment::{Call, Deployment, ROOT, Reply, Tenant, text},
    tokens::{never_issued, with_bad_check, with_forged_seal},
    world::Fault,
};

const LIST: (&str, &str) = ("GET", "/tokens/list");
const GENERATE: (&str, &str) = ("POST", "/tokens/generate");
const REVOKE: (&str, &str) = ("POST", "/tokens/revoke");

/// The first admin's number.
const ADMIN: &str = "1";

/// The response to an unknown tokenId.
const NO_SUCH_TOKEN: &str = r#"{"error":"No live token has this tokenId. GET /tokens/list shows all live tokens."}"#;

/// A workspace with the catalogue from parcelLab's documentation.
fn account() -> (Deployment, Tenant) {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    let scope = |name: &str| json!({ "name": name, "description": name });
    let catalogue = json!({ "scopes": [scope("read"), scope("write")] });
    deployment.call("PUT", "/v1/scopes").bearer(&tenant.admin).json(&catalogue).send().expect(200);
    (deployment, tenant)
}

/// A call as in the documentation: the number and the token in headers of their own.
fn call<'a>(deployment: &'a Deployment, (method, path): (&str, &str), user: &str, token: &str) -> Call<'a> {
    deployment.call(method, path).header("user", user).header("token", token)
}

/// The response to an admin.
fn ask(deployment: &Deployment, tenant: &Tenant, to: (&str, &str), body: &Value) -> Reply {
    call(deployment, to, ADMIN, &tenant.admin).json(body).send()
}

/// Creates a member with its number, and returns a token of its own.
fn member(deployment: &Deployment, tenant: &Tenant, id: &str, number: u64, scopes: &[&str]) -> String {
    let member = json!({ "id": id, "number": number, "name": id, "role": "member", "grants": ["*"] });
    deployment.post(&tenant.admin, "/v1/members", &member).expect(201);
    let token = json!({ "name": "", "note": "a secret of theirs", "owner": id, "scopes": scopes });
    text(&deployment.issue(&tenant.admin, &token), "/token")
}

#[track_caller]
fn is_envelope(reply: &Reply) {
    let Value::Object(fields) = &reply.body else { panic!("no object: {}", reply.body) };
    assert!(fields.len() == 1 && fields["error"].as_str().is_some_and(|error| error.ends_with('.')), "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

/// Sends the call, expects this error in the dialect's format, and compares the whole world before and after.
#[track_caller]
fn refused(deployment: &Deployment, call: Call<'_>, status: u16, code: &str) -> String {
    let before = deployment.world.dump();
    let reply = call.send();
    assert_eq!((reply.status, reply.line.code), (status, Some(code)), "{}", reply.body);
    is_envelope(&reply);
    assert!(deployment.world.dump() == before, "rejected, but something changed");
    String::from_utf8(reply.bytes).unwrap()
}

/// The exact response, except for the token value.
#[track_caller]
fn sent(reply: Reply, token: &str) -> String {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{}", reply.body);
    String::from_utf8(reply.bytes).unwrap().replace(token, "<token>")
}

#[test]
fn parcellab_responses_are_pinned() {
    let (deployment, tenant) = account();
    let generated = ask(&deployment, &tenant, GENERATE, &json!({ "note": "track", "scopes": ["write"] }));
    let token = text(&generated.body, "/token");
    assert!(token.len() == 46 && token.starts_with(&format!("cft_{}", tenant.key)));
    let track = r#"{"tokenId":2,"note":"track","scopes":["write"],"createdAt":"2027-01-15T08:00:00.000Z""#;
    assert_eq!(sent(generated, &token), format!(r#"{track},"token":"<token>"}}"#));
    let first = r#"{"tokenId":1,"note":"","scopes":["generate","*"],"createdAt":"2027-01-15T08:00:00.000Z"}"#;
    let list = || sent(call(&deployment, LIST, ADMIN, &tenant.admin).send(), &token);
    assert_eq!(list(), format!("[{track}}},{first}]"));
    let revoked = ask(&deployment, &tenant, REVOKE, &json!({ "tokenId": 2 }));
    assert_eq!(sent(revoked, &token), r#"{"tokenId":2,"revoked":true}"#);
    assert_eq!(list(), format!("[{first}]"));
}

#[test]
fn parcellab_accepts_scope_and_scopes_single_or_listed() {
    let (deployment, tenant) = account();
    for (asked, shown) in [
        (json!({ "scope": "write" }), json!(["write"])),
        (json!({ "scopes": "write" }), json!(["write"])),
        (json!({ "scope": ["write"] }), json!(["write"])),
        (json!({ "scopes": ["write", "read"] }), json!(["read", "write"])),
        (json!({ "scopes": ["write"], "scope": "read" }), json!(["read", "write"])),
        (json!({ "scopes": [] }), json!([])),
        (json!({ "scope": "generate" }), json!(["generate"])),
        (json!({ "scopes": ["read", "generate"] }), json!(["generate", "read"])),
        (json!({ "scopes": ["tokens:read", "tokens:write"] }), json!(["tokens:read", "tokens:write"])),
        (json!({ "scopes": ["tokens:*"] }), json!(["generate", "tokens:*"])),
    ] {
        let made = ask(&deployment, &tenant, GENERATE, &asked).expect(200);
        assert_eq!(made["scopes"], shown, "{asked}");
        let list = call(&deployment, LIST, ADMIN, &tenant.admin).send().expect(200);
        assert_eq!((&list[0]["tokenId"], &list[0]["scopes"]), (&made["tokenId"], &shown), "{asked}");
    }
    // The alias exists in this dialect only.
    let made = ask(&deployment, &tenant, GENERATE, &json!({ "scope": "generate" })).expect(200);
    let own = deployment.get(&text(&made, "/token"), "/v1/tokens/self").expect(200);
    assert_eq!(own["scopes"], json!(["tokens:grant", "tokens:read", "tokens:write"]));
    assert_eq!((&own["note"], &own["name"]), (&json!(null), &json!("")));
    call(&deployment, LIST, ADMIN, &text(&made, "/token")).send().expect(200);
}

#[test]
fn parcellab_rejects_invalid_requests() {
    let (deployment, tenant) = account();
    let admin = |to| call(&deployment, to, ADMIN, &tenant.admin);
    for (body, status, code) in [
        (json!({ "scopes": ["wrong"] }), 422, "UNKNOWN_SCOPE"),
        (json!({ "scope": "Generate" }), 422, "UNKNOWN_SCOPE"),
        (json!({ "scope": "no scope at all" }), 400, "INVALID_VALUE"),
        (json!({ "scopes": [7] }), 400, "INVALID_VALUE"),
        (json!({ "scopes": { "write": true } }), 400, "INVALID_VALUE"),
        (json!({ "note": "track" }), 400, "INVALID_VALUE"),
        (json!({ "note": 7, "scope": "write" }), 400, "INVALID_VALUE"),
        (json!({ "note": "n".repeat(1_001), "scope": "write" }), 400, "INVALID_VALUE"),
        (json!(["write"]), 400, "INVALID_BODY"),
    ] {
        refused(&deployment, admin(GENERATE).json(&body), status, code);
    }
    let longest = json!({ "note": "n".repeat(1_000), "scope": "write", "unknown": "field" });
    admin(GENERATE).json(&longest).send().expect(200);
    refused(&deployment, admin(REVOKE).json(&json!({})), 400, "INVALID_VALUE");
    refused(&deployment, admin(REVOKE), 400, "INVALID_VALUE");
    for to in [GENERATE, REVOKE] {
        refused(&deployment, admin(to).raw("{“note”: “track”}"), 400, "INVALID_JSON");
        refused(&deployment, admin(to).content("text/plain", " ".repeat(64 * 1024 + 1)), 413, "BODY_TOO_LARGE");
    }
    for (method, path) in [("POST", "/tokens/list"), ("GET", "/tokens/generate"), ("DELETE", "/tokens/revoke")] {
        refused(&deployment, admin((method, path)), 405, "METHOD_NOT_ALLOWED");
    }
    refused(&deployment, admin(("GET", "/tokens/")), 404, "NO_SUCH_ROUTE");
    refused(&deployment, admin(("GET", "/tokens/list/")), 404, "NO_SUCH_ROUTE");
}

#[test]
fn parcellab_revokes_by_number_immediately_and_permanently() {
    let (deployment, tenant) = account();
    for id in [json!(2), json!("3")] {
        let made = ask(&deployment, &tenant, GENERATE, &json!({ "scope": "generate" })).expect(200);
        let token = text(&made, "/token");
        call(&deployment, LIST, ADMIN, &token).send().expect(200);
        let revoked = ask(&deployment, &tenant, REVOKE, &json!({ "tokenId": id }));
        assert!(revoked.line.duration_ms >= 1_000, "it waits until it takes effect everywhere");
        let revoked = revoked.expect(200);
        assert_eq!(revoked["tokenId"], made["tokenId"]);
        refused(&deployment, call(&deployment, LIST, ADMIN, &token), 401, "REVOKED");
        let decision = deployment.post(&tenant.admin, "/v1/verify", &json!({ "token": token })).expect(200);
        assert_eq!(decision["code"], "REVOKED");
        // It no longer exists for later calls.
        let again = call(&deployment, REVOKE, ADMIN, &tenant.admin).json(&json!({ "tokenId": id }));
        assert_eq!(refused(&deployment, again, 404, "NOT_FOUND"), NO_SUCH_TOKEN);
    }
    let made = ask(&deployment, &tenant, GENERATE, &json!({ "scope": "generate" })).expect(200);
    let own = call(&deployment, REVOKE, ADMIN, &text(&made, "/token")).json(&json!({ "tokenId": made["tokenId"] }));
    own.send().expect(200);
}

#[test]
fn parcellab_hides_tokens_of_other_members() {
    let (deployment, tenant) = account();
    let other = deployment.workspace("other");
    for _ in 0..8 {
        deployment.token(&other.admin, &[]);
    }
    let expiring = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [], "expires_in": 1 }));
    deployment.world.pass(1_000);
    let ann = member(&deployment, &tenant, "ann", 70, &["tokens:*"]);
    member(&deployment, &tenant, "bob", 71, &["tokens:*"]);
    let as_ann = |id: &Value| call(&deployment, REVOKE, "70", &ann).json(&json!({ "tokenId": id }));
    let as_admin = |id: &Value| call(&deployment, REVOKE, ADMIN, &tenant.admin).json(&json!({ "tokenId": id }));
    for id in [
        json!("The token ID as in /tokens/list"),
        json!(9),
        json!("9"),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(u64::MAX),
        json!("18446744073709551616"),
        json!("+3"),
        json!(" 3"),
        json!(""),
        json!(true),
        json!([3]),
        json!({ "tokenId": 3 }),
        expiring["number"].clone(),
    ] {
        assert_eq!(refused(&deployment, as_admin(&id), 404, "NOT_FOUND"), NO_SUCH_TOKEN, "{id}");
        assert_eq!(refused(&deployment, as_ann(&id), 404, "NOT_FOUND"), NO_SUCH_TOKEN, "{id}");
    }
    for somebody_elses in [1, 4] {
        assert_eq!(refused(&deployment, as_ann(&json!(somebody_elses)), 404, "NOT_FOUND"), NO_SUCH_TOKEN);
        as_admin(&json!(somebody_elses + 8)).send().refused(404);
    }
    // A member sees its own tokens, an admin all.
    let ids = |user, token| {
        let list = call(&deployment, LIST, user, token).send().expect(200);
        list.as_array().unwrap().iter().map(|token| token["tokenId"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ids("70", &ann), ids(ADMIN, &tenant.admin)), (vec![3], vec![4, 3, 1]));
    as_admin(&json!(4)).send().expect(200);
    // No caller can grant more than it may.
    let bound = member(&deployment, &tenant, "cid", 72, &["tokens:*"]);
    let narrow = json!({ "grants": ["tokens:*", "read"] });
    deployment.call("PATCH", "/v1/members/cid").bearer(&tenant.admin).json(&narrow).send().expect(200);
    let write = call(&deployment, GENERATE, "72", &bound).json(&json!({ "scope": "write" }));
    refused(&deployment, write, 403, "ESCALATION");
    call(&deployment, GENERATE, "72", &bound).json(&json!({ "scope": "read" })).send().expect(200);
}

#[test]
fn the_parcellab_user_must_own_the_token() {
    let (deployment, tenant) = account();
    let ann = member(&deployment, &tenant, "ann", 70, &["tokens:*"]);
    call(&deployment, LIST, "70", &ann).send().expect(200);
    for (user, code) in [
        ("1", "UNKNOWN"),
        ("71", "UNKNOWN"),
        ("0", "UNKNOWN"),
        ("", "UNREADABLE_CREDENTIAL"),
        ("ann", "UNREADABLE_CREDENTIAL"),
        ("-70", "UNREADABLE_CREDENTIAL"),
        ("+70", "UNREADABLE_CREDENTIAL"),
        ("70.0", "UNREADABLE_CREDENTIAL"),
        ("99999999999999999999", "UNREADABLE_CREDENTIAL"),
        ("\u{ff}", "UNREADABLE_CREDENTIAL"),
    ] {
        for to in [LIST, GENERATE, REVOKE] {
            refused(&deployment, call(&deployment, to, user, &ann), 401, code);
        }
        let scheme = format!("Parcellab-API-Token {ann}");
        let newer = deployment.call("GET", "/tokens/list").header("authorization", scheme).header("user", user);
        refused(&deployment, newer, 401, code);
    }
    let without =
        refused(&deployment, deployment.call("GET", "/tokens/list").header("token", &ann), 401, "NO_CREDENTIAL");
    assert!(without.contains("Send the headers user and token"), "{without}");
}

#[test]
fn parcellab_accepts_one_token_in_any_supported_header() {
    let (deployment, tenant) = account();
    let token = &tenant.admin;
    let list = || deployment.call("GET", "/tokens/list");
    let scheme = |name: &str, token: &str| list().header("authorization", format!("{name} {token}"));
    scheme("Parcellab-API-Token", token).send().expect(200);
    scheme("parcellab-api-token", token).header("token", token).header("user", "1").send().expect(200);
    list().bearer(token).send().expect(200);
    list().header("x-api-key", token).header("user", "1").send().expect(200);
    list().header("x-lgca-token", token).header("x-lgca-domain", "acme").send().expect(200);
    let two = scheme("Parcellab-API-Token", token).header("token", ROOT).header("user", "1");
    refused(&deployment, two, 400, "AMBIGUOUS_CREDENTIAL");
    refused(&deployment, call(&deployment, LIST, "1", token).bearer(ROOT), 400, "AMBIGUOUS_CREDENTIAL");
    refused(&deployment, scheme("Basic", token), 401, "UNREADABLE_CREDENTIAL");
    // The dialect's own headers are accepted on its own paths only.
    let native = || deployment.call("GET", "/v1/tokens/self");
    assert_eq!(native().header("token", token).header("user", "1").send().refused(401), "NO_CREDENTIAL");
    let newer = native().header("authorization", format!("Parcellab-API-Token {token}"));
    assert_eq!(newer.send().refused(401), "UNREADABLE_CREDENTIAL");
    // A session is not accepted: parcelLab is not called by web pages.
    let (session, _) = deployment.session(token);
    refused(&deployment, list().session(&session), 401, "NO_CREDENTIAL");
}

#[test]
fn an_invalid_token_is_rejected_on_every_parcellab_route() {
    let (deployment, tenant) = account();
    let other = deployment.workspace("other");
    let issue = |more: Value| {
        let mut body = json!({ "name": "", "scopes": ["*"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&deployment.issue(&tenant.admin, &body), "/token")
    };
    let revoked = issue(json!({}));
    ask(&deployment, &tenant, REVOKE, &json!({ "tokenId": 2 })).expect(200);
    let tokens = [
        ("too short".to_owned(), 401, "MALFORMED"),
        (with_bad_check(&tenant.admin), 401, "MALFORMED"),
        (with_forged_seal(&tenant.key), 401, "UNKNOWN"),
        (never_issued(&tenant.key), 401, "UNKNOWN"),
        ("parcelLabAPItoken-30characters".to_owned(), 401, "UNKNOWN"),
        (revoked, 401, "REVOKED"),
        (issue(json!({ "enabled": false })), 401, "DISABLED"),
        (issue(json!({ "expires_in": 1 })), 401, "EXPIRED"),
        (issue(json!({ "not_before": "2028-01-01T00:00:00Z" })), 401, "NOT_YET_VALID"),
        (issue(json!({ "allowed_addresses": ["192.0.2.0/24"] })), 403, "ADDRESS_NOT_ALLOWED"),
        (issue(json!({ "scopes": ["read", "write"] })), 403, "INSUFFICIENT_SCOPE"),
        (issue(json!({ "scopes": ["tokens:write", "tokens:grant"] })), 403, "INSUFFICIENT_SCOPE"),
        (issue(json!({ "scopes": ["tokens:read", "tokens:grant"] })), 403, "INSUFFICIENT_SCOPE"),
        (issue(json!({ "scopes": ["tokens:read", "tokens:write"] })), 403, "INSUFFICIENT_SCOPE"),
        (ROOT.to_owned(), 400, "WORKSPACE_REQUIRED"),
    ];
    deployment.world.pass(1_000);
    let bodies = [(LIST, None), (GENERATE, Some(json!({ "scope": "read" }))), (REVOKE, Some(json!({ "tokenId": 1 })))];
    for (to, body) in &bodies {
        for (token, status, code) in &tokens {
            let call = call(&deployment, *to, ADMIN, token).header("cf-connecting-ip", "198.51.100.1");
            refused(&deployment, body.iter().fold(call, Call::json), *status, code);
        }
        let none = deployment.call(to.0, to.1);
        refused(&deployment, body.iter().fold(none, Call::json), 401, "NO_CREDENTIAL");
        let page = call(&deployment, *to, ADMIN, &tenant.admin).header("origin", "https://elsewhere.example");
        refused(&deployment, body.iter().fold(page, Call::json), 403, "ORIGIN_NOT_ALLOWED");
    }
    // Another workspace's token acts in that workspace, and sees nothing of this one.
    let theirs = call(&deployment, LIST, ADMIN, &other.admin).send().expect(200);
    assert_eq!(theirs.as_array().unwrap().len(), 1);
    let root = call(&deployment, LIST, ADMIN, ROOT).header("x-counterfoil-workspace", "acme");
    refused(&deployment, root, 403, "TOKEN_ONLY");
}

#[test]
fn parcellab_reports_an_unreachable_ledger_in_its_format() {
    let (deployment, tenant) = account();
    deployment.world.inside().objects_fail = Some(Fault::Before);
    for to in [LIST, GENERATE, REVOKE] {
        refused(&deployment, call(&deployment, to, ADMIN, &tenant.admin), 503, "LEDGER_UNAVAILABLE");
    }
}

const HEADERS: &[&str] = &[
    "user",
    "token",
    "authorization",
    "x-api-key",
    "x-lgca-token",
    "x-lgca-domain",
    "content-type",
    "origin",
    "cookie",
];

fn value() -> impl Strategy<Value = Value> {
    let texts = &["generate", "write", "*", "tokens:*", "1", "2"];
    arbitrary::json(&["note", "scope", "scopes", "tokenId", "x"], texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_causes_a_server_error_in_the_parcellab_dialect(requests in vec((
        prop_oneof![8 => select(&["list", "generate", "revoke"][..]).prop_map(str::to_owned), 1 => "[ -~]{0,20}"],
        prop_oneof![1 => Just("GET"), 4 => Just("POST"), 1 => Just("PUT")],
        any::<bool>(),
        vec((select(HEADERS), prop_oneof!["[ -~]{0,40}".prop_map(String::into_bytes), vec(any::<u8>(), 0..20)]), 0..3),
        prop_oneof![4 => value().prop_map(|value| value.to_string().into_bytes()), 1 => vec(any::<u8>(), 0..40)],
    ), 40)) {
        let (deployment, tenant) = account();
        for (path, method, signed, headers, body) in requests {
            let Ok(uri) = format!("/tokens/{path}").parse::<Uri>() else { continue };
            let mut request = Request::new(Body::from(body));
            (*request.uri_mut(), *request.method_mut()) = (uri, Method::from_bytes(method.as_bytes()).unwrap());
            if signed {
                request.headers_mut().insert("user", HeaderValue::from_static(ADMIN));
                request.headers_mut().insert("token", tenant.admin.parse().unwrap());
            }
            for (name, value) in headers {
                let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
            let reply = deployment.send(request);
            prop_assert!(reply.status < 500, "{:?}", reply);
            if reply.status >= 400 { is_envelope(&reply) }
        }
    }
}
