//! Which callers are admitted, and how others are rejected.

use serde_json::{Value, json};

use super::{Acme, METHODS, arguments, code, done, refused};
use crate::{
    deployment::{ROOT, text},
    world::Fault,
};

#[test]
fn an_invalid_token_gets_softvisio_errors_on_every_method() {
    let acme = Acme::new();
    let Acme { deployment, tenant, eve, .. } = &acme;
    let (id, _) = acme.made("target");
    let issue = |extra: Value| {
        let mut token = json!({ "name": "", "owner": "eve", "scopes": ["tokens:read", "tokens:write"] });
        token.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        deployment.issue(&tenant.admin, &token)
    };
    let revoked = issue(json!({}));
    deployment.delete(&tenant.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let expired = issue(json!({ "expires_in": 1 }));
    let disabled = issue(json!({ "enabled": false }));
    let bound = issue(json!({ "allowed_addresses": ["192.0.2.1"] }));
    deployment.world.pass(2_000);
    let mut typo = eve.clone();
    typo.pop();
    let cases = [
        (text(&revoked, "/token"), -32815),
        (text(&expired, "/token"), -32815),
        (text(&disabled, "/token"), -32813),
        (text(&bound, "/token"), -32811),
        (typo, -32815),
        (eve.replace("cft_", "cfx_"), -32815),
        ("of-another-make-altogether".to_owned(), -32815),
    ];
    for method in METHODS {
        for (token, expected) in &cases {
            let before = deployment.world.dump();
            let reply = acme.post(token, &format!("/v1/api-tokens/{method}"), &arguments(method, &id));
            assert_eq!(code(&reply), (401, (*expected).into()), "{method}: {}", reply.body);
            assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer ")));
            assert_eq!(deployment.world.dump(), before);
        }
        let call = deployment.call("POST", &format!("/v1/api-tokens/{method}"));
        let nobody = call.json(&arguments(method, &id)).send();
        let detail = "This request needs a token. Send `Authorization: Bearer <token>` or `X-API-Key: <token>`.";
        refused(&nobody, 401, -32811, detail);
        let two = deployment.call("POST", &format!("/v1/api-tokens/{method}")).bearer(eve).header("x-api-key", "x");
        assert_eq!(code(&two.json(&arguments(method, &id)).send()), (401, -32811));
    }
    let bare = deployment.call("GET", "/v1/api-tokens/read").header("authorization", eve).send();
    assert_eq!(bare.status, 200, "the word Bearer may be missing");
    let twice = deployment.call("GET", "/v1/api-tokens/read").header("authorization", format!("{eve}, {eve}")).send();
    assert_eq!(twice.status, 200, "also twice");
    let basic = deployment.call("GET", "/v1/api-tokens/read").header("authorization", format!("Basic {eve}")).send();
    assert_eq!(code(&basic), (401, -32811));
    let root = deployment.call("POST", "/v1/api-tokens/create").bearer(ROOT).json(&json!(["x"]));
    assert_eq!(code(&root.header("x-counterfoil-workspace", "acme").send()), (400, -32808), "root owns no tokens");
}

#[test]
fn each_softvisio_method_requires_its_scope() {
    let acme = Acme::new();
    let (id, _) = acme.made("target");
    let limited = |scopes: &[&str]| {
        let token = json!({ "name": "", "owner": "eve", "scopes": scopes });
        text(&acme.deployment.issue(&acme.tenant.admin, &token), "/token")
    };
    let (reads, writes) = (limited(&["tokens:read"]), limited(&["tokens:write", "orders:read"]));
    for method in METHODS {
        let is_read = matches!(method, "read" | "get-permissions");
        let (lacking, other) = if is_read { (&writes, &reads) } else { (&reads, &writes) };
        let before = acme.deployment.world.dump();
        let scope = if is_read { "tokens:read" } else { "tokens:write" };
        let detail = format!("The token does not have the required scope `{scope}`.");
        refused(&acme.call(lacking, method, &arguments(method, &id)), 401, -32811, &detail);
        assert_eq!(acme.deployment.world.dump(), before);
        if method != "delete" {
            assert_eq!(acme.call(other, method, &arguments(method, &id)).status, 200, "{method}");
        }
    }
}

#[test]
fn softvisio_hides_tokens_of_other_members() {
    let acme = Acme::new();
    let globex = acme.deployment.workspace("globex");
    let theirs = acme.deployment.issue(&acme.tenant.admin, &json!({ "name": "admin's", "scopes": [] }));
    let elsewhere = acme.deployment.issue(&globex.admin, &json!({ "name": "elsewhere", "scopes": [] }));
    let (revoked, _) = acme.made("revoked");
    done(&acme.call(&acme.eve, "delete", &json!([revoked])));
    let brief = json!({ "name": "", "owner": "eve", "scopes": [], "expires_in": 1 });
    let expired = acme.deployment.issue(&acme.tenant.admin, &brief);
    acme.deployment.world.pass(2_000);
    let (theirs, elsewhere, expired) = (text(&theirs, "/id"), text(&elsewhere, "/id"), text(&expired, "/id"));
    for method in METHODS.into_iter().filter(|method| !matches!(*method, "create" | "read")) {
        let message = if method.ends_with("et-permissions") && method != "get-permissions" || method.starts_with("up") {
            "Token not found"
        } else {
            "Not Found"
        };
        // In the native API an admin may manage tokens of other members; in this dialect only its own.
        for (token, ids) in [
            (&acme.eve, [&*theirs, &elsewhere, &revoked, &expired, "tok_never", ""]),
            (&acme.tenant.admin, [&*acme.eve_id, &elsewhere, &revoked, &expired, "tok_never", ""]),
        ] {
            for id in ids {
                let before = acme.deployment.world.dump();
                refused(&acme.call(token, method, &arguments(method, id)), 404, 404, message);
                assert_eq!(acme.deployment.world.dump(), before, "{method} {id}");
            }
        }
    }
    assert_eq!(acme.names(&json!({})), ["eve's"], "only the caller's own live tokens");
    assert_eq!(acme.names(&json!({ "id": theirs })), [""; 0]);
    let admins = acme.data(&acme.tenant.admin, "read", &json!([{ "where": [["user_id", "!=", "1"]] }]));
    assert_eq!(admins, json!([]), "admins too");
}

#[test]
fn softvisio_reports_service_failures_in_its_format() {
    let acme = Acme::new();
    let message = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": format!("/v1/api-tokens/{method}") });
    let silent = json!({ "jsonrpc": "2.0", "method": "/v1/api-tokens/read" });
    for (fault, status, error) in
        [(Fault::Before, 503, -32814), (Fault::After, 503, -32814), (Fault::Garbled, 500, 500)]
    {
        acme.deployment.world.inside().objects_fail = Some(fault);
        for method in METHODS {
            let reply = acme.call(&acme.eve, method, &arguments(method, &acme.eve_id));
            assert_eq!(code(&reply), (status, error), "{method}");
            assert_eq!(reply.body["error"]["data"], json!({ "exception": status == 500, "meta": {} }));
            assert_eq!(reply.header("retry-after").is_some(), status == 503);
        }
        let batch = acme.post(&acme.eve, "/", &json!([message("no-such"), message("read"), silent]));
        assert_eq!((batch.status, batch.body.as_array().unwrap().len()), (status, 2));
        let quiet = acme.post(&acme.eve, "/", &silent);
        assert_eq!((quiet.status, quiet.bytes.len()), (status, 0), "the log names the failure nonetheless");
        acme.deployment.world.inside().objects_fail = None;
    }
}

#[test]
fn softvisio_enforces_allowed_origins() {
    let acme = Acme::new();
    let page = |path: &str, body: &Value| {
        acme.deployment.call("POST", path).bearer(&acme.eve).header("origin", "https://app.example").json(body).send()
    };
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "/v1/api-tokens/create", "params": ["x"] });
    for (path, body) in [("/", &message), ("/v1/api-tokens/create", &json!(["x"]))] {
        let before = acme.deployment.world.dump();
        let reply = page(path, body);
        assert_eq!((code(&reply), reply.line.code), ((401, -32811), Some("ORIGIN_NOT_ALLOWED")));
        assert_eq!(acme.deployment.world.dump(), before);
    }
    let allow = json!({ "allowed_origins": ["https://app.example"] });
    acme.deployment.call("PATCH", "/v1/workspace").bearer(&acme.tenant.admin).json(&allow).send().expect(200);
    let reply = page("/", &message);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    // A session is accepted from pages of the deployment's own origin only.
    let opener = acme.deployment.token(&acme.tenant.admin, &["sessions:create", "tokens:*"]);
    let (session, _) = acme.deployment.session(&opener);
    let create = || acme.deployment.call("POST", "/v1/api-tokens/create").json(&json!(["x"]));
    assert_eq!(create().session(&session).send().status, 200);
    assert_eq!(code(&create().cookie(&session).header("origin", "https://app.example").send()), (401, -32811));
}
