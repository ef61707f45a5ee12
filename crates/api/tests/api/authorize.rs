//! Forward authentication with `/authorize`, as gateways use it.

use counterfoil_token::Digest;
use serde_json::json;

use crate::{
    deployment::{Call, Deployment, Reply, Tenant, text},
    matrix::Matrix,
    world::Fault,
};

struct Gateway {
    deployment: Deployment,
    tenant: Tenant,
    own: String,
}

impl Gateway {
    fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        let own = deployment.token(&tenant.admin, &["tokens:verify"]);
        Self { deployment, tenant, own }
    }

    /// A gateway's request about a client's request: with the client's method, path and headers, and the gateway's own
    /// headers.
    fn asks(&self, method: &str, path: &str) -> Call<'_> {
        self.deployment.call(method, &format!("/authorize{path}")).header("x-counterfoil-gateway", &self.own)
    }

    fn issue(&self, body: &serde_json::Value) -> (String, String) {
        let issued = self.deployment.issue(&self.tenant.admin, body);
        (text(&issued, "/token"), text(&issued, "/id"))
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.line.code), (status, Some(code)), "{}", reply.body);
    assert!(
        reply.headers.keys().all(|name| !name.as_str().starts_with("x-token-")),
        "a rejection has identity headers"
    );
}

#[test]
fn authorize_returns_identity_headers_for_any_method_and_path() {
    let gateway = Gateway::new();
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*"] });
    gateway.deployment.post(&gateway.tenant.admin, "/v1/members", &ada).expect(201);
    let (token, id) = gateway.issue(&json!({ "name": "", "owner": "ada", "scopes": ["orders:read", "orders:write"] }));
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for path in ["", "/", "/orders/1?x=y", "/v1/tokens", "/%ff/..;/"] {
            let reply = gateway.asks(method, path).bearer(&token).header("x-counterfoil-scopes", "orders:read").send();
            assert_eq!((reply.status, reply.bytes.len()), (200, 0), "{method} {path}");
            assert_eq!(reply.header("x-token-id"), Some(&*id));
            assert_eq!(reply.header("x-token-owner"), Some("ada"));
            assert_eq!(reply.header("x-token-scopes"), Some("orders:read orders:write"));
            assert_eq!(reply.header("x-token-workspace"), Some("acme"));
            assert_eq!(reply.header("x-token-client"), Some(""));
            assert!(reply.line.route.unwrap().starts_with("/authorize"), "the log has the pattern, never the path");
            refused(&gateway.asks(method, path).send(), 401, "NO_CREDENTIAL");
        }
    }
    let reply = gateway.asks("GET", "/x").header("x-api-key", &token).send();
    assert_eq!(reply.status, 200, "also as X-API-Key");
}

/// A proxy treats every 2xx status as permission, and some append their client's path: no other route may answer a
/// gateway.
#[test]
fn gateway_requests_are_answered_by_authorize_on_every_path() {
    let matrix = Matrix::new();
    let Matrix { deployment, tenant, routes } = &matrix;
    let gateway = deployment.token(&tenant.admin, &["tokens:verify"]);
    let reader = deployment.token(&tenant.admin, &["orders:read"]);
    let elsewhere = deployment.workspace("elsewhere").admin;
    let own = routes.iter().map(|route| (route.method, route.path.as_str(), route.body.as_ref()));
    let standards = ["/oauth/introspect", "/oauth/revoke"].map(|path| ("POST", path, None));
    let dialects = [
        ("GET", "/api/2.0/token/list"),
        ("POST", "/api/2.0/token/create"),
        ("GET", "/api/v1/users/me/api-keys"),
        ("POST", "/tokens/issue"),
        ("POST", "/v1/api-tokens/create"),
        ("POST", "/"),
    ];
    let dialects = dialects.map(|(method, path)| (method, path, None));
    let none = [
        ("GET", "/console/"),
        ("GET", "/openapi.json"),
        ("GET", "/docs/errors"),
        ("GET", "//"),
        ("GET", "/%2e%2e/healthz"),
        ("GET", "/authorize/orders"),
    ];
    let none = none.map(|(method, path)| (method, path, None));
    // Granting the first lease writes to the database when leases expire.
    let asked = deployment.call("GET", "/authorize").header("x-counterfoil-gateway", &gateway).bearer(&tenant.admin);
    assert_eq!(asked.send().status, 200);
    for (method, path, body) in own.chain(standards).chain(dialects).chain(none) {
        let asks = |proof: &str| {
            let call = deployment.call(method, path).header("x-counterfoil-gateway", proof);
            let call = call.header("x-counterfoil-scopes", "orders:write");
            match body {
                Some(body) => call.json(body),
                None => call,
            }
        };
        let before = deployment.world.dump();
        for (call, status, code) in [
            (asks(""), 401, "NO_CREDENTIAL"),
            (asks("x"), 401, "NO_CREDENTIAL"),
            (asks(&gateway).header("x-counterfoil-gateway", "x"), 401, "NO_CREDENTIAL"),
            (asks("x").bearer(&elsewhere), 403, "GATEWAY_NOT_ALLOWED"),
            (asks("").bearer(&tenant.admin), 403, "GATEWAY_NOT_ALLOWED"),
            (asks(&gateway).header("x-counterfoil-gateway", "x").bearer(&tenant.admin), 403, "INVALID_DEMAND"),
            (asks(&gateway), 401, "NO_CREDENTIAL"),
            (asks(&gateway).bearer(&reader), 403, "INSUFFICIENT_SCOPE"),
            (asks(&gateway).bearer(&elsewhere), 401, "UNKNOWN"),
            // A preflight, a WebSocket handshake, and a request with an idempotency key.
            (preflight(asks(&gateway)), 401, "NO_CREDENTIAL"),
            (asks(&gateway).header("upgrade", "websocket").header("connection", "upgrade"), 401, "NO_CREDENTIAL"),
            (asks(&gateway).header("idempotency-key", "1").bearer(&reader), 403, "INSUFFICIENT_SCOPE"),
        ] {
            let reply = call.send();
            refused(&reply, status, code);
            assert_eq!(reply.line.route.as_deref(), Some("/authorize"), "{method} {path}");
            assert!(method == "HEAD" || reply.body["code"] == code, "not in a dialect's format: {method} {path}");
            assert_eq!(reply.header("location"), None);
        }
        let passed = asks(&gateway).bearer(&tenant.admin).send();
        assert_eq!((passed.status, passed.bytes.len()), (200, 0), "{method} {path}");
        assert_eq!(passed.header("x-token-workspace"), Some("acme"), "{method} {path}");
        assert!(deployment.world.dump() == before, "{method} {path} was executed instead of verified");
    }
}

fn preflight(call: Call<'_>) -> Call<'_> {
    call.header("origin", "https://evil.example").header("access-control-request-method", "DELETE")
}

#[test]
fn a_preflight_that_a_gateway_verifies_is_not_answered_as_preflight() {
    let gateway = Gateway::new();
    let preflight = || {
        let call = gateway.asks("OPTIONS", "/orders").header("origin", "https://evil.example");
        call.header("access-control-request-method", "DELETE")
    };
    refused(&preflight().send(), 401, "NO_CREDENTIAL");
    refused(&preflight().bearer("nonsense").send(), 401, "MALFORMED");
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": [] }));
    assert_eq!(preflight().bearer(&token).send().status, 200, "allowed origins are for the origin server to decide");
}

#[test]
fn authorize_enforces_scopes_address_and_expiration() {
    let gateway = Gateway::new();
    let (token, id) = gateway.issue(&json!({
        "name": "", "scopes": ["orders:read"], "allowed_addresses": ["192.0.2.0/24"], "expires_in": 60,
    }));
    let from = |address: &str| gateway.asks("GET", "/").bearer(&token).header("x-counterfoil-address", address);
    let home = || from("192.0.2.7");
    assert_eq!(home().send().status, 200);
    refused(&from("198.51.100.7").send(), 403, "ADDRESS_NOT_ALLOWED");
    refused(&gateway.asks("GET", "/").bearer(&token).send(), 403, "ADDRESS_NOT_ALLOWED");
    let lacking = home().header("x-counterfoil-scopes", "orders:read orders:write").send();
    refused(&lacking, 403, "INSUFFICIENT_SCOPE");
    refused(&home().header("x-counterfoil-any-scope", "orders:write").send(), 403, "INSUFFICIENT_SCOPE");
    assert_eq!(home().header("x-counterfoil-any-scope", "orders:write  orders:read").send().status, 200);
    for freshness in ["strong", "bounded", "eventual", "strong or eventual", "bounded or eventual"] {
        assert_eq!(home().header("x-counterfoil-freshness", freshness).send().status, 200);
    }
    gateway.deployment.world.pass(60_000);
    refused(&home().send(), 401, "EXPIRED");
    gateway.deployment.delete(&gateway.tenant.admin, &format!("/v1/tokens/{id}")).expect(200);
    refused(&home().send(), 401, "REVOKED");
}

#[test]
fn authorize_names_the_missing_scopes() {
    let gateway = Gateway::new();
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": ["orders:read"] }));
    let named = |all_of: &str, any_of: &str| {
        let call = gateway.asks("GET", "/").bearer(&token).header("x-counterfoil-scopes", all_of);
        let reply = call.header("x-counterfoil-any-scope", any_of).send();
        refused(&reply, 403, "INSUFFICIENT_SCOPE");
        let challenge = reply.header("www-authenticate").unwrap();
        let scope = challenge.strip_prefix(r#"Bearer realm="counterfoil", error="insufficient_scope""#).unwrap();
        (text(&reply.body, "/detail"), scope.to_owned())
    };
    let (detail, scope) = named("orders:read orders:write", "");
    assert_eq!(detail, "The token does not have the required scope `orders:write`.");
    assert_eq!(scope, r#", scope="orders:read orders:write""#, "all required scopes");
    let (detail, scope) = named("orders:write items:read", "orders:read x");
    assert_eq!(detail, "The token does not have the required scopes `orders:write`, `items:read`.");
    assert_eq!(scope, r#", scope="orders:write items:read""#);
    let (detail, scope) = named("orders:read", "a b");
    assert_eq!(detail, "The token needs one of the scopes `a`, `b` and has none of them.");
    assert_eq!(scope, r#", scope="orders:read a""#, "the first of several alternatives");
    let (detail, scope) = named("c", "a b");
    assert_eq!(
        detail,
        "Required scopes that the token does not have: `c`. It also needs one of `a`, `b` and has none of them."
    );
    assert_eq!(scope, r#", scope="c a""#);
    let many: Vec<_> = (0..40).map(|at| format!("orders:{at:030}")).collect();
    assert_eq!(named(&many.join(" "), "").1, "", "the header stays short enough for proxies");
}

#[test]
fn authorize_rejects_malformed_or_repeated_gateway_headers() {
    let gateway = Gateway::new();
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": ["orders:read"] }));
    for (name, value) in [
        ("x-counterfoil-scopes", "orders:read, orders:write"),
        ("x-counterfoil-scopes", "orders:*"),
        ("x-counterfoil-any-scope", "?"),
        ("x-counterfoil-freshness", "Strong"),
        ("x-counterfoil-freshness", "\u{fc}"),
        ("x-counterfoil-freshness", ""),
        ("x-counterfoil-freshness", " or eventual"),
        ("x-counterfoil-freshness", "bounded or strong"),
        ("x-counterfoil-freshness", "bounded or eventual or eventual"),
    ] {
        refused(&gateway.asks("GET", "/").bearer(&token).header(name, value).send(), 403, "INVALID_DEMAND");
    }
    for (name, value) in [
        ("x-counterfoil-scopes", ""),
        ("x-counterfoil-any-scope", ""),
        ("x-counterfoil-address", "192.0.2.1"),
        ("x-counterfoil-freshness", "eventual"),
    ] {
        assert_eq!(
            gateway.asks("GET", "/").bearer(&token).header(name, value).send().status,
            200,
            "one header is accepted"
        );
        // The client's own header came through, before or after the gateway's.
        let twice = gateway.asks("GET", "/").bearer(&token).header(name, value).header(name, value);
        refused(&twice.send(), 403, "INVALID_DEMAND");
    }
    let twice = gateway.asks("GET", "/").bearer(&token).header("x-counterfoil-gateway", &gateway.own);
    refused(&twice.send(), 403, "INVALID_DEMAND");
    let in_query = "/?x-counterfoil-scopes=orders:write&token=x";
    assert_eq!(gateway.asks("GET", in_query).bearer(&token).send().status, 200, "the query is ignored");
}

#[test]
fn an_unreadable_client_address_rejects_only_ip_restricted_tokens() {
    let gateway = Gateway::new();
    let (free, _) = gateway.issue(&json!({ "name": "", "scopes": ["orders:read"] }));
    let everywhere = json!(["0.0.0.0/0", "::/0"]);
    let (bound, _) = gateway.issue(&json!({ "name": "", "scopes": ["orders:read"], "allowed_addresses": everywhere }));
    let from = |token: &str, address: &[u8]| {
        gateway.asks("GET", "/").bearer(token).header("x-counterfoil-address", address).send()
    };
    for address in
        ["", " ", "everywhere", "192.0.2.1:5678", "[2001:db8::1]:80", "[::1]", "unix:", "-", "192.0.2.1, 192.0.2.2"]
    {
        assert_eq!(from(&free, address.as_bytes()).status, 200, "{address:?}");
        let reply = from(&bound, address.as_bytes());
        refused(&reply, 403, "ADDRESS_NOT_ALLOWED");
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains("x-counterfoil-address") && detail.contains("cannot be read"), "{address:?}: {detail}");
    }
    assert_eq!(from(&free, b"\xfc").status, 200);
    refused(&from(&bound, b"\xfc"), 403, "ADDRESS_NOT_ALLOWED");
    assert_eq!(from(&bound, b"192.0.2.1").status, 200);
    assert_eq!(from(&bound, b"2001:db8::1").status, 200);
    let unsaid = gateway.asks("GET", "/").bearer(&bound).send();
    refused(&unsaid, 403, "ADDRESS_NOT_ALLOWED");
    assert!(unsaid.body["detail"].as_str().unwrap().contains("did not send"), "{}", unsaid.body);
    // For a readable address that is not allowed, the detail says no more than that.
    let (narrow, _) =
        gateway.issue(&json!({ "name": "", "scopes": ["orders:read"], "allowed_addresses": ["192.0.2.1"] }));
    let elsewhere = from(&narrow, b"192.0.2.2");
    refused(&elsewhere, 403, "ADDRESS_NOT_ALLOWED");
    assert_eq!(elsewhere.body["detail"], "The token cannot be used from this IP address.");
}

/// A proxy reads the whole head of a response into one buffer; nginx's has 4 KiB.
#[test]
fn the_scopes_header_is_bounded_and_reports_omissions() {
    let gateway = Gateway::new();
    let Gateway { deployment, tenant, .. } = &gateway;
    let scope = |number: usize, length: usize| format!("orders:{number:03}{}", "x".repeat(length - 10));
    let names: Vec<_> = (0..100).map(|number| scope(number, 100)).chain((0..100).map(|n| scope(n, 63))).collect();
    let catalogue: Vec<_> = names.iter().map(|name| json!({ "name": name, "description": "" })).collect();
    deployment.call("PUT", "/v1/scopes").bearer(&tenant.admin).json(&json!({ "scopes": catalogue })).send().expect(200);
    // 32 scopes of 63 characters, with the spaces between them, are 2,047.
    for (count, length, is_whole) in [
        (1, 63, true),
        (32, 63, true),
        (33, 63, false),
        (61, 63, false),
        (20, 100, true),
        (21, 100, false),
        (100, 100, false),
    ] {
        let scopes: Vec<_> = (0..count).map(|number| scope(number, length)).collect();
        let (token, _) = gateway.issue(&json!({ "name": "", "scopes": scopes }));
        let last = scopes.last().unwrap();
        let reply = gateway.asks("GET", "/").bearer(&token).header("x-counterfoil-scopes", last).send();
        assert_eq!(reply.status, 200);
        let told: Vec<_> = reply.header("x-token-scopes").unwrap().split(' ').collect();
        assert_eq!(reply.header("x-token-scopes-complete"), Some(if is_whole { "true" } else { "false" }), "{count}");
        assert_eq!(told.len() == scopes.len(), is_whole);
        assert!(told.iter().all(|one| scopes.iter().any(|scope| scope == one)), "whole scopes only");
        assert!(told.contains(&&**last), "the required scope is named: {told:?}");
        assert!(told.is_sorted());
        let head: usize = reply.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        assert!(head < 2_900, "{head} bytes");
    }
    // For such a long requirement, the challenge omits the scopes.
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": [] }));
    let long: Vec<_> = (0..61).map(|number| scope(number, 63)).collect();
    let reply = gateway.asks("GET", "/").bearer(&token).header("x-counterfoil-scopes", long.join(" ")).send();
    refused(&reply, 403, "INSUFFICIENT_SCOPE");
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="counterfoil", error="insufficient_scope""#));
}

#[test]
fn authorize_gives_invalid_gateways_one_opaque_response() {
    let gateway = Gateway::new();
    let Gateway { deployment, tenant, own } = &gateway;
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": ["orders:read"] }));
    let other = deployment.workspace("other");
    let revoked = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": ["tokens:verify"] }));
    deployment.delete(&tenant.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let ask = |proof: Option<&str>, token: &str| {
        let call = deployment.call("GET", "/authorize/x").bearer(token);
        match proof {
            Some(proof) => call.header("x-counterfoil-gateway", proof).send(),
            None => call.send(),
        }
    };
    let proofs =
        [None, Some(""), Some("nonsense"), Some(&*token), Some(crate::deployment::ROOT), revoked["token"].as_str()];
    let answers = proofs.map(|proof| ask(proof, &token));
    for answer in &answers {
        refused(answer, 403, "GATEWAY_NOT_ALLOWED");
        let same = |body: &serde_json::Value| body["detail"].clone();
        assert_eq!(same(&answer.body), same(&answers[0].body), "all invalid gateways get the same detail");
    }
    assert_eq!(ask(Some(own), &token).status, 200);
    refused(&ask(Some(own), &other.admin), 401, "UNKNOWN");
    let theirs = deployment.token(&other.admin, &["tokens:verify"]);
    refused(&ask(Some(&theirs), &token), 401, "UNKNOWN");
    let in_acme = |proof: &str| {
        let call = deployment.call("GET", "/authorize").bearer(&token).header("x-counterfoil-gateway", proof);
        call.header("x-counterfoil-workspace", "acme").send()
    };
    refused(&in_acme(&theirs), 401, "UNKNOWN");
    // A third-party token needs a header that names its workspace, which the client could have sent.
    let foreign = "a-gateway-token-from-elsewhere";
    let line = json!({ "digest": Digest::of(foreign.as_bytes()), "name": "", "scopes": ["tokens:verify"] });
    deployment.post(&tenant.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    refused(&in_acme(foreign), 403, "GATEWAY_NOT_ALLOWED");
}

#[test]
fn authorize_maps_all_failures_to_401_403_or_503() {
    let gateway = Gateway::new();
    let (token, _) = gateway.issue(&json!({ "name": "", "scopes": [] }));
    let two = gateway.asks("GET", "/").bearer(&token).header("x-api-key", &gateway.own).send();
    refused(&two, 401, "AMBIGUOUS_CREDENTIAL");
    for fault in [Fault::Before, Fault::After, Fault::Garbled, Fault::Older, Fault::Newer] {
        gateway.deployment.world.inside().objects_fail = Some(fault);
        let reply = gateway.asks("GET", "/").bearer(&token).send();
        refused(&reply, 503, "LEDGER_UNAVAILABLE");
        assert_eq!(reply.header("retry-after"), Some("1"));
        gateway.deployment.world.inside().objects_fail = None;
        gateway.deployment.world.pass(2_000);
    }
    assert_eq!(gateway.asks("GET", "/").bearer(&token).send().status, 200);
}

#[test]
fn authorize_rejects_forged_tokens_without_a_ledger_request() {
    let gateway = Gateway::new();
    let forged = format!("cft_{}{}", gateway.tenant.key, "0".repeat(36));
    for text in ["nonsense", &forged] {
        let reply = gateway.asks("GET", "/").bearer(text).send();
        assert_eq!((reply.status, reply.line.ledger_calls), (401, 0), "{text}");
    }
}
