//! Bad input of every kind, at every route that takes it: a clear problem, and nothing changed.

use axum::body::Body;
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, Tenant, text},
    routes::{self, Needs, Route},
    tokens::{never_issued, with_bad_check, with_forged_seal},
};

/// The largest body that is read.
const MAX_BODY: usize = 64 * 1024;

struct Matrix {
    deployment: Deployment,
    tenant: Tenant,
    routes: Vec<Route>,
}

impl Matrix {
    fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let routes = routes::all(&deployment, &tenant);
        Self { deployment, tenant, routes }
    }

    fn taking_bodies(&self) -> impl Iterator<Item = (&Route, &Value)> {
        self.routes.iter().filter_map(|route| Some((route, route.body.as_ref()?)))
    }

    /// Sends it, expects this problem, and compares the whole world before and after.
    #[track_caller]
    fn refused(&self, call: Call<'_>, what: &str, status: u16, code: &str, pointer: Option<&str>) -> Reply {
        let before = self.deployment.world.dump();
        let reply = call.send();
        let found = (reply.status, reply.body["code"].as_str(), reply.body.get("pointer").and_then(Value::as_str));
        assert_eq!(found, (status, Some(code), pointer), "{what}: {}", reply.body);
        assert!(self.deployment.world.dump() == before, "{what}: refused, and yet something changed");
        reply
    }

    /// Sends this body as somebody who may.
    #[track_caller]
    fn refused_body(&self, route: &Route, body: impl Into<Body>, status: u16, code: &str, pointer: Option<&str>) {
        let call = route.call_as_admin(&self.deployment, &self.tenant).content("application/json", body);
        self.refused(call, &format!("{} {}", route.method, route.pattern), status, code, pointer);
    }

    fn route(&self, method: &str, pattern: &str) -> &Route {
        self.routes.iter().find(|route| (route.method, route.pattern) == (method, pattern)).unwrap()
    }
}

#[test]
fn a_bad_credential_is_refused_everywhere() {
    type Present = for<'a> fn(Call<'a>) -> Call<'a>;
    let presented: [(&str, Present, u16, &str); 9] = [
        ("none", |call| call, 401, "NO_CREDENTIAL"),
        ("another scheme", |call| call.header("authorization", "Basic YTpi"), 401, "UNREADABLE_CREDENTIAL"),
        ("a scheme alone", |call| call.header("authorization", "Bearer"), 401, "UNREADABLE_CREDENTIAL"),
        ("an empty token", |call| call.header("authorization", "Bearer  "), 401, "UNREADABLE_CREDENTIAL"),
        ("no scheme", |call| call.header("authorization", ROOT), 401, "UNREADABLE_CREDENTIAL"),
        ("not ASCII", |call| call.header("x-api-key", [0xff; 20]), 401, "UNREADABLE_CREDENTIAL"),
        ("two that differ", |call| call.bearer(ROOT).header("x-api-key", "other"), 400, "AMBIGUOUS_CREDENTIAL"),
        ("two of a kind", |call| call.bearer(ROOT).bearer("other"), 400, "AMBIGUOUS_CREDENTIAL"),
        ("two keys", |call| call.header("x-api-key", ROOT).header("x-api-key", "o"), 400, "AMBIGUOUS_CREDENTIAL"),
    ];
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| route.needs != Needs::Nothing) {
        for (what, present, status, code) in presented {
            let reply = matrix.refused(present(route.call(&matrix.deployment)), what, status, code, None);
            assert_eq!(reply.line.ledger_calls, 0);
        }
    }
}

#[test]
fn a_token_that_does_not_pass_is_refused_everywhere_and_says_why() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant: Tenant { key, admin }, .. } = &matrix;
    let issue = |more: Value| {
        let mut body = json!({ "name": "", "scopes": ["*"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let issued = deployment.issue(admin, &body);
        (text(&issued, "/token"), text(&issued, "/id"))
    };
    let (revoked, id) = issue(json!({}));
    deployment.delete(admin, &format!("/v1/tokens/{id}")).expect(200);
    let tokens = [
        ("too short".to_owned(), 401, "MALFORMED"),
        ("with a space in its midst".to_owned(), 401, "MALFORMED"),
        (with_bad_check(admin), 401, "MALFORMED"),
        (with_forged_seal(key), 401, "UNKNOWN"),
        (never_issued(key), 401, "UNKNOWN"),
        (never_issued("0zzzzz"), 401, "UNKNOWN"),
        ("a-text-that-somebody-else-issued".to_owned(), 401, "UNKNOWN"),
        (revoked, 401, "REVOKED"),
        (issue(json!({ "enabled": false })).0, 401, "DISABLED"),
        (issue(json!({ "expires_in": 1 })).0, 401, "EXPIRED"),
        (issue(json!({ "not_before": "2028-01-01T00:00:00Z" })).0, 401, "NOT_YET_VALID"),
        (issue(json!({ "allowed_addresses": ["192.0.2.0/24"] })).0, 403, "ADDRESS_NOT_ALLOWED"),
    ];
    deployment.world.pass(1_000);
    // Brought to life once, so that the dumps below compare: a right seal is always asked about.
    deployment.get(&never_issued("0zzzzz"), "/v1/tokens/self").refused(401);
    for route in &matrix.routes {
        for (token, status, code) in &tokens {
            let call = || route.call(deployment).bearer(token).header("cf-connecting-ip", "198.51.100.1");
            match route.needs {
                Needs::Nothing => assert_eq!(call().send().status, route.answers, "a token too many is no fault"),
                Needs::Root => drop(matrix.refused(call(), code, 403, "ROOT_ONLY", None)),
                Needs::AnyToken | Needs::Scope => drop(matrix.refused(call(), code, *status, code, None)),
            }
        }
    }
}

#[test]
fn a_token_without_the_scope_is_refused_where_one_is_needed() {
    let matrix = Matrix::new();
    let weak = matrix.deployment.token(&matrix.tenant.admin, &["orders:read"]);
    for route in &matrix.routes {
        let call = route.call(&matrix.deployment).bearer(&weak);
        match route.needs {
            Needs::Root => drop(matrix.refused(call, route.pattern, 403, "ROOT_ONLY", None)),
            Needs::Scope => drop(matrix.refused(call, route.pattern, 403, "INSUFFICIENT_SCOPE", None)),
            Needs::Nothing | Needs::AnyToken => assert_eq!(call.send().status, route.answers),
        }
    }
}

#[test]
fn one_credential_may_be_presented_in_several_ways() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let bound = json!({ "name": "", "scopes": [], "allowed_addresses": ["192.0.2.0/24"] });
    let token = text(&deployment.issue(&acme.admin, &bound), "/token");
    let call = || deployment.call("GET", "/v1/tokens/self").header("cf-connecting-ip", "192.0.2.9");
    call().bearer(&token).send().expect(200);
    call().header("authorization", format!("bearer {token}")).send().expect(200);
    call().header("authorization", format!("BEARER   {token} ")).send().expect(200);
    call().header("x-api-key", &token).send().expect(200);
    call().bearer(&token).header("x-api-key", &token).bearer(&token).send().expect(200);
}

#[test]
fn a_body_of_another_type_is_not_read() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
            let call = call().content(content_type, body.to_string());
            matrix.refused(call, content_type, 415, "UNSUPPORTED_MEDIA_TYPE", None);
        }
        matrix.refused(call(), "no body at all", 415, "UNSUPPORTED_MEDIA_TYPE", None);
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        let call = matrix.deployment.call("POST", "/v1/verify").bearer(&matrix.tenant.admin);
        call.content(content_type, r#"{"token":""}"#).send().expect(200);
    }
}

#[test]
fn a_body_that_is_no_json_is_refused() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        for broken in ["", " ", "{", "{]", "'a'", "{\"\u{0}\": 1}", &format!("{body}x"), &format!("{body}{body}")] {
            matrix.refused_body(route, broken.to_owned(), 400, "INVALID_JSON", None);
        }
        matrix.refused_body(route, &b"{\"name\": \"\xff\"}"[..], 400, "INVALID_JSON", None);
        for other in ["null", "7", "\"text\"", "true", "[]", " [\"slug\", \"name\", null]"] {
            matrix.refused_body(route, other, 422, "INVALID_BODY", Some(""));
        }
    }
}

#[test]
fn a_field_of_another_type_is_pointed_at() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        for pointer in pointers(body) {
            let mut wrong = body.clone();
            let place = wrong.pointer_mut(&pointer).unwrap();
            *place = if place.is_number() || place.is_boolean() { json!("seven") } else { json!(7.5) };
            matrix.refused_body(route, wrong.to_string(), 422, "INVALID_BODY", Some(&pointer));
        }
    }
}

/// Pointers to all values in a body, but those that may hold anything.
fn pointers(value: &Value) -> Vec<String> {
    let steps: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    let below = |(step, value): (String, &Value)| {
        let deeper = if step == "metadata" { Vec::new() } else { pointers(value) };
        [String::new()].into_iter().chain(deeper).map(move |rest| format!("/{step}{rest}")).collect::<Vec<_>>()
    };
    steps.into_iter().flat_map(below).collect()
}

#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let objects = pointers(body).into_iter().filter(|pointer| !pointer.ends_with("/metadata"));
        for pointer in objects.chain([String::new()]) {
            let mut more = body.clone();
            let Some(fields) = more.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
            fields.insert("surprise".to_owned(), json!(1));
            let at = format!("{pointer}/surprise");
            matrix.refused_body(route, more.to_string(), 422, "INVALID_BODY", Some(&at));
        }
        let twice = body.to_string().replacen('{', r#"{"surprise":1,"surprise":2,"#, 1);
        matrix.refused_body(route, twice, 422, "INVALID_BODY", Some("/surprise"));
    }
}

#[test]
fn a_required_field_that_is_missing_is_named() {
    let required = [
        ("POST", "/v1/workspaces", &["slug", "name"][..]),
        ("PUT", "/v1/scopes", &["scopes"]),
        ("POST", "/v1/members", &["id", "name", "role", "grants"]),
        ("POST", "/v1/tokens", &["name", "scopes"]),
        ("POST", "/v1/records", &["digests"]),
    ];
    let matrix = Matrix::new();
    for (method, pattern, fields) in required {
        for field in fields {
            let route = matrix.route(method, pattern);
            let mut less = route.body.clone().unwrap();
            less.as_object_mut().unwrap().remove(*field);
            let call = route.call_as_admin(&matrix.deployment, &matrix.tenant).json(&less);
            let reply = matrix.refused(call, field, 422, "INVALID_BODY", Some(""));
            assert!(text(&reply.body, "/detail").contains(&format!("`{field}`")), "{}", reply.body);
        }
    }
}

#[test]
fn a_body_is_read_up_to_its_limit() {
    let matrix = Matrix::new();
    for (route, body) in matrix.taking_bodies() {
        let padded = |length: usize| {
            let body = body.to_string();
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant);
        let large = padded(MAX_BODY + 1);
        let declared = call().header("content-length", large.len().to_string()).content("application/json", large.clone());
        matrix.refused(declared, "too large, and says so", 413, "BODY_TOO_LARGE", None);
        let streamed = call().content("application/json", stream([Ok(large[..MAX_BODY].to_owned()), Ok(large[MAX_BODY..].to_owned())]));
        matrix.refused(streamed, "too large, and does not say so", 413, "BODY_TOO_LARGE", None);
        let broken = call().content("application/json", stream([Ok(padded(1_000)), Err("the line is cut")]));
        matrix.refused(broken, "cut short", 400, "BODY_INCOMPLETE", None);
        let reply = call().content("application/json", padded(MAX_BODY)).send();
        assert_eq!(reply.status, route.answers, "the limit itself is allowed: {}", reply.body);
    }
}

fn stream<const N: usize>(chunks: [Result<String, &'static str>; N]) -> Body {
    Body::from_stream(futures_util::stream::iter(chunks))
}

#[test]
fn what_the_rules_forbid_is_pointed_at() {
    let entry = |name: &str| json!({ "name": name, "description": "" });
    let member = |more: Value| merged(json!({ "id": "bob", "name": "Bob", "role": "member", "grants": [] }), more);
    let token = |more: Value| merged(json!({ "name": "", "scopes": [] }), more);
    let digests = |count: usize| json!({ "digests": vec!["0".repeat(64); count] });
    let long = "x".repeat(1_001);
    let cases = [
        ("/v1/workspaces", json!({ "slug": "acme", "name": "Acme" }), 409, "ALREADY_EXISTS", Some("/slug")),
        ("/v1/workspaces", json!({ "slug": "Acme!", "name": "Acme" }), 422, "INVALID_BODY", Some("/slug")),
        ("/v1/workspaces", json!({ "slug": "new", "name": "" }), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/workspaces", json!({ "slug": "new", "name": long }), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/workspaces", json!({ "slug": "new", "name": "a", "prefix": "A_" }), 422, "INVALID_BODY", Some("/prefix")),
        ("/v1/members", member(json!({ "id": "admin" })), 409, "ALREADY_EXISTS", None),
        ("/v1/members", member(json!({ "number": 1 })), 409, "ALREADY_EXISTS", None),
        ("/v1/members", member(json!({ "number": 0 })), 422, "INVALID_VALUE", Some("/number")),
        ("/v1/members", member(json!({ "id": "a b" })), 422, "INVALID_VALUE", Some("/id")),
        ("/v1/members", member(json!({ "name": "" })), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/members", member(json!({ "email": "bob" })), 422, "INVALID_VALUE", Some("/email")),
        ("/v1/members", member(json!({ "grants": ["nope"] })), 422, "UNKNOWN_SCOPE", Some("/grants/0")),
        ("/v1/members", member(json!({ "grants": ["a b"] })), 422, "INVALID_BODY", Some("/grants/0")),
        ("/v1/members", member(json!({ "quota": 1_000_001 })), 422, "INVALID_VALUE", Some("/quota")),
        ("/v1/tokens", token(json!({ "name": long })), 422, "INVALID_VALUE", Some("/name")),
        ("/v1/tokens", token(json!({ "note": long })), 422, "INVALID_VALUE", Some("/note")),
        ("/v1/tokens", token(json!({ "owner": "nobody" })), 422, "UNKNOWN_MEMBER", Some("/owner")),
        ("/v1/tokens", token(json!({ "scopes": ["*", "nope:*"] })), 422, "UNKNOWN_SCOPE", Some("/scopes/1")),
        ("/v1/tokens", token(json!({ "scopes": ["orders:*:read"] })), 422, "INVALID_BODY", Some("/scopes/0")),
        ("/v1/tokens", token(json!({ "expires_in": 0 })), 422, "INVALID_VALUE", Some("/expires_in")),
        ("/v1/tokens", token(json!({ "expires_in": u64::MAX })), 422, "INVALID_VALUE", Some("/expires_in")),
        ("/v1/tokens", token(json!({ "expires_in": -1 })), 422, "INVALID_BODY", Some("/expires_in")),
        ("/v1/tokens", token(json!({ "expires_at": "2027-01-15T08:00:00Z" })), 422, "INVALID_VALUE", Some("/expires_at")),
        ("/v1/tokens", token(json!({ "expires_at": "tomorrow" })), 422, "INVALID_BODY", Some("/expires_at")),
        (
            "/v1/tokens",
            token(json!({ "expires_at": "2028-01-15T08:00:00Z", "expires_in": 1 })),
            422,
            "INVALID_VALUE",
            Some("/expires_in"),
        ),
        ("/v1/tokens", token(json!({ "allowed_addresses": ["192.0.2.1/24"] })), 422, "INVALID_BODY", Some("/allowed_addresses/0")),
        ("/v1/tokens", token(json!({ "metadata": { "x": "x".repeat(4_096) } })), 422, "INVALID_VALUE", Some("/metadata")),
        ("/v1/tokens", token(json!({ "metadata": { "x": nested(32) } })), 422, "INVALID_VALUE", Some("/metadata")),
        ("/v1/verify", json!({}), 422, "INVALID_VALUE", Some("")),
        ("/v1/verify", json!({ "token": "a", "tokens": ["b"] }), 422, "INVALID_VALUE", Some("")),
        ("/v1/verify", json!({ "token": "a", "demand": { "all_of": ["a:*"] } }), 422, "INVALID_BODY", Some("/demand/all_of/0")),
        ("/v1/verify", json!({ "token": "a", "demand": { "freshness": "stale" } }), 422, "INVALID_BODY", Some("/demand/freshness")),
        ("/v1/verify", json!({ "token": "a", "demand": { "address": "here" } }), 422, "INVALID_BODY", Some("/demand/address")),
        ("/v1/records", digests(101), 422, "INVALID_VALUE", Some("/digests")),
        ("/v1/records", json!({ "digests": ["abc"] }), 422, "INVALID_BODY", Some("/digests/0")),
    ];
    let matrix = Matrix::new();
    for (pattern, body, status, code, pointer) in cases {
        matrix.refused_body(matrix.route("POST", pattern), body.to_string(), status, code, pointer);
    }
    let scopes = matrix.route("PUT", "/v1/scopes");
    let built_in = json!({ "scopes": [entry("a"), entry("tokens:read")] });
    matrix.refused_body(scopes, built_in.to_string(), 422, "BUILT_IN_SCOPE", Some("/scopes/1/name"));
    let twice = json!({ "scopes": [entry("a"), entry("a")] });
    matrix.refused_body(scopes, twice.to_string(), 422, "INVALID_VALUE", Some("/scopes/1/name"));
}

#[test]
fn a_body_nested_without_end_is_refused_wherever_it_is_deep() {
    let matrix = Matrix::new();
    for levels in [200, 30_000] {
        let body = format!(r#"{{"name":"","scopes":[],"metadata":{{"x":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels));
        let before = matrix.deployment.world.dump();
        let call = matrix.deployment.call("POST", "/v1/tokens").bearer(&matrix.tenant.admin);
        let reply = call.content("application/json", body).send();
        assert_eq!(reply.refused(422), "INVALID_BODY");
        assert!(text(&reply.body, "/pointer").starts_with("/metadata/x/0"));
        assert!(matrix.deployment.world.dump() == before);
    }
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!([inner]))
}

fn merged(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    body.as_object_mut().unwrap().extend(more);
    body
}

#[test]
fn what_the_actor_may_not_do_is_refused() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*", "tokens:*"], "quota": 1 });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:write", "orders:read"], "expires_in": 60 });
    let ada = text(&deployment.issue(&tenant.admin, &body), "/token");
    let create = |token: &str, more: Value| {
        deployment.call("POST", "/v1/tokens").bearer(token).json(&merged(json!({ "name": "", "scopes": [] }), more))
    };
    let refused = |call, code| matrix.refused(call, code, 403, code, None);
    refused(create(&ada, json!({ "scopes": ["orders:write"] })), "ESCALATION");
    refused(create(&ada, json!({ "expires_in": 61 })), "ESCALATION");
    refused(create(&ada, json!({ "owner": "admin" })), "NOT_YOURS");
    matrix.refused(create(&ada, json!({})), "quota", 409, "QUOTA_EXCEEDED", None);
    matrix.refused(create(&tenant.admin, json!({ "owner": "ada" })), "quota", 409, "QUOTA_EXCEEDED", None);
}

#[test]
fn a_bad_query_is_refused() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    let page = deployment.get(&tenant.admin, "/v1/tokens?limit=1").expect(200);
    let of_tokens = format!("cursor={}", text(&page, "/next_cursor"));
    for list in ["/v1/tokens", "/v1/members"] {
        let refused = |query: &str, status, code, pointer| {
            let call = deployment.call("GET", &format!("{list}?{query}")).bearer(&tenant.admin);
            matrix.refused(call, query, status, code, pointer);
        };
        for query in ["limit=x", "limit=-1", "limit=", "limit=4294967296", "surprise=1", "limit=1&limit=2", "cursor"] {
            let (status, code, pointer) = match query {
                "cursor" => (422, "INVALID_CURSOR", Some("/cursor")),
                _ => (400, "INVALID_QUERY", None),
            };
            refused(query, status, code, pointer);
        }
        for query in ["limit=0", "limit=101"] {
            refused(query, 422, "INVALID_VALUE", Some("/limit"));
        }
        for query in ["cursor=x", "cursor=%ff", "cursor=AXQAAAAAAAAAAAAA", &format!("cursor={}", "A".repeat(5_000))] {
            refused(query, 422, "INVALID_CURSOR", Some("/cursor"));
        }
        if list == "/v1/members" {
            refused(&of_tokens, 422, "INVALID_CURSOR", Some("/cursor"));
        }
    }
    let path = &matrix.route("DELETE", "/v1/tokens/{id}").path;
    let delete = |query: &str| deployment.call("DELETE", &format!("{path}?{query}")).bearer(&tenant.admin);
    matrix.refused(delete("why=x"), "unknown", 400, "INVALID_QUERY", None);
    let long = format!("reason={}", "x".repeat(201));
    matrix.refused(delete(&long), "too long", 422, "INVALID_VALUE", Some("/reason"));
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_told_apart() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    for path in ["/v1", "/v1/", "/v1/tokens/", "/v1/tokens/a/b", "/V1/tokens", "//v1/tokens", "/v2/tokens", "/%", "/%2e%2e"] {
        for method in ["GET", "POST", "OPTIONS"] {
            let call = deployment.call(method, path).bearer(&tenant.admin);
            let reply = matrix.refused(call, path, 404, "NO_SUCH_ROUTE", None);
            assert_eq!((reply.line.route, reply.line.ledger_calls), (None, 0));
        }
    }
    for route in &matrix.routes {
        let same = matrix.routes.iter().filter(|other| other.pattern == route.pattern);
        let mut allowed: Vec<_> = same.flat_map(|same| if same.method == "GET" { vec!["GET", "HEAD"] } else { vec![same.method] }).collect();
        allowed.sort_unstable();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"] {
            if allowed.contains(&method) {
                continue;
            }
            let call = deployment.call(method, &route.path).bearer(&tenant.admin);
            let (before, reply) = (deployment.world.dump(), call.send());
            assert_eq!((reply.status, reply.line.code), (405, Some("METHOD_NOT_ALLOWED")), "{method} {}", route.path);
            assert_eq!((reply.line.route.as_deref(), reply.line.ledger_calls), (Some(route.pattern), 0));
            let mut offered: Vec<_> = reply.header("allow").unwrap().split(',').collect();
            offered.sort_unstable();
            assert_eq!(offered, allowed, "{}", route.pattern);
            assert_eq!(deployment.world.dump(), before);
        }
    }
}

#[test]
fn head_is_get_without_a_body() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| route.method == "GET") {
        let head = |token: &str| matrix.deployment.call("HEAD", &route.path).bearer(token).send();
        let good = head(&matrix.tenant.admin);
        assert_eq!((good.status, good.bytes.len()), (route.answers, 0));
        if route.needs != Needs::Nothing {
            let bad = head("too short");
            assert_eq!((bad.status, bad.line.code, bad.bytes.len()), (401, Some("MALFORMED"), 0));
        }
    }
}

#[test]
fn what_is_not_there_and_what_may_not_be_seen_answer_alike() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["tokens:*"] });
    deployment.post(&acme.admin, "/v1/members", &ada).expect(201);
    let body = json!({ "name": "", "owner": "ada", "scopes": ["tokens:read", "tokens:write"] });
    let ada = text(&deployment.issue(&acme.admin, &body), "/token");
    let theirs = text(&deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] })), "/id");
    let unknown = format!("tok_{}", "0".repeat(22));
    for method in ["GET", "DELETE"] {
        let answer = |id: &str| {
            let mut reply = deployment.call(method, &format!("/v1/tokens/{id}")).bearer(&ada).send();
            assert_eq!(reply.refused(404), "NOT_FOUND");
            reply.headers.remove("x-request-id");
            let request_id = text(&reply.body, "/request_id");
            (String::from_utf8(reply.bytes).unwrap().replace(&request_id, "…"), reply.headers)
        };
        let before = deployment.world.dump();
        assert_eq!(answer(&unknown), answer(&theirs));
        // A token's text in a path is refused like any other id; that no log line holds it is seen to by every call.
        assert_eq!(answer(&unknown), answer(&acme.admin));
        assert_eq!(deployment.world.dump(), before);
    }
}

#[test]
fn root_must_say_where_it_acts() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| matches!(route.needs, Needs::Scope | Needs::AnyToken)) {
        let call = || route.call(&matrix.deployment).bearer(ROOT);
        matrix.refused(call(), "nowhere", 400, "WORKSPACE_REQUIRED", None);
        for slug in ["nope", "Not a slug!", "", "a"] {
            let call = call().header("x-counterfoil-workspace", slug);
            matrix.refused(call, slug, 404, "NOT_FOUND", None);
        }
        matrix.refused(call().header("x-counterfoil-workspace", [0xff]), "not text", 404, "NOT_FOUND", None);
        let almost = format!("{ROOT}x");
        let call = route.call(&matrix.deployment).bearer(&almost).header("x-counterfoil-workspace", "acme");
        matrix.refused(call, "not root", 401, "UNKNOWN", None);
    }
}
