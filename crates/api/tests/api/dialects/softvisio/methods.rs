//! What the methods do.

use serde_json::{Value, json};

use super::{Acme, code, done, refused};
use crate::deployment::text;

#[test]
fn softvisio_responses_are_pinned() {
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
        row("tokens:read", true, "Read tokens"),
        row("tokens:write", true, "Create, change and revoke tokens"),
        row("tokens:grant", false, "Give tokens any scope that their owner is granted"),
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
fn softvisio_arguments_are_checked_before_any_ledger_request() {
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
    assert_eq!(code(&long), (400, -32808), "the ledger's rules apply too");
}

#[test]
fn softvisio_permissions_cannot_exceed_the_granted_scopes() {
    let acme = Acme::new();
    let (id, _) = acme.made("target");
    for method in ["set-permissions", "update-permissions"] {
        for permission in ["orders:write", "no-such", "not a scope", "*", "orders:*", "tokens:grant"] {
            let before = acme.deployment.world.dump();
            let wanted = json!([id, { "orders:read": true, permission: true }]);
            let message = format!("Token permission \"{permission}\" is not valid");
            refused(&acme.call(&acme.eve, method, &wanted), 400, 400, &message);
            assert_eq!(acme.deployment.world.dump(), before);
        }
        let own = acme.call(&acme.eve, method, &json!([acme.eve_id, { "orders:read": true }]));
        let detail = "A token cannot change its own scopes, expiration or allowed addresses. Use a different token.";
        refused(&own, 401, -32811, detail);
    }
    // With tokens:grant, up to the member's granted scopes.
    let grants = json!({ "name": "", "owner": "eve", "scopes": ["tokens:write", "tokens:grant"] });
    let grants = text(&acme.deployment.issue(&acme.tenant.admin, &grants), "/token");
    done(&acme.call(&grants, "set-permissions", &json!([id, { "tokens:grant": true }])));
    let beyond = acme.call(&grants, "set-permissions", &json!([id, { "orders:write": true }]));
    refused(&beyond, 400, 400, "Token permission \"orders:write\" is not valid");
}

#[test]
fn a_removed_permission_must_not_remain_through_a_wildcard() {
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
    let message = "Token permission \"orders:read\" cannot be removed while the token has one that includes it.";
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
    assert_eq!(listed.as_array().unwrap().len(), 12, "nine built in, two of the catalogue, one wildcard: {listed}");
}

#[test]
fn softvisio_read_filters_sorts_and_pages() {
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
fn softvisio_reads_all_pages_of_the_ledger() {
    let acme = Acme::new();
    for number in 0..120 {
        acme.made(&format!("{number:03}"));
    }
    let read = acme.call(&acme.eve, "read", &json!([]));
    assert_eq!(read.body["result"]["meta"], json!({ "total_rows": 121 }));
    assert_eq!(read.body["result"]["data"].as_array().unwrap().len(), 121);
}

#[test]
fn softvisio_enforces_the_members_quota() {
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
