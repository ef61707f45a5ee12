//! Well-formed requests that the rules forbid: each error names the field, or why the actor is not allowed.

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, text},
    matrix::Matrix,
};

#[test]
fn a_rule_violation_is_rejected_with_its_pointer() {
    let entry = |name: &str| json!({ "name": name, "description": "" });
    let member = |more: Value| merged(json!({ "id": "bob", "name": "Bob", "role": "member", "grants": [] }), more);
    let token = |more: Value| merged(json!({ "name": "", "scopes": [] }), more);
    let client = |more: Value| merged(json!({ "id": "app", "name": "App", "permissions": [] }), more);
    let digests = |count: usize| json!({ "digests": vec!["0".repeat(64); count] });
    let uses = |count: usize| {
        let use_ = json!({ "digest": "0".repeat(64), "last_used_at": "2027-01-15T08:00:00Z", "count": 1 });
        json!({ "digests": [], "uses": vec![use_; count] })
    };
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
        ("/v1/tokens", token(json!({ "client_id": "nope" })), 422, "UNKNOWN_CLIENT", Some("/client_id")),
        ("/v1/clients", client(json!({ "id": "old-app" })), 409, "ALREADY_EXISTS", None),
        ("/v1/clients", client(json!({ "id": "a b" })), 422, "INVALID_VALUE", Some("/id")),
        ("/v1/clients", client(json!({ "name": "" })), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/clients", client(json!({ "permissions": ["a b"] })), 422, "INVALID_BODY", Some("/permissions/0")),
        ("/v1/tokens/{id}/rotate", json!({ "grace_seconds": 2_592_001 }), 422, "INVALID_VALUE", Some("/grace_seconds")),
        ("/v1/tokens/{id}/rotate", json!({ "grace_seconds": -1 }), 422, "INVALID_BODY", Some("/grace_seconds")),
        ("/v1/tokens/revoke", json!({ "reason": "lost" }), 422, "INVALID_VALUE", Some("")),
        ("/v1/tokens/revoke", json!({ "ids": [], "reason": "lost" }), 422, "INVALID_VALUE", Some("/ids")),
        ("/v1/tokens/revoke", json!({ "ids": vec!["a"; 1_001] }), 422, "INVALID_VALUE", Some("/ids")),
        ("/v1/tokens/revoke", json!({ "ids": ["a"], "reason": long }), 422, "INVALID_VALUE", Some("/reason")),
        ("/v1/tokens/revoke", json!({ "ids": ["a"] }), 422, "UNKNOWN_TOKENS", None),
        ("/v1/tokens/revoke", json!({ "filter": {} }), 422, "INVALID_VALUE", Some("/filter")),
        ("/v1/tokens/revoke", json!({ "filter": { "state": "dead" } }), 422, "INVALID_BODY", Some("/filter/state")),
        ("/v1/tokens/import", json!({ "tokens": [] }), 422, "INVALID_VALUE", Some("/tokens")),
        ("/v1/tokens/import", json!({ "tokens": vec![0; 10_001] }), 422, "INVALID_VALUE", Some("/tokens")),
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
        ("/v1/lease", digests(101), 422, "INVALID_VALUE", Some("/digests")),
        ("/v1/lease", uses(1_001), 422, "INVALID_VALUE", Some("/uses")),
        ("/v1/lease", json!({ "uses": [] }), 422, "INVALID_BODY", Some("/digests")),
        (
            "/v1/lease",
            json!({ "digests": [], "since": { "epoch": 1 } }),
            422,
            "INVALID_BODY",
            Some("/since/generation"),
        ),
        (
            "/v1/lease",
            json!({ "digests": [], "since": { "epoch": -1, "generation": 1 } }),
            422,
            "INVALID_BODY",
            Some("/since/epoch"),
        ),
    ];
    let matrix = Matrix::new();
    for (pattern, body, status, code, pointer) in cases {
        matrix.refused_body(matrix.route("POST", pattern), body.to_string(), status, code, pointer);
    }
    let changes = [
        ("/v1/workspace", json!({ "name": "" }), 422, "INVALID_VALUE", "/name"),
        ("/v1/workspace", json!({ "name": null }), 422, "INVALID_BODY", "/name"),
        ("/v1/workspace", json!({ "prefix": "A_" }), 422, "INVALID_BODY", "/prefix"),
        ("/v1/workspace", json!({ "default_quota": 1_000_001 }), 422, "INVALID_VALUE", "/default_quota"),
        ("/v1/workspace", json!({ "max_lifetime": 0 }), 422, "INVALID_VALUE", "/max_lifetime"),
        ("/v1/workspace", json!({ "session_length": 59 }), 422, "INVALID_VALUE", "/session_length"),
        ("/v1/workspace", json!({ "session_length": null }), 422, "INVALID_BODY", "/session_length"),
        ("/v1/workspace", json!({ "lease_max": 1 }), 422, "INVALID_VALUE", "/lease_max"),
        ("/v1/workspace", json!({ "lease_max": 61 }), 422, "INVALID_VALUE", "/lease_max"),
        ("/v1/workspace", json!({ "snapshot_max": 59 }), 422, "INVALID_VALUE", "/snapshot_max"),
        ("/v1/workspace", json!({ "snapshot_max": 2_592_001 }), 422, "INVALID_VALUE", "/snapshot_max"),
        ("/v1/workspace", json!({ "snapshot_max": null }), 422, "INVALID_BODY", "/snapshot_max"),
        ("/v1/workspace", json!({ "lease_max": null }), 422, "INVALID_BODY", "/lease_max"),
        ("/v1/workspace", json!({ "audit_retention_days": 36_501 }), 422, "INVALID_VALUE", "/audit_retention_days"),
        ("/v1/workspace", json!({ "state": "deleting" }), 422, "INVALID_BODY", "/state"),
        ("/v1/members/{id}", json!({ "name": "" }), 422, "INVALID_VALUE", "/name"),
        ("/v1/members/{id}", json!({ "email": "eve" }), 422, "INVALID_VALUE", "/email"),
        ("/v1/members/{id}", json!({ "role": "root" }), 422, "INVALID_BODY", "/role"),
        ("/v1/members/{id}", json!({ "grants": ["nope"] }), 422, "UNKNOWN_SCOPE", "/grants/0"),
        ("/v1/members/{id}", json!({ "number": 7 }), 422, "INVALID_BODY", "/number"),
        ("/v1/members/{id}", json!({ "revoke_all": null }), 422, "INVALID_BODY", "/revoke_all"),
        ("/v1/members/{id}", json!({ "revoke_all": true, "wait": null }), 422, "INVALID_BODY", "/wait"),
        ("/v1/tokens/{id}", json!({ "enabled": false, "wait": null }), 422, "INVALID_BODY", "/wait"),
    ];
    for (pattern, body, status, code, pointer) in changes {
        matrix.refused_body(matrix.route("PATCH", pattern), body.to_string(), status, code, Some(pointer));
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
fn creating_a_token_cannot_escalate_or_exceed_quotas() {
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
fn unknown_and_invisible_tokens_get_the_same_response() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["tokens:*"] });
    deployment.post(&acme.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:read", "tokens:write"] });
    let ada = text(&deployment.issue(&acme.admin, &body), "/token");
    let theirs = text(&deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] })), "/id");
    let unknown = format!("tok_{}", "0".repeat(22));
    let asks = [
        ("GET", "/v1/tokens/ID", "", "NOT_FOUND"),
        ("DELETE", "/v1/tokens/ID", "", "NOT_FOUND"),
        ("PATCH", "/v1/tokens/ID", r#"{"name":"mine"}"#, "NOT_FOUND"),
        ("POST", "/v1/tokens/ID/rotate", "{}", "NOT_FOUND"),
        ("POST", "/v1/tokens/revoke", r#"{"ids":["ID"]}"#, "UNKNOWN_TOKENS"),
    ];
    for (method, path, body, code) in asks {
        let answer = |id: &str| {
            let call = deployment.call(method, &path.replace("ID", id)).bearer(&ada);
            let call = if body.is_empty() { call } else { call.content("application/json", body.replace("ID", id)) };
            let mut reply = call.send();
            assert_eq!(reply.refused(if code == "NOT_FOUND" { 404 } else { 422 }), code);
            reply.headers.remove("x-request-id");
            // The length differs by that of the id, which the response repeats.
            reply.headers.remove("content-length");
            let request_id = text(&reply.body, "/request_id");
            (String::from_utf8(reply.bytes).unwrap().replace(&request_id, "…").replace(id, "ID"), reply.headers)
        };
        let before = deployment.world.dump();
        assert_eq!(answer(&unknown), answer(&theirs));
        // A token value in a path is treated like any other id. Every call checks that the log does not contain it.
        assert_eq!(answer(&unknown), answer(&acme.admin));
        assert_eq!(deployment.world.dump(), before);
    }
}

#[test]
fn other_members_are_hidden_without_workspace_manage() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["tokens:*"] });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:read"] });
    let ada = text(&deployment.issue(&tenant.admin, &body), "/token");
    assert_eq!(deployment.get(&ada, "/v1/members/ada").expect(200)["id"], "ada");
    let others = ["eve", "admin", "nobody"].map(|id| {
        let call = deployment.call("GET", &format!("/v1/members/{id}")).bearer(&ada);
        text(&matrix.refused(call, id, 404, "NOT_FOUND", None).body, "/detail")
    });
    assert!(others.iter().all(|detail| *detail == others[2]), "{others:?}");
    let list = deployment.get(&ada, "/v1/members").expect(200);
    assert_eq!((&list["items"][0]["id"], &list["total"]), (&json!("ada"), &json!(1)));
}

#[test]
fn a_manager_cannot_demote_or_suspend_an_admin() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["workspace:manage", "tokens:*"] });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["workspace:manage"] });
    let ada = text(&deployment.issue(&tenant.admin, &body), "/token");
    let change = |method: &str, id: &str| deployment.call(method, &format!("/v1/members/{id}")).bearer(&ada);
    let refused = |call, code| matrix.refused(call, code, 403, code, None);
    refused(change("DELETE", "admin"), "NOT_YOURS");
    for body in [json!({ "state": "suspended" }), json!({ "role": "member" }), json!({ "revoke_all": true })] {
        refused(change("PATCH", "admin").json(&body), "NOT_YOURS");
    }
    for body in [json!({ "role": "admin" }), json!({ "grants": ["orders:read"] })] {
        refused(change("PATCH", "ada").json(&body), "ESCALATION");
        refused(change("PATCH", "eve").json(&body), "ESCALATION");
    }
}
