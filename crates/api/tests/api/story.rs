//! The main flow: a token is created, verified, and revoked, and another workspace does not accept it.

use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ROOT, text},
    tokens::{never_issued, with_bad_check, with_forged_seal},
    world::Fault,
};

const MINUTE: u64 = 60_000;

fn verify(token: &str, demand: Value) -> Value {
    json!({ "token": token, "demand": demand })
}

#[test]
fn a_token_is_created_verified_and_revoked() {
    let deployment = Deployment::new();
    let acme = deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "acme", "name": "Acme" })).expect(201);
    let admin = text(&acme, "/token/token");
    let catalogue = json!({ "scopes": [{ "name": "orders:read", "description": "Read orders" }] });
    deployment.call("PUT", "/v1/scopes").bearer(&admin).json(&catalogue).send().expect(200);
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*"] });
    deployment.post(&admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "ci", "owner": "ada", "scopes": ["orders:read"], "metadata": { "a": 1 } });
    let issued = deployment.issue(&admin, &body);
    let (token, id) = (text(&issued, "/token"), text(&issued, "/id"));
    let gate = deployment.token(&admin, &["tokens:verify"]);
    let check = |gate: &str, demand: Value| deployment.post(gate, "/v1/verify", &verify(&token, demand)).expect(200);

    let valid = check(&gate, json!({ "all_of": ["orders:read"] }));
    assert_eq!(
        (&valid["valid"], &valid["code"], &valid["freshness"]),
        (&json!(true), &json!("VALID"), &json!("strong"))
    );
    assert_eq!(valid["as_of"], "2027-01-15T08:00:00.000Z");
    let bearer = json!({
        "id": id, "number": issued["number"], "name": "ci", "workspace": "acme", "owner": "ada",
        "scopes": ["orders:read"], "client_id": null, "expires_at": null, "metadata": { "a": 1 },
    });
    assert_eq!(valid["token"], bearer);

    for demand in
        [json!({ "all_of": ["orders:read", "orders:write"] }), json!({ "any_of": ["tokens:read", "orders:write"] })]
    {
        let insufficient = check(&gate, demand);
        assert_eq!((&insufficient["valid"], &insufficient["code"]), (&json!(false), &json!("INSUFFICIENT_SCOPE")));
        assert_eq!(insufficient["token"], bearer, "the token is named, for the gate's log");
    }

    let other = deployment.workspace("other");
    let foreign = check(&other.admin, json!({}));
    assert_eq!(
        (&foreign["code"], foreign.get("token")),
        (&json!("UNKNOWN"), None),
        "another tenant's gate gets no information"
    );

    let path = format!("/v1/tokens/{id}?reason=leaked");
    let revoked = deployment.delete(&admin, &path).expect(200);
    assert_eq!((&revoked["state"], &revoked["revoked_at"]), (&json!("revoked"), &json!("2027-01-15T08:00:00.000Z")));
    assert_eq!(check(&gate, json!({}))["code"], "REVOKED");
    assert_eq!(check(&gate, json!({ "freshness": "bounded" }))["code"], "REVOKED");
    assert_eq!(deployment.get(&token, "/v1/tokens/self").refused(401), "REVOKED");
    assert_eq!(deployment.delete(&admin, &path).expect(200), revoked, "a repeated revocation returns the same");
}

#[test]
fn eventual_checks_survive_an_outage_and_see_revocations_in_a_minute() {
    let mut deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
    let (token, path) = (text(&issued, "/token"), format!("/v1/tokens/{}", text(&issued, "/id")));
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    deployment.world.drain();
    deployment.forget();
    let check = |deployment: &Deployment| {
        let demand = json!({ "freshness": "eventual", "all_of": ["orders:read"] });
        deployment.post(&gate, "/v1/verify", &verify(&token, demand))
    };

    deployment.world.inside().objects_fail = Some(Fault::Before);
    let first = check(&deployment);
    let cost = (first.line.ledger_calls, first.line.registry_reads);
    assert_eq!(cost, (1, 4), "a failed lease for the caller; two tokens, their owner, the workspace");
    let first = first.expect(200);
    assert_eq!((&first["code"], &first["freshness"]), (&json!("VALID"), &json!("eventual")));
    deployment.world.pass(1);
    let second = check(&deployment);
    assert_eq!((second.line.ledger_calls, second.line.registry_reads), (0, 0), "from the cache");

    deployment.world.inside().objects_fail = None;
    deployment.delete(&acme.admin, &path).expect(200);
    deployment.world.pass(1_000);
    deployment.world.drain();
    deployment.world.inside().objects_fail = Some(Fault::Before);
    assert_eq!(check(&deployment).expect(200)["code"], "VALID", "the bound of eventual: cached for up to a minute");
    deployment.world.pass(MINUTE - 1_001);
    assert_eq!(check(&deployment).expect(200)["code"], "VALID");
    deployment.world.pass(1);
    assert_eq!(check(&deployment).expect(200)["code"], "REVOKED", "after a minute: from the registry");
    deployment.forget();
    assert_eq!(check(&deployment).expect(200)["code"], "REVOKED");
}

#[test]
fn a_batch_is_decided_in_order_with_one_ledger_request() {
    let deployment = Deployment::new();
    let (acme, other) = (deployment.workspace("acme"), deployment.workspace("other"));
    let live = deployment.token(&acme.admin, &["orders:read"]);
    let weak = deployment.token(&acme.admin, &["orders:write"]);
    let revoked = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] }));
    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let kinds = [
        (live.clone(), "VALID"),
        (weak, "INSUFFICIENT_SCOPE"),
        (text(&revoked, "/token"), "REVOKED"),
        (other.admin, "UNKNOWN"),
        (with_bad_check(&live), "MALFORMED"),
        (with_forged_seal(&acme.key), "UNKNOWN"),
        (never_issued(&acme.key), "UNKNOWN"),
        ("no token at all".to_owned(), "MALFORMED"),
    ];
    let batch: Vec<_> = kinds.iter().cycle().take(100).collect();
    let tokens: Vec<_> = batch.iter().map(|(token, _)| token).collect();
    let body = json!({ "tokens": tokens, "demand": { "all_of": ["orders:read"] } });
    let answer = deployment.post(&acme.admin, "/v1/verify", &body);
    assert_eq!((answer.line.ledger_calls, answer.line.registry_reads), (1, 0));
    let answer = answer.expect(200);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    for (result, (_, code)) in results.iter().zip(&batch) {
        assert_eq!((&result["code"], &result["valid"]), (&json!(code), &json!(*code == "VALID")));
        assert_eq!(result.get("token").is_some(), ["VALID", "INSUFFICIENT_SCOPE", "REVOKED"].contains(code));
    }

    for count in [0, 101] {
        let refused = deployment.post(&acme.admin, "/v1/verify", &json!({ "tokens": vec![&live; count] }));
        assert_eq!(refused.refused(422), "INVALID_VALUE");
        assert_eq!((&refused.body["pointer"], refused.line.ledger_calls), (&json!("/tokens"), 0));
    }
    let one = deployment.post(&acme.admin, "/v1/verify", &json!({ "tokens": [live] })).expect(200);
    assert_eq!(one["results"].as_array().map(Vec::len), Some(1), "a batch of one is a batch");
}

#[test]
fn verify_enforces_ip_ranges_and_validity_periods() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let bound = json!({ "name": "", "scopes": [], "allowed_addresses": ["192.0.2.0/24", "2001:db8::/32"] });
    let bound = text(&deployment.issue(&acme.admin, &bound), "/token");
    let check = |token: &str, demand: Value| {
        text(&deployment.post(&acme.admin, "/v1/verify", &verify(token, demand)).expect(200), "/code")
    };
    assert_eq!(check(&bound, json!({})), "ADDRESS_NOT_ALLOWED");
    assert_eq!(check(&bound, json!({ "address": "198.51.100.1" })), "ADDRESS_NOT_ALLOWED");
    assert_eq!(check(&bound, json!({ "address": "192.0.2.7" })), "VALID");
    assert_eq!(check(&bound, json!({ "address": "2001:db8::1" })), "VALID");

    let body = json!({ "name": "", "scopes": [], "not_before": "2027-01-15T09:01:00+01:00", "expires_in": 120 });
    let timed = text(&deployment.issue(&acme.admin, &body), "/token");
    assert_eq!(check(&timed, json!({})), "NOT_YET_VALID");
    deployment.world.pass(MINUTE);
    assert_eq!(check(&timed, json!({})), "VALID");
    deployment.world.pass(MINUTE);
    assert_eq!(check(&timed, json!({})), "EXPIRED");
}

#[test]
fn the_root_token_acts_as_an_admin_of_the_named_workspace() {
    let deployment = Deployment::new();
    deployment.workspace("acme");
    let as_root =
        |method: &str, path: &str| deployment.call(method, path).bearer(ROOT).header("x-counterfoil-workspace", "acme");
    let body = json!({ "name": "by root", "owner": "admin", "scopes": ["*"] });
    let issued = as_root("POST", "/v1/tokens").json(&body).send().expect(201);
    assert_eq!(issued["created_by"], "root");
    let body = verify(&text(&issued, "/token"), json!({}));
    assert_eq!(as_root("POST", "/v1/verify").json(&body).send().expect(200)["code"], "VALID");
    let path = format!("/v1/tokens/{}", text(&issued, "/id"));
    assert_eq!(as_root("DELETE", &path).send().expect(200)["state"], "revoked");
}

#[test]
fn lists_are_paged_by_cursor() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    for number in 0..6 {
        deployment.issue(&acme.admin, &json!({ "name": number.to_string(), "scopes": [] }));
    }
    let mut names = Vec::new();
    let mut path = "/v1/tokens?limit=3".to_owned();
    loop {
        let page = deployment.get(&acme.admin, &path).expect(200);
        assert_eq!(page["total"], 7);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "/name")));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/tokens?limit=3&cursor={cursor}");
    }
    assert_eq!(names, ["5", "4", "3", "2", "1", "0", "First admin token"]);
}
