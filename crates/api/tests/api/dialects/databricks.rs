//! The dialect of Databricks.

mod noise;
mod refusals;
mod rules;

use serde_json::{Value, json};

use crate::deployment::{Deployment, Reply, Tenant, text};

/// The start of every world, in milliseconds since 1970.
const BEGINNING: u64 = 1_800_000_000_000;

const TOKENS: &str = "/api/2.0/token-management/tokens";
const ON_BEHALF: &str = "/api/2.0/token-management/on-behalf-of/tokens";

/// A deployment with the workspace `acme`, and its members `ada` (2) and `bob` (3), who may manage their own tokens and
/// read orders.
struct Stage {
    deployment: Deployment,
    tenant: Tenant,
    ada: String,
    bob: String,
}

impl Stage {
    fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let [ada, bob] = ["ada", "bob"].map(|id| {
            let grants = ["tokens:read", "tokens:write", "tokens:grant", "orders:read"];
            let member = json!({ "id": id, "name": id, "role": "member", "grants": grants });
            deployment.post(&tenant.admin, "/v1/members", &member).expect(201);
            let token = json!({ "name": "", "owner": id, "scopes": grants });
            text(&deployment.issue(&tenant.admin, &token), "/token")
        });
        Self { deployment, tenant, ada, bob }
    }

    /// Creates a token through the dialect; returns its value and `token_info`.
    #[track_caller]
    fn create(&self, by: &str, body: &Value) -> (String, Value) {
        let created = self.deployment.post(by, "/api/2.0/token/create", body).expect(200);
        (text(&created, "/token_value"), created["token_info"].clone())
    }

    fn delete(&self, by: &str, id: &str) -> Reply {
        self.deployment.post(by, "/api/2.0/token/delete", &json!({ "token_id": id }))
    }

    fn patch(&self, by: &str, path: &str, body: &Value) -> Reply {
        self.deployment.call("PATCH", path).bearer(by).json(body).send()
    }

    /// The ids in a list, in its order.
    #[track_caller]
    fn listed(&self, by: &str, path: &str) -> Vec<String> {
        let list = self.deployment.get(by, path).expect(200);
        list["token_infos"].as_array().unwrap().iter().map(|info| text(info, "/token_id")).collect()
    }

    /// The id of the token with this value.
    fn id_of(&self, token: &str) -> String {
        text(&self.deployment.get(token, "/v1/tokens/self").expect(200), "/digest")
    }
}

/// Checks that a response is exactly this error, and returns its message.
#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) -> String {
    assert_eq!((reply.status, &reply.body["error_code"]), (status, &json!(code)), "{}", reply.body);
    let message = &reply.body["message"];
    assert!(message.as_str().is_some_and(|message| message.ends_with('.')), "a sentence: {message}");
    let envelope = format!(r#"{{"error_code":"{code}","message":{message},"details":[]}}"#);
    assert_eq!(String::from_utf8_lossy(&reply.bytes), envelope);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    message.as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_exact(reply: &Reply, expected: &str) {
    assert_eq!((reply.status, &*String::from_utf8_lossy(&reply.bytes)), (200, expected));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn databricks_responses_are_pinned() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    let first = stage.id_of(ada);
    let body = json!({
        "comment": "ci", "lifetime_seconds": 7_776_000, "scopes": ["orders:read"], "autoscope_enabled": false,
    });
    let reply = deployment.post(ada, "/api/2.0/token/create", &body);
    let (token, id) = (text(&reply.body, "/token_value"), text(&reply.body, "/token_info/token_id"));
    assert_eq!(id, stage.id_of(&token));
    let end = BEGINNING + 7_776_000_000;
    let info = format!(
        r#""token_id":"{id}","creation_time":{BEGINNING},"expiry_time":{end},"comment":"ci","scopes":["orders:read"]"#
    );
    assert_exact(&reply, &format!(r#"{{"token_value":"{token}","token_info":{{{info}}}}}"#));

    let first = format!(
        r#""token_id":"{first}","creation_time":{BEGINNING},"expiry_time":-1,"comment":"","scopes":["orders:read","tokens:grant","tokens:read","tokens:write"]"#
    );
    let list = deployment.get(ada, "/api/2.0/token/list");
    assert_exact(&list, &format!(r#"{{"token_infos":[{{{info}}},{{{first}}}]}}"#));

    // The workspace's key as a number in base 62, computed independently.
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let workspace = tenant.key.chars().fold(0, |sum, digit| sum * 62 + digits.find(digit).unwrap());
    let full = |number, id| {
        format!(
            r#""created_by_id":{number},"created_by_username":"{id}","owner_id":{number},"workspace_id":{workspace}"#
        )
    };
    let path = format!("{TOKENS}/{id}");
    let by_ada = full(2, "ada");
    assert_exact(&deployment.get(&tenant.admin, &path), &format!(r#"{{"token_info":{{{info},{by_ada}}}}}"#));
    let list = deployment.get(&tenant.admin, &format!("{TOKENS}?created_by_username=ada"));
    assert_exact(&list, &format!(r#"{{"token_infos":[{{{info},{by_ada}}},{{{first},{by_ada}}}]}}"#));

    // The admin's call returns the changed token, the owner's nothing.
    let change = json!({ "token": { "comment": "cd" }, "update_mask": "comment" });
    assert_exact(&stage.patch(ada, &format!("/api/2.0/token/{id}"), &change), "{}");
    let info = info.replace(r#""ci""#, r#""cd""#);
    assert_exact(&stage.patch(&tenant.admin, &path, &change), &format!("{{{info},{by_ada}}}"));

    let body = json!({ "application_id": "bob", "comment": "for bob", "lifetime_seconds": 1, "scopes": [] });
    let reply = deployment.post(&tenant.admin, ON_BEHALF, &body);
    let (token, other) = (text(&reply.body, "/token_value"), text(&reply.body, "/token_info/token_id"));
    let end = BEGINNING + 1_000;
    let by_bob = full(3, "bob");
    let expected = format!(
        r#"{{"token_value":"{token}","token_info":{{"token_id":"{other}","creation_time":{BEGINNING},"expiry_time":{end},"comment":"for bob","scopes":[],{by_bob}}}}}"#
    );
    assert_exact(&reply, &expected);

    assert_exact(&deployment.delete(&tenant.admin, &format!("{TOKENS}/{other}")), "{}");
    assert_exact(&stage.delete(ada, &id), "{}");
    let message = refused(&stage.delete(ada, &id), 404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(message, format!("No valid token with ID {id} found."));
}

#[test]
fn owners_see_the_last_use_and_admins_only_its_day() {
    let stage = Stage::new();
    let Stage { deployment, tenant, ada, .. } = &stage;
    // A day and a bit after midnight: the worlds begin at 08:00.
    deployment.world.pass(16 * 3_600_000 + 5_000);
    let now = BEGINNING + 16 * 3_600_000 + 5_000;
    deployment.get(ada, "/v1/tokens/self").expect(200);
    deployment.let_pass(120);
    let id = stage.id_of(ada);
    let list = deployment.get(ada, "/api/2.0/token/list").expect(200);
    let last = list["token_infos"][0]["last_accessed_time"].as_u64().unwrap();
    assert!((now..now + 1_000).contains(&last), "{list}");
    assert_eq!(list["token_infos"][0].get("last_used_day"), None);
    let shown = deployment.get(&tenant.admin, &format!("{TOKENS}/{id}")).expect(200);
    assert_eq!(shown["token_info"]["last_used_day"], now - 5_000);
    assert_eq!(shown["token_info"].get("last_accessed_time"), None);
}
