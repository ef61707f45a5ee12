//! How the dialect interprets a request: defaults, filters, masks.

use serde_json::{Value, json};

use super::{ON_BEHALF, Stage, TOKENS};
use crate::deployment::{ROOT, text};

/// The scopes of a newly created token.
#[track_caller]
fn scopes(stage: &Stage, by: &str, body: &Value) -> Value {
    stage.create(by, body).1["scopes"].clone()
}

#[test]
fn without_scopes_a_token_gets_all_that_its_creator_may_grant() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let everything = json!(["orders:read", "tokens:grant", "tokens:read", "tokens:write"]);
    assert_eq!(scopes(&stage, ada, &json!({})), everything);
    assert_eq!(scopes(&stage, ada, &json!({ "scopes": null })), everything);
    assert_eq!(scopes(&stage, ada, &json!({ "scopes": [] })), json!([]), "none requested, none granted");
    assert_eq!(scopes(&stage, &tenant.admin, &json!({})), json!(["*"]));

    // Without tokens:grant, its own scopes; with it, the owner's granted scopes, if it may read them.
    let token = |scopes: Value| stage.create(ada, &json!({ "scopes": scopes })).0;
    let writer = token(json!(["tokens:write"]));
    assert_eq!(scopes(&stage, &writer, &json!({})), json!(["tokens:write"]));
    let granter = token(json!(["tokens:grant", "tokens:read", "tokens:write"]));
    assert_eq!(scopes(&stage, &granter, &json!({})), everything);
    let blind = token(json!(["tokens:grant", "tokens:write"]));
    assert_eq!(scopes(&stage, &blind, &json!({})), json!(["tokens:grant", "tokens:write"]));

    // On behalf of others, at most their granted scopes; also for root.
    let on_behalf = |id: &str| json!({ "application_id": id });
    let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": ["orders:*"] });
    deployment.post(&tenant.admin, "/v1/members", &eve).expect(201);
    let issued = deployment.post(&tenant.admin, ON_BEHALF, &on_behalf("eve")).expect(200);
    assert_eq!(issued["token_info"]["scopes"], json!(["orders:*"]));
    let call = deployment.call("POST", ON_BEHALF).bearer(ROOT).header("x-counterfoil-workspace", "acme");
    let issued = call.json(&on_behalf("ada")).send().expect(200);
    assert_eq!(issued["token_info"]["scopes"], everything);
    let reader = deployment.token(&tenant.admin, &["tokens:read", "tokens:write"]);
    let issued = deployment.post(&reader, ON_BEHALF, &on_behalf("admin")).expect(200);
    assert_eq!(issued["token_info"]["scopes"], json!(["tokens:read", "tokens:write"]));
    // An admin that may not read members names what it may grant: here the ledger rejects that.
    let admin = deployment.token(&tenant.admin, &["tokens:read", "tokens:write"]);
    assert_eq!(deployment.post(&admin, ON_BEHALF, &on_behalf("eve")).status, 403);
}

#[test]
fn lifetime_seconds_is_applied_within_the_workspace_maximum() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let (short, info) =
        stage.create(ada, &json!({ "lifetime_seconds": 60, "scopes": ["tokens:read", "tokens:write"] }));
    let end = &info["expiry_time"];
    assert_eq!(end.as_u64().unwrap(), info["creation_time"].as_u64().unwrap() + 60_000);
    assert_eq!(&stage.create(&short, &json!({})).1["expiry_time"], end, "none outlives its creator");
    stage.patch(&tenant.admin, "/v1/workspace", &json!({ "max_lifetime": 100 })).expect(200);
    let (_, info) = stage.create(ada, &json!({ "lifetime_seconds": null }));
    assert_eq!(info["expiry_time"].as_u64().unwrap(), info["creation_time"].as_u64().unwrap() + 100_000);
    assert_eq!(deployment.get(ada, "/api/2.0/token/list").expect(200)["token_infos"].as_array().unwrap().len(), 4);
    deployment.world.pass(60_000);
    assert_eq!(deployment.get(ada, "/api/2.0/token/list").expect(200)["token_infos"].as_array().unwrap().len(), 2);
}

#[test]
fn databricks_accepts_missing_bodies_and_any_content_type() {
    let stage = Stage::new();
    let Stage { deployment, ada, .. } = &stage;
    let create = || deployment.call("POST", "/api/2.0/token/create").bearer(ada);
    create().send().expect(200);
    let made = create().content("text/json", r#"{"comment":"by the old tool","unknown":{}}"#).send().expect(200);
    let id = text(&made, "/token_info/token_id");
    assert_eq!(made["token_info"]["comment"], "by the old tool");
    let delete = deployment.call("POST", "/api/2.0/token/delete").bearer(ada);
    delete.content("text/json", format!(r#"{{"token_id":"{id}"}}"#)).send().expect(200);
    let elsewhere = deployment.call("GET", "/api/2.0/token/list").bearer(ada).header("x-databricks-workspace-id", "7");
    assert_eq!(elsewhere.send().expect(200)["token_infos"].as_array().unwrap().len(), 2);
}

#[test]
fn databricks_lists_are_filtered_and_limited_to_visible_tokens() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, bob } = &stage;
    let [of_admin, of_ada, of_bob] = [&tenant.admin, ada, bob].map(|token| stage.id_of(token));
    let all = [&*of_bob, &*of_ada, &*of_admin];
    let shown = |by: &str, query: &str| stage.listed(by, &format!("{TOKENS}{query}"));
    assert_eq!(shown(&tenant.admin, ""), all);
    assert_eq!(shown(&tenant.admin, "?created_by_id=&created_by_username="), all);
    assert_eq!(shown(&tenant.admin, "?created_by_id=2"), [&*of_ada]);
    assert_eq!(shown(&tenant.admin, "?created_by_username=bob&page=1"), [&*of_bob]);
    assert_eq!(shown(&tenant.admin, "?created_by_id=2&created_by_username=ada"), [&*of_ada]);
    for none in ["?created_by_id=2&created_by_username=bob", "?created_by_id=99", "?created_by_username=nobody"] {
        assert!(shown(&tenant.admin, none).is_empty(), "{none}");
    }
    assert_eq!(stage.listed(&tenant.admin, "/api/2.0/token/list"), [&*of_admin]);
    // A disabled token can be enabled again, so it is listed.
    let issued = deployment.issue(ada, &json!({ "name": "", "scopes": [], "enabled": false }));
    assert_eq!(stage.listed(ada, "/api/2.0/token/list"), [&*text(&issued, "/digest"), &*of_ada]);
    stage.delete(ada, &text(&issued, "/digest")).expect(200);
    assert_eq!(stage.listed(ada, "/api/2.0/token/list"), [&*of_ada]);
}

#[test]
fn databricks_lists_all_pages_of_the_ledger() {
    let stage = Stage::new();
    for _ in 0..120 {
        stage.create(&stage.ada, &json!({ "scopes": [] }));
    }
    assert_eq!(stage.listed(&stage.ada, "/api/2.0/token/list").len(), 121);
    assert_eq!(stage.listed(&stage.tenant.admin, &format!("{TOKENS}?created_by_id=2")).len(), 121);
}

#[test]
fn update_mask_selects_the_changed_fields() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let (token, info) = stage.create(ada, &json!({ "comment": "old", "scopes": ["orders:read"] }));
    let path = format!("{TOKENS}/{}", text(&info, "/token_id"));
    let change = |mask: &str, to: Value| {
        let changed = stage.patch(&tenant.admin, &path, &json!({ "token": to, "update_mask": mask })).expect(200);
        assert_eq!(deployment.get(&tenant.admin, &path).expect(200)["token_info"], changed);
        (changed["comment"].clone(), changed["scopes"].clone())
    };
    let new = || json!({ "comment": "new", "scopes": ["tokens:read"], "expiry_time": 7, "owner_id": 1 });
    assert_eq!(change("comment", new()), (json!("new"), json!(["orders:read"])));
    assert_eq!(change("scopes", new()), (json!("new"), json!(["tokens:read"])));
    assert_eq!(change("comment, scopes,comment", json!({ "comment": "c", "scopes": ["orders:read"] })).0, "c");
    assert_eq!(change("*", new()), (json!("new"), json!(["tokens:read"])));
    assert_eq!(change("scopes", json!({})), (json!("new"), json!([])), "clients omit empty fields");
    assert_eq!(change("comment", json!(null)), (json!(""), json!([])));
    // It is the same token, with its new scopes only.
    assert_eq!(stage.id_of(&token), text(&info, "/token_id"));
    assert_eq!(deployment.get(&token, "/api/2.0/token/list").status, 403);
    // An admin may change any member's token.
    stage.patch(&tenant.admin, &path, &json!({ "token": { "comment": "!" }, "update_mask": "comment" })).expect(200);
}
