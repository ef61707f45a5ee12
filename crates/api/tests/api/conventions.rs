//! Conventions of HTTP APIs: ETags and conditions, locations of created items, other origins.

use serde_json::json;

use crate::{
    deployment::{Deployment, ORIGIN, ROOT, Reply, text},
    matrix::Matrix,
    routes::Needs,
};

const APP: &str = "https://app.example";

#[test]
fn if_match_rejects_a_change_with_a_stale_etag() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let made = deployment.post(&acme.admin, "/v1/tokens", &json!({ "name": "ci", "scopes": [] }));
    let tag = made.header("etag").unwrap().to_owned();
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", made.body["version"]), "the version in quotes");
    let rename = |condition: &str, name: &str| {
        let call = deployment.call("PATCH", &path).bearer(&acme.admin).header("if-match", condition);
        call.json(&json!({ "name": name })).send()
    };
    let read = || deployment.get(&acme.admin, &path);
    assert_eq!(read().header("etag"), Some(&*tag));

    let first = rename(&tag, "first");
    let newer = first.header("etag").unwrap().to_owned();
    assert_eq!((first.status, newer != tag), (200, true));
    assert_eq!(read().header("etag"), Some(&*newer));
    let before = deployment.world.dump();
    for condition in [&*tag, "\"0\"", "W/\"1\"", "none of ours", "", "\"x\"", &format!("W/{newer}")] {
        assert_eq!(rename(condition, "second").refused(412), "PRECONDITION_FAILED", "{condition}");
    }
    for (method, path) in [("DELETE", path.clone()), ("POST", format!("{path}/rotate"))] {
        let stale = deployment.call(method, &path).bearer(&acme.admin).header("if-match", &tag).send();
        assert_eq!(stale.refused(412), "PRECONDITION_FAILED");
    }
    assert_eq!(deployment.world.dump(), before);

    assert_eq!(rename(&format!("{tag}, {newer}"), "one of them").status, 200);
    assert_eq!(rename("*", "any").status, 200);
    let rotated = deployment.call("POST", &format!("{path}/rotate")).bearer(&acme.admin).header("if-match", "*").send();
    let tag = rotated.header("etag").unwrap().to_owned();
    let revoked = deployment.call("DELETE", &path).bearer(&acme.admin).header("if-match", tag).send();
    assert_eq!(revoked.expect(200)["state"], "revoked");
}

#[test]
fn a_creation_returns_the_location_of_the_new_item() {
    let deployment = Deployment::new();
    let made = deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "acme", "name": "Acme" }));
    assert_eq!(made.header("location"), Some("/v1/workspace"));
    let admin = text(&made.body, "/token/token");
    let member = json!({ "id": "a/b?c%d#e", "name": "A", "role": "member", "grants": [] });
    let client = json!({ "id": "..", "name": "A", "permissions": [] });
    for (path, body) in [("/v1/members", member), ("/v1/clients", client)] {
        let made = deployment.post(&admin, path, &body);
        let location = made.header("location").unwrap().to_owned();
        assert!(location.starts_with(&format!("{path}/")), "{location}");
        // The item at this location has that id, whatever its characters.
        let found = if path == "/v1/members" {
            deployment.get(&admin, &location)
        } else {
            deployment.delete(&admin, &location)
        };
        assert_eq!(found.expect(200)["id"], body["id"], "{location}");
    }
}

#[test]
fn cross_origin_requests_require_allowed_origins() {
    let matrix = Matrix::new();
    let (deployment, admin) = (&matrix.deployment, &matrix.tenant.admin);
    let page = |path: &str, origin: &str| deployment.call("GET", path).bearer(admin).header("origin", origin);
    let may_read = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    for route in &matrix.routes {
        if route.needs == Needs::Nothing || route.session.is_some() {
            continue;
        }
        let before = deployment.world.dump();
        let call = route.call_as_admin(deployment, &matrix.tenant).header("origin", APP);
        let call = match &route.body {
            Some(body) => call.json(body),
            None => call,
        };
        let reply = call.send();
        assert_eq!(reply.refused(403), "ORIGIN_NOT_ALLOWED", "{} {}", route.method, route.pattern);
        assert_eq!((may_read(&reply), deployment.world.dump() == before), (None, true));
    }

    let allow = json!({ "allowed_origins": [APP] });
    deployment.call("PATCH", "/v1/workspace").bearer(admin).json(&allow).send().expect(200);
    let read = page("/v1/tokens/self", APP).send();
    assert_eq!((read.status, may_read(&read).as_deref()), (200, Some(APP)));
    assert!(read.header("access-control-expose-headers").unwrap().contains("etag"));
    assert_eq!(read.header("vary"), Some("origin"));
    assert_eq!(read.header("access-control-allow-credentials"), None, "cookies are not allowed");
    // Also the response to a rejected request, but only once the caller is admitted.
    let missing = page("/v1/tokens/tok_0", APP).send();
    assert_eq!((missing.status, may_read(&missing).as_deref()), (404, Some(APP)));
    let nobody = deployment.call("GET", "/v1/tokens/self").bearer("nobody-knows-this").header("origin", APP).send();
    assert_eq!((nobody.status, may_read(&nobody)), (401, None));
    for other in ["https://evil.example", "http://app.example", "null"] {
        let refused = page("/v1/tokens/self", other).send();
        assert_eq!((refused.refused(403), may_read(&refused)), ("ORIGIN_NOT_ALLOWED", None), "{other}");
    }
    // The verifier answers this route, and it allows no page of another origin.
    let verify = deployment.call("POST", "/v1/verify").bearer(admin).header("origin", APP);
    assert_eq!(verify.json(&json!({ "token": admin })).send().refused(403), "ORIGIN_NOT_ALLOWED");
    let own = page("/v1/tokens/self", ORIGIN).send();
    assert_eq!((own.status, may_read(&own)), (200, None), "pages of its own origin are always allowed");
}

#[test]
fn a_preflight_is_granted_without_a_ledger_request() {
    let deployment = Deployment::new();
    let preflight = deployment.call("OPTIONS", "/v1/tokens").header("origin", APP);
    let granted = preflight.header("access-control-request-method", "PATCH").send();
    assert_eq!((granted.status, granted.line.ledger_calls, granted.bytes.len()), (204, 0, 0));
    assert_eq!(granted.header("access-control-allow-origin"), Some("*"));
    for (header, needed) in
        [("methods", "PATCH"), ("headers", "authorization"), ("headers", "if-match"), ("headers", "if-none-match")]
    {
        assert!(granted.header(&format!("access-control-allow-{header}")).unwrap().contains(needed), "{needed}");
    }
    let plain = deployment.call("OPTIONS", "/v1/tokens").header("origin", APP).send();
    assert_eq!((plain.status, plain.header("access-control-allow-origin")), (204, None), "no preflight");
}
