//! Rejections: in the dialect's format, with nothing changed and nothing disclosed.

use serde_json::{Value, json};

use super::{BEGINNING, ON_BEHALF, Stage, TOKENS, refused};
use crate::{
    deployment::{Call, Deployment, ROOT, Reply, text},
    tokens::{never_issued, with_bad_check, with_forged_seal},
    world::Fault,
};

/// A call of the dialect, without a credential.
struct ApiCall {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl ApiCall {
    fn call<'a>(&self, deployment: &'a Deployment) -> Call<'a> {
        let call = deployment.call(self.method, &self.path);
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }
}

/// The calls that name a token, with the code if it does not exist.
fn about(id: &str) -> Vec<(ApiCall, &'static str)> {
    let change = || Some(json!({ "token": { "comment": "mine now", "scopes": [] }, "update_mask": "comment,scopes" }));
    let asked = |method, path, body| ApiCall { method, path, body };
    let (gone, unknown) = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND");
    vec![
        (asked("POST", "/api/2.0/token/delete".to_owned(), Some(json!({ "token_id": id }))), gone),
        (asked("PATCH", format!("/api/2.0/token/{id}"), change()), unknown),
        (asked("GET", format!("{TOKENS}/{id}"), None), gone),
        (asked("PATCH", format!("{TOKENS}/{id}"), change()), unknown),
        (asked("DELETE", format!("{TOKENS}/{id}"), None), gone),
    ]
}

/// Every call.
fn all(id: &str) -> Vec<ApiCall> {
    let asked = |method, path: &str, body| ApiCall { method, path: path.to_owned(), body };
    let mut all = vec![
        asked("POST", "/api/2.0/token/create", Some(json!({ "comment": "x", "scopes": ["orders:read"] }))),
        asked("POST", "/api/2.0/token/create", None),
        asked("GET", "/api/2.0/token/list", None),
        asked("GET", TOKENS, None),
        asked("POST", ON_BEHALF, Some(json!({ "application_id": "ada", "scopes": [] }))),
        asked("POST", ON_BEHALF, Some(json!({ "application_id": "ada" }))),
    ];
    all.extend(about(id).into_iter().map(|(asked, _)| asked));
    all
}

impl Stage {
    /// Sends the call, checks the error's format, and compares the whole world before and after.
    #[track_caller]
    fn refused(&self, call: Call<'_>, status: u16, code: &str) -> Reply {
        let before = self.deployment.world.dump();
        let reply = call.send();
        refused(&reply, status, code);
        assert!(self.deployment.world.dump() == before, "rejected, but something changed: {}", reply.body);
        reply
    }

    /// A live token of ada's: its value and id.
    fn of_ada(&self, body: &Value) -> (String, String) {
        let (token, info) = self.create(&self.ada, body);
        (token, text(&info, "/token_id"))
    }
}

#[test]
fn an_invalid_token_gets_401_on_every_databricks_route() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let (_, target) = stage.of_ada(&json!({}));
    let key = &tenant.key;

    let (revoked, id) = stage.of_ada(&json!({}));
    stage.delete(ada, &id).expect(200);
    let (disabled, id) = stage.of_ada(&json!({}));
    let id = text(&deployment.get(ada, &format!("/v1/tokens?digest={id}")).expect(200), "/items/0/id");
    stage.patch(ada, &format!("/v1/tokens/{id}"), &json!({ "enabled": false })).expect(200);
    let (expired, _) = stage.of_ada(&json!({ "lifetime_seconds": 1 }));
    let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": ["*"] });
    deployment.post(&tenant.admin, "/v1/members", &eve).expect(201);
    let token = json!({ "name": "", "owner": "eve", "scopes": ["*"] });
    let suspended = text(&deployment.issue(&tenant.admin, &token), "/token");
    stage.patch(&tenant.admin, "/v1/members/eve", &json!({ "state": "suspended" })).expect(200);
    deployment.world.pass(1_000);

    let tokens = [
        revoked,
        disabled,
        expired,
        suspended,
        with_bad_check(ada),
        with_forged_seal(key),
        never_issued(key),
        "dapi0123456789abcdef0123456789abcdef".to_owned(),
        "short".to_owned(),
    ];
    for asked in all(&target) {
        stage.refused(asked.call(deployment), 401, "UNAUTHENTICATED");
        stage.refused(asked.call(deployment).header("authorization", "Basic YTpi"), 401, "UNAUTHENTICATED");
        for token in &tokens {
            stage.refused(asked.call(deployment).bearer(token), 401, "UNAUTHENTICATED");
        }
        let two = asked.call(deployment).bearer(ada).header("x-api-key", &tenant.admin);
        stage.refused(two, 400, "INVALID_PARAMETER_VALUE");
    }
    // Also if the requested token does not exist.
    for (asked, _) in about("nothing").into_iter().chain(about(&"0".repeat(64))) {
        for token in &tokens {
            stage.refused(asked.call(deployment).bearer(token), 401, "UNAUTHENTICATED");
        }
    }
}

#[test]
fn a_databricks_call_without_the_scope_is_denied() {
    let stage = Stage::new();
    let Stage { deployment, ada, .. } = &stage;
    let (_, target) = stage.of_ada(&json!({}));
    let (reader, _) = stage.of_ada(&json!({ "scopes": ["tokens:read"] }));
    let (writer, _) = stage.of_ada(&json!({ "scopes": ["tokens:write"] }));
    let (other, _) = stage.of_ada(&json!({ "scopes": ["orders:read"] }));
    for asked in all(&target) {
        let reads = asked.method == "GET";
        stage.refused(asked.call(deployment).bearer(&other), 403, "PERMISSION_DENIED");
        if !reads {
            stage.refused(asked.call(deployment).bearer(&reader), 403, "PERMISSION_DENIED");
        }
    }
    // A call that names a token looks it up, which needs a scope unless it is the caller's own token.
    for (asked, _) in about(&target) {
        stage.refused(asked.call(deployment).bearer(&writer), 403, "PERMISSION_DENIED");
    }
    assert_eq!(stage.delete(ada, &target).status, 200);
    assert_eq!(stage.delete(&other, &stage.id_of(&other)).status, 200);
    stage.refused(deployment.call("GET", "/api/2.0/token/list").bearer(&other), 401, "UNAUTHENTICATED");
}

#[test]
fn databricks_hides_tokens_of_other_members() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, bob } = &stage;
    let elsewhere = deployment.workspace("elsewhere");
    let (_, revoked) = stage.of_ada(&json!({}));
    stage.delete(ada, &revoked).expect(200);
    let (_, expired) = stage.of_ada(&json!({ "lifetime_seconds": 1 }));
    deployment.world.pass(1_000);
    let rotated = deployment.issue(ada, &json!({ "name": "", "scopes": [] }));
    let (replaced, path) = (text(&rotated, "/digest"), format!("/v1/tokens/{}/rotate", text(&rotated, "/id")));
    let rotated = deployment.post(ada, &path, &json!({})).expect(200);

    let never = "0".repeat(64);
    let is_own = |((asked, _), _): &((ApiCall, _), (ApiCall, _))| !asked.path.starts_with(TOKENS);
    let ids = [stage.id_of(&tenant.admin), stage.id_of(bob), stage.id_of(&elsewhere.admin), revoked, expired, replaced];
    for id in &ids {
        for ((asked, code), (nothing, _)) in about(id).into_iter().zip(about(&never)).filter(is_own) {
            let reply = stage.refused(asked.call(deployment).bearer(ada), 404, code);
            let nothing = stage.refused(nothing.call(deployment).bearer(ada), 404, code);
            let said = String::from_utf8(reply.bytes).unwrap().replace(id, &never).into_bytes();
            assert!(said == nothing.bytes, "{id} is distinguishable from a nonexistent one");
        }
    }
    // An admin sees tokens of its own workspace that are neither revoked nor expired; on the owner's paths only its own.
    for id in &ids[2..] {
        for (asked, code) in about(id) {
            stage.refused(asked.call(deployment).bearer(&tenant.admin), 404, code);
        }
    }
    for (asked, code) in about(&stage.id_of(ada)).into_iter().take(2) {
        stage.refused(asked.call(deployment).bearer(&tenant.admin), 404, code);
    }
    // After a rotation the id is the digest of the new value.
    let id = text(&rotated, "/digest");
    let read = deployment.get(&tenant.admin, &format!("{TOKENS}/{id}")).expect(200);
    assert_eq!(read["token_info"]["token_id"], id);
    assert_eq!(stage.delete(ada, &id.to_uppercase()).status, 200);
}

#[test]
fn token_management_is_for_admins_only() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, bob } = &stage;
    // A member with all scopes is still no admin.
    let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": ["*"] });
    deployment.post(&tenant.admin, "/v1/members", &eve).expect(201);
    let token = json!({ "name": "", "owner": "eve", "scopes": ["*"] });
    let eve = text(&deployment.issue(&tenant.admin, &token), "/token");
    let session = deployment.session(&eve).0;
    let ids = [stage.id_of(&eve), stage.id_of(bob), stage.id_of(&tenant.admin), "0".repeat(64), "abc".to_owned()];
    let mut asked: Vec<_> =
        ids.iter().flat_map(|id| all(id)).filter(|asked| asked.path.contains("management")).collect();
    let others =
        ["?created_by_id=1", "?created_by_username=eve", "?created_by_id=x"].map(|query| format!("{TOKENS}{query}"));
    asked.extend(others.map(|path| ApiCall { method: "GET", path, body: None }));
    for id in ["eve", "ada", "nobody"] {
        let body = Some(json!({ "application_id": id, "scopes": [] }));
        asked.push(ApiCall { method: "POST", path: ON_BEHALF.to_owned(), body });
    }
    asked.push(ApiCall { method: "POST", path: ON_BEHALF.to_owned(), body: Some(json!({})) });
    for asked in asked {
        for by in [&eve, ada] {
            let reply = stage.refused(asked.call(deployment).bearer(by), 403, "PERMISSION_DENIED");
            assert_eq!(reply.body["message"], "Only admins of the workspace can administer tokens.");
        }
        let call = asked.call(deployment).session(&session).header("origin", "https://counterfoil.example");
        stage.refused(call, 403, "PERMISSION_DENIED");
    }
    // An admin's token also needs the scope; an admin's session is accepted.
    let narrow = deployment.token(&tenant.admin, &["orders:read"]);
    stage.refused(deployment.call("GET", TOKENS).bearer(&narrow), 403, "PERMISSION_DENIED");
    let session = deployment.session(&tenant.admin).0;
    deployment.call("GET", TOKENS).session(&session).send().expect(200);
    deployment.call("GET", TOKENS).bearer(ROOT).header("x-counterfoil-workspace", "acme").send().expect(200);
    // A demoted admin is rejected immediately.
    let other = json!({ "id": "boss", "name": "Boss", "role": "admin", "grants": ["*"] });
    deployment.post(&tenant.admin, "/v1/members", &other).expect(201);
    let boss = json!({ "name": "", "owner": "boss", "scopes": ["*"] });
    let boss = text(&deployment.issue(&tenant.admin, &boss), "/token");
    deployment.get(&boss, TOKENS).expect(200);
    stage.patch(&tenant.admin, "/v1/members/boss", &json!({ "role": "member" })).expect(200);
    stage.refused(deployment.call("GET", TOKENS).bearer(&boss), 403, "PERMISSION_DENIED");
}

#[test]
fn deleting_a_value_in_its_grace_period_keeps_the_current_one() {
    let stage = Stage::new();
    let Stage { deployment, ada, .. } = &stage;
    let issued = deployment.issue(ada, &json!({ "name": "", "scopes": [] }));
    let rotate = || {
        let path = format!("/v1/tokens/{}/rotate", text(&issued, "/id"));
        deployment.post(ada, &path, &json!({ "grace_seconds": 60 })).expect(200)
    };
    let (newer, newest) = (rotate(), rotate());
    let own = |token: &str| deployment.get(token, "/v1/tokens/self").status;
    let old = text(&issued, "/digest");
    // A holder of the value may end it too.
    assert_eq!(stage.delete(&text(&newer, "/token"), &text(&newer, "/digest")).status, 200);
    assert_eq!(stage.delete(ada, &old).status, 200);
    assert_eq!([&issued, &newer, &newest].map(|issued| own(&text(issued, "/token"))), [401, 401, 200]);
    stage.refused(about(&old).remove(0).0.call(deployment).bearer(ada), 404, about(&old)[0].1);
}

#[test]
fn a_token_value_sent_as_an_id_is_not_echoed() {
    let stage = Stage::new();
    let Stage { deployment, tenant, bob, .. } = &stage;
    for id in [bob.as_str(), &with_bad_check(bob), "0123456789abcdef"] {
        for (asked, code) in about(id) {
            let reply = stage.refused(asked.call(deployment).bearer(&tenant.admin), 404, code);
            assert_eq!(reply.body["message"], "No valid token with this ID found.");
        }
    }
    for (asked, code) in about("abc") {
        let reply = stage.refused(asked.call(deployment).bearer(&tenant.admin), 404, code);
        assert_eq!(reply.body["message"], "No valid token with ID abc found.");
    }
}

#[test]
fn databricks_rejects_invalid_bodies() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let (_, id) = stage.of_ada(&json!({}));
    let create = "/api/2.0/token/create";
    let refused = |method, path: &str, body: Value| {
        let call = deployment.call(method, path).bearer(&tenant.admin).json(&body);
        text(&stage.refused(call, 400, "INVALID_PARAMETER_VALUE").body, "/message")
    };
    for seconds in [json!(0), json!(-1), json!(1.5), json!("60"), json!(u64::MAX), json!([])] {
        let said = refused("POST", create, json!({ "lifetime_seconds": seconds }));
        assert!(said.contains("lifetime_seconds"), "{said}");
    }
    assert!(refused("POST", create, json!({ "comment": 7 })).contains("comment"));
    assert!(refused("POST", create, json!({ "comment": "x".repeat(201) })).contains("comment"));
    for scopes in [json!("orders:read"), json!([7]), json!(["no such scope"]), json!(["no:such:scope"]), json!({})] {
        let said = refused("POST", create, json!({ "scopes": scopes }));
        assert!(said.contains("scopes"), "{said}");
    }
    for body in [json!([]), json!("x"), json!(null)] {
        refused("POST", create, body);
    }
    for body in [json!({}), json!({ "token_id": null }), json!({ "token_id": 7 })] {
        assert!(refused("POST", "/api/2.0/token/delete", body).contains("token_id"));
    }
    for body in [json!({}), json!({ "application_id": 2 }), json!({ "application_id": "nobody" })] {
        assert!(refused("POST", ON_BEHALF, body).contains("application_id"));
    }
    for path in [format!("/api/2.0/token/{id}"), format!("{TOKENS}/{id}")] {
        for mask in [json!(null), json!(""), json!("expiry_time"), json!("comment,owner_id"), json!(["comment"])] {
            let said = refused("PATCH", &path, json!({ "token": { "comment": "x" }, "update_mask": mask }));
            assert!(said.contains("update_mask"), "{said}");
        }
        refused("PATCH", &path, json!({ "token": "x", "update_mask": "comment" }));
        refused("PATCH", &path, json!({ "token": { "comment": 7 }, "update_mask": "comment" }));
    }
    let query = format!("{TOKENS}?created_by_id=ada");
    stage.refused(deployment.call("GET", &query).bearer(&tenant.admin), 400, "INVALID_PARAMETER_VALUE");
    for (method, path) in [("POST", create), ("POST", "/api/2.0/token/delete")] {
        let call = deployment.call(method, path).bearer(ada).content("application/json", "{");
        stage.refused(call, 400, "INVALID_PARAMETER_VALUE");
    }
    // Deleting requires a body; too large a body is the same kind of error.
    stage.refused(deployment.call("POST", "/api/2.0/token/delete").bearer(ada), 400, "INVALID_PARAMETER_VALUE");
    let call = deployment.call("POST", create).bearer(ada).json(&json!({ "comment": "x".repeat(70_000) }));
    stage.refused(call, 400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn databricks_maps_rule_violations_to_its_error_codes() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let post = |by: &str, path: &str, body: Value| deployment.call("POST", path).bearer(by).json(&body);
    let create = "/api/2.0/token/create";
    stage.refused(post(ada, create, json!({ "scopes": ["orders:write"] })), 403, "PERMISSION_DENIED");
    for id in ["bob", "nobody"] {
        stage.refused(post(ada, ON_BEHALF, json!({ "application_id": id })), 403, "PERMISSION_DENIED");
    }
    // No token changes its own scopes.
    let path = format!("{TOKENS}/{}", stage.id_of(ada));
    let call = deployment.call("PATCH", &path).bearer(ada).json(&json!({ "token": {}, "update_mask": "scopes" }));
    stage.refused(call, 403, "PERMISSION_DENIED");

    stage.patch(&tenant.admin, "/v1/members/ada", &json!({ "quota": 1 })).expect(200);
    let said = text(&stage.refused(post(ada, create, json!({})), 400, "QUOTA_EXCEEDED").body, "/message");
    assert!(said.contains("quota of 1"), "{said}");
    let for_ada = json!({ "application_id": "ada" });
    stage.refused(post(&tenant.admin, ON_BEHALF, for_ada), 400, "QUOTA_EXCEEDED");

    // Root is no member, so it must name the owner.
    let as_root =
        |call: Call<'_>| stage.refused(call.header("x-counterfoil-workspace", "acme"), 400, "INVALID_PARAMETER_VALUE");
    as_root(post(ROOT, create, json!({})));
    stage.refused(post(ROOT, create, json!({})), 400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn unknown_databricks_paths_use_its_error_format() {
    let stage = Stage::new();
    let Stage { deployment, ada, .. } = &stage;
    for path in ["/api/2.0/", "/api/2.0/tokens", "/api/2.0/token/", "/api/2.0/permissions/authorization/tokens"] {
        stage.refused(deployment.call("GET", path).bearer(ada), 404, "NOT_FOUND");
    }
    let call = deployment.call("GET", "/api/2.0/token/create").bearer(ada);
    let reply = stage.refused(call, 405, "METHOD_NOT_ALLOWED");
    assert_eq!(reply.header("allow"), Some("POST"));
}

#[test]
fn databricks_reports_ledger_failures_as_unavailable() {
    let stage = Stage::new();
    let Stage { deployment, ada, .. } = &stage;
    let (_, target) = stage.of_ada(&json!({}));
    deployment.world.inside().objects_fail = Some(Fault::Before);
    for asked in all(&target) {
        let reply = stage.refused(asked.call(deployment).bearer(ada), 503, "TEMPORARILY_UNAVAILABLE");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    deployment.world.inside().objects_fail = Some(Fault::Garbled);
    for (asked, _) in about(&target).into_iter().take(1) {
        stage.refused(asked.call(deployment).bearer(ada), 500, "INTERNAL_ERROR");
    }
    deployment.world.inside().objects_fail = None;
    let list = deployment.get(ada, "/api/2.0/token/list").expect(200);
    assert_eq!(list["token_infos"][0]["creation_time"], BEGINNING);
}
