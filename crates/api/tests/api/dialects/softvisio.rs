//! The dialect of softvisio.

mod sockets;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ORIGIN, ROOT, Reply, Tenant, text},
    world::Fault,
};

const METHODS: [&str; 7] =
    ["create", "delete", "get-permissions", "read", "set-enabled", "set-permissions", "update-permissions"];

/// A deployment with the workspace `acme`, whose member eve may do no more than read orders and manage her tokens.
struct Acme {
    deployment: Deployment,
    tenant: Tenant,
    /// Eve's token: it reads and writes tokens.
    eve: String,
    eve_id: String,
}

impl Acme {
    fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let grants = ["orders:read", "tokens:read", "tokens:write", "tokens:grant"];
        let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": grants });
        deployment.post(&tenant.admin, "/v1/members", &eve).expect(201);
        let scopes = ["orders:read", "tokens:read", "tokens:write"];
        let eve = deployment.issue(&tenant.admin, &json!({ "name": "eve's", "owner": "eve", "scopes": scopes }));
        Self { eve: text(&eve, "/token"), eve_id: text(&eve, "/id"), deployment, tenant }
    }

    /// A call as the real client makes it.
    fn call(&self, token: &str, method: &str, arguments: &Value) -> Reply {
        let path = format!("/v1/api-tokens/{method}");
        match arguments.as_array() {
            Some(none) if none.is_empty() => self.deployment.get(token, &path),
            _ => self.deployment.post(token, &path, arguments),
        }
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.deployment.post(token, path, body)
    }

    /// The data of a call that must go well.
    #[track_caller]
    fn data(&self, token: &str, method: &str, arguments: &Value) -> Value {
        self.call(token, method, arguments).expect(200)["result"]["data"].clone()
    }

    /// A new token of eve's: its id and its text.
    fn made(&self, name: &str) -> (String, String) {
        let made = self.data(&self.eve, "create", &json!([name]));
        (text(&made, "/id"), text(&made, "/token"))
    }

    fn names(&self, options: &Value) -> Vec<String> {
        let rows = self.data(&self.eve, "read", &json!([options]));
        rows.as_array().unwrap().iter().map(|row| text(row, "/name")).collect()
    }
}

/// Arguments that a method takes, about this token.
fn arguments(method: &str, id: &str) -> Value {
    match method {
        "create" => json!(["new"]),
        "read" => json!([]),
        "set-enabled" => json!([id, false]),
        "set-permissions" | "update-permissions" => json!([id, { "orders:read": true }]),
        _ => json!([id]),
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: i32, message: &str) {
    let expected = format!(
        r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":{},"data":{{"exception":false,"meta":{{}}}}}}}}"#,
        json!(message)
    );
    assert_eq!((reply.status, std::str::from_utf8(&reply.bytes).unwrap()), (status, &*expected));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

fn code(reply: &Reply) -> (u16, i64) {
    (reply.status, reply.body["error"]["code"].as_i64().unwrap_or_default())
}

const DONE: &str = r#"{"jsonrpc":"2.0","result":{"status":200,"status_text":"OK","exception":false,"meta":{}}}"#;

#[track_caller]
fn done(reply: &Reply) {
    assert_eq!((reply.status, std::str::from_utf8(&reply.bytes).unwrap()), (200, DONE));
}

#[test]
fn every_method_answers_as_the_client_reads_it() {
    let acme = Acme::new();
    let made = acme.call(&acme.eve, "create", &json!(["my token"]));
    let (id, token) = (text(&made.body, "/result/data/id"), text(&made.body, "/result/data/token"));
    let expected = format!(
        r#"{{"jsonrpc":"2.0","result":{{"status":200,"status_text":"OK","exception":false,"data":{{"id":"{id}","token":"{token}","userId":"2","username":"eve","permissions":{{}}}},"meta":{{}}}}}}"#
    );
    assert_eq!((made.status, std::str::from_utf8(&made.bytes).unwrap()), (200, &*expected));
    assert!(id.starts_with("tok_"));

    let read = acme.call(&acme.eve, "read", &json!([]));
    let eve_id = &acme.eve_id;
    let own = format!(
        r#"{{"id":"{eve_id}","user_id":"2","name":"eve's","enabled":true,"created":"2027-01-15T08:00:00.000Z","last_activity":null,"permissions":{{"orders:read":true,"tokens:read":true,"tokens:write":true}}}}"#
    );
    let new = format!(
        r#"{{"id":"{id}","user_id":"2","name":"my token","enabled":true,"created":"2027-01-15T08:00:00.000Z","last_activity":null,"permissions":{{}}}}"#
    );
    let expected = format!(
        r#"{{"jsonrpc":"2.0","result":{{"status":200,"status_text":"OK","exception":false,"data":[{new},{own}],"meta":{{"total_rows":2}}}}}}"#
    );
    assert_eq!(std::str::from_utf8(&read.bytes).unwrap(), expected);

    let permissions = acme.call(&acme.eve, "get-permissions", &json!([eve_id]));
    let row = |id: &str, enabled: bool, description: &str| {
        format!(r#"{{"id":"{id}","enabled":{enabled},"name":"{id}","description":"{description}"}}"#)
    };
    let rows = [
        row("tokens:read", true, "See tokens"),
        row("tokens:write", true, "Issue, change and revoke tokens"),
        row("tokens:grant", false, "Give tokens all that their owner is granted"),
        row("orders:read", true, "orders:read"),
    ]
    .join(",");
    let expected = format!(
        r#"{{"jsonrpc":"2.0","result":{{"status":200,"status_text":"OK","exception":false,"data":[{rows}],"meta":{{}}}}}}"#
    );
    assert_eq!(std::str::from_utf8(&permissions.bytes).unwrap(), expected);

    done(&acme.call(&acme.eve, "set-permissions", &json!([id, { "orders:read": true, "tokens:read": true }])));
    let held = |id: &str| {
        let rows = acme.data(&acme.eve, "read", &json!([{ "id": id }]));
        rows[0]["permissions"].clone()
    };
    assert_eq!(held(&id), json!({ "orders:read": true, "tokens:read": true }));
    done(&acme.call(&acme.eve, "update-permissions", &json!([id, { "orders:read": false, "tokens:write": true }])));
    assert_eq!(held(&id), json!({ "tokens:read": true, "tokens:write": true }), "the others stay");
    done(&acme.call(&acme.eve, "set-permissions", &json!([id, { "orders:read": true }])));
    assert_eq!(held(&id), json!({ "orders:read": true }), "no others stay");
    done(&acme.call(&acme.eve, "set-permissions", &json!([id, {}])));
    assert_eq!(held(&id), json!({}));

    done(&acme.call(&acme.eve, "set-enabled", &json!([id, false])));
    assert_eq!(code(&acme.call(&token, "read", &json!([]))), (401, -32813));
    done(&acme.call(&acme.eve, "set-enabled", &json!([id, true])));
    assert_eq!(code(&acme.call(&token, "read", &json!([]))), (401, -32811), "it has no permissions");
    done(&acme.call(&acme.eve, "delete", &json!([id])));
    assert_eq!(code(&acme.call(&token, "read", &json!([]))), (401, -32815));
    refused(&acme.call(&acme.eve, "delete", &json!([id])), 404, 404, "Not Found");
}

#[test]
fn a_credential_that_does_not_pass_is_told_so_in_the_envelope() {
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
        let detail = "This needs a token: send Authorization: Bearer <token>, or X-API-Key: <token>.";
        refused(&nobody, 401, -32811, detail);
        let two = deployment.call("POST", &format!("/v1/api-tokens/{method}")).bearer(eve).header("x-api-key", "x");
        assert_eq!(code(&two.json(&arguments(method, &id)).send()), (401, -32811));
    }
    let bare = deployment.call("GET", "/v1/api-tokens/read").header("authorization", eve).send();
    assert_eq!(bare.status, 200, "the word Bearer may be missing");
    let basic = deployment.call("GET", "/v1/api-tokens/read").header("authorization", format!("Basic {eve}")).send();
    assert_eq!(code(&basic), (401, -32811));
    let root = deployment.call("POST", "/v1/api-tokens/create").bearer(ROOT).json(&json!(["x"]));
    assert_eq!(code(&root.header("x-counterfoil-workspace", "acme").send()), (400, -32808), "root owns no tokens");
}

#[test]
fn each_method_needs_its_scope() {
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
        let detail = format!("The token lacks the scope {scope}, which this needs.");
        refused(&acme.call(lacking, method, &arguments(method, &id)), 401, -32811, &detail);
        assert_eq!(acme.deployment.world.dump(), before);
        if method != "delete" {
            assert_eq!(acme.call(other, method, &arguments(method, &id)).status, 200, "{method}");
        }
    }
}

#[test]
fn whose_token_it_is_stays_between_the_two() {
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
        // An admin's token may act on others' in the native API; here everybody has to do with their own only.
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
    assert_eq!(acme.names(&json!({})), ["eve's"], "one's own that can be used, and no others");
    assert_eq!(acme.names(&json!({ "id": theirs })), [""; 0]);
    let admins = acme.data(&acme.tenant.admin, "read", &json!([{ "where": [["user_id", "!=", "1"]] }]));
    assert_eq!(admins, json!([]), "admins too");
}

#[test]
fn arguments_are_checked_before_anybody_is_asked() {
    let acme = Acme::new();
    let id = &acme.eve_id;
    let wrong = [
        ("create", json!([])),
        ("create", json!([5])),
        ("create", json!([null])),
        ("create", json!(["a", "b"])),
        ("delete", json!([])),
        ("delete", json!([7])),
        ("delete", json!([id, 1])),
        ("get-permissions", json!([{}])),
        ("set-enabled", json!([id])),
        ("set-enabled", json!([id, "true"])),
        ("set-enabled", json!([id, true, 0])),
        ("set-permissions", json!([id])),
        ("set-permissions", json!([id, null])),
        ("set-permissions", json!([id, []])),
        ("set-permissions", json!([id, { "orders:read": 1 }])),
        ("update-permissions", json!([id, { "orders:read": null }])),
        ("read", json!([5])),
        ("read", json!([{}, {}])),
        ("read", json!([{ "limit": 0 }])),
        ("read", json!([{ "limit": 101 }])),
        ("read", json!([{ "limit": 1.5 }])),
        ("read", json!([{ "offset": -1 }])),
        ("read", json!([{ "surprise": 1 }])),
        ("read", json!([{ "where": "name" }])),
        ("read", json!([{ "where": [["name", "="]] }])),
        ("read", json!([{ "where": [["token", "=", "x"]] }])),
        ("read", json!([{ "where": [["name", "<", "x"]] }])),
        ("read", json!([{ "where": [["name", "like", 5]] }])),
        ("read", json!([{ "where": [["name", "in", "x"]] }])),
        ("read", json!([{ "where": [["name", "like", "%".repeat(201)]] }])),
        ("read", json!([{ "where": vec![json!(["name", "=", "x"]); 11] }])),
        ("read", json!([{ "order_by": [["name", "up"]] }])),
        ("read", json!([{ "order_by": [["token", "asc"]] }])),
        ("read", json!([{ "order_by": 5 }])),
    ];
    for (method, arguments) in wrong {
        let before = acme.deployment.world.dump();
        let reply = acme.call(&acme.eve, method, &arguments);
        assert_eq!(code(&reply), (400, -32808), "{method} {arguments}: {}", reply.body);
        assert_eq!((reply.line.ledger_calls, acme.deployment.world.dump() == before), (0, true));
    }
    let long = acme.call(&acme.eve, "create", &json!(["x".repeat(201)]));
    assert_eq!(code(&long), (400, -32808), "the ledger's rules are these too");
}

#[test]
fn a_permission_is_given_only_where_it_may_be() {
    let acme = Acme::new();
    let (id, _) = acme.made("target");
    for method in ["set-permissions", "update-permissions"] {
        for permission in ["orders:write", "no-such", "not a scope", "*", "orders:*", "tokens:grant"] {
            let before = acme.deployment.world.dump();
            let wanted = json!([id, { "orders:read": true, permission: true }]);
            let message = format!("Token permission \"{permission}\" is not valid");
            refused(&acme.call(&acme.eve, method, &wanted), 400, -32808, &message);
            assert_eq!(acme.deployment.world.dump(), before);
        }
        let own = acme.call(&acme.eve, method, &json!([acme.eve_id, { "orders:read": true }]));
        let detail = "Nobody changes the scopes or the expiry of the token they are using.";
        refused(&own, 401, -32811, detail);
    }
    // With tokens:grant as far as the member is granted.
    let grants = json!({ "name": "", "owner": "eve", "scopes": ["tokens:write", "tokens:grant"] });
    let grants = text(&acme.deployment.issue(&acme.tenant.admin, &grants), "/token");
    done(&acme.call(&grants, "set-permissions", &json!([id, { "tokens:grant": true }])));
    let beyond = acme.call(&grants, "set-permissions", &json!([id, { "orders:write": true }]));
    refused(&beyond, 400, -32808, "Token permission \"orders:write\" is not valid");
}

#[test]
fn what_is_taken_away_is_gone() {
    let acme = Acme::new();
    let admin = &acme.tenant.admin;
    let (wide, narrow) = (json!({ "name": "", "scopes": ["orders:*"] }), json!(["", { "orders:*": true }]));
    let id = text(&acme.deployment.issue(admin, &wide), "/id");
    let listed = acme.data(admin, "get-permissions", &json!([id]));
    let enabled = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter().filter(|row| row["enabled"] == true);
        rows.map(|row| text(row, "/id")).collect()
    };
    assert_eq!(enabled(&listed), ["orders:read", "orders:write", "orders:*"], "a wildcard is a permission too");
    let message = "Token permission \"orders:read\" cannot be taken away while the token has one that includes it.";
    for (method, wanted) in [
        ("update-permissions", json!({})),
        ("set-permissions", narrow[1].clone()),
        ("update-permissions", narrow[1].clone()),
    ] {
        let mut wanted = wanted;
        wanted["orders:read"] = json!(false);
        let before = acme.deployment.world.dump();
        refused(&acme.call(admin, method, &json!([id, wanted])), 400, -32808, message);
        assert_eq!(acme.deployment.world.dump(), before);
    }
    let split = json!([id, { "orders:*": false, "orders:write": true, "orders:read": false }]);
    done(&acme.call(admin, "update-permissions", &split));
    assert_eq!(enabled(&acme.data(admin, "get-permissions", &json!([id]))), ["orders:write"]);
    assert_eq!(listed.as_array().unwrap().len(), 11, "eight built in, two of the catalogue, one wildcard: {listed}");
}

#[test]
fn read_filters_sorts_and_pages() {
    let acme = Acme::new();
    for name in ["b", "a", "a_b", "axb", "é%"] {
        acme.made(name);
        acme.deployment.world.pass(1_000);
    }
    let off = acme.made("off").0;
    done(&acme.call(&acme.eve, "set-enabled", &json!([off, false])));
    let all = ["off", "é%", "axb", "a_b", "a", "b", "eve's"];
    let cases = [
        (json!({}), &all[..]),
        (json!({ "limit": 2 }), &["off", "é%"]),
        (json!({ "limit": 2, "offset": 5 }), &["b", "eve's"]),
        (json!({ "offset": 100 }), &[]),
        (json!({ "id": off }), &["off"]),
        (json!({ "id": null, "where": null, "order_by": null, "limit": 100, "offset": null }), &all),
        (json!({ "where": [["name", "=", "a"]] }), &["a"]),
        (json!({ "where": { "name": "a" } }), &["a"]),
        (json!({ "where": { "name": ["like", "a%b"] } }), &["axb", "a_b"]),
        (
            json!({ "where": [["name", "!=", "a"], ["enabled", "=", true], ["id", "!=", null]] }),
            &["é%", "axb", "a_b", "b", "eve's"],
        ),
        (json!({ "where": [["enabled", "=", false]] }), &["off"]),
        (json!({ "where": [["name", "in", ["a", "b", 7, null]]] }), &["a", "b"]),
        (json!({ "where": [["last_activity", "=", null], ["user_id", "=", "2"]] }), &all),
        (json!({ "where": [["user_id", "=", 2]] }), &[]),
        (json!({ "where": [["created", "like", "2027-01-15T08:00:0%"]] }), &all),
        (json!({ "where": [["name", "like", "a"]] }), &["a"]),
        (json!({ "where": [["name", "like", "_"]] }), &["a", "b"]),
        (json!({ "where": [["name", "like", "__"]] }), &["é%"]),
        (json!({ "where": [["name", "like", "%"]] }), &all),
        (json!({ "where": [["name", "like", ""]] }), &[]),
        (json!({ "where": [["name", "like", "a%"]] }), &["axb", "a_b", "a"]),
        (json!({ "where": [["name", "like", "%b"]] }), &["axb", "a_b", "b"]),
        (json!({ "where": [["name", "like", "%_b%"]] }), &["axb", "a_b"]),
        (json!({ "where": [["name", "like", "a%a"]] }), &[]),
        (json!({ "where": [["name", "like", "%e%e%"]] }), &["eve's"]),
        (json!({ "where": [["name", "like", "%e%e%e%"]] }), &[]),
        (json!({ "order_by": "name", "limit": 3 }), &["a", "a_b", "axb"]),
        (json!({ "order_by": [["name", "desc"]], "limit": 2 }), &["é%", "off"]),
        (json!({ "order_by": ["enabled", ["name", "desc"]], "limit": 3 }), &["off", "é%", "eve's"]),
        (json!({ "order_by": [["created", "asc"], ["id", "asc"]], "limit": 2 }), &["eve's", "b"]),
    ];
    for (options, expected) in cases {
        assert_eq!(acme.names(&options), *expected, "{options}");
    }
    let page = acme.call(&acme.eve, "read", &json!([{ "where": [["name", "like", "a%"]], "limit": 1, "offset": 1 }]));
    assert_eq!(page.body["result"]["meta"], json!({ "total_rows": 3 }), "before paging");
}

#[test]
fn more_tokens_than_fit_a_page_of_the_ledger_are_all_read() {
    let acme = Acme::new();
    for number in 0..120 {
        acme.made(&format!("{number:03}"));
    }
    let read = acme.call(&acme.eve, "read", &json!([]));
    assert_eq!(read.body["result"]["meta"], json!({ "total_rows": 121 }));
    assert_eq!(read.body["result"]["data"].as_array().unwrap().len(), 121);
}

#[test]
fn messages_come_alone_in_batches_and_as_arguments() {
    let acme = Acme::new();
    let eve = &acme.eve;
    let message = |id: Value, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": format!("/v1/api-tokens/{method}"), "params": params });
    for base in ["/", "/v1/api-tokens", "/v1/api-tokens/", "/v1/api-tokens/create"] {
        let made = acme.post(eve, base, &message(json!(1), "create", json!(["x"]))).expect(200);
        assert_eq!((&made["id"], &made["result"]["data"]["username"]), (&json!(1), &json!("eve")), "{base}");
    }
    // The address names the method; where it does not, the message does.
    let other = acme.post(eve, "/v1/api-tokens/create", &message(json!("a"), "read", json!(["by the address"])));
    assert_eq!(other.expect(200)["result"]["data"]["permissions"], json!({}));
    let relative = acme.post(eve, "/v1/api-tokens/", &json!({ "jsonrpc": "2.0", "id": null, "method": "/read" }));
    assert_eq!(relative.body["result"]["meta"], json!({ "total_rows": 6 }));
    assert!(relative.bytes.ends_with(br#""meta":{"total_rows":6}},"id":null}"#), "an id that is null is one");

    for (body, name) in [(json!("alone"), "alone"), (json!(["listed"]), "listed")] {
        let made = acme.post(eve, "/v1/api-tokens/create", &body).expect(200);
        let id = &made["result"]["data"]["id"];
        assert_eq!(acme.names(&json!({ "id": id })), [name]);
    }
    let none = acme.deployment.call("POST", "/v1/api-tokens/read").bearer(eve).send();
    assert_eq!(none.expect(200)["result"]["status"], 200, "no body is no arguments");
    assert_eq!(acme.post(eve, "/v1/api-tokens/read", &json!([])).status, 200);
    let plain = acme.deployment.call("POST", "/v1/api-tokens/read").bearer(eve).content("text/plain", "[{}]").send();
    assert_eq!(plain.status, 200, "whatever is said of the body's type");

    let batch = json!([
        message(json!(1), "create", json!(["one"])),
        { "jsonrpc": "2.0", "method": "/v1/api-tokens/create", "params": ["unasked"] },
        message(json!("b"), "delete", json!(["tok_never"])),
        message(json!(3), "no-such", json!([])),
        { "jsonrpc": "2.0", "id": 4 },
    ]);
    let replies = acme.post(eve, "/", &batch).expect(200);
    let codes: Vec<_> =
        replies.as_array().unwrap().iter().map(|reply| (&reply["id"], &reply["error"]["code"])).collect();
    let expected = [json!([1, null]), json!(["b", 404]), json!([3, -32809]), json!([4, -32809])];
    assert_eq!(json!(codes), json!(expected));
    assert_eq!(acme.names(&json!({ "limit": 2 })), ["unasked", "one"], "a notification is carried out");
    let many = |count: usize| vec![message(json!(1), "read", json!([{ "limit": 1 }])); count];
    assert_eq!(acme.post(eve, "/", &json!(many(100))).expect(200).as_array().unwrap().len(), 100);
    assert_eq!(code(&acme.post(eve, "/", &json!(many(101)))), (400, -32807));
}

#[test]
fn a_notification_is_not_answered() {
    let acme = Acme::new();
    let silent = |method: &str, name: Value| json!({ "jsonrpc": "2.0", "method": method, "params": [name] });
    let create = silent("/v1/api-tokens/create", json!("quiet"));
    for body in [
        create.clone(),
        json!([create, create]),
        silent("/no-such", json!(0)),
        silent("/v1/api-tokens/create", json!(0)),
    ] {
        let reply = acme.post(&acme.eve, "/", &body);
        assert_eq!((reply.status, reply.bytes.len()), (204, 0), "{body}");
    }
    let quiet = json!({ "where": [["name", "=", "quiet"]] });
    assert_eq!(acme.names(&quiet), ["quiet"; 3]);
}

#[test]
fn what_is_no_message_is_said_to_be_none() {
    let acme = Acme::new();
    for body in [json!([]), json!({}), json!(5), json!(null), json!([1]), json!([{ "jsonrpc": "2.0" }, 1])] {
        refused(&acme.post(&acme.eve, "/", &body), 400, -32807, "This is no message of JSON-RPC 2.0.");
    }
    for path in ["/", "/v1/api-tokens/create"] {
        let reply = acme.deployment.call("POST", path).bearer(&acme.eve).raw("{").send();
        assert_eq!((code(&reply), reply.line.code), ((400, -32807), Some("INVALID_JSON")));
        let large = acme.deployment.call("POST", path).bearer(&acme.eve).content("a/b", vec![b' '; 65_537]).send();
        assert_eq!(code(&large), (413, 413));
    }
    refused(&acme.call(&acme.eve, "no-such", &json!([])), 404, -32809, "There is no such method.");
    let nowhere = acme.deployment.get(&acme.eve, "/v1/api-tokens/create/more");
    refused(&nowhere, 404, -32809, "There is nothing at this path.");
    for path in ["/v1/api-tokens/read", "/v1/api-tokens"] {
        let reply = acme.deployment.call("PUT", path).bearer(&acme.eve).send();
        refused(&reply, 405, -32804, "This path does not take this method.");
    }
    let pinged =
        acme.deployment.call("POST", "/").json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "/ping" })).send();
    assert_eq!(pinged.bytes, format!("{},\"id\":1}}", DONE.strip_suffix('}').unwrap()).into_bytes());
}

#[test]
fn where_the_service_fails_the_envelope_says_so() {
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
fn the_quota_is_the_ledgers() {
    let acme = Acme::new();
    acme.deployment
        .call("PATCH", "/v1/members/eve")
        .bearer(&acme.tenant.admin)
        .json(&json!({ "quota": 2 }))
        .send()
        .expect(200);
    acme.made("last");
    assert_eq!(code(&acme.call(&acme.eve, "create", &json!(["one more"]))), (409, 409));
}

#[test]
fn pages_of_other_origins_are_judged_as_everywhere() {
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
    // A session counts from pages of the deployment's own, and from no others.
    let opener = acme.deployment.token(&acme.tenant.admin, &["sessions:create", "tokens:*"]);
    let (session, _) = acme.deployment.session(&opener);
    let create = || acme.deployment.call("POST", "/v1/api-tokens/create").json(&json!(["x"]));
    assert_eq!(create().session(&session).send().status, 200);
    assert_eq!(code(&create().cookie(&session).header("origin", "https://app.example").send()), (401, -32811));
}

fn noise() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(&["2.0", "name", "like", "%_%", "in", "asc", "orders:*", "tok_0", "/v1/api-tokens/read"][..])
            .prop_map(Value::from),
    ];
    let names = &["jsonrpc", "id", "method", "params", "where", "order_by", "offset", "limit", "orders:read", "x"][..];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(select(names), inner, 0..6).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_fail_or_leave_its_envelope(
        requests in vec((
            select(&["GET", "POST", "PUT", "HEAD"][..]),
            prop_oneof![
                3 => select(&METHODS[..]).prop_map(|method| format!("/{method}")),
                1 => Just(String::new()),
                1 => "/[ -~]{0,20}",
                1 => "/%[0-9a-f]{2}",
            ],
            noise(),
            prop::option::of((select(&["authorization", "origin", "x-api-key", "cookie", "upgrade"][..]), vec(any::<u8>(), 0..30))),
        ), 1..8),
    ) {
        let acme = Acme::new();
        for (method, path, body, header) in requests {
            let uri = format!("{ORIGIN}/v1/api-tokens{path}");
            let Ok(mut request) = Request::builder().method(method).uri(uri).body(Body::from(body.to_string())) else { continue };
            request.headers_mut().insert("authorization", format!("Bearer {}", acme.eve).parse().unwrap());
            if let Some((name, value)) = header && let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
            let reply = acme.deployment.send(request);
            prop_assert!(reply.status < 500, "{:?}", reply);
            if reply.status >= 400 && method != "HEAD" {
                let is_batch = reply.body.is_array();
                prop_assert!(is_batch || reply.body["error"]["data"]["meta"].is_object(), "{:?}", reply);
            }
        }
    }
}
