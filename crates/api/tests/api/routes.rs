//! Every route, with a valid request: the starting point of tests over all routes.

use serde_json::{Value, json};

use crate::deployment::{Call, Deployment, ROOT, Reply, Tenant, text};

/// A route, and a request that succeeds for an admin.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// The required credential.
    pub(crate) needs: Needs,
    /// An admin's session, if one is required.
    pub(crate) session: Option<String>,
    /// The status of the response.
    pub(crate) answers: u16,
}

/// The required credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    AnyToken,
    Scope,
    /// A live session.
    Session,
    /// The root token, with the name of the workspace.
    RootInWorkspace,
    /// The root token, without a workspace.
    Root,
}

/// Every route of the API; `the_openapi_document_describes_exactly_the_routes` checks that none is missing. Each request
/// still succeeds after those before it; the last one deletes the workspace.
pub(crate) fn all(deployment: &Deployment, tenant: &Tenant) -> Vec<Route> {
    let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": [] });
    deployment.post(&tenant.admin, "/v1/members", &eve).expect(201);
    let app = json!({ "id": "old-app", "name": "Old app", "permissions": [] });
    deployment.post(&tenant.admin, "/v1/clients", &app).expect(201);
    let issued = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    let (digest, id) = (text(&issued, "/digest"), text(&issued, "/id"));
    let path = format!("/v1/tokens/{id}");
    let (_, session) = deployment.session(&tenant.admin);
    let session = text(&session, "/id");
    let route = |method, pattern: &'static str, needs| Route {
        method,
        pattern,
        path: pattern.to_owned(),
        body: None,
        needs,
        session: None,
        answers: 200,
    };
    let scope = |method, pattern| route(method, pattern, Needs::Scope);
    let with_session = |method, pattern| Route {
        session: Some(deployment.session(&tenant.admin).0),
        ..route(method, pattern, Needs::Session)
    };
    let provider = json!({
        "issuer": "https://accounts.example", "audience": "console", "member_by": "email", "sign_in": true,
    });
    deployment.let_sign_in(tenant, &provider);
    deployment.world.make_snapshots();
    vec![
        Route { answers: 302, ..route("GET", "/", Needs::Nothing) },
        route("GET", "/healthz", Needs::Nothing),
        Route {
            body: Some(json!({ "slug": "new", "name": "New", "prefix": "new" })),
            answers: 201,
            ..route("POST", "/v1/workspaces", Needs::Root)
        },
        route("GET", "/v1/workspace", Needs::AnyToken),
        Route {
            body: Some(json!({
                "name": "Acme & Co.", "prefix": "acme", "default_quota": 700, "max_lifetime": 100_000_000,
                "session_length": 3_600, "lease_max": 20, "snapshot_max": 3_600, "audit_retention_days": 30,
            })),
            ..scope("PATCH", "/v1/workspace")
        },
        scope("GET", "/v1/scopes"),
        Route {
            body: Some(json!({ "scopes": [
                {
                    "name": "orders:read", "description": "Read orders", "visible_to": "admin",
                    "grantable_by": "member", "freshness": "strong",
                },
            ] })),
            ..scope("PUT", "/v1/scopes")
        },
        scope("GET", "/v1/members"),
        Route {
            body: Some(json!({
                "id": "bob", "number": 70, "name": "Bob", "email": "bob@example.com", "role": "member",
                "grants": ["orders:read"], "quota": 5,
            })),
            answers: 201,
            ..scope("POST", "/v1/members")
        },
        Route { path: "/v1/members/eve".to_owned(), ..scope("GET", "/v1/members/{id}") },
        Route {
            path: "/v1/members/eve".to_owned(),
            body: Some(json!({
                "name": "Eve L.", "email": "eve@example.com", "role": "member", "grants": ["orders:read"], "quota": 5,
                "state": "active", "revoke_all": true, "wait": true,
            })),
            ..scope("PATCH", "/v1/members/{id}")
        },
        Route { path: "/v1/members/eve".to_owned(), ..scope("DELETE", "/v1/members/{id}") },
        scope("GET", "/v1/clients"),
        Route {
            body: Some(json!({ "id": "app", "name": "App", "permissions": ["orders:*"] })),
            answers: 201,
            ..scope("POST", "/v1/clients")
        },
        Route { path: "/v1/clients/old-app".to_owned(), ..scope("GET", "/v1/clients/{id}") },
        Route { path: "/v1/clients/old-app".to_owned(), ..scope("DELETE", "/v1/clients/{id}") },
        scope("GET", "/v1/audit"),
        with_session("GET", "/v1/session"),
        Route { answers: 201, ..scope("POST", "/v1/session") },
        Route {
            path: "/v1/session/providers?workspace=acme".to_owned(),
            ..route("GET", "/v1/session/providers", Needs::Nothing)
        },
        Route {
            path: "/v1/session/start?workspace=acme".to_owned(),
            answers: 302,
            ..route("GET", "/v1/session/start", Needs::Nothing)
        },
        Route { answers: 303, ..route("GET", "/v1/session/callback", Needs::Nothing) },
        scope("GET", "/v1/sessions"),
        Route { path: format!("/v1/sessions/{session}"), ..scope("DELETE", "/v1/sessions/{id}") },
        with_session("DELETE", "/v1/session"),
        scope("GET", "/v1/tokens"),
        Route {
            body: Some(json!({
                "name": "ci", "note": "for the pipeline", "owner": "admin", "scopes": ["orders:read"],
                "expires_at": "2028-01-01T00:00:00Z", "not_before": "2027-06-01T00:00:00Z", "enabled": true,
                "allowed_addresses": ["192.0.2.0/24"], "metadata": { "any": ["thing"] },
            })),
            answers: 201,
            ..scope("POST", "/v1/tokens")
        },
        route("GET", "/v1/tokens/self", Needs::AnyToken),
        Route { path: path.clone(), ..scope("GET", "/v1/tokens/{id}") },
        Route { path: format!("{path}/usage"), ..scope("GET", "/v1/tokens/{id}/usage") },
        Route {
            path: path.clone(),
            body: Some(json!({
                "name": "nightly", "note": "at night", "enabled": true, "scopes": ["orders:read"],
                "expires_at": "2028-01-01T00:00:00Z", "not_before": "2027-06-01T00:00:00Z",
                "allowed_addresses": ["192.0.2.0/24"], "metadata": { "any": ["thing"] }, "wait": false,
            })),
            ..scope("PATCH", "/v1/tokens/{id}")
        },
        Route {
            path: format!("{path}/rotate"),
            body: Some(json!({ "grace_seconds": 60, "wait": false })),
            ..scope("POST", "/v1/tokens/{id}/rotate")
        },
        Route { path, ..scope("DELETE", "/v1/tokens/{id}") },
        Route {
            body: Some(json!({ "ids": [id], "reason": "lost", "wait": true })),
            ..scope("POST", "/v1/tokens/revoke")
        },
        Route {
            body: Some(json!({ "tokens": [{
                "digest": "ca".repeat(32), "encoding": "hex", "weak": true, "name": "legacy", "note": "from elsewhere",
                "owner": "admin", "scopes": ["orders:read"], "expires_at": "2028-01-01T00:00:00Z",
                "not_before": "2027-06-01T00:00:00Z", "enabled": true, "allowed_addresses": ["192.0.2.0/24"],
                "metadata": { "any": ["thing"] }, "length": 40,
            }] })),
            ..scope("POST", "/v1/tokens/import")
        },
        Route {
            body: Some(json!({
                "token": issued["token"],
                "demand": {
                    "all_of": ["orders:read"], "any_of": ["b"], "address": "192.0.2.1", "freshness": "strong",
                    "or_eventual": false,
                },
            })),
            ..scope("POST", "/v1/verify")
        },
        Route { body: Some(json!({ "digests": [digest] })), ..scope("POST", "/v1/records") },
        Route {
            body: Some(json!({
                "since": { "epoch": 1_800_000_000_000_u64, "generation": 7 }, "digests": [digest],
                "uses": [{ "digest": digest, "last_used_at": "2027-01-15T08:00:00Z", "count": 3 }],
            })),
            ..scope("POST", "/v1/lease")
        },
        scope("GET", "/v1/snapshot"),
        scope("GET", "/v1/snapshot/keys"),
        Route { answers: 202, ..route("DELETE", "/v1/workspace", Needs::RootInWorkspace) },
    ]
}

impl Route {
    /// The request without a credential.
    pub(crate) fn call<'a>(&self, deployment: &'a Deployment) -> Call<'a> {
        let call = deployment.call(self.method, &self.path);
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }

    /// The request with sufficient permissions, without its body.
    pub(crate) fn call_as_admin<'a>(&self, deployment: &'a Deployment, tenant: &Tenant) -> Call<'a> {
        self.sign(deployment.call(self.method, &self.path), tenant)
    }

    /// Adds a credential with sufficient permissions.
    pub(crate) fn sign<'a>(&self, call: Call<'a>, tenant: &Tenant) -> Call<'a> {
        if let Some(session) = &self.session {
            return call.session(session);
        }
        match self.needs {
            Needs::Root => call.bearer(ROOT),
            Needs::RootInWorkspace => call.bearer(ROOT).header("x-counterfoil-workspace", "acme"),
            Needs::Nothing | Needs::AnyToken | Needs::Scope | Needs::Session => call.bearer(&tenant.admin),
        }
    }

    /// The response to the request with sufficient permissions.
    pub(crate) fn send_as_admin(&self, deployment: &Deployment, tenant: &Tenant) -> Reply {
        let call = self.call_as_admin(deployment, tenant);
        match &self.body {
            Some(body) => call.json(body).send(),
            None => call.send(),
        }
    }
}

#[test]
fn every_route_responds_and_is_logged_by_its_pattern() {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    for route in all(&deployment, &tenant) {
        // A new isolate has empty caches; otherwise it would send no query.
        let reply = route.send_as_admin(&deployment.another(), &tenant);
        assert_eq!(reply.status, route.answers, "{} {}: {}", route.method, route.pattern, reply.body);
        assert_eq!(reply.line.route.as_deref(), Some(route.pattern));
        let free = ["/", "/healthz", "/v1/session/callback"].contains(&route.pattern);
        assert_eq!(reply.line.ledger_calls > 0, !free);
    }
}
