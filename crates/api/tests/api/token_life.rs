//! The rest of a token's lifecycle over HTTP: change, rotate, revoke in bulk, list, import.

use counterfoil_token::Digest;
use serde_json::{Value, json};

use crate::deployment::{Deployment, Reply, Tenant, text};

fn patch(deployment: &Deployment, token: &str, id: &str, body: &Value) -> Reply {
    deployment.call("PATCH", &format!("/v1/tokens/{id}")).bearer(token).json(body).send()
}

fn rotate(deployment: &Deployment, token: &str, id: &str, body: &Value) -> Reply {
    deployment.post(token, &format!("/v1/tokens/{id}/rotate"), body)
}

fn check(deployment: &Deployment, gate: &str, token: &str) -> String {
    let body = json!({ "token": token, "demand": { "freshness": "strong" } });
    text(&deployment.post(gate, "/v1/verify", &body).expect(200), "/code")
}

fn setup() -> (Deployment, Tenant) {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    (deployment, acme)
}

fn issue(deployment: &Deployment, by: &str, name: &str) -> (String, String, Value) {
    let issued = deployment.issue(by, &json!({ "name": name, "scopes": ["orders:read"] }));
    (text(&issued, "/token"), text(&issued, "/id"), issued)
}

#[test]
fn a_patch_changes_only_the_given_fields() {
    let (deployment, acme) = setup();
    let (token, id, issued) = issue(&deployment, &acme.admin, "ci");
    let change = json!({
        "name": "nightly", "note": "a note", "enabled": false, "scopes": ["orders:write"],
        "expires_at": "2027-02-01T00:00:00Z", "not_before": "2027-01-20T00:00:00Z",
        "allowed_addresses": ["192.0.2.0/24"], "metadata": { "a": 1 },
    });
    let changed = patch(&deployment, &acme.admin, &id, &change).expect(200);
    let mut expected = issued.clone();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("token");
    fields.extend(change.as_object().unwrap().clone());
    fields.extend(
        json!({
            "state": "disabled", "effective_scopes": ["orders:write"], "version": issued["version"].as_u64().unwrap() + 1,
            "expires_at": "2027-02-01T00:00:00.000Z", "not_before": "2027-01-20T00:00:00.000Z",
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(changed, expected);
    assert_eq!(check(&deployment, &acme.admin, &token), "DISABLED");
    // A map merges; `null` clears.
    let change = json!({
        "scopes": { "orders:read": true, "orders:write": false }, "enabled": true, "note": null,
        "expires_at": null, "not_before": null, "allowed_addresses": [], "metadata": null, "name": "ci",
    });
    let changed = patch(&deployment, &acme.admin, &id, &change).expect(200);
    let version = expected["version"].as_u64().unwrap() + 1;
    expected = issued;
    expected["version"] = json!(version);
    expected.as_object_mut().unwrap().remove("token");
    assert_eq!(changed, expected);
    assert_eq!(check(&deployment, &acme.admin, &token), "VALID");
    let changed = patch(&deployment, &acme.admin, &id, &json!({ "expires_in": 60 })).expect(200);
    assert_eq!(changed["expires_at"], "2027-01-15T08:01:00.000Z");
    assert_eq!(patch(&deployment, &acme.admin, &id, &json!({})).expect(200), changed);
}

#[test]
fn an_invalid_token_change_is_rejected_with_its_pointer() {
    let (deployment, acme) = setup();
    let (token, id, _) = issue(&deployment, &acme.admin, "ci");
    for (body, status, code, pointer) in [
        (json!({ "name": null }), 422, "INVALID_BODY", "/name"),
        (json!({ "enabled": null }), 422, "INVALID_BODY", "/enabled"),
        (json!({ "scopes": null }), 422, "INVALID_BODY", "/scopes"),
        (json!({ "scopes": "orders:read" }), 422, "INVALID_BODY", "/scopes"),
        (json!({ "scopes": ["orders:read", "a b"] }), 422, "INVALID_BODY", "/scopes/1"),
        (json!({ "scopes": { "orders:read": "yes" } }), 422, "INVALID_BODY", "/scopes/orders:read"),
        (json!({ "scopes": ["nope"] }), 422, "UNKNOWN_SCOPE", "/scopes/0"),
        (json!({ "scopes": { "nope": true } }), 422, "UNKNOWN_SCOPE", "/scopes/nope"),
        (json!({ "allowed_addresses": ["192.0.2.1/24"] }), 422, "INVALID_BODY", "/allowed_addresses/0"),
        (json!({ "expires_at": "soon" }), 422, "INVALID_BODY", "/expires_at"),
        (json!({ "expires_in": 60, "expires_at": null }), 422, "INVALID_VALUE", "/expires_in"),
        (json!({ "expires_in": 0 }), 422, "INVALID_VALUE", "/expires_in"),
        (json!({ "name": "n".repeat(201) }), 422, "INVALID_VALUE", "/name"),
        (json!({ "owner": "admin" }), 422, "INVALID_BODY", "/owner"),
    ] {
        let reply = patch(&deployment, &acme.admin, &id, &body);
        assert_eq!(
            (reply.status, &reply.body["code"], &reply.body["pointer"]),
            (status, &json!(code), &json!(pointer)),
            "{body}"
        );
    }
    let own = text(&deployment.get(&acme.admin, "/v1/tokens/self").expect(200), "/id");
    assert_eq!(patch(&deployment, &acme.admin, &own, &json!({ "scopes": [] })).refused(403), "OWN_TOKEN");
    assert_eq!(patch(&deployment, &acme.admin, "tok_none", &json!({ "name": "" })).refused(404), "NOT_FOUND");
    assert_eq!(patch(&deployment, &token, &id, &json!({ "name": "" })).refused(403), "INSUFFICIENT_SCOPE");
    deployment.delete(&acme.admin, &format!("/v1/tokens/{id}")).expect(200);
    assert_eq!(patch(&deployment, &acme.admin, &id, &json!({ "name": "" })).refused(409), "TOKEN_REVOKED");
}

#[test]
fn rotation_keeps_the_previous_value_during_the_grace_period() {
    let (deployment, acme) = setup();
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    let (old, id, issued) = issue(&deployment, &acme.admin, "ci");
    let rotated = rotate(&deployment, &acme.admin, &id, &json!({ "grace_seconds": 60 })).expect(200);
    let new = text(&rotated, "/token");
    assert_ne!(old, new);
    assert_eq!((&rotated["id"], &rotated["number"]), (&issued["id"], &issued["number"]));
    assert_eq!(rotated["digest"], Digest::of(new.as_bytes()).to_string());
    assert_eq!(rotated["previous_valid_until"], "2027-01-15T08:01:00.000Z");
    assert_eq!((check(&deployment, &gate, &old), check(&deployment, &gate, &new)), ("VALID".into(), "VALID".into()));
    deployment.world.pass(60_000);
    assert_eq!((check(&deployment, &gate, &old), check(&deployment, &gate, &new)), ("REVOKED".into(), "VALID".into()));
    // Without a body there is no grace period.
    let last = deployment.call("POST", &format!("/v1/tokens/{id}/rotate")).bearer(&acme.admin).send().expect(200);
    assert_eq!(last["previous_valid_until"], "2027-01-15T08:01:00.000Z");
    assert_eq!(check(&deployment, &gate, &new), "REVOKED");
    assert_eq!(check(&deployment, &gate, &text(&last, "/token")), "VALID");

    for (body, pointer) in
        [(json!({ "grace_seconds": 2_592_001 }), "/grace_seconds"), (json!({ "grace": 1 }), "/grace")]
    {
        let reply = rotate(&deployment, &acme.admin, &id, &body);
        assert_eq!((reply.status, &reply.body["pointer"]), (422, &json!(pointer)));
    }
    let undeclared = deployment.call("POST", &format!("/v1/tokens/{id}/rotate")).bearer(&acme.admin);
    assert_eq!(undeclared.raw(r#"{"grace_seconds":60}"#).send().refused(415), "UNSUPPORTED_MEDIA_TYPE");
    patch(&deployment, &acme.admin, &id, &json!({ "expires_in": 1 })).expect(200);
    deployment.world.pass(1_000);
    assert_eq!(rotate(&deployment, &acme.admin, &id, &json!({})).refused(409), "TOKEN_EXPIRED");
}

#[test]
fn a_rotation_keeps_earlier_grace_periods_unless_told_to_end_them() {
    let (deployment, acme) = setup();
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    let (first, id, _) = issue(&deployment, &acme.admin, "ci");
    let turn = |body: Value| rotate(&deployment, &acme.admin, &id, &body);
    let mut texts = vec![first];
    for _ in 0..7 {
        texts.push(text(&turn(json!({ "grace_seconds": 3_600 })).expect(200), "/token"));
    }
    let valid = || texts.iter().filter(|text| check(&deployment, &gate, text) == "VALID").count();
    assert_eq!(valid(), 8);
    let refused = turn(json!({ "grace_seconds": 60 }));
    assert!(text(&refused.body, "/detail").contains("2027-01-15T09:00:00.000Z"), "{}", refused.body);
    assert_eq!(refused.refused(409), "TOO_MANY_TEXTS");
    let ended = turn(json!({ "grace_seconds": 60, "previous": "end" })).expect(200);
    assert_eq!(ended["previous_valid_until"], "2027-01-15T08:01:00.000Z");
    assert_eq!(
        (valid(), check(&deployment, &gate, &texts[7])),
        (1, "VALID".into()),
        "the last one is in its grace period"
    );
    turn(json!({ "previous": "end" })).expect(200);
    assert_eq!(valid(), 0);
    for wrong in ["keep", "END", ""] {
        let reply = turn(json!({ "previous": wrong }));
        assert_eq!((reply.status, &reply.body["pointer"]), (422, &json!("/previous")));
    }
}

#[test]
fn a_replaced_token_value_can_read_but_not_change() {
    let (deployment, acme) = setup();
    let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["*"] }));
    let (old, id) = (text(&issued, "/token"), text(&issued, "/id"));
    rotate(&deployment, &acme.admin, &id, &json!({ "grace_seconds": 60 })).expect(200);
    deployment.get(&old, "/v1/tokens").expect(200);
    assert_eq!(check(&deployment, &old, &acme.admin), "VALID");
    for reply in [
        rotate(&deployment, &old, &id, &json!({})),
        deployment.post(&old, "/v1/tokens", &json!({ "name": "", "scopes": [] })),
        patch(&deployment, &old, &id, &json!({ "name": "mine" })),
        deployment.delete(&old, &format!("/v1/tokens/{id}")),
    ] {
        assert_eq!(reply.refused(403), "REPLACED_TEXT");
    }
}

#[test]
fn an_idempotency_key_never_returns_the_token_value_twice() {
    let (deployment, acme) = setup();
    let send = |path: &str, key: &str, body: &Value| {
        deployment.call("POST", path).bearer(&acme.admin).header("idempotency-key", key).json(body).send()
    };
    let body = json!({ "name": "ci", "scopes": ["orders:read"] });
    let first = send("/v1/tokens", "k-1", &body);
    assert_eq!(first.header("idempotent-replayed"), None);
    let first = first.expect(201);
    let again = send("/v1/tokens", "k-1", &body);
    assert_eq!((again.header("idempotent-replayed"), again.header("location").is_some()), (Some("true"), true));
    let again = again.expect(201);
    assert_eq!(
        (&again["token"], &again["token_shown_before"], &again["id"]),
        (&Value::Null, &json!(true), &first["id"])
    );
    assert!(text(&again, "/detail").contains("rotate"));
    assert_eq!(deployment.get(&acme.admin, "/v1/tokens").expect(200)["total"], 2);
    let other = json!({ "name": "another", "scopes": [] });
    assert_eq!(send("/v1/tokens", "k-1", &other).refused(422), "IDEMPOTENCY_MISMATCH");

    let path = format!("/v1/tokens/{}/rotate", text(&first, "/id"));
    let rotated = send(&path, "k-1", &json!({ "grace_seconds": 60 })).expect(200);
    let again = send(&path, "k-1", &json!({ "grace_seconds": 60 })).expect(200);
    assert_eq!((&again["token"], &again["digest"]), (&Value::Null, &rotated["digest"]));
    for key in ["", "a b", &"k".repeat(256)] {
        assert_eq!(send("/v1/tokens", key, &body).refused(400), "INVALID_IDEMPOTENCY_KEY");
    }
}

#[test]
fn bulk_revocation_is_all_or_nothing() {
    let (deployment, acme) = setup();
    let ids: Vec<String> = (0..3).map(|n| issue(&deployment, &acme.admin, &format!("ci {n}")).1).collect();
    let revoke = |body: &Value| deployment.post(&acme.admin, "/v1/tokens/revoke", body);
    let missing = revoke(&json!({ "ids": [ids[0], "tok_none"] }));
    assert_eq!(missing.refused(422), "UNKNOWN_TOKENS");
    let report = json!([{ "id": ids[0], "result": "kept" }, { "id": "tok_none", "result": "unknown" }]);
    assert_eq!(missing.body["items"], report);
    let done = revoke(&json!({ "ids": [ids[0], ids[0]], "reason": "leaked" })).expect(200);
    let report = json!([{ "id": ids[0], "result": "revoked" }, { "id": ids[0], "result": "already_revoked" }]);
    assert_eq!(done, json!({ "items": report }));
    let done = revoke(&json!({ "filter": { "q": "CI", "state": "active" } })).expect(200);
    let report = json!([{ "id": ids[1], "result": "revoked" }, { "id": ids[2], "result": "revoked" }]);
    assert_eq!(done, json!({ "items": report }));
    for (body, pointer) in [
        (json!({}), json!("")),
        (json!({ "ids": [], "filter": {} }), json!("")),
        (json!({ "ids": [] }), json!("/ids")),
        (json!({ "filter": {} }), json!("/filter")),
        (json!({ "filter": { "state": "dead" } }), json!("/filter/state")),
        (json!({ "filter": { "name": "x" } }), json!("/filter/name")),
    ] {
        let reply = revoke(&body);
        assert_eq!((reply.status, &reply.body["pointer"]), (422, &pointer), "{body}");
    }
}

#[test]
fn the_token_list_is_filtered_sorted_and_paged() {
    let (deployment, acme) = setup();
    for name in ["no. 2!", "no. 3!", "no. 1!"] {
        issue(&deployment, &acme.admin, name);
    }
    let list = |query: &str| deployment.get(&acme.admin, &format!("/v1/tokens?{query}"));
    let names = |body: &Value| -> Vec<String> {
        body["items"].as_array().unwrap().iter().map(|item| text(item, "/name")).collect()
    };
    let sorted = list("scope=orders:read&sort=name&limit=2").expect(200);
    assert_eq!((names(&sorted), &sorted["total"]), (vec!["no. 1!".to_owned(), "no. 2!".to_owned()], &json!(3)));
    let cursor = text(&sorted, "/next_cursor");
    let rest = list(&format!("scope=orders:read&sort=name&limit=2&cursor={cursor}")).expect(200);
    assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["no. 3!".to_owned()], &Value::Null));
    assert_eq!(list(&format!("sort=-name&cursor={cursor}")).refused(422), "INVALID_CURSOR");
    assert_eq!(
        names(&list("state=active&q=NO.+1!&owner=admin&sort=-created_at&scope=orders:read").expect(200)),
        ["no. 1!"]
    );
    let digest = text(&sorted, "/items/0/digest");
    assert_eq!(names(&list(&format!("digest={digest}")).expect(200)), ["no. 1!"]);
    for query in ["sort=size", "sort=--name", "state=dead", "scope=a%20b", "digest=12", "limit=x", "nothing=1"] {
        assert_eq!(list(query).refused(400), "INVALID_QUERY", "{query}");
    }
    assert_eq!(list("limit=101").refused(422), "INVALID_VALUE");
    assert_eq!(list("q=").refused(422), "INVALID_VALUE");
}

#[test]
fn third_party_tokens_are_imported_by_digest() {
    let (deployment, acme) = setup();
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    let theirs = "sk_live_0123456789abcdef";
    let digest = Digest::of(theirs.as_bytes());
    assert_eq!(check(&deployment, &gate, theirs), "UNKNOWN");
    let import = |body: &Value| deployment.post(&acme.admin, "/v1/tokens/import", body);
    let line =
        |digest: &str, encoding: &str| json!({ "digest": digest, "encoding": encoding, "name": "", "scopes": [] });
    let body = json!({ "tokens": [
        { "digest": digest.to_string(), "name": "legacy", "scopes": ["orders:read"] },
        // SHA-256 of "a", of "b" without padding, and of "a" in the wrong alphabet.
        line("ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=", "base64"),
        line("PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0", "base64url"),
        line("ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs=", "base64"),
        { "digest": digest.to_string(), "name": "again", "scopes": [] },
        { "digest": "12", "name": "", "scopes": [] },
        { "digest": digest.to_string(), "name": "", "scopes": ["a b"] },
        { "digest": digest.to_string(), "name": "", "scopes": [], "surprise": 1 },
        "no object",
    ] });
    let done = import(&body).expect(200);
    assert_eq!(done["imported"], 3);
    let items = done["items"].as_array().unwrap();
    let seen: Vec<_> = items
        .iter()
        .map(|item| {
            (item["line"].as_u64().unwrap(), text(item, "/result"), item["code"].as_str(), item["pointer"].as_str())
        })
        .collect();
    let imported = |line| (line, "imported".to_owned(), None, None);
    let refused = |line, code, pointer| (line, "refused".to_owned(), Some(code), pointer);
    let expected = [
        imported(1),
        imported(2),
        imported(3),
        refused(4, "INVALID_VALUE", Some("/digest")),
        refused(5, "ALREADY_EXISTS", None),
        refused(6, "INVALID_VALUE", Some("/digest")),
        refused(7, "INVALID_BODY", Some("/scopes/0")),
        refused(8, "INVALID_BODY", Some("/surprise")),
        refused(9, "INVALID_VALUE", Some("")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(check(&deployment, &gate, theirs), "VALID");
    assert_eq!(check(&deployment, &gate, &digest.to_string()), "UNKNOWN", "a digest is no token");
    let self_read = deployment.call("GET", "/v1/tokens/self").bearer(theirs).header("x-counterfoil-workspace", "acme");
    assert_eq!(self_read.send().expect(200)["name"], "legacy");

    for (body, pointer) in [(json!({ "tokens": [] }), "/tokens"), (json!({ "tokens": {} }), "/tokens")] {
        let reply = import(&body);
        assert_eq!((reply.status, &reply.body["pointer"]), (422, &json!(pointer)));
    }
    assert_eq!(
        deployment.post(&gate, "/v1/tokens/import", &json!({ "tokens": ["x"] })).refused(403),
        "INSUFFICIENT_SCOPE"
    );
}

#[test]
fn a_large_import_is_accepted_only_within_the_quota() {
    let (deployment, acme) = setup();
    let line = |n: usize| json!({ "digest": Digest::of(&n.to_be_bytes()).to_string(), "name": "n".repeat(150), "scopes": ["orders:read"] });
    let body = |count: usize| json!({ "tokens": (0..count).map(line).collect::<Vec<_>>() });
    let reply = deployment.post(&acme.admin, "/v1/tokens/import", &body(600));
    assert_eq!(reply.refused(409), "QUOTA_EXCEEDED");
    assert!(text(&reply.body, "/detail").contains("601 would be needed"), "{}", reply.body);
    assert_eq!(deployment.post(&acme.admin, "/v1/tokens/import", &body(599)).expect(200)["imported"], 599);
    let filler = json!({ "tokens": ["x".repeat(4 * 1024 * 1024)] });
    assert_eq!(deployment.post(&acme.admin, "/v1/tokens/import", &filler).refused(413), "BODY_TOO_LARGE");
    let filler = json!({ "ids": ["x".repeat(64 * 1024)] });
    assert_eq!(deployment.post(&acme.admin, "/v1/tokens/revoke", &filler).refused(413), "BODY_TOO_LARGE");
}

#[test]
fn metadata_is_returned_byte_for_byte() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let metadata = r#"{"big":123456789012345678901234567890,"fine":0.1000000000000000055511151231257827,"nested":[{"price":1.10},1e+400,-0]}"#;
    let exactly = |bytes: &[u8], what: &str| {
        let body = std::str::from_utf8(bytes).unwrap();
        assert!(body.contains(&format!(r#""metadata":{metadata}"#)), "{what}: {body}");
    };
    let send = |method: &str, path: &str, body: String| {
        let call = deployment.call(method, path).bearer(&acme.admin).header("idempotency-key", "k");
        call.content("application/json", body).send()
    };
    let create = format!(r#"{{"name":"n","scopes":[],"metadata":{metadata}}}"#);
    let issued = send("POST", "/v1/tokens", create.clone());
    exactly(&issued.bytes, "issued");
    exactly(&send("POST", "/v1/tokens", create).bytes, "issued, told again");
    let issued = issued.expect(201);
    let (token, path) = (text(&issued, "/token"), format!("/v1/tokens/{}", text(&issued, "/id")));
    exactly(&deployment.get(&acme.admin, &path).bytes, "read");
    exactly(&deployment.get(&acme.admin, "/v1/tokens?sort=-number").bytes, "listed");
    for freshness in ["strong", "bounded", "eventual"] {
        deployment.world.drain();
        let check = json!({ "token": token, "demand": { "freshness": freshness } });
        exactly(&deployment.post(&acme.admin, "/v1/verify", &check).bytes, freshness);
    }
    exactly(&send("PATCH", &path, format!(r#"{{"metadata":{metadata}}}"#)).bytes, "changed");
    exactly(&deployment.call("POST", &format!("{path}/rotate")).bearer(&acme.admin).send().bytes, "rotated");
    let digest = "ab".repeat(32);
    let line = format!(r#"{{"tokens":[{{"digest":"{digest}","name":"n","scopes":[],"metadata":{metadata}}}]}}"#);
    let imported = send("POST", "/v1/tokens/import", line).expect(200);
    exactly(&deployment.get(&acme.admin, &format!("/v1/tokens/{}", text(&imported, "/items/0/id"))).bytes, "imported");
}
