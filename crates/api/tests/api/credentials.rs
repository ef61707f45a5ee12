//! Invalid credentials of every kind, on every route that requires one.

use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Tenant, text},
    matrix::Matrix,
    routes::Needs,
    tokens::{never_issued, with_bad_check, with_forged_seal},
};

#[test]
fn a_missing_or_unreadable_credential_is_rejected_on_every_route() {
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
fn an_invalid_token_is_rejected_on_every_route_with_its_code() {
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
    // Starts that ledger, so that the dumps below compare: a valid tag always causes a query.
    deployment.get(&never_issued("0zzzzz"), "/v1/tokens/self").refused(401);
    for route in &matrix.routes {
        for (token, status, code) in &tokens {
            let call = || route.call(deployment).bearer(token).header("cf-connecting-ip", "198.51.100.1");
            match route.needs {
                Needs::Nothing => assert_eq!(call().send().status, route.answers, "an unneeded token is ignored"),
                Needs::Root => drop(matrix.refused(call(), code, 403, "ROOT_ONLY", None)),
                Needs::AnyToken | Needs::Scope | Needs::Session | Needs::RootInWorkspace => {
                    drop(matrix.refused(call(), code, *status, code, None));
                }
            }
        }
    }
}

#[test]
fn a_token_without_the_required_scope_is_rejected_on_every_route() {
    let matrix = Matrix::new();
    let weak = matrix.deployment.token(&matrix.tenant.admin, &["orders:read"]);
    for route in &matrix.routes {
        let call = route.call(&matrix.deployment).bearer(&weak);
        match route.needs {
            Needs::Root | Needs::RootInWorkspace => {
                matrix.refused(call, route.pattern, 403, "ROOT_ONLY", None);
                let call = route.call(&matrix.deployment).bearer(&matrix.tenant.admin);
                matrix.refused(call, "not even an admin", 403, "ROOT_ONLY", None);
            }
            Needs::Session => drop(matrix.refused(call, route.pattern, 404, "NOT_FOUND", None)),
            Needs::Scope => drop(matrix.refused(call, route.pattern, 403, "INSUFFICIENT_SCOPE", None)),
            Needs::Nothing | Needs::AnyToken => assert_eq!(call.send().status, route.answers),
        }
    }
}

#[test]
fn every_creating_route_honors_the_idempotency_key() {
    let matrix = Matrix::new();
    for pattern in ["/v1/members", "/v1/clients", "/v1/tokens", "/v1/tokens/{id}/rotate", "/v1/tokens/import"] {
        let route = matrix.route("POST", pattern);
        let body = route.body.as_ref().unwrap();
        let call = || route.call_as_admin(&matrix.deployment, &matrix.tenant).json(body);
        let refused = |call, what: &str| drop(matrix.refused(call, what, 400, "INVALID_IDEMPOTENCY_KEY", None));
        for key in ["", "a b", "\u{e9}", &"k".repeat(256)] {
            refused(call().header("idempotency-key", key), key);
        }
        refused(call().header("idempotency-key", "a").header("idempotency-key", "a"), "two of them");
        let once = || call().header("idempotency-key", "k".repeat(255)).send();
        let first = once();
        assert_eq!((first.status, first.header("idempotent-replayed")), (route.answers, None), "{}", first.body);
        let before = matrix.deployment.world.dump();
        let again = once();
        assert_eq!((again.status, again.header("idempotent-replayed")), (route.answers, Some("true")));
        assert!(matrix.deployment.world.dump() == before, "{pattern}: executed twice");
    }
}

#[test]
fn the_root_token_must_name_its_workspace() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| !matches!(route.needs, Needs::Nothing | Needs::Root)) {
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

#[test]
fn one_token_may_be_presented_in_several_headers() {
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
    // Some hosts join two headers of one name.
    call().header("authorization", format!("Bearer {token}, Bearer {token}")).send().expect(200);
    call().header("authorization", format!("Bearer {token},Bearer {token}")).send().expect(200);
    call().header("x-api-key", format!("{token}, {token}")).send().expect(200);
    let differs = call().header("authorization", format!("Bearer {token}, Bearer other")).send();
    assert_eq!(differs.refused(400), "AMBIGUOUS_CREDENTIAL");
}

#[test]
fn another_authorization_scheme_is_ignored_beside_a_credential() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let staging = || deployment.call("GET", "/v1/tokens/self").header("authorization", "Basic c3RhZ2luZzpwdw==");
    assert_eq!(staging().send().refused(401), "UNREADABLE_CREDENTIAL");
    staging().header("x-api-key", &acme.admin).send().expect(200);
    staging().bearer(&acme.admin).send().expect(200);
    staging().header("x-lgca-token", &acme.admin).header("x-lgca-domain", "acme").send().expect(200);
    // A browser sends it automatically.
    let session = deployment.session(&acme.admin).0;
    staging().session(&session).send().expect(200);
    assert_eq!(staging().session("nonsense").send().refused(401), "SESSION_ENDED");
    let sign_in = deployment.call("POST", "/v1/session").header("authorization", "Basic c3RhZ2luZzpwdw==");
    assert_eq!(sign_in.send().refused(401), "UNREADABLE_CREDENTIAL");
    let sign_in = deployment.call("POST", "/v1/session").header("authorization", "Basic c3RhZ2luZzpwdw==");
    let reply = sign_in.json(&json!({ "workspace": "acme", "id_token": "no such" })).send();
    assert_eq!(reply.refused(401), "SIGN_IN_FAILED", "decided by the body");
}

#[test]
fn a_repeated_header_pair_still_enforces_its_workspace() {
    let deployment = Deployment::new();
    let (acme, other) = (deployment.workspace("acme"), deployment.workspace("other"));
    let twice = |token: &str, domain: &str| {
        let call = deployment.call("GET", "/v1/tokens/self");
        call.header("x-lgca-token", format!("{token}, {token}")).header("x-lgca-domain", domain).send()
    };
    twice(&acme.admin, "acme").expect(200);
    twice(&acme.admin, "acme, acme").expect(200);
    assert_eq!(twice(&other.admin, "acme").refused(401), "UNKNOWN");
    assert_eq!(twice(&other.admin, "acme, acme").refused(401), "UNKNOWN");
    assert_eq!(twice(&acme.admin, "acme, other").refused(400), "AMBIGUOUS_CREDENTIAL");
    let root = |slugs: &str| {
        let call = deployment.call("GET", "/v1/workspace").bearer(ROOT);
        call.header("x-counterfoil-workspace", slugs).send()
    };
    root("acme, acme").expect(200);
    assert_eq!(root("acme, other").refused(404), "NOT_FOUND");
}

#[test]
fn a_malformed_token_error_states_the_reason_but_not_the_value() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let typo = with_bad_check(&acme.admin);
    let texts = [
        ("sk-1234", "too short"),
        (&*"x".repeat(513), "too long"),
        ("sk-0123456789abcdef\n", "a space or a line break"),
        ("sk-0123456789 abcdef", "a space or a line break"),
        ("sk-0123456789abcdéf", "visible ASCII"),
        (&format!("Bearer {}", acme.admin), "starts with a scheme"),
        (&typo, "its checksum is wrong"),
    ];
    for (token, why) in texts {
        let decision = deployment.post(&acme.admin, "/v1/verify", &json!({ "token": token })).expect(200);
        assert_eq!(decision["code"], "MALFORMED", "{why}");
        let detail = text(&decision, "/detail");
        assert!(detail.contains(why) && !detail.contains(token), "{why}: {detail}");
        // A value that no header can hold cannot be presented.
        if token.is_ascii() && !token.contains('\n') {
            let reply = deployment.call("GET", "/v1/tokens/self").header("x-api-key", token).send();
            assert_eq!(reply.refused(401), "MALFORMED", "{why}");
            assert!(text(&reply.body, "/detail").contains(why), "{}", reply.body);
        }
    }
    let known = deployment.post(&acme.admin, "/v1/verify", &json!({ "token": acme.admin })).expect(200);
    assert_eq!(known.get("detail"), None);
}
