//! What holds for every rejection: it names the problem, and nothing has changed.

use axum::body::Body;
use serde_json::Value;

use crate::{
    deployment::{Call, Deployment, Reply, Tenant},
    routes::{self, Route},
};

/// A deployment with one workspace, and every route to it.
pub(crate) struct Matrix {
    pub(crate) deployment: Deployment,
    pub(crate) tenant: Tenant,
    pub(crate) routes: Vec<Route>,
}

impl Matrix {
    pub(crate) fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let routes = routes::all(&deployment, &tenant);
        Self { deployment, tenant, routes }
    }

    pub(crate) fn taking_bodies(&self) -> impl Iterator<Item = (&Route, &Value)> {
        self.routes.iter().filter_map(|route| Some((route, route.body.as_ref()?)))
    }

    /// Sends the request, expects this problem, and compares the whole world before and after.
    #[track_caller]
    pub(crate) fn refused(&self, call: Call<'_>, what: &str, status: u16, code: &str, pointer: Option<&str>) -> Reply {
        let before = self.deployment.world.dump();
        let reply = call.send();
        let found = (reply.status, reply.body["code"].as_str(), reply.body.get("pointer").and_then(Value::as_str));
        assert_eq!(found, (status, Some(code), pointer), "{what}: {}", reply.body);
        assert!(self.deployment.world.dump() == before, "{what}: rejected, but something changed");
        reply
    }

    /// Sends this body with sufficient permissions.
    #[track_caller]
    pub(crate) fn refused_body(
        &self,
        route: &Route,
        body: impl Into<Body>,
        status: u16,
        code: &str,
        pointer: Option<&str>,
    ) {
        let call = route.call_as_admin(&self.deployment, &self.tenant).content("application/json", body);
        self.refused(call, &format!("{} {}", route.method, route.pattern), status, code, pointer);
    }

    pub(crate) fn route(&self, method: &str, pattern: &str) -> &Route {
        self.routes.iter().find(|route| (route.method, route.pattern) == (method, pattern)).unwrap()
    }
}
