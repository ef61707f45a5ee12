//! The cost of forged tokens: to verify one takes only the caller's own authentication; as a credential it takes nothing.

use serde_json::json;

use crate::{
    deployment::Deployment,
    tokens::{never_issued, with_bad_check, with_forged_seal},
};

#[test]
fn forged_tokens_add_no_requests_to_strong_and_bounded_checks() {
    let mut deployment = Deployment::new();
    let (acme, other) = (deployment.workspace("acme"), deployment.workspace("other"));
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    deployment.world.drain();
    let invented = [
        ("malformed", "not a token".to_owned(), "MALFORMED"),
        ("empty", String::new(), "MALFORMED"),
        ("bad check", with_bad_check(&acme.admin), "MALFORMED"),
        ("forged seal", with_forged_seal(&acme.key), "UNKNOWN"),
        ("forged seal of no workspace", with_forged_seal("0zzzzz"), "UNKNOWN"),
        ("another workspace's", other.admin, "UNKNOWN"),
    ];
    for (freshness, isolate, calls) in [
        ("strong", "has empty caches", 1),
        ("strong", "has queried before", 1),
        ("bounded", "has empty caches", 1),
        ("bounded", "has a lease", 0),
    ] {
        for (what, token, code) in &invented {
            if isolate == "has empty caches" {
                deployment.forget();
            }
            let body = json!({ "token": token, "demand": { "freshness": freshness } });
            let answer = deployment.post(&gate, "/v1/verify", &body);
            let cost = (answer.line.ledger_calls, answer.line.registry_reads);
            assert_eq!(cost, (calls, 0), "{what}, {freshness}, if the isolate {isolate}");
            assert_eq!(answer.expect(200)["code"], *code, "{what}");
        }
    }
    // A token with a valid tag is never called unknown without a query.
    let answer = deployment.post(&gate, "/v1/verify", &json!({ "token": never_issued(&acme.key) }));
    assert_eq!((answer.line.ledger_calls, answer.line.registry_reads), (1, 0));
    assert_eq!(answer.expect(200)["code"], "UNKNOWN");
    assert_eq!(deployment.world.ledgers_alive(), 2, "no ledger was started");
}

#[test]
fn forged_tokens_add_no_requests_to_eventual_checks() {
    let mut deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    deployment.world.drain();
    deployment.forget();
    let check = |token: &str| {
        let body = json!({ "token": token, "demand": { "freshness": "eventual" } });
        let answer = deployment.post(&gate, "/v1/verify", &body);
        (answer.line.ledger_calls, answer.line.registry_reads)
    };
    assert_eq!(check(&gate), (1, 3), "a lease for the caller; the token, its owner, the workspace");
    for invented in ["not a token", &with_bad_check(&gate), &with_forged_seal(&acme.key)] {
        assert_eq!(check(invented), (0, 0));
    }
    assert_eq!(
        check(&never_issued(&acme.key)),
        (1, 1),
        "a token with a valid tag is never called unknown without a query"
    );
}

#[test]
fn a_forged_credential_is_rejected_without_a_ledger_request() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let invented =
        [with_forged_seal(&acme.key), with_forged_seal("0zzzzz"), with_bad_check(&acme.admin), "no token".to_owned()];
    for credential in &invented {
        for (method, path) in [("GET", "/v1/tokens"), ("POST", "/v1/verify"), ("GET", "/v1/tokens/self")] {
            let answer = deployment.call(method, path).bearer(credential).json(&json!({ "token": "x" })).send();
            assert_eq!((answer.status, answer.line.ledger_calls, answer.line.registry_reads), (401, 0, 0));
        }
    }
    // For a third-party token only the directory is queried: for the workspace of the request's host.
    let foreign = deployment.get("a-text-that-somebody-else-issued", "/v1/tokens/self");
    assert_eq!((foreign.status, foreign.line.ledger_calls, foreign.line.registry_reads), (401, 1, 0));
    assert_eq!(deployment.world.ledgers_alive(), 1, "no ledger was started");
}
