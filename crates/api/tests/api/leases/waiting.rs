//! A change with `wait` responds when no verifier uses the previous state.

use super::*;

#[test]
fn wait_responds_once_every_older_lease_has_expired() {
    for change in changes() {
        let setup = Setup::new();
        let [idle, busy, late] = [(); 3].map(|()| setup.deployment.another());
        for there in [&idle, &busy] {
            assert_eq!(setup.usual(there).0, "VALID");
        }
        setup.pass(2_000);
        assert_eq!(setup.usual(&late).0, "VALID");
        let mut underway = change.call(&setup, Some(true)).begin();
        assert!(underway.answer().is_none(), "{}", change.name());
        // The change is made by now, and strong checks see it. A lease that is granted from now on knows of it, so
        // nothing waits for it.
        assert_eq!(setup.check(&setup.deployment, &json!({ "all_of": ["orders:read"] })).0, change.code);
        setup.pass(5_000);
        assert_eq!(setup.usual(&busy).0, "VALID", "it may still be accepted");
        assert_eq!(setup.usual(&busy).0, change.code, "renewed in the background");
        // The last lease was granted when this was sent: ten seconds, and one for clock differences.
        setup.pass(5_999);
        assert!(underway.answer().is_none(), "{}", change.name());
        setup.pass(1);
        let reply = underway.answer().unwrap();
        for there in [&idle, &busy, &late, &setup.deployment] {
            assert_eq!(setup.usual(there).0, change.code, "{}", change.name());
        }
        let has_tag = reply.header("etag").is_some();
        let answer = reply.expect(200);
        assert_eq!(has_tag, answer["version"].is_u64() && change.path.starts_with("/v1/tokens/"));
        let waited = &answer["waited"];
        assert_eq!((&waited["ms"], &waited["counts_for"]), (&json!(11_000), &json!(["strong", "bounded"])), "{answer}");
        assert_eq!(waited["may_still_pass"][0]["freshness"], "eventual");
        assert!(waited["may_still_pass"][0]["until"].as_str().is_some_and(|until| until.contains("registry")));
        assert_eq!(waited.as_object().map(serde_json::Map::len), Some(3));
        // Otherwise the response is the same as without `wait`.
        let mut without = answer.clone();
        without.as_object_mut().unwrap().remove("waited");
        let unhurried = Setup::new();
        unhurried.pass(2_000);
        let unhurried = change.call(&unhurried, None).send().expect(200);
        let members = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&without), members(&unhurried), "{}", change.name());
    }
}

#[test]
fn wait_takes_no_longer_than_the_last_lease() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    let wait = |setup: &Setup| {
        let body = json!({ "enabled": true, "wait": true });
        let reply = setup.call("PATCH", &setup.token_path()).json(&body).send();
        reply.expect(200)["waited"]["ms"].as_u64().unwrap()
    };
    assert_eq!(wait(&setup), 1_000, "the workspace was created just now");
    assert_eq!(wait(&setup), 0, "no lease is in use");
    setup.usual(&there);
    setup.pass(4_000);
    assert_eq!(wait(&setup), 7_000);
    // With shorter leases the last one expires sooner, with longer ones later.
    for (seconds, used) in [(2, 960), (60, 57_800)] {
        let set = json!({ "lease_max": seconds });
        setup.call("PATCH", "/v1/workspace").json(&set).send().expect(200);
        setup.pass(10_000);
        assert_eq!(setup.usual(&there), found("VALID", "strong", ONE_REQUEST));
        setup.pass(used - 1);
        assert_eq!(setup.usual(&there), found("VALID", "bounded", FREE), "{seconds}");
        // That check caused a renewal.
        assert_eq!(wait(&setup), seconds * 1_000 + 1_000);
        assert_eq!(setup.usual(&there), found("VALID", "strong", ONE_REQUEST), "{seconds}");
        setup.pass(used);
        assert_eq!(setup.usual(&there), found("VALID", "strong", ONE_REQUEST), "{seconds}");
    }
}

#[test]
fn a_disconnect_during_wait_keeps_the_change() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    setup.usual(&there);
    let rotate = || {
        let call = setup.call("POST", &format!("{}/rotate", setup.token_path()));
        call.header("idempotency-key", "k").json(&json!({ "wait": true }))
    };
    let mut underway = rotate().begin();
    assert!(underway.answer().is_none());
    drop(underway);
    assert_eq!(setup.usual(&setup.deployment), found("REVOKED", "strong", ONE_REQUEST));
    setup.pass(4_000);
    let again = rotate().send();
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect(200);
    // The check in between was granted a lease: what it knows does not matter to a ledger that counts leases only.
    assert_eq!((&again["waited"]["ms"], &again["token_shown_before"]), (&json!(7_000), &json!(true)));
}

#[test]
fn a_rejected_change_does_not_wait() {
    let setup = Setup::new();
    setup.usual(&setup.deployment);
    let path = setup.token_path();
    let weak = setup.deployment.token(&setup.acme.admin, &["tokens:read"]);
    let admin = |method: &str, path: &str| setup.call(method, path);
    let waiting = json!({ "enabled": false, "wait": true });
    let before = setup.deployment.world.dump();
    for (call, status, code) in [
        (admin("DELETE", "/v1/tokens/tok_nobody?wait=true"), 404, "NOT_FOUND"),
        (admin("DELETE", "/v1/members/nobody?wait=true"), 404, "NOT_FOUND"),
        (admin("DELETE", "/v1/members/admin?wait=true"), 409, "LAST_ADMIN"),
        (admin("DELETE", &format!("{path}?wait=true")).header("if-match", "\"0\""), 412, "PRECONDITION_FAILED"),
        (setup.deployment.call("DELETE", &format!("{path}?wait=true")).bearer(&weak), 403, "INSUFFICIENT_SCOPE"),
        (setup.deployment.call("PATCH", &path).bearer(&weak).json(&waiting), 403, "INSUFFICIENT_SCOPE"),
        (admin("PATCH", "/v1/tokens/tok_nobody").json(&waiting), 404, "NOT_FOUND"),
        (admin("PATCH", "/v1/members/admin").json(&json!({ "state": "suspended", "wait": true })), 409, "LAST_ADMIN"),
        (
            admin("POST", "/v1/tokens/revoke").json(&json!({ "ids": [setup.id, "nobody"], "wait": true })),
            422,
            "UNKNOWN_TOKENS",
        ),
        (admin("POST", "/v1/tokens/tok_nobody/rotate").json(&json!({ "wait": true })), 404, "NOT_FOUND"),
        (admin("DELETE", &format!("{path}?wait=yes")), 400, "INVALID_QUERY"),
        (admin("DELETE", &format!("{path}?wait")), 400, "INVALID_QUERY"),
        (admin("DELETE", &format!("{path}?wait=true&wait=true")), 400, "INVALID_QUERY"),
        (admin("DELETE", "/v1/members/ada?wait=1"), 400, "INVALID_QUERY"),
        (admin("PATCH", &path).json(&json!({ "enabled": false, "wait": "true" })), 422, "INVALID_BODY"),
        // Creations do not wait.
        (admin("POST", "/v1/tokens").json(&json!({ "name": "", "scopes": [], "wait": true })), 422, "INVALID_BODY"),
        (admin("PATCH", "/v1/workspace").json(&json!({ "name": "x", "wait": true })), 422, "INVALID_BODY"),
    ] {
        assert_eq!(immediate(call).refused(status), code);
    }
    assert!(setup.deployment.world.dump() == before, "rejected, but something changed");
    assert_eq!(setup.usual(&setup.deployment).0, "VALID");
}

#[test]
fn a_failed_ledger_request_does_not_wait() {
    for (fault, status, code, then) in [
        (Fault::Before, 503, "LEDGER_UNAVAILABLE", "VALID"),
        (Fault::After, 503, "LEDGER_UNAVAILABLE", "REVOKED"),
        (Fault::Garbled, 500, "INTERNAL", "REVOKED"),
    ] {
        let setup = Setup::new();
        setup.usual(&setup.deployment);
        setup.deployment.world.inside().one_object_fails = Some((0, fault));
        let reply = immediate(setup.call("DELETE", &format!("{}?wait=true", setup.token_path())));
        assert_eq!((reply.refused(status), reply.body.get("waited")), (code, None), "{fault:?}");
        assert_eq!(setup.usual(&setup.deployment), found(then, "strong", ONE_REQUEST), "{fault:?}");
    }
}

#[test]
fn a_parcellab_revocation_waits_for_every_lease() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    assert_eq!(setup.usual(&there).0, "VALID");
    let number = setup.deployment.get(&setup.acme.admin, &setup.token_path()).expect(200)["number"].clone();
    let revoke = |id: &Value| {
        let call =
            setup.deployment.call("POST", "/tokens/revoke").header("user", "1").header("token", &setup.acme.admin);
        call.json(&json!({ "tokenId": id }))
    };
    setup.pass(3_000);
    // If no such token is found, the response is immediate.
    assert_eq!(immediate(revoke(&json!(77))).status, 404);
    let mut underway = revoke(&number).begin();
    assert!(underway.answer().is_none());
    setup.pass(7_999);
    assert!(underway.answer().is_none());
    setup.pass(1);
    let reply = underway.answer().unwrap();
    assert_eq!((reply.status, reply.line.duration_ms), (200, 8_000));
    assert_eq!(reply.body, json!({ "tokenId": number, "revoked": true }), "as documented");
    assert_eq!(setup.usual(&there).0, "REVOKED");
}
