//! Members, clients, the workspace and its audit log through the API: the main flow, response shapes, and rejections.

use serde_json::{Value, json};

use crate::deployment::{Call, Deployment, ROOT, Tenant, text};

fn patch(deployment: &Deployment, token: &str, path: &str, body: &Value) -> crate::deployment::Reply {
    deployment.call("PATCH", path).bearer(token).json(body).send()
}

/// A request as root in the workspace `acme`.
fn root<'a>(deployment: &'a Deployment, method: &str, path: &str) -> Call<'a> {
    deployment.call(method, path).bearer(ROOT).header("x-counterfoil-workspace", "acme")
}

fn acme() -> (Deployment, Tenant) {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    (deployment, acme)
}

fn ada(deployment: &Deployment, acme: &Tenant) -> Value {
    let body =
        json!({ "id": "ada", "name": "Ada", "email": "ada@example.com", "role": "member", "grants": ["orders:*"] });
    deployment.post(&acme.admin, "/v1/members", &body).expect(201)
}

#[test]
fn a_member_is_read_changed_suspended_and_erased() {
    let (deployment, acme) = acme();
    let made = ada(&deployment, &acme);
    let issue = json!({ "name": "", "owner": "ada", "scopes": ["orders:read"] });
    let token = text(&deployment.issue(&acme.admin, &issue), "/token");
    let mut member = deployment.get(&acme.admin, "/v1/members/ada").expect(200);
    assert_eq!((&member["live_tokens"], &made["live_tokens"]), (&json!(1), &json!(0)));

    let change = json!({ "name": "Ada L.", "email": null, "quota": 7 });
    let changed = patch(&deployment, &acme.admin, "/v1/members/ada", &change).expect(200);
    member["name"] = json!("Ada L.");
    member["email"] = json!(null);
    member["quota"] = json!(7);
    assert_eq!(changed, member);

    let suspended = patch(&deployment, &acme.admin, "/v1/members/ada", &json!({ "state": "suspended" })).expect(200);
    assert_eq!(suspended["state"], "suspended");
    assert_eq!(deployment.get(&token, "/v1/tokens/self").refused(401), "OWNER_SUSPENDED");
    patch(&deployment, &acme.admin, "/v1/members/ada", &json!({ "state": "active" })).expect(200);
    deployment.get(&token, "/v1/tokens/self").expect(200);

    let revoked = patch(&deployment, &acme.admin, "/v1/members/ada", &json!({ "revoke_all": true })).expect(200);
    assert_eq!(revoked["live_tokens"], 0);
    assert_eq!(deployment.get(&token, "/v1/tokens/self").refused(401), "REVOKED");

    let erased = deployment.delete(&acme.admin, "/v1/members/ada").expect(200);
    assert_eq!((&erased["name"], &erased["email"], &erased["number"]), (&json!(""), &json!(null), &member["number"]));
    assert_eq!(deployment.get(&acme.admin, "/v1/members/ada").refused(404), "NOT_FOUND");
    assert_eq!(deployment.delete(&acme.admin, "/v1/members/ada").refused(404), "NOT_FOUND");
}

#[test]
fn an_invalid_member_or_workspace_change_is_rejected_with_its_pointer() {
    let (deployment, acme) = acme();
    ada(&deployment, &acme);
    let cases = [
        ("/v1/members/ada", json!({ "name": null }), "INVALID_BODY", "/name"),
        ("/v1/members/ada", json!({ "state": "gone" }), "INVALID_BODY", "/state"),
        ("/v1/members/ada", json!({ "quota": 1_000_001 }), "INVALID_VALUE", "/quota"),
        ("/v1/members/ada", json!({ "grants": ["nothing"] }), "UNKNOWN_SCOPE", "/grants/0"),
        ("/v1/workspace", json!({ "prefix": "No" }), "INVALID_BODY", "/prefix"),
        ("/v1/workspace", json!({ "default_quota": 0 }), "INVALID_VALUE", "/default_quota"),
        ("/v1/workspace", json!({ "audit_retention_days": 0 }), "INVALID_VALUE", "/audit_retention_days"),
        ("/v1/workspace", json!({ "state": "suspended", "name": "x" }), "INVALID_VALUE", "/state"),
    ];
    for (path, body, code, pointer) in cases {
        let reply = patch(&deployment, &acme.admin, path, &body);
        assert_eq!((reply.refused(422), &reply.body["pointer"]), (code, &json!(pointer)), "{path} {body}");
    }
    assert_eq!(
        patch(&deployment, &acme.admin, "/v1/members/ada", &json!({ "surname": "L." })).refused(422),
        "INVALID_BODY"
    );
    let last = patch(&deployment, &acme.admin, "/v1/members/admin", &json!({ "state": "suspended" }));
    assert_eq!(last.refused(409), "LAST_ADMIN");
    let by_admin = patch(&deployment, &acme.admin, "/v1/workspace", &json!({ "state": "suspended" }));
    assert_eq!(by_admin.refused(403), "ROOT_ONLY");
}

#[test]
fn clients_are_created_listed_and_deleted() {
    let (deployment, acme) = acme();
    let body = json!({ "id": "app", "name": "App", "permissions": ["orders:*"] });
    let made = deployment.post(&acme.admin, "/v1/clients", &body).expect(201);
    let shape =
        json!({ "id": "app", "name": "App", "permissions": ["orders:*"], "created_at": "2027-01-15T08:00:00.000Z" });
    assert_eq!(made, shape);
    let all = json!({ "items": [shape], "next_cursor": null, "total": 1, "total_is_exact": true });
    assert_eq!(deployment.get(&acme.admin, "/v1/clients").expect(200), all);
    assert_eq!(deployment.get(&acme.admin, "/v1/clients/app").expect(200), shape);
    assert_eq!(deployment.post(&acme.admin, "/v1/clients", &body).refused(409), "ALREADY_EXISTS");
    assert_eq!(deployment.delete(&acme.admin, "/v1/clients/app").expect(200), shape);
    assert_eq!(deployment.get(&acme.admin, "/v1/clients/app").refused(404), "NOT_FOUND");
    assert_eq!(deployment.delete(&acme.admin, "/v1/clients/app").refused(404), "NOT_FOUND");
}

#[test]
fn workspace_settings_are_saved_and_enforced() {
    let (deployment, acme) = acme();
    let mut workspace = deployment.get(&acme.admin, "/v1/workspace").expect(200);
    let storage = workspace.as_object_mut().unwrap().remove("storage").unwrap();
    assert_eq!(storage["limit_bytes"], 10_000_000_000_u64);
    let shape = json!({
        "slug": "acme", "key": acme.key, "name": "acme", "prefix": "cft", "state": "active",
        "created_at": "2027-01-15T08:00:00.000Z", "default_quota": 600, "max_lifetime": null,
        "session_length": 43_200, "lease_max": 10, "snapshot_max": 86_400, "audit_retention_days": null, "allowed_origins": [], "hosts": [],
        "identity_providers": [],
    });
    assert_eq!(workspace, shape);
    let change = json!({ "prefix": "acme", "max_lifetime": 60, "lease_max": 60, "snapshot_max": 60, "audit_retention_days": 30 });
    workspace["prefix"] = json!("acme");
    workspace["max_lifetime"] = json!(60);
    workspace["lease_max"] = json!(60);
    workspace["snapshot_max"] = json!(60);
    workspace["audit_retention_days"] = json!(30);
    assert_eq!(patch(&deployment, &acme.admin, "/v1/workspace", &change).expect(200), workspace);
    let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] }));
    assert!(text(&issued, "/token").starts_with("acme_"));
    assert_eq!(issued["expires_at"], "2027-01-15T08:01:00.000Z");
}

#[test]
fn root_suspends_resumes_and_deletes_a_workspace() {
    let (deployment, acme) = acme();
    let state = |state: &str| root(&deployment, "PATCH", "/v1/workspace").json(&json!({ "state": state })).send();
    assert_eq!(state("suspended").expect(200)["state"], "suspended");
    assert_eq!(deployment.get(&acme.admin, "/v1/workspace").refused(401), "WORKSPACE_SUSPENDED");
    assert_eq!(state("active").expect(200)["state"], "active");
    deployment.get(&acme.admin, "/v1/workspace").expect(200);

    assert_eq!(deployment.delete(&acme.admin, "/v1/workspace").refused(403), "ROOT_ONLY");
    assert_eq!(root(&deployment, "DELETE", "/v1/workspace").send().expect(202), json!({ "complete": false }));
    assert_eq!(deployment.get(&acme.admin, "/v1/workspace").refused(401), "UNKNOWN");
    assert_eq!(root(&deployment, "GET", "/v1/workspace").send().refused(404), "NOT_FOUND");
    let again = deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "acme", "name": "Again" }));
    assert_eq!(again.refused(409), "ALREADY_EXISTS", "the slug is released last");
}

#[test]
fn the_audit_log_names_actor_action_and_changes() {
    let (deployment, acme) = acme();
    let issued = deployment.issue(&acme.admin, &json!({ "name": "ci", "scopes": [] }));
    let id = text(&issued, "/id");
    let delete = deployment
        .call("DELETE", &format!("/v1/tokens/{id}"))
        .bearer(&acme.admin)
        .header("cf-connecting-ip", "192.0.2.9");
    let reply = delete.send();
    let request_id = reply.line.request_id.clone();
    reply.expect(200);
    let page = deployment.get(&acme.admin, &format!("/v1/audit?token={id}")).expect(200);
    assert_eq!((&page["total"], &page["next_cursor"]), (&json!(2), &json!(null)));
    let entry = json!({
        "seq": 5, "at": "2027-01-15T08:00:00.000Z", "actor": issued["created_by"], "action": "token.revoke", "subject": id,
        "before": { "revoked_at": null }, "after": page["items"][0]["after"], "request_id": request_id, "address": "192.0.2.9",
    });
    assert_eq!(page["items"][0], entry);
    assert_eq!(deployment.get(&acme.admin, "/v1/audit?actor=root&limit=1").expect(200)["total"], 2);
    assert_eq!(deployment.get(&acme.admin, "/v1/audit?nothing=1").refused(400), "INVALID_QUERY");
    assert_eq!(deployment.get(&acme.admin, "/v1/audit?cursor=x").refused(422), "INVALID_CURSOR");
    let plain = deployment.token(&acme.admin, &["tokens:read"]);
    assert_eq!(deployment.get(&plain, "/v1/audit").refused(403), "INSUFFICIENT_SCOPE");
}

#[test]
fn a_repeated_idempotency_key_returns_the_first_response() {
    let (deployment, acme) = acme();
    let send = |path: &str, key: &str, body: &Value| {
        deployment.call("POST", path).bearer(&acme.admin).header("idempotency-key", key).json(body).send()
    };
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": [] });
    let app = json!({ "id": "app", "name": "App", "permissions": [] });
    for (path, body) in [("/v1/members", &ada), ("/v1/clients", &app)] {
        let first = send(path, "k", body);
        assert_eq!(first.header("idempotent-replayed"), None);
        let first = first.expect(201);
        let again = send(path, "k", body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.expect(201), first);
    }
    let token = json!({ "name": "ci", "scopes": [] });
    let mut first = send("/v1/tokens", "k", &token).expect(201);
    let mut again = send("/v1/tokens", "k", &token).expect(201);
    assert_eq!((&again["token"], &again["token_shown_before"]), (&json!(null), &json!(true)));
    assert!(text(&again, "/detail").contains("otate"));
    for (answer, once) in [(&mut first, &["token"][..]), (&mut again, &["token", "token_shown_before", "detail"])] {
        once.iter().for_each(|member| drop(answer.as_object_mut().unwrap().remove(*member)));
    }
    assert_eq!(first, again);

    let other = send("/v1/tokens", "k", &json!({ "name": "other", "scopes": [] }));
    assert_eq!(other.refused(422), "IDEMPOTENCY_MISMATCH");
    for key in ["", "a b", &"k".repeat(256)] {
        assert_eq!(send("/v1/tokens", key, &token).refused(400), "INVALID_IDEMPOTENCY_KEY", "{key:?}");
    }
    let twice = deployment.call("POST", "/v1/tokens").bearer(&acme.admin);
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "b").json(&token).send();
    assert_eq!(twice.refused(400), "INVALID_IDEMPOTENCY_KEY");
}
