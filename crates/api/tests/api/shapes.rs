//! The JSON of every kind of response, field by field. Programs depend on it: a renamed or removed field breaks them, and
//! a new one must be intended. After an intended change: `BLESS=1 cargo test -p counterfoil-api shapes`.

use std::{env, fs, path::Path};

use counterfoil_token::Digest;
use counterfoil_verify::{Answer, Demand, Encoded, Freshness, Progress, Supply, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ROOT, text},
    tokens::with_forged_seal,
};

/// Compares a body with `tests/shapes/<name>.json`. Random values are replaced by a word in angle brackets.
#[track_caller]
fn pinned(name: &str, body: &Value, random: &[(&str, String)]) {
    let body = random.iter().fold(body.to_string(), |body, (word, value)| body.replace(value, &format!("<{word}>")));
    let body: Value = serde_json::from_str(&body).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/shapes/{name}.json"));
    if env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{body:#}\n")).unwrap();
    }
    let expected: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    assert_eq!(body, expected, "{name} has a different shape now:\n{body:#}");
}

/// The random values of a new token, each checked for its format.
fn random(issued: &Value, key: &str) -> [(&'static str, String); 4] {
    let (token, id) = (text(issued, "/token"), text(issued, "/id"));
    assert!(token.len() == 46 && token.starts_with(&format!("cft_{key}")));
    assert!(id.len() == 26 && id.starts_with("tok_"));
    assert_eq!(text(issued, "/digest"), Digest::of(token.as_bytes()).to_string());
    assert_eq!(text(issued, "/hint"), format!("cft_…{}", token.split_at(42).1));
    [("token", token), ("id", id), ("digest", text(issued, "/digest")), ("hint", text(issued, "/hint"))]
}

#[test]
fn response_shapes_are_pinned() {
    let deployment = Deployment::new();
    let acme = deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "acme", "name": "Acme" })).expect(201);
    let (key, admin) = (text(&acme, "/workspace/key"), text(&acme, "/token/token"));
    let known = [("key", key.clone())];
    pinned("workspace_created", &acme, &[&random(&acme["token"], &key)[..], &known].concat());

    let catalogue = json!({ "scopes": [
        { "name": "orders:read", "description": "Read orders" },
        { "name": "orders:write", "description": "Change orders", "visible_to": "admin", "grantable_by": "admin", "freshness": "strong" },
    ] });
    let scopes = deployment.call("PUT", "/v1/scopes").bearer(&admin).json(&catalogue).send().expect(200);
    pinned("scopes", &scopes, &[]);
    assert_eq!(deployment.get(&admin, "/v1/scopes").expect(200), scopes, "reading returns what was written");

    let ada = json!({ "id": "ada", "name": "Ada", "email": "ada@example.com", "role": "member", "grants": ["orders:*"], "quota": 5 });
    let member = deployment.post(&admin, "/v1/members", &ada).expect(201);
    pinned("member", &member, &[]);
    let members = deployment.get(&admin, "/v1/members").expect(200);
    assert_eq!((&members["items"][1], &members["total"], &members["next_cursor"]), (&member, &json!(2), &json!(null)));

    let body = json!({
        "name": "ci", "note": "for the pipeline", "owner": "ada", "scopes": ["orders:*"], "expires_in": 3_600,
        "not_before": "2027-01-15T09:00:00+01:00", "allowed_addresses": ["192.0.2.0/24"], "metadata": { "team": [1] },
    });
    let reply = deployment.post(&admin, "/v1/tokens", &body);
    let location = reply.header("location").map(str::to_owned);
    let issued = reply.expect(201);
    let words = [&random(&issued, &key)[..], &[("admin", text(&acme, "/token/id"))]].concat();
    pinned("token_created", &issued, &words);
    let path = format!("/v1/tokens/{}", text(&issued, "/id"));
    assert_eq!(location, Some(path.clone()));

    let mut read = issued.clone();
    read.as_object_mut().unwrap().remove("token");
    assert_eq!(deployment.get(&admin, &path).expect(200), read, "the same without the token value");
    let call = deployment
        .call("GET", "/v1/tokens/self")
        .bearer(&text(&issued, "/token"))
        .header("cf-connecting-ip", "192.0.2.1");
    assert_eq!(call.send().expect(200), read);
    let list = deployment.get(&admin, "/v1/tokens?limit=1").expect(200);
    assert_eq!((&list["items"], &list["total"]), (&json!([read]), &json!(2)));
    assert_eq!(list["total_is_exact"], true);
    assert_eq!(list.as_object().unwrap().len(), 4, "items, next_cursor, total, total_is_exact");

    let demand = json!({ "all_of": ["orders:read"], "address": "192.0.2.1", "freshness": "strong" });
    let verify = json!({ "token": issued["token"], "demand": demand });
    let valid = deployment.post(&admin, "/v1/verify", &verify).expect(200);
    pinned("decision_valid", &valid, &words);
    let forged = with_forged_seal(&key);
    let unknown = deployment.post(&admin, "/v1/verify", &json!({ "token": forged })).expect(200);
    pinned("decision_unknown", &unknown, &[]);
    let batch = json!({ "tokens": [issued["token"], forged], "demand": demand });
    assert_eq!(deployment.post(&admin, "/v1/verify", &batch).expect(200), json!({ "results": [valid, unknown] }));

    let revoked = deployment.delete(&admin, &path).expect(200);
    read["version"] = json!(read["version"].as_u64().unwrap() + 1);
    read["state"] = json!("revoked");
    read["revoked_at"] = json!("2027-01-15T08:00:00.000Z");
    assert_eq!(revoked, read);
    let mut waited = deployment.delete(&admin, &format!("{path}?wait=true")).expect(200);
    pinned("waited", &waited["waited"], &[]);
    waited.as_object_mut().unwrap().remove("waited");
    assert_eq!(waited, revoked, "the same response with `waited`");

    let problem = deployment.post(&admin, "/v1/tokens", &json!({ "name": 7, "scopes": [] }));
    assert_eq!(problem.status, 422);
    pinned("problem", &problem.body, &[("request_id", text(&problem.body, "/request_id"))]);
}

#[test]
fn the_records_response_has_the_binary_layout() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let token = deployment.token(&acme.admin, &["orders:read"]);
    let digests = [Digest::of(token.as_bytes()), Digest::of(b"never issued")].map(|digest| digest.to_string());
    let gate = deployment.token(&acme.admin, &["tokens:verify"]);
    let reply = deployment.post(&gate, "/v1/records", &json!({ "digests": digests }));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/vnd.counterfoil.answer")));
    let answer = Answer::decode(&reply.bytes).unwrap();
    assert_eq!((answer.key.as_str(), answer.tokens.len()), (&*acme.key, 2));
    assert!(answer.tokens[0].1.is_some() && answer.tokens[1].1.is_none());

    // A verifier decides with this response alone, and knows which tokens were never issued.
    let (mut demand, now) = (Demand::of(answer.key), Timestamp(answer.as_of.0 + 1));
    demand.freshness = Freshness::Strong;
    let mut verifier = Verifier::new(counterfoil_verify::Limits::default());
    let Progress::Fetch(pending) = verifier.check(token.as_bytes(), &demand, now) else { panic!("its cache is empty") };
    let Progress::Decided(decision) = verifier.supply(pending, &demand, Supply::Ledger(&answer), now) else {
        panic!("everything was supplied")
    };
    assert_eq!(decision.code.as_str(), "VALID");
    let Progress::Decided(decision) = verifier.check(with_forged_seal(&acme.key).as_bytes(), &demand, now) else {
        panic!("no query is needed")
    };
    assert_eq!(decision.code.as_str(), "UNKNOWN");
}
