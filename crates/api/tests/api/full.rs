//! Nearly full storage, and too many idempotency keys, as callers see them.

use counterfoil_ledger::sql::Sql as _;
use serde_json::json;

use crate::deployment::Deployment;

#[test]
fn full_storage_rejects_creations_but_not_revocations() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let token = json!({ "name": "ci", "scopes": ["orders:read"] });
    let issued = deployment.issue(&acme.admin, &token);
    let reader = deployment.token(&acme.admin, &["tokens:read"]);
    let workspace = |token: &str| deployment.get(token, "/v1/workspace").expect(200);
    let storage = workspace(&acme.admin)["storage"].clone();
    assert_eq!(storage["limit_bytes"], 10_000_000_000_u64);
    let used = storage["used_bytes"].as_u64().unwrap();
    assert!(used > 50_000, "{used} bytes");
    assert!(workspace(&reader).get("storage").is_none(), "only managers see the storage");

    for ledger in deployment.world.inside().ledgers.values_mut() {
        let used = ledger.sql().used().unwrap();
        ledger.limit_storage(used);
    }
    let refused = deployment.post(&acme.admin, "/v1/tokens", &token);
    assert_eq!((refused.refused(507), refused.header("retry-after")), ("STORAGE_FULL", None));
    let body = json!({ "comment": "ci", "lifetime_seconds": 60 });
    let refused = deployment.post(&acme.admin, "/api/2.0/token/create", &body);
    // This dialect's clients would retry a 429 or a 503.
    assert_eq!((refused.status, &refused.body["error_code"]), (507, &json!("INTERNAL_ERROR")));
    let path = format!("/v1/tokens/{}", issued["id"].as_str().unwrap());
    deployment.delete(&acme.admin, &path).expect(200);
}

#[test]
fn idempotency_keys_are_limited_per_day() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let send = |key: &str| {
        let call = deployment.call("POST", "/v1/tokens").bearer(&acme.admin).header("idempotency-key", key);
        call.json(&json!({ "name": "ci", "scopes": [] })).send()
    };
    send("first").expect(201);
    for ledger in deployment.world.inside().ledgers.values() {
        ledger.sql().exec("UPDATE spent SET rows = 10000 WHERE what = 'idempotency'", &[]).unwrap();
    }
    let refused = send("second");
    assert_eq!((refused.refused(429), refused.header("retry-after")), ("TOO_MANY_KEYS", Some("86400")));
    assert_eq!(send("first").header("idempotent-replayed"), Some("true"));
}

#[test]
fn the_list_searches_for_long_strings() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let name = format!("Nightly{}", "x".repeat(190));
    deployment.issue(&acme.admin, &json!({ "name": name, "scopes": [] }));
    let found = |text: &str| deployment.get(&acme.admin, &format!("/v1/tokens?q={text}")).expect(200)["total"].clone();
    assert_eq!((found(&name.to_uppercase()), found(&format!("{name}y"))), (json!(1), json!(0)));
}
