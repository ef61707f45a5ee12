//! What Logilica's clients send: a pair of headers instead of one, on any route; and dates instead of times.

use counterfoil_token::Digest;
use http::HeaderValue;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, text},
    matrix::Matrix,
    routes::Needs,
    tokens::{never_issued, with_bad_check, with_forged_seal},
    world::Fault,
};

/// A third-party token.
const FOREIGN: &str = "lgca-0123456789abcdef";

/// Presents a token as Logilica's clients do.
fn pair<'a>(call: Call<'a>, token: &str, domain: &str) -> Call<'a> {
    call.header("x-lgca-token", token).header("x-lgca-domain", domain)
}

fn read_self<'a>(deployment: &'a Deployment) -> Call<'a> {
    deployment.call("GET", "/v1/tokens/self")
}

/// The response to an unknown token, without what differs between requests.
fn told(reply: &Reply) -> (u16, Option<String>, Value) {
    let mut body = reply.body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    (reply.status, reply.header("www-authenticate").map(str::to_owned), body)
}

#[test]
fn the_logilica_header_pair_is_accepted_on_every_route() {
    let matrix = Matrix::new();
    for route in matrix.routes.iter().filter(|route| matches!(route.needs, Needs::AnyToken | Needs::Scope)) {
        let call = pair(route.call(&matrix.deployment), &matrix.tenant.admin, "acme");
        let reply = call.send();
        assert_eq!(reply.status, route.answers, "{}: {}", route.pattern, reply.body);
    }
}

#[test]
fn a_token_with_another_workspaces_domain_is_unknown() {
    let matrix = Matrix::new();
    let (deployment, acme) = (&matrix.deployment, &matrix.tenant);
    let other = deployment.workspace("other");
    let unknown = told(&pair(read_self(deployment), &never_issued(&acme.key), "acme").send());
    assert_eq!((unknown.0, &unknown.2["code"]), (401, &json!("UNKNOWN")));
    let revoked = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [] }));
    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    for token in [&*acme.admin, &text(&revoked, "/token"), &with_forged_seal(&acme.key), FOREIGN] {
        for domain in ["other", "nowhere", "ACME", "", "not a slug"] {
            let reply = pair(read_self(deployment), token, domain).send();
            assert_eq!(told(&reply), unknown, "{domain}");
        }
        let reply = read_self(deployment).header("x-lgca-token", token).header("x-lgca-domain", [0xff]).send();
        assert_eq!(told(&reply), unknown);
    }
    for route in matrix.routes.iter().filter(|route| matches!(route.needs, Needs::AnyToken | Needs::Scope)) {
        let call = pair(route.call(deployment), &acme.admin, "other");
        let reply = matrix.refused(call, route.pattern, 401, "UNKNOWN", None);
        assert_eq!(reply.line.ledger_calls, 0, "the directory's response is cached, and no ledger is queried");
        let call = pair(route.call(deployment), &other.admin, "acme");
        matrix.refused(call, route.pattern, 401, "UNKNOWN", None);
    }
    // In its own workspace, a token's rejection names the reason.
    let reply = pair(read_self(deployment), &text(&revoked, "/token"), "acme").send();
    assert_eq!(reply.refused(401), "REVOKED");
    let reply = pair(read_self(deployment), &with_bad_check(&acme.admin), "other").send();
    assert_eq!(reply.refused(401), "MALFORMED");
}

#[test]
fn neither_header_of_the_logilica_pair_suffices_alone() {
    let matrix = Matrix::new();
    let (deployment, acme) = (&matrix.deployment, &matrix.tenant);
    for route in matrix.routes.iter().filter(|route| route.needs != Needs::Nothing) {
        let call = route.call(deployment).header("x-lgca-token", &acme.admin);
        let reply = matrix.refused(call, route.pattern, 400, "WORKSPACE_REQUIRED", None);
        assert!(text(&reply.body, "/detail").contains("x-lgca-domain"));
        assert_eq!(reply.line.ledger_calls, 0);
        let call = route.call(deployment).header("x-lgca-domain", "acme");
        matrix.refused(call, route.pattern, 401, "NO_CREDENTIAL", None);
    }
    // Nor does the domain change the meaning of another credential.
    let bearer = read_self(deployment).bearer(&acme.admin).header("x-lgca-domain", "other").send();
    assert_eq!((bearer.status, bearer.line.ledger_calls), (200, 1));
}

#[test]
fn the_logilica_pair_beside_another_token_is_ambiguous() {
    let matrix = Matrix::new();
    let (deployment, acme) = (&matrix.deployment, &matrix.tenant);
    for route in matrix.routes.iter().filter(|route| route.needs != Needs::Nothing) {
        let call = pair(route.call(deployment).bearer(&never_issued(&acme.key)), &acme.admin, "acme");
        matrix.refused(call, route.pattern, 400, "AMBIGUOUS_CREDENTIAL", None);
        let call = pair(route.call(deployment).header("x-api-key", ROOT), &acme.admin, "acme");
        matrix.refused(call, route.pattern, 400, "AMBIGUOUS_CREDENTIAL", None);
    }
    pair(read_self(deployment).bearer(&acme.admin), &acme.admin, "acme").send().expect(200);
    let torn = pair(read_self(deployment).bearer(&acme.admin), &acme.admin, "other");
    assert_eq!(torn.send().refused(401), "UNKNOWN");
    // If a token is presented, the session is ignored.
    let (session, _) = deployment.session(&acme.admin);
    let reply = pair(read_self(deployment).session(&session), &never_issued(&acme.key), "acme").send();
    assert_eq!(reply.refused(401), "UNKNOWN");
}

#[test]
fn the_logilica_domain_selects_the_workspace_of_an_imported_token() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    deployment.workspace("other");
    let line = json!({ "digest": Digest::of(FOREIGN.as_bytes()), "name": "", "scopes": ["tokens:read"] });
    deployment.post(&acme.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    let found = pair(read_self(&deployment), FOREIGN, "acme").send().expect(200);
    assert_eq!(found["scopes"], json!(["tokens:read"]));
    pair(read_self(&deployment), FOREIGN, "acme").header("x-counterfoil-workspace", "acme").send().expect(200);
    for domain in ["other", "nowhere", ""] {
        assert_eq!(pair(read_self(&deployment), FOREIGN, domain).send().refused(401), "UNKNOWN");
        // Two different ones are rejected.
        let both = pair(read_self(&deployment), FOREIGN, domain).header("x-counterfoil-workspace", "acme");
        assert_eq!(both.send().refused(401), "UNKNOWN");
    }
    // The domain without its token does not name a workspace either.
    let bearer = read_self(&deployment).bearer(FOREIGN).header("x-lgca-domain", "acme");
    assert_eq!(bearer.send().refused(401), "UNKNOWN");
}

#[test]
fn authorize_accepts_the_logilica_pair_of_its_workspace_only() {
    let deployment = Deployment::new();
    let (acme, other) = (deployment.workspace("acme"), deployment.workspace("other"));
    let gateway = deployment.token(&acme.admin, &["tokens:verify"]);
    let asks = |token: &str, domain: &str| {
        let call = deployment.call("GET", "/authorize/orders").header("x-counterfoil-gateway", &gateway);
        pair(call, token, domain).send()
    };
    let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
    let token = text(&issued, "/token");
    let passed = asks(&token, "acme");
    assert_eq!((passed.status, passed.header("x-token-id")), (200, issued["id"].as_str()));
    let unknown = told(&asks(&never_issued(&acme.key), "acme"));
    assert_eq!((unknown.0, &unknown.2["code"]), (401, &json!("UNKNOWN")));
    for domain in ["other", "nowhere", "ACME", ""] {
        assert_eq!(told(&asks(&token, domain)), unknown, "{domain}");
        assert_eq!(told(&asks(&other.admin, domain)), unknown, "{domain}");
    }
    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", text(&issued, "/id"))).expect(200);
    assert_eq!(asks(&token, "acme").refused(401), "REVOKED");
    assert_eq!(told(&asks(&token, "other")), unknown);
    // The domain is the client's, and does not apply to the gateway's token, even if both are the same.
    let call = deployment.call("GET", "/authorize").header("x-counterfoil-gateway", &gateway).bearer(&gateway);
    assert_eq!(call.header("x-lgca-domain", "other").send().status, 200);
}

#[test]
fn the_root_token_may_name_its_workspace_by_the_logilica_domain() {
    let deployment = Deployment::new();
    deployment.workspace("acme");
    let read = || deployment.call("GET", "/v1/workspace");
    assert_eq!(pair(read(), ROOT, "acme").send().expect(200)["slug"], "acme");
    assert_eq!(pair(read(), ROOT, "nowhere").send().refused(404), "NOT_FOUND");
}

#[test]
fn an_unreachable_directory_fails_closed_for_the_logilica_pair() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    deployment.world.inside().one_object_fails = Some((0, Fault::Before));
    assert_eq!(pair(read_self(&deployment), &acme.admin, "acme").send().refused(503), "LEDGER_UNAVAILABLE");
    // A token without a valid tag causes no query.
    let forged = pair(read_self(&deployment), &with_forged_seal(&acme.key), "acme").send();
    assert_eq!((forged.refused(401), forged.line.ledger_calls), ("UNKNOWN", 0));
}

#[test]
fn a_preflight_allows_the_logilica_headers() {
    let deployment = Deployment::new();
    let preflight = deployment
        .call("OPTIONS", "/v1/tokens/self")
        .header("origin", "https://page.example")
        .header("access-control-request-method", "GET");
    let reply = preflight.send();
    let allowed = reply.header("access-control-allow-headers").unwrap();
    assert!(["x-lgca-token", "x-lgca-domain"].iter().all(|name| allowed.split(", ").any(|one| one == *name)));
}

#[test]
fn a_date_as_expiration_is_valid_through_that_day() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    // The world begins at 2027-01-15T08:00:00Z.
    let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [], "expires_at": "2027-01-15" }));
    assert_eq!(issued["expires_at"], "2027-01-16T00:00:00.000Z");
    let line = json!({
        "digest": Digest::of(FOREIGN.as_bytes()), "name": "", "scopes": [], "expires_at": "2028-02-28",
    });
    let imported = deployment.post(&acme.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    let path = format!("/v1/tokens/{}", text(&imported, "/items/0/id"));
    let change = |body: Value| deployment.call("PATCH", &path).bearer(&acme.admin).json(&body).send();
    assert_eq!(deployment.get(&acme.admin, &path).expect(200)["expires_at"], "2028-02-29T00:00:00.000Z");
    assert_eq!(change(json!({ "expires_at": "2028-02-29" })).expect(200)["expires_at"], "2028-03-01T00:00:00.000Z");

    // The last millisecond of the day, and the first of the next.
    let token = text(&issued, "/token");
    deployment.world.pass(16 * 60 * 60 * 1_000 - 1);
    deployment.get(&token, "/v1/tokens/self").expect(200);
    deployment.world.pass(1);
    assert_eq!(deployment.get(&token, "/v1/tokens/self").refused(401), "EXPIRED");

    for day in ["2027-1-31", "2027-02-29", "20270131", "2027-01-31Z", " 2027-01-31", "2027-01", "31.01.2027", ""] {
        let refused = change(json!({ "expires_at": day }));
        assert_eq!((refused.refused(422), refused.body["pointer"].as_str()), ("INVALID_BODY", Some("/expires_at")));
    }
    // Yesterday has passed; and `not_before` does not accept a date.
    assert_eq!(change(json!({ "expires_at": "2027-01-15" })).refused(422), "INVALID_VALUE");
    assert_eq!(change(json!({ "not_before": "2027-01-31" })).refused(422), "INVALID_BODY");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_logilica_pair_causes_a_server_error(pairs in vec((
        0..usize::MAX,
        prop_oneof![3 => Just(None), 1 => vec(any::<u8>(), 0..40).prop_map(Some), 2 => "[ -~]{0,60}".prop_map(|text| Some(text.into()))],
        prop_oneof![
            2 => select(&["acme", "other", "nowhere", ""][..]).prop_map(|slug| Some(slug.as_bytes().to_vec())),
            1 => Just(None),
            1 => vec(any::<u8>(), 0..40).prop_map(Some),
        ],
    ), 60)) {
        let matrix = Matrix::new();
        matrix.deployment.workspace("other");
        // Only reads: other routes would delete the workspace or change it.
        let routes: Vec<_> = matrix.routes.iter().filter(|route| route.method == "GET").collect();
        for (which, token, domain) in pairs {
            let token = token.unwrap_or_else(|| matrix.tenant.admin.clone().into_bytes());
            let fits = |value: &[u8]| HeaderValue::from_bytes(value).is_ok();
            if !fits(&token) || !domain.as_deref().is_none_or(fits) {
                continue;
            }
            let call = routes[which % routes.len()].call(&matrix.deployment).header("x-lgca-token", token);
            let reply = match domain {
                Some(domain) => call.header("x-lgca-domain", domain).send(),
                None => call.send(),
            };
            prop_assert!(reply.status < 500, "{:?}", reply);
        }
    }
}
