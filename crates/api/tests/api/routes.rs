//! Every route, with a request that it answers: what tests that go through all of them start from.

use serde_json::{Value, json};

use crate::deployment::{Call, Deployment, ROOT, Tenant, text};

/// A route, and a request that it answers when it comes from an admin.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// Who may ask.
    pub(crate) needs: Needs,
    /// The status of the answer.
    pub(crate) answers: u16,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    AnyToken,
    Scope,
    Root,
}

/// Every route of the API. `tests_know_every_route` sees to it that none is missing.
pub(crate) fn all(deployment: &Deployment, tenant: &Tenant) -> Vec<Route> {
    let issued = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    let (digest, path) = (text(&issued, "/digest"), format!("/v1/tokens/{}", text(&issued, "/id")));
    let route = |method, pattern: &'static str, needs| Route {
        method,
        pattern,
        path: pattern.to_owned(),
        body: None,
        needs,
        answers: 200,
    };
    let scope = |method, pattern| route(method, pattern, Needs::Scope);
    vec![
        Route { answers: 302, ..route("GET", "/", Needs::Nothing) },
        route("GET", "/healthz", Needs::Nothing),
        Route {
            body: Some(json!({ "slug": "new", "name": "New", "prefix": "new" })),
            answers: 201,
            ..route("POST", "/v1/workspaces", Needs::Root)
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
        Route { path, ..scope("DELETE", "/v1/tokens/{id}") },
        Route {
            body: Some(json!({
                "token": issued["token"],
                "demand": { "all_of": ["orders:read"], "any_of": ["b"], "address": "192.0.2.1", "freshness": "strong" },
            })),
            ..scope("POST", "/v1/verify")
        },
        Route { body: Some(json!({ "digests": [digest] })), ..scope("POST", "/v1/records") },
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

    /// The request from somebody who may, before its body.
    pub(crate) fn call_as_admin<'a>(&self, deployment: &'a Deployment, tenant: &Tenant) -> Call<'a> {
        let token = if self.needs == Needs::Root { ROOT } else { &tenant.admin };
        deployment.call(self.method, &self.path).bearer(token)
    }
}

#[test]
fn tests_know_every_route() {
    let source = include_str!("../../src/routes/mod.rs");
    let routes = source.lines().filter(|line| line.trim_start().starts_with(".route("));
    let methods = |line: &str| -> usize {
        ["get(", "post(", "put(", "delete("].iter().map(|method| line.matches(method).count()).sum()
    };
    let declared: usize = routes.map(methods).sum();
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    assert_eq!(all(&deployment, &tenant).len(), declared);
}

#[test]
fn every_route_answers_and_is_logged_by_its_pattern() {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    for route in all(&deployment, &tenant) {
        let call = route.call_as_admin(&deployment, &tenant);
        let reply = match &route.body {
            Some(body) => call.json(body),
            None => call,
        };
        let reply = reply.send();
        assert_eq!(reply.status, route.answers, "{} {}: {}", route.method, route.pattern, reply.body);
        assert_eq!(reply.line.route.as_deref(), Some(route.pattern));
        let ledger = route.needs != Needs::Nothing;
        assert_eq!(reply.line.ledger_calls > 0, ledger);
    }
}
