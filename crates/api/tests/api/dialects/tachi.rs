//! The dialect of Tachi.

mod noise;
mod who;

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, Reply, Tenant, text},
    tokens::never_issued,
    world::Fault,
};

const LIST: &str = "/api/v1/users/me/api-tokens";
const CREATE: &str = "/api/v1/users/me/api-tokens/create";

/// A workspace with a member that is no admin, and a session of each.
struct Tachi {
    deployment: Deployment,
    acme: Tenant,
    /// The admin's session.
    boss: String,
    /// The token that opened the member's session. It lacks `orders:write`, which the member is granted.
    token: Value,
    /// The member's session.
    ada: String,
}

impl Tachi {
    fn new() -> Self {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let grants = ["tokens:*", "sessions:create", "orders:*"];
        let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": grants, "quota": 5 });
        deployment.post(&acme.admin, "/v1/members", &ada).expect(201);
        for (id, permissions) in [("ir", ["orders:read"]), ("greedy", ["orders:write"])] {
            let client = json!({ "id": id, "name": format!("The {id}"), "permissions": permissions });
            deployment.post(&acme.admin, "/v1/clients", &client).expect(201);
        }
        let scopes = ["tokens:read", "tokens:write", "sessions:create", "orders:read"];
        let token = deployment.issue(&acme.admin, &json!({ "name": "sign-in", "owner": "ada", "scopes": scopes }));
        let (ada, _) = deployment.session(&text(&token, "/token"));
        let (boss, _) = deployment.session(&acme.admin);
        Self { deployment, acme, boss, token, ada }
    }

    /// The response to a page that is signed in.
    fn page(&self, session: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let call = self.deployment.call(method, path).session(session);
        match body {
            Some(body) => call.json(body).send(),
            None => call.send(),
        }
    }

    fn create(&self, body: &Value) -> Reply {
        self.page(&self.ada, "POST", CREATE, Some(body))
    }

    fn remove(&self, session: &str, token: &str) -> Reply {
        self.page(session, "DELETE", &format!("{LIST}/{token}"), None)
    }

    /// The ids in the member's list, newest first.
    fn listed(&self) -> Vec<String> {
        let list = self.page(&self.ada, "GET", LIST, None).expect(200);
        list["body"].as_array().unwrap().iter().map(|token| text(token, "/token")).collect()
    }

    /// The newest token in the native format.
    fn newest(&self) -> Value {
        self.deployment.get(&self.acme.admin, "/v1/tokens?limit=1").expect(200)["items"][0].clone()
    }

    /// Expects exactly this error, and that nothing has changed.
    #[track_caller]
    fn fails(&self, send: impl FnOnce() -> Reply, status: u16, description: &str) {
        let before = self.deployment.world.dump();
        let reply = send();
        let body = str::from_utf8(&reply.bytes).unwrap();
        let expected = format!(r#"{{"success":false,"description":{}}}"#, json!(description));
        assert_eq!((reply.status, body), (status, &*expected));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(self.deployment.world.dump() == before, "rejected, but something changed");
    }
}

#[track_caller]
fn answers(reply: &Reply, expected: &str) {
    assert_eq!((reply.status, str::from_utf8(&reply.bytes).unwrap()), (200, expected));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn tachi_responses_are_pinned() {
    let tachi = Tachi::new();
    let own = text(&tachi.token, "/id");
    let sign_in = format!(
        r#"{{"identifier":"sign-in","permissions":{{"orders:read":true,"sessions:create":true,"tokens:read":true,"tokens:write":true}},"token":"{own}","userID":2,"fromAPIClient":null}}"#
    );
    let one = format!(r#"{{"success":true,"description":"Returned 1 keys.","body":[{sign_in}]}}"#);
    answers(&tachi.page(&tachi.ada, "GET", LIST, None), &one);

    let reply = tachi.create(&json!({ "permissions": ["orders:read"], "identifier": "Fervidex Token" }));
    let (token, id) = (text(&reply.body, "/body/token"), text(&tachi.newest(), "/id"));
    assert!(token.starts_with(&format!("cft_{}", tachi.acme.key)) && token.len() == 46);
    let shown = |token: &str| {
        format!(
            r#"{{"identifier":"Fervidex Token","permissions":{{"orders:read":true}},"token":"{token}","userID":2,"fromAPIClient":null}}"#
        )
    };
    let created = r#"{"success":true,"description":"Successfully created new API Token.","body":"#;
    answers(&reply, &format!("{created}{}}}", shown(&token)));
    let two = format!(r#"{{"success":true,"description":"Returned 2 keys.","body":[{},{sign_in}]}}"#, shown(&id));
    answers(&tachi.page(&tachi.ada, "GET", LIST, None), &two);

    let reply = tachi.create(&json!({ "clientID": "ir", "identifier": "not this" }));
    let pinned = text(&reply.body, "/body/token");
    let document = format!(
        r#"{{"identifier":"The ir","permissions":{{"orders:read":true}},"token":"{pinned}","userID":2,"fromAPIClient":"ir"}}"#
    );
    answers(&reply, &format!("{created}{document}}}"));

    for token in [&id, &pinned] {
        answers(&tachi.remove(&tachi.ada, token), r#"{"success":true,"description":"Removed Token.","body":{}}"#);
    }
    answers(&tachi.page(&tachi.ada, "GET", LIST, None), &one);
}

#[test]
fn tachi_names_tokens_by_identifier_or_default() {
    let tachi = Tachi::new();
    for (body, name) in [
        (json!({ "permissions": [] }), "Custom Token"),
        (json!({ "permissions": [], "identifier": null, "clientID": null, "more": 1 }), "Custom Token"),
        (json!({ "permissions": ["orders:read", "orders:read"], "identifier": "" }), ""),
    ] {
        let made = tachi.create(&body).expect(200);
        let token = tachi.newest();
        let scopes: Vec<_> = made["body"]["permissions"].as_object().unwrap().keys().collect();
        assert_eq!((&made["body"]["identifier"], &token["name"]), (&json!(name), &json!(name)));
        assert_eq!((json!(scopes), &token["owner"]["id"]), (token["scopes"].clone(), &json!("ada")));
        let verified = json!({ "token": made["body"]["token"] });
        let decision = tachi.deployment.post(&tachi.acme.admin, "/v1/verify", &verified).expect(200);
        assert_eq!((&decision["code"], &decision["token"]["id"]), (&json!("VALID"), &token["id"]));
    }
}

#[test]
fn tachi_rejects_invalid_creations_with_a_reason() {
    let tachi = Tachi::new();
    let both = "Cannot use ClientID creation and permissions creation at the same time!";
    let neither = "Invalid request, must specify either clientID or permissions.";
    let beyond = "The scope orders:write is more than your credential can grant.";
    let unknown = "The scope submit_score is neither built in nor in the workspace's catalogue.";
    for (body, status, description) in [
        (json!({}), 400, neither),
        (json!({ "identifier": "x", "permissions": null }), 400, neither),
        (json!({ "clientID": "ir", "permissions": [] }), 400, both),
        (json!({ "clientID": "nobody", "permissions": ["nothing"] }), 400, both),
        (json!({ "permissions": ["orders:read", "submit_score"] }), 400, unknown),
        (json!({ "permissions": ["orders:write"] }), 400, beyond),
        (json!({ "clientID": "greedy" }), 400, beyond),
        (json!({ "clientID": "nobody" }), 404, "This client does not exist."),
        (json!({ "clientID": "" }), 404, "This client does not exist."),
        (json!({ "clientID": 7 }), 400, "clientID must be a string."),
        (json!({ "permissions": "orders:read" }), 400, "permissions must be a list of strings."),
        (json!({ "permissions": [["orders:read"]] }), 400, "permissions must be a string."),
        (json!({ "permissions": [], "identifier": 7 }), 400, "identifier must be a string."),
        (json!(["orders:read"]), 400, "The body must be a JSON object."),
    ] {
        tachi.fails(|| tachi.create(&body), status, description);
    }
    let no_scope = tachi.create(&json!({ "permissions": ["submit score"] }));
    assert_eq!(no_scope.status, 400);
    assert!(text(&no_scope.body, "/description").starts_with(r#""submit score" is not a scope"#));
    let too_long = tachi.create(&json!({ "permissions": [], "identifier": "x".repeat(201) }));
    assert_eq!((too_long.status, &too_long.body["success"]), (400, &json!(false)));
    let call = |body| tachi.deployment.call("POST", CREATE).session(&tachi.ada).content("text/plain", body);
    tachi.fails(|| call("").send(), 400, neither);
    assert_eq!(call("{").send().status, 400);
}

#[test]
fn a_client_has_one_live_token_per_user() {
    let tachi = Tachi::new();
    let first = tachi.create(&json!({ "clientID": "ir" })).expect(200);
    let again = "You already have a token for this client. Remove that one to create another.";
    tachi.fails(|| tachi.create(&json!({ "clientID": "ir" })), 409, again);
    // Another user has its own token, and after the first one is removed another can be created.
    tachi.page(&tachi.boss, "POST", CREATE, Some(&json!({ "clientID": "ir" }))).expect(200);
    tachi.remove(&tachi.ada, &text(&first, "/body/token")).expect(200);
    tachi.create(&json!({ "clientID": "ir" })).expect(200);
}

#[test]
fn an_exhausted_quota_is_not_reported_as_a_conflict() {
    let tachi = Tachi::new();
    (1..5).for_each(|_| drop(tachi.create(&json!({ "permissions": [] })).expect(200)));
    let full = "The owner's quota of 5 live tokens is exceeded: 6 would be needed. Revoke tokens, or ask an \
        administrator to raise the quota.";
    tachi.fails(|| tachi.create(&json!({ "clientID": "ir" })), 400, full);
}

#[test]
fn tachi_lists_only_live_tokens() {
    let tachi = Tachi::new();
    let issue = |more: Value| {
        let mut body = json!({ "name": "", "scopes": [], "owner": "ada" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tachi.deployment.issue(&tachi.acme.admin, &body)
    };
    let (disabled, expiring, revoked) =
        (issue(json!({ "enabled": false })), issue(json!({ "expires_in": 60 })), issue(json!({})));
    tachi.deployment.delete(&tachi.acme.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let ids = |tokens: &[&Value]| tokens.iter().map(|token| text(token, "/id")).collect::<Vec<_>>();
    assert_eq!(tachi.listed(), ids(&[&expiring, &disabled, &tachi.token]));
    tachi.deployment.world.pass(60_000);
    assert_eq!(tachi.listed(), ids(&[&disabled, &tachi.token]));
    // An admin also sees only its own tokens.
    let boss = tachi.page(&tachi.boss, "GET", LIST, None).expect(200);
    assert_eq!((boss["body"].as_array().unwrap().len(), &boss["body"][0]["userID"]), (1, &json!(1)));
}

#[test]
fn tachi_shows_own_scopes_and_not_effective_scopes() {
    let tachi = Tachi::new();
    let before = tachi.page(&tachi.ada, "GET", LIST, None).expect(200);
    let fewer = json!({ "grants": ["tokens:*", "sessions:create"] });
    let call = tachi.deployment.call("PATCH", "/v1/members/ada").bearer(&tachi.acme.admin);
    call.json(&fewer).send().expect(200);
    assert_eq!(tachi.page(&tachi.ada, "GET", LIST, None).expect(200), before);
}

#[test]
fn tachi_removes_by_id_or_by_a_valid_token_value() {
    let tachi = Tachi::new();
    let made = || {
        let created = tachi.create(&json!({ "permissions": [] })).expect(200);
        (text(&created, "/body/token"), text(&tachi.newest(), "/id"))
    };
    let rotate = |id: &str, grace: u64| {
        let rotated = json!({ "grace_seconds": grace });
        let path = format!("/v1/tokens/{id}/rotate");
        text(&tachi.deployment.post(&tachi.acme.admin, &path, &rotated).expect(200), "/token")
    };
    let is_revoked = |id: &str| {
        let token = tachi.deployment.get(&tachi.acme.admin, &format!("/v1/tokens/{id}")).expect(200);
        token["state"] == "revoked"
    };
    let (text_one, one) = made();
    assert_eq!(tachi.remove(&tachi.ada, &text_one).status, 200);
    let documented = format!("/api/v1/users/2/api-token/{}", made().0);
    assert_eq!(tachi.page(&tachi.ada, "DELETE", &documented, None).status, 200);

    // A value in its grace period is valid, and ends alone: the value that replaced it stays.
    let (in_grace, two) = made();
    let successor = rotate(&two, 60);
    assert_eq!(tachi.remove(&tachi.ada, &in_grace).status, 200);
    tachi.fails(|| tachi.remove(&tachi.ada, &in_grace), 404, "This key does not exist.");
    assert!(is_revoked(&one) && !is_revoked(&two));
    assert_eq!(tachi.remove(&tachi.ada, &successor).status, 200);
    assert!(is_revoked(&two));

    // An expired value is not found: the token itself stays.
    let (over, three) = made();
    let current = rotate(&three, 60);
    tachi.deployment.let_pass(60);
    tachi.fails(|| tachi.remove(&tachi.ada, &over), 404, "This key does not exist.");
    assert!(!is_revoked(&three));
    assert_eq!(tachi.remove(&tachi.ada, &current).status, 200);

    // A token whose name contains the id is not the one with that id.
    let (_, four) = made();
    tachi.create(&json!({ "permissions": [], "identifier": four })).expect(200);
    let mentions = text(&tachi.newest(), "/id");
    assert_eq!(tachi.remove(&tachi.ada, &four).status, 200);
    assert!(is_revoked(&four) && !is_revoked(&mentions));
    tachi.fails(|| tachi.remove(&tachi.ada, &four), 404, "This key does not exist.");
}

#[test]
fn removing_the_token_that_opened_the_session_ends_the_session() {
    let tachi = Tachi::new();
    assert_eq!(tachi.remove(&tachi.ada, &text(&tachi.token, "/token")).status, 200);
    let over = "This endpoint requires session-level authentication.";
    tachi.fails(|| tachi.page(&tachi.ada, "GET", LIST, None), 401, over);
}

#[test]
fn tachi_hides_tokens_of_other_users() {
    let tachi = Tachi::new();
    let Tachi { deployment, acme, .. } = &tachi;
    let other = deployment.workspace("other");
    let theirs = |admin: &str| deployment.issue(admin, &json!({ "name": "", "scopes": [] }));
    let (of_boss, of_other) = (theirs(&acme.admin), theirs(&other.admin));
    let mut targets = vec!["x".to_owned(), "tok_0000000000000000000000".to_owned(), never_issued(&acme.key)];
    targets.extend(["%00", "tok_%20%25", "%22%27--", "create"].map(str::to_owned));
    targets.push("a".repeat(3_000));
    for token in [&of_boss, &of_other] {
        targets.extend([text(token, "/id"), text(token, "/token"), text(token, "/digest")]);
    }
    for target in &targets {
        for spelling in ["api-tokens", "api-token"] {
            // This is a path of its own, with another method.
            if (&**target, spelling) == ("create", "api-tokens") {
                continue;
            }
            let path = format!("/api/v1/users/me/{spelling}/{target}");
            tachi.fails(|| tachi.page(&tachi.ada, "DELETE", &path, None), 404, "This key does not exist.");
        }
    }
    // Nor can an admin access tokens of others here.
    for field in ["/id", "/token"] {
        tachi.fails(|| tachi.remove(&tachi.boss, &text(&tachi.token, field)), 404, "This key does not exist.");
    }
}

#[test]
fn tachi_enforces_the_sessions_scopes() {
    let tachi = Tachi::new();
    let session = |scopes: &[&str]| {
        let scopes = [scopes, &["sessions:create"]].concat();
        let opener = json!({ "name": "", "owner": "ada", "scopes": scopes });
        tachi.deployment.session(&text(&tachi.deployment.issue(&tachi.acme.admin, &opener), "/token")).0
    };
    let (reads, writes) = (session(&["tokens:read"]), session(&["tokens:write"]));
    let own = text(&tachi.token, "/id");
    let [read, write] =
        ["read", "write"].map(|scope| format!("The token does not have the required scope `tokens:{scope}`."));
    tachi.fails(|| tachi.page(&writes, "GET", LIST, None), 403, &read);
    tachi.fails(|| tachi.page(&writes, "POST", CREATE, Some(&json!({ "clientID": "ir" }))), 403, &read);
    tachi.fails(|| tachi.remove(&writes, &own), 403, &read);
    tachi.fails(|| tachi.page(&reads, "POST", CREATE, Some(&json!({ "permissions": [] }))), 403, &write);
    tachi.fails(|| tachi.remove(&reads, &own), 403, &write);
    assert_eq!(tachi.page(&writes, "POST", CREATE, Some(&json!({ "permissions": [] }))).status, 200);
    assert_eq!(tachi.page(&reads, "GET", LIST, None).status, 200);
}

#[test]
fn tachi_reports_an_unreachable_ledger_in_its_format() {
    let tachi = Tachi::new();
    let own = format!("{LIST}/{}", text(&tachi.token, "/id"));
    let create = json!({ "permissions": [] });
    let requests = [("GET", LIST, None), ("POST", CREATE, Some(&create)), ("DELETE", &*own, None)];
    for (method, path, body) in requests {
        // Each of the request's queries fails once.
        for question in 0.. {
            let before = tachi.deployment.world.dump();
            tachi.deployment.world.inside().one_object_fails = Some((question, Fault::Before));
            let reply = tachi.page(&tachi.ada, method, path, body);
            if tachi.deployment.world.inside().one_object_fails.take().is_some() {
                assert!(reply.status == 200 && question > 1, "{method}: every question has failed once");
                break;
            }
            assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
            assert_eq!(reply.body["success"], json!(false));
            assert!(text(&reply.body, "/description").starts_with("The ledger did not respond in time."));
            assert_eq!(tachi.deployment.world.dump(), before);
        }
    }
}

#[test]
fn unknown_tachi_paths_and_methods_use_its_error_format() {
    let tachi = Tachi::new();
    let nothing = "This path does not exist.";
    for path in ["/api/v1/users/me", "/api/v1/users/me/api-tokens/", "/api/v1/users/me/api-token"] {
        tachi.fails(|| tachi.page(&tachi.ada, "GET", path, None), 404, nothing);
    }
    let method = "This path does not support this method. Use one that the `Allow` header names.";
    for (name, path) in [("POST", LIST), ("DELETE", CREATE), ("PATCH", "/api/v1/users/me/api-tokens/x")] {
        tachi.fails(|| tachi.page(&tachi.ada, name, path, None), 405, method);
    }
    let large = json!({ "permissions": [], "identifier": "x".repeat(70_000) });
    tachi.fails(|| tachi.create(&large), 413, "The body is too large: at most 65536 bytes are allowed.");
}
