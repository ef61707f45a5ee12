//! Well-formed requests that the rules forbid: each names its field, or why the actor may not.

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, text},
    matrix::Matrix,
};

#[test]
fn what_the_rules_forbid_is_pointed_at() {
    let entry = |name: &str| json!({ "name": name, "description": "" });
    let member = |more: Value| merged(json!({ "id": "bob", "name": "Bob", "role": "member", "grants": [] }), more);
    let token = |more: Value| merged(json!({ "name": "", "scopes": [] }), more);
    let digests = |count: usize| json!({ "digests": vec!["0".repeat(64); count] });
    let long = "x".repeat(1_001);
    let cases = [
        ("/v1/workspaces", json!({ "slug": "acme", "name": "Acme" }), 409, "ALREADY_EXISTS", Some("/slug")),
        ("/v1/workspaces", json!({ "slug": "Acme!", "name": "Acme" }), 422, "INVALID_BODY", Some("/slug")),
        ("/v1/workspaces", json!({ "slug": "new", "name": "" }), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/workspaces", json!({ "slug": "new", "name": long }), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/workspaces", json!({ "slug": "new", "name": "a", "prefix": "A_" }), 422, "INVALID_BODY", Some("/prefix")),
        ("/v1/members", member(json!({ "id": "admin" })), 409, "ALREADY_EXISTS", None),
        ("/v1/members", member(json!({ "number": 1 })), 409, "ALREADY_EXISTS", None),
        ("/v1/members", member(json!({ "number": 0 })), 422, "INVALID_VALUE", Some("/number")),
        ("/v1/members", member(json!({ "id": "a b" })), 422, "INVALID_VALUE", Some("/id")),
        ("/v1/members", member(json!({ "name": "" })), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/members", member(json!({ "email": "bob" })), 422, "INVALID_VALUE", Some("/email")),
        ("/v1/members", member(json!({ "grants": ["nope"] })), 422, "UNKNOWN_SCOPE", Some("/grants/0")),
        ("/v1/members", member(json!({ "grants": ["a b"] })), 422, "INVALID_BODY", Some("/grants/0")),
        ("/v1/members", member(json!({ "quota": 1_000_001 })), 422, "INVALID_VALUE", Some("/quota")),
        ("/v1/tokens", token(json!({ "name": long })), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/tokens", token(json!({ "note": long })), 422, "INVALID_VALUE", Some("/note")),
        ("/v1/tokens", token(json!({ "owner": "nobody" })), 422, "UNKNOWN_MEMBER", Some("/owner")),
        ("/v1/tokens", token(json!({ "scopes": ["*", "nope:*"] })), 422, "UNKNOWN_SCOPE", Some("/scopes/1")),
        ("/v1/tokens", token(json!({ "scopes": ["orders:*:read"] })), 422, "INVALID_BODY", Some("/scopes/0")),
        ("/v1/tokens", token(json!({ "expires_in": 0 })), 422, "INVALID_VALUE", Some("/expires_in")),
        ("/v1/tokens", token(json!({ "expires_in": u64::MAX })), 422, "INVALID_VALUE", Some("/expires_in")),
        ("/v1/tokens", token(json!({ "expires_in": -1 })), 422, "INVALID_BODY", Some("/expires_in")),
        (
            "/v1/tokens",
            token(json!({ "expires_at": "2027-01-15T08:00:00Z" })),
            422,
            "INVALID_VALUE",
            Some("/expires_at"),
        ),
        ("/v1/tokens", token(json!({ "expires_at": "tomorrow" })), 422, "INVALID_BODY", Some("/expires_at")),
        (
            "/v1/tokens",
            token(json!({ "expires_at": "2028-01-15T08:00:00Z", "expires_in": 1 })),
            422,
            "INVALID_VALUE",
            Some("/expires_in"),
        ),
        (
            "/v1/tokens",
            token(json!({ "allowed_addresses": ["192.0.2.1/24"] })),
            422,
            "INVALID_BODY",
            Some("/allowed_addresses/0"),
        ),
        (
            "/v1/tokens",
            token(json!({ "metadata": { "x": "x".repeat(4_096) } })),
            422,
            "INVALID_VALUE",
            Some("/metadata"),
        ),
        ("/v1/tokens", token(json!({ "metadata": { "x": nested(32) } })), 422, "INVALID_VALUE", Some("/metadata")),
        ("/v1/verify", json!({}), 422, "INVALID_VALUE", Some("")),
        ("/v1/verify", json!({ "token": "a", "tokens": ["b"] }), 422, "INVALID_VALUE", Some("")),
        (
            "/v1/verify",
            json!({ "token": "a", "demand": { "all_of": ["a:*"] } }),
            422,
            "INVALID_BODY",
            Some("/demand/all_of/0"),
        ),
        (
            "/v1/verify",
            json!({ "token": "a", "demand": { "freshness": "stale" } }),
            422,
            "INVALID_BODY",
            Some("/demand/freshness"),
        ),
        (
            "/v1/verify",
            json!({ "token": "a", "demand": { "address": "here" } }),
            422,
            "INVALID_BODY",
            Some("/demand/address"),
        ),
        ("/v1/records", digests(101), 422, "INVALID_VALUE", Some("/digests")),
        ("/v1/records", json!({ "digests": ["abc"] }), 422, "INVALID_BODY", Some("/digests/0")),
    ];
    let matrix = Matrix::new();
    for (pattern, body, status, code, pointer) in cases {
        matrix.refused_body(matrix.route("POST", pattern), body.to_string(), status, code, pointer);
    }
    let scopes = matrix.route("PUT", "/v1/scopes");
    let built_in = json!({ "scopes": [entry("a"), entry("tokens:read")] });
    matrix.refused_body(scopes, built_in.to_string(), 422, "BUILT_IN_SCOPE", Some("/scopes/1/name"));
    let twice = json!({ "scopes": [entry("a"), entry("a")] });
    matrix.refused_body(scopes, twice.to_string(), 422, "INVALID_VALUE", Some("/scopes/1/name"));
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!([inner]))
}

fn merged(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    body.as_object_mut().unwrap().extend(more);
    body
}

#[test]
fn what_the_actor_may_not_do_is_refused() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*", "tokens:*"], "quota": 1 });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:write", "orders:read"], "expires_in": 60 });
    let ada = text(&deployment.issue(&tenant.admin, &body), "/token");
    let create = |token: &str, more: Value| {
        deployment.call("POST", "/v1/tokens").bearer(token).json(&merged(json!({ "name": "", "scopes": [] }), more))
    };
    let refused = |call, code| matrix.refused(call, code, 403, code, None);
    refused(create(&ada, json!({ "scopes": ["orders:write"] })), "ESCALATION");
    refused(create(&ada, json!({ "expires_in": 61 })), "ESCALATION");
    refused(create(&ada, json!({ "owner": "admin" })), "NOT_YOURS");
    matrix.refused(create(&ada, json!({})), "quota", 409, "QUOTA_EXCEEDED", None);
    matrix.refused(create(&tenant.admin, json!({ "owner": "ada" })), "quota", 409, "QUOTA_EXCEEDED", None);
}

#[test]
fn what_is_not_there_and_what_may_not_be_seen_answer_alike() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["tokens:*"] });
    deployment.post(&acme.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:read", "tokens:write"] });
    let ada = text(&deployment.issue(&acme.admin, &body), "/token");
    let theirs = text(&deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] })), "/id");
    let unknown = format!("tok_{}", "0".repeat(22));
    for method in ["GET", "DELETE"] {
        let answer = |id: &str| {
            let mut reply = deployment.call(method, &format!("/v1/tokens/{id}")).bearer(&ada).send();
            assert_eq!(reply.refused(404), "NOT_FOUND");
            reply.headers.remove("x-request-id");
            let request_id = text(&reply.body, "/request_id");
            (String::from_utf8(reply.bytes).unwrap().replace(&request_id, "…"), reply.headers)
        };
        let before = deployment.world.dump();
        assert_eq!(answer(&unknown), answer(&theirs));
        // A token's text in a path is refused like any other id; that no log line holds it is seen to by every call.
        assert_eq!(answer(&unknown), answer(&acme.admin));
        assert_eq!(deployment.world.dump(), before);
    }
}
