//! Unknown queries, paths and methods.

use serde_json::json;

use crate::{deployment::text, matrix::Matrix, routes::Needs};

#[test]
fn an_invalid_query_is_rejected() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    let page = deployment.get(&tenant.admin, "/v1/tokens?limit=1").expect(200);
    let of_tokens = format!("cursor={}", text(&page, "/next_cursor"));
    for list in ["/v1/tokens", "/v1/members", "/v1/clients", "/v1/audit", "/v1/sessions"] {
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
        if list != "/v1/tokens" {
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
fn unknown_paths_and_wrong_methods_get_404_and_405() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, .. } = &matrix;
    for path in [
        "/v1",
        "/v1/",
        "/v1/tokens/",
        "/v1/tokens/a/b",
        "/v1/members/a/b",
        "/v1/audit/1",
        "/V1/tokens",
        "//v1/tokens",
        "/v2/tokens",
        "/%",
        "/%2e%2e",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let call = deployment.call(method, path).bearer(&tenant.admin);
            let reply = matrix.refused(call, path, 404, "NO_SUCH_ROUTE", None);
            assert_eq!((reply.line.route, reply.line.ledger_calls), (None, 0));
        }
    }
    for route in &matrix.routes {
        let same = matrix.routes.iter().filter(|other| other.pattern == route.pattern);
        let mut allowed: Vec<_> =
            same.flat_map(|same| if same.method == "GET" { vec!["GET", "HEAD"] } else { vec![same.method] }).collect();
        if route.pattern == "/" {
            // A method of softvisio's dialect.
            allowed.push("POST");
        }
        allowed.sort_unstable();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"] {
            if allowed.contains(&method) {
                continue;
            }
            let call = deployment.call(method, &route.path).bearer(&tenant.admin);
            let (before, reply) = (deployment.world.dump(), call.send());
            let expected = if method == "OPTIONS" { (204, None) } else { (405, Some("METHOD_NOT_ALLOWED")) };
            assert_eq!((reply.status, reply.line.code), expected, "{method} {}", route.path);
            assert_eq!((reply.line.route.as_deref(), reply.line.ledger_calls), (Some(route.pattern), 0));
            let mut offered: Vec<_> = reply.header("allow").unwrap().split(',').collect();
            offered.sort_unstable();
            assert_eq!(offered, allowed, "{}", route.pattern);
            assert_eq!(deployment.world.dump(), before);
        }
    }
}

#[test]
fn an_unknown_id_in_a_path_is_not_found() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| route.pattern.contains("{id}")) {
        for id in ["nobody", "%ff", "%00", "%27", "tok_0", "%2e%2e", "%F0%9F%98%80", &"x".repeat(2_000)] {
            let call =
                matrix.deployment.call(route.method, &route.pattern.replace("{id}", id)).bearer(&matrix.tenant.admin);
            let call = match &route.body {
                Some(body) => call.json(body),
                None => call,
            };
            matrix.refused(call, &format!("{} {} {id}", route.method, route.pattern), 404, "NOT_FOUND", None);
        }
    }
}

#[test]
fn head_responds_like_get_without_a_body() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| route.method == "GET") {
        let head = || matrix.deployment.call("HEAD", &route.path);
        let good = route.sign(head(), &matrix.tenant).send();
        assert_eq!((good.status, good.bytes.len()), (route.answers, 0));
        if route.needs != Needs::Nothing {
            let bad = head().bearer("too short").send();
            assert_eq!((bad.status, bad.line.code, bad.bytes.len()), (401, Some("MALFORMED"), 0));
        }
    }
}
