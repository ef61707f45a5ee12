//! The dialect of softvisio.

mod callers;
mod messages;
mod methods;
mod sockets;

use serde_json::{Value, json};

use crate::deployment::{Deployment, Reply, Tenant, text};

const METHODS: [&str; 7] =
    ["create", "delete", "get-permissions", "read", "set-enabled", "set-permissions", "update-permissions"];

/// A deployment with the workspace `acme`. Its member eve may only read orders and manage her tokens.
struct Acme {
    deployment: Deployment,
    tenant: Tenant,
    /// Eve's token, which reads and writes tokens.
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

    /// The data of a call that must succeed.
    #[track_caller]
    fn data(&self, token: &str, method: &str, arguments: &Value) -> Value {
        self.call(token, method, arguments).expect(200)["result"]["data"].clone()
    }

    /// Creates a token of eve's; returns its id and value.
    fn made(&self, name: &str) -> (String, String) {
        let made = self.data(&self.eve, "create", &json!([name]));
        (text(&made, "/id"), text(&made, "/token"))
    }

    fn names(&self, options: &Value) -> Vec<String> {
        let rows = self.data(&self.eve, "read", &json!([options]));
        rows.as_array().unwrap().iter().map(|row| text(row, "/name")).collect()
    }
}

/// Valid arguments of a method for this token.
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
