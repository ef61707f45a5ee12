//! OAuth token introspection and revocation.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, Tenant, text},
    tokens::never_issued,
    world::Fault,
};

fn form<'a>(call: Call<'a>, fields: &[(&str, &str)]) -> Call<'a> {
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    call.content("application/x-www-form-urlencoded", encoded)
}

fn basic<'a>(call: Call<'a>, secret: &str) -> Call<'a> {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    call.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("client:{encoded}"))))
}

struct World {
    deployment: Deployment,
    tenant: Tenant,
}

impl World {
    fn new() -> Self {
        let deployment = Deployment::new();
        let tenant = deployment.workspace("acme");
        Self { deployment, tenant }
    }

    fn call(&self, path: &str) -> Call<'_> {
        self.deployment.call("POST", path)
    }

    fn introspect(&self, by: &str, token: &str) -> Value {
        form(self.call("/oauth/introspect").bearer(by), &[("token", token)]).send().expect(200)
    }

    fn token(&self, scopes: &[&str]) -> String {
        self.deployment.token(&self.tenant.admin, scopes)
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status, &reply.body["error"]), (status, &json!(error)), "{}", reply.body);
    assert_eq!(reply.body.as_object().unwrap().len(), 2, "{}", reply.body);
    assert!(reply.body["error_description"].is_string());
    assert_eq!(reply.header("www-authenticate").is_some(), matches!(status, 401) || error == "insufficient_scope");
}

#[test]
fn the_introspection_response_of_an_active_token_is_pinned() {
    let world = World::new();
    let World { deployment, tenant } = &world;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*"] });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    let app = json!({ "id": "app", "name": "App", "permissions": [] });
    deployment.post(&tenant.admin, "/v1/clients", &app).expect(201);
    let issued = deployment.issue(
        &tenant.admin,
        &json!({
            "name": "", "owner": "ada", "scopes": ["orders:read", "orders:write"], "client_id": "app", "expires_in": 60,
            "not_before": "2027-01-15T08:00:00Z",
        }),
    );
    let verifier = world.token(&["tokens:verify"]);
    let token = text(&issued, "/token");
    let reply = form(world.call("/oauth/introspect").bearer(&verifier), &[("token", &token)]).send();
    let expected = format!(
        r#"{{"active":true,"scope":"orders:read orders:write","client_id":"app","username":"ada","token_type":"Bearer","exp":1800000060,"nbf":1800000000,"sub":"ada","aud":"acme","iss":"https://counterfoil.example","jti":"{}"}}"#,
        text(&issued, "/id"),
    );
    assert_eq!(String::from_utf8(reply.bytes).unwrap(), expected);
    deployment.world.pass(60_000);
    assert_eq!(world.introspect(&verifier, &token), json!({ "active": false }), "expired");
}

#[test]
fn introspection_of_an_inactive_token_discloses_nothing() {
    let world = World::new();
    let World { deployment, tenant } = &world;
    let verifier = world.token(&["tokens:verify"]);
    let other = deployment.workspace("other");
    let disabled = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [], "enabled": false }));
    let bound =
        deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [], "allowed_addresses": ["192.0.2.1"] }));
    let revoked = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    deployment.delete(&tenant.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let forged = format!("cft_{}{}", tenant.key, "0".repeat(36));
    let texts = [&disabled, &bound, &revoked].map(|issued| text(issued, "/token"));
    for text in texts.iter().map(|text| &**text).chain(["", "nonsense", &forged, &other.admin]) {
        assert_eq!(world.introspect(&verifier, text), json!({ "active": false }), "{text}");
    }
}

#[test]
fn introspection_accepts_bearer_basic_and_client_secret() {
    let world = World::new();
    let (verifier, token) = (world.token(&["tokens:verify"]), world.token(&[]));
    let call = || world.call("/oauth/introspect");
    for call in [
        form(call().bearer(&verifier), &[("token", &token), ("token_type_hint", "access_token")]),
        form(basic(call(), &verifier), &[("token", &token)]),
        form(call(), &[("token", &token), ("client_id", "any"), ("client_secret", &verifier)]),
    ] {
        assert_eq!(call.send().expect(200)["active"], true);
    }
    for call in [
        form(call(), &[("token", &token)]),
        form(call().bearer("nonsense"), &[("token", &token)]),
        form(call().header("authorization", "Basic !"), &[("token", &token)]),
        form(call().header("authorization", "Digest x"), &[("token", &token)]),
        form(call().header("authorization", "Bearer"), &[("token", &token)]),
    ] {
        refused(&call.send(), 401, "invalid_client");
    }
    refused(&form(call().bearer(&token), &[("token", &token)]).send(), 403, "insufficient_scope");
    for call in [
        form(call().bearer(&verifier), &[("token", &token), ("client_secret", &verifier)]),
        form(call().bearer(&verifier), &[("token", &token), ("token", &token)]),
        form(call().bearer(&verifier), &[]),
        call().bearer(&verifier).json(&json!({ "token": token })),
        form(call().bearer(&verifier).header("authorization", "Bearer x"), &[("token", &token)]),
    ] {
        refused(&call.send(), 400, "invalid_request");
    }
    let session = world.deployment.session(&world.tenant.admin).0;
    refused(&form(call().session(&session), &[("token", &token)]).send(), 401, "invalid_client");
    let page = form(call().bearer(&verifier).header("origin", "https://evil.example"), &[("token", &token)]);
    assert_eq!(page.send().status, 403);
}

#[test]
fn the_challenge_starts_with_the_scheme_that_was_used() {
    const BASIC: &str = r#"Basic realm="counterfoil", charset="UTF-8""#;
    const BEARER: &str = r#"Bearer realm="counterfoil""#;
    const INVALID: &str = r#"Bearer realm="counterfoil", error="invalid_token""#;
    let world = World::new();
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let challenged = |call: Call<'_>| {
            let reply = form(call, &[("token", "x")]).send();
            refused(&reply, 401, "invalid_client");
            let all = reply.headers.get_all("www-authenticate").iter();
            all.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let call = || world.call(path);
        assert_eq!(challenged(basic(call(), "wrong")), [BASIC, BEARER]);
        assert_eq!(challenged(basic(call(), &never_issued(&world.tenant.key))), [BASIC, BEARER]);
        assert_eq!(challenged(call().header("authorization", "Basic !")), [BASIC, BEARER]);
        assert_eq!(challenged(call().bearer("wrong")), [INVALID, BASIC]);
        assert_eq!(challenged(call().header("authorization", "Digest x")), [BEARER, BASIC]);
    }
    let lacking = world.token(&[]);
    let reply = form(basic(world.call("/oauth/introspect"), &lacking), &[("token", "x")]).send();
    refused(&reply, 403, "insufficient_scope");
    let lacks = r#"Bearer realm="counterfoil", error="insufficient_scope", scope="tokens:verify""#;
    assert_eq!(reply.header("www-authenticate"), Some(lacks));
}

#[test]
fn basic_credentials_may_have_colons_and_percent_encoding() {
    let world = World::new();
    let verifier = world.token(&["tokens:verify"]);
    let foreign = "from:else+where%of/a=kind~";
    let digest = counterfoil_token::Digest::of(foreign.as_bytes()).to_string();
    let import = json!({ "tokens": [{ "digest": digest, "name": "", "scopes": ["tokens:verify"] }] });
    world.deployment.post(&world.tenant.admin, "/v1/tokens/import", &import).expect(200);
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let active = |pair: String| {
        let call = world.call("/oauth/introspect").header("x-counterfoil-workspace", "acme");
        let call = call.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(&pair)));
        assert_eq!(form(call, &[("token", &verifier)]).send().expect(200)["active"], true, "{pair}");
    };
    for id in ["client", "", "urn:acme:gw", "https://gw.example/a?b=c"] {
        active(format!("{id}:{verifier}"));
        active(format!("{}:{verifier}", encode(id)));
        active(format!("{}:{}", encode(id), encode(foreign)));
    }
    active(format!("client:{foreign}"));
    active(format!("client:{}", foreign.replace(':', "%3A").replace('%', "%25").replace("%253A", "%3A")));
    let twice = format!("Basic {}", BASE64_STANDARD.encode(format!("client:{verifier}")));
    let call = || world.call("/oauth/introspect").header("authorization", format!("{twice}, {twice}"));
    form(call(), &[("token", &verifier)]).send().expect(200);
    refused(&form(call().bearer(&verifier), &[("token", &verifier)]).send(), 400, "invalid_request");
}

#[test]
fn oauth_revocation_by_a_writer_or_by_the_token_itself() {
    let world = World::new();
    let World { deployment, tenant } = &world;
    let (writer, reader) = (world.token(&["tokens:write"]), world.token(&["tokens:read"]));
    let revoke = |by: &str, token: &str| form(world.call("/oauth/revoke").bearer(by), &[("token", token)]).send();
    let lives = |token: &str| deployment.get(token, "/v1/tokens/self").status == 200;

    let victim = world.token(&[]);
    refused(&revoke(&reader, &victim), 403, "insufficient_scope");
    assert!(lives(&victim));
    for _ in 0..2 {
        let reply = revoke(&writer, &victim);
        assert_eq!((reply.status, reply.bytes.len()), (200, 0));
        assert!(!lives(&victim));
    }

    let (own, also_own) = (world.token(&[]), world.token(&[]));
    for _ in 0..2 {
        assert_eq!(revoke(&own, &own).status, 200, "in its own name, and again");
        let alone = form(world.call("/oauth/revoke"), &[("token", &also_own), ("client_id", "public")]).send();
        assert_eq!(alone.status, 200, "a public client has no secret");
        assert!(!lives(&own) && !lives(&also_own));
    }

    let other = deployment.workspace("other");
    deployment
        .post(
            &tenant.admin,
            "/v1/members",
            &json!({
                "id": "ada", "name": "Ada", "role": "member", "grants": ["tokens:write"],
            }),
        )
        .expect(201);
    let ada = text(
        &deployment.issue(
            &tenant.admin,
            &json!({
                "name": "", "owner": "ada", "scopes": ["tokens:write"],
            }),
        ),
        "/token",
    );
    let before = deployment.world.dump();
    for text in [&*other.admin, &tenant.admin, "nonsense", ""] {
        assert_eq!(revoke(&ada, text).status, 200, "forbidden and unknown tokens get the same response");
    }
    assert_eq!(revoke(&writer, &other.admin).status, 200);
    refused(&form(world.call("/oauth/revoke"), &[]).send(), 400, "invalid_request");
    refused(&revoke("nonsense", &ada), 401, "invalid_client");
    assert_eq!(deployment.world.dump(), before);
    assert!(lives(&other.admin) && lives(&tenant.admin) && lives(&ada));
}

/// If a scanner reports a leaked value that was rotated already, the new value must stay valid.
#[test]
fn oauth_revocation_of_a_replaced_value_keeps_the_current_one() {
    let world = World::new();
    let World { deployment, tenant } = &world;
    let writer = world.token(&["tokens:write"]);
    let revoke = |by: &str, token: &str| form(world.call("/oauth/revoke").bearer(by), &[("token", token)]).send();
    let lives = |token: &str| deployment.get(token, "/v1/tokens/self").status == 200;
    let issued = deployment.issue(&tenant.admin, &json!({ "name": "", "scopes": [] }));
    let rotate = |grace: u64| {
        let path = format!("/v1/tokens/{}/rotate", text(&issued, "/id"));
        text(&deployment.post(&tenant.admin, &path, &json!({ "grace_seconds": grace })).expect(200), "/token")
    };
    let first = text(&issued, "/token");
    let (second, third) = (rotate(60), rotate(60));
    let fourth = rotate(0);
    assert!(lives(&first) && lives(&second) && !lives(&third) && lives(&fourth));
    for _ in 0..2 {
        assert_eq!(revoke(&writer, &first).status, 200);
        assert_eq!(form(world.call("/oauth/revoke"), &[("token", &second)]).send().status, 200, "in its own name");
        assert_eq!(revoke(&writer, &third).status, 200, "it had ended before");
        assert_eq!([&first, &second, &third, &fourth].map(|text| lives(text)), [false, false, false, true]);
    }
    assert_eq!(revoke(&writer, &fourth).status, 200);
    assert!(!lives(&fourth));
}

#[test]
fn an_unreachable_ledger_is_reported_and_not_taken_for_inactive() {
    let world = World::new();
    let (verifier, token) = (world.token(&["tokens:verify", "tokens:write"]), world.token(&[]));
    for fault in [Fault::Before, Fault::After] {
        world.deployment.world.inside().objects_fail = Some(fault);
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let reply = form(world.call(path).bearer(&verifier), &[("token", &token)]).send();
            refused(&reply, 503, "temporarily_unavailable");
        }
        let own = form(world.call("/oauth/revoke"), &[("token", &token)]).send();
        refused(&own, 503, "temporarily_unavailable");
        world.deployment.world.inside().objects_fail = None;
        // Root needs no check of its own: only that of the token to introspect fails.
        world.deployment.world.inside().one_object_fails = Some((1, fault));
        let root = world.call("/oauth/introspect").bearer(ROOT).header("x-counterfoil-workspace", "acme");
        refused(&form(root, &[("token", &token)]).send(), 503, "temporarily_unavailable");
    }
}
