//! Sign-in through an identity provider: how the API handles every response of the provider and the ledger.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_api::{Claims, Description};
use counterfoil_token::Digest;
use counterfoil_verify::Timestamp;
use serde_json::{Value, json};

use crate::{
    deployment::{COOKIE, Call, Deployment, ORIGIN, Reply, Tenant, text},
    world::Fault,
};

pub(crate) const ISSUER: &str = "https://accounts.example";
pub(crate) const FLOW: &str = "__Host-counterfoil-sign-in";
pub(crate) const START: &str = "/v1/session/start?workspace=acme";

pub(crate) fn provider(issuer: &str) -> Value {
    json!({ "issuer": issuer, "audience": "console", "member_by": "email", "sign_in": true })
}

/// A workspace with a member who signs in through a provider.
fn open() -> (Deployment, Tenant) {
    let deployment = Deployment::new();
    let acme = workspace_with_ada(&deployment, "acme");
    (deployment, acme)
}

pub(crate) fn workspace_with_ada(deployment: &Deployment, slug: &str) -> Tenant {
    let tenant = deployment.workspace(slug);
    deployment.let_sign_in(&tenant, &provider(ISSUER));
    let ada = json!({
        "id": "ada", "name": "Ada", "email": "ada@example.org", "role": "member", "grants": ["tokens:*", "orders:*"],
    });
    deployment.post(&tenant.admin, "/v1/members", &ada).expect(201);
    tenant
}

/// The provider's claims about Ada.
pub(crate) fn ada(nonce: Option<&str>) -> Claims {
    Claims {
        subject: "ada|1".to_owned(),
        email: Some("ada@example.org".to_owned()),
        email_verified: Some(true),
        nonce: nonce.map(str::to_owned),
        expires_at: Timestamp(1_800_000_300_000),
    }
}

/// An identity token for this issuer and audience, unsigned.
pub(crate) fn token_for(issuer: &str, audience: &Value) -> String {
    let claims = json!({ "iss": issuer, "aud": audience }).to_string();
    format!("e30.{}.c2lnbmF0dXJl", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

/// An identity token that the provider has signed.
pub(crate) fn signed(deployment: &Deployment, claims: Claims) -> String {
    let token = token_for(ISSUER, &json!("console"));
    deployment.world.inside().providers.tokens.insert(token.clone(), claims);
    token
}

pub(crate) fn present<'a>(deployment: &'a Deployment, token: &str) -> Call<'a> {
    deployment.call("POST", "/v1/session").json(&json!({ "workspace": "acme", "id_token": token }))
}

/// The value of a cookie that a response sets.
fn cookie(reply: &Reply, name: &str) -> Option<String> {
    let set = reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let value = |cookie: &str| Some(cookie.strip_prefix(name)?.strip_prefix('=')?.split_once(';')?.0.to_owned());
    set.filter_map(value).next()
}

pub(crate) fn parameter(address: &str, name: &str) -> String {
    let (_, query) = address.split_once('?').unwrap();
    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.unwrap().to_owned()
}

/// A browser that was redirected to the provider: its cookie, and the URL.
pub(crate) fn begin_flow(deployment: &Deployment) -> (String, String) {
    let reply = deployment.call("GET", START).send();
    assert_eq!(reply.status, 302);
    (cookie(&reply, FLOW).unwrap(), reply.header("location").unwrap().to_owned())
}

/// The callback URL with this code, which is valid for an identity token of Ada in that flow.
pub(crate) fn callback_path(deployment: &Deployment, address: &str, code: &str) -> String {
    let token = signed(deployment, ada(Some(&parameter(address, "nonce"))));
    deployment.world.inside().providers.codes.insert(code.to_owned(), token);
    format!("/v1/session/callback?code={code}&state={}", parameter(address, "state"))
}

pub(crate) fn follow_callback(deployment: &Deployment, flow: &str, path: &str) -> Reply {
    deployment.call("GET", path).header("cookie", format!("{FLOW}={flow}")).send()
}

#[track_caller]
fn assert_sign_in_failed(reply: &Reply, code: &str) {
    assert_eq!(reply.header("location"), Some(&*format!("/console/#/sign-in?failed={code}")));
    assert_eq!((cookie(reply, FLOW).as_deref(), cookie(reply, COOKIE)), (Some(""), None));
    assert_eq!(reply.line.code, Some(code));
}

#[test]
fn an_identity_token_opens_a_session() {
    let (deployment, acme) = open();
    let reply = present(&deployment, &signed(&deployment, ada(None))).send();
    assert_eq!((reply.status, reply.header("location")), (201, Some("/v1/session")));
    let session = cookie(&reply, COOKIE).unwrap();
    let own = deployment.call("GET", "/v1/session").session(&session).send().expect(200);
    assert_eq!(own, reply.body);
    assert_eq!((&own["member"]["id"], &own["issuer"]), (&json!("ada"), &json!(ISSUER)));
    assert_eq!(own["created_by"], Value::Null);
    assert_eq!(own["scopes"], json!(["orders:*", "tokens:*"]));
    let made = json!({ "name": "", "scopes": ["orders:read"] });
    let made = deployment.call("POST", "/v1/tokens").session(&session).json(&made).send().expect(201);
    assert_eq!(made["created_by"], own["id"]);
    assert_eq!(deployment.get(&acme.admin, "/v1/sessions").expect(200)["items"], json!([own]));

    let asked = deployment.world.inside().providers.identified.remove(0);
    assert_eq!((asked.issuer.as_str(), &*asked.audience), (ISSUER, "console"));
    assert_eq!(asked.keys, [json!({})]);
    assert_eq!(asked.now, Timestamp(1_800_000_000_000), "the time is the service's");
    let told: Vec<_> = deployment.world.inside().providers.asked.iter().map(|(address, _)| address.clone()).collect();
    assert_eq!(told, [ISSUER, "https://accounts.example/keys"]);
}

#[test]
fn a_configured_jwks_uri_needs_no_discovery() {
    let (deployment, acme) = open();
    let mut named = provider(ISSUER);
    named["jwks_uri"] = json!("https://keys.example/certs");
    deployment.let_sign_in(&acme, &named);
    deployment.world.inside().providers.descriptions.clear();
    present(&deployment, &signed(&deployment, ada(None))).send().expect(201);
    assert_eq!(deployment.world.inside().providers.asked[0].0, "https://keys.example/certs");
}

#[test]
fn only_tokens_that_claim_a_known_provider_are_verified() {
    let (deployment, _) = open();
    let signed_by_nobody = token_for(ISSUER, &json!("console"));
    let strangers = [
        token_for("https://other.example", &json!("console")),
        token_for(&format!("{ISSUER}/"), &json!("console")),
        token_for(ISSUER, &json!("other")),
        token_for(ISSUER, &json!(["other"])),
        token_for(ISSUER, &json!({ "console": true })),
        token_for(ISSUER, &Value::Null),
        "e30.e30.".to_owned(),
        "e30.W10.".to_owned(),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        String::new(),
    ];
    for token in &strangers {
        assert_eq!(present(&deployment, token).send().refused(401), "SIGN_IN_FAILED", "{token}");
    }
    assert!(deployment.world.inside().providers.identified.is_empty());
    for token in [signed_by_nobody, token_for(ISSUER, &json!(["other", "console"]))] {
        assert_eq!(present(&deployment, &token).send().refused(401), "SIGN_IN_FAILED");
    }
    assert_eq!(deployment.world.inside().providers.identified.len(), 2);
}

#[test]
fn all_sign_in_failures_look_alike_and_the_log_has_the_reason() {
    let (deployment, acme) = open();
    let claims = |change: fn(&mut Claims)| {
        let mut claims = ada(None);
        change(&mut claims);
        claims
    };
    let nobody = claims(|claims| claims.email = Some("bob@example.org".to_owned()));
    let unverified = claims(|claims| claims.email_verified = Some(false));
    let over = claims(|claims| claims.expires_at = Timestamp(1_799_999_000_000));
    let mut seen = Vec::new();
    let mut refuse = |reply: Reply| {
        assert_eq!(reply.refused(401), "SIGN_IN_FAILED");
        assert_eq!(reply.headers.get("set-cookie"), None);
        let mut body = reply.body.clone();
        body.as_object_mut().unwrap().remove("request_id");
        seen.push((body, reply.line.detail.unwrap()));
    };
    for claims in [nobody, unverified, over] {
        refuse(present(&deployment, &signed(&deployment, claims)).send());
    }
    refuse(present(&deployment, &token_for("https://other.example", &json!("console"))).send());
    let good = signed(&deployment, ada(None));
    for workspace in ["nowhere", "No slug"] {
        let body = json!({ "workspace": workspace, "id_token": good });
        refuse(deployment.call("POST", "/v1/session").json(&body).send());
    }
    let suspend = json!({ "state": "suspended" });
    deployment.call("PATCH", "/v1/members/ada").bearer(&acme.admin).json(&suspend).send().expect(200);
    refuse(present(&deployment, &good).send());
    assert!(seen.iter().all(|(body, _)| *body == seen[0].0));
    let mut reasons: Vec<_> = seen.into_iter().map(|(_, reason)| reason).collect();
    reasons.dedup();
    assert!(reasons.len() >= 5, "{reasons:?}");
    assert!(reasons.iter().all(|reason| !reason.contains("example.org")), "{reasons:?}");
}

/// The reasons in the audit log for failed sign-ins, newest first.
fn audited_failures(deployment: &Deployment, acme: &Tenant) -> Vec<String> {
    let rows = deployment.get(&acme.admin, "/v1/audit?actor=sign_in").expect(200);
    let rows = rows["items"].as_array().unwrap().iter().filter(|row| row["action"] == "session.refuse");
    rows.map(|row| {
        assert_eq!(row["after"]["issuer"], ISSUER);
        assert!(!row.to_string().contains("example.org"), "{row}");
        text(row, "/after/reason")
    })
    .collect()
}

#[test]
fn a_lost_audit_note_of_a_failed_sign_in_is_sent_again() {
    let (deployment, acme) = open();
    let mut nobody = ada(None);
    nobody.email = Some("bob@example.org".to_owned());
    let token = signed(&deployment, nobody);
    let refuse = || {
        assert_eq!(present(&deployment, &token).send().refused(401), "SIGN_IN_FAILED");
        // The rejection itself is cached for as long.
        deployment.world.pass(2_000);
    };
    // The directory, the providers, the sign-in; the note is the fourth call.
    deployment.world.inside().one_object_fails = Some((3, Fault::Before));
    refuse();
    assert_eq!(deployment.world.inside().one_object_fails, None, "the note was lost");
    assert_eq!(audited_failures(&deployment, &acme), Vec::<String>::new());
    refuse();
    assert_eq!(audited_failures(&deployment, &acme), ["no_member"]);
    let asked = deployment.world.inside().asked.ledgers;
    refuse();
    assert_eq!(deployment.world.inside().asked.ledgers, asked + 1, "reported once per minute");
}

#[test]
fn the_audit_log_has_why_signed_identity_tokens_were_rejected() {
    let (deployment, acme) = open();
    let claims = |change: fn(&mut Claims)| {
        let mut claims = ada(None);
        change(&mut claims);
        claims
    };
    let refuse = |token: &str| assert_eq!(present(&deployment, token).send().refused(401), "SIGN_IN_FAILED");
    // Tokens that the provider did not sign leave no trace in the audit log.
    refuse(&token_for(ISSUER, &json!("console")));
    refuse(&token_for("https://other.example", &json!("console")));
    refuse("nonsense");
    assert_eq!(audited_failures(&deployment, &acme), Vec::<String>::new());

    let nobody = claims(|claims| claims.email = Some("bob@example.org".to_owned()));
    refuse(&signed(&deployment, nobody));
    refuse(&signed(&deployment, claims(|claims| claims.email_verified = Some(false))));
    refuse(&signed(&deployment, claims(|claims| claims.expires_at = Timestamp(1))));
    let (flow, address) = begin_flow(&deployment);
    let other = signed(&deployment, ada(Some("another")));
    deployment.world.inside().providers.codes.insert("code".to_owned(), other);
    let path = format!("/v1/session/callback?code=code&state={}", parameter(&address, "state"));
    assert_sign_in_failed(&follow_callback(&deployment, &flow, &path), "SIGN_IN_FAILED");
    let told = ["other_flow", "token_expired", "email_not_verified", "no_member"];
    assert_eq!(audited_failures(&deployment, &acme), told);

    // If it cannot be recorded, the response is the same.
    deployment.world.inside().one_object_fails = Some((3, Fault::Before));
    let reply = present(&deployment, &signed(&deployment, claims(|claims| claims.email = None))).send();
    assert_eq!(reply.refused(401), "SIGN_IN_FAILED");
}

#[test]
fn sign_in_requires_exactly_one_credential() {
    let (deployment, acme) = open();
    let token = signed(&deployment, ada(None));
    let here = json!({ "workspace": "acme" });
    let call = || deployment.call("POST", "/v1/session");
    call().header("cf-access-jwt-assertion", &token).json(&here).send().expect(201);
    assert_eq!(call().json(&here).send().refused(401), "NO_CREDENTIAL");
    assert_eq!(call().header("cf-access-jwt-assertion", &token).send().refused(401), "NO_CREDENTIAL");
    assert_eq!(call().bearer(&acme.admin).json(&here).send().refused(400), "AMBIGUOUS_CREDENTIAL");
    assert_eq!(present(&deployment, &token).bearer(&acme.admin).send().refused(400), "AMBIGUOUS_CREDENTIAL");
    let reply = call().json(&json!({ "id_token": token })).send();
    assert_eq!((reply.refused(422), text(&reply.body, "/pointer")), ("INVALID_BODY", "/workspace".to_owned()));
    // The browser may have the cookie of an ended session.
    present(&deployment, &token).cookie("nonsense").send().expect(201);
    // A page of another origin cannot sign in, whether or not the workspace exists.
    for workspace in ["acme", "nowhere"] {
        let body = json!({ "workspace": workspace, "id_token": token });
        let reply = call().header("origin", "https://evil.example").json(&body).send();
        assert_eq!(reply.refused(403), "ORIGIN_NOT_ALLOWED");
        let path = format!("/v1/session/providers?workspace={workspace}");
        let reply = deployment.call("GET", &path).header("origin", "https://evil.example").send();
        assert_eq!(reply.refused(403), "ORIGIN_NOT_ALLOWED");
    }
}

#[test]
fn each_sign_in_flow_has_its_own_state_nonce_and_pkce() {
    let (deployment, _) = open();
    let (flow, address) = begin_flow(&deployment);
    let (other, elsewhere) = begin_flow(&deployment);
    assert!(
        address.starts_with("https://accounts.example/authorize?response_type=code&client_id=console&redirect_uri=")
    );
    assert!(address.contains("redirect_uri=https%3A%2F%2Fcounterfoil.example%2Fv1%2Fsession%2Fcallback&"));
    assert!(address.contains("&scope=openid+email&") && address.ends_with("&code_challenge_method=S256"));
    let secrets = ["state", "nonce", "code_challenge"].map(|name| parameter(&address, name));
    for (index, secret) in secrets.iter().enumerate() {
        assert_eq!(secret.len(), 43);
        assert!(!secrets[..index].contains(secret) && !elsewhere.contains(secret) && !flow.contains(secret));
    }
    assert_ne!(flow, other);

    let described = "https://accounts.example/authorize?tenant=a";
    let mut inside = deployment.world.inside();
    let description = inside.providers.descriptions.get_mut(ISSUER).unwrap();
    description.authorization_endpoint = serde_json::from_value(json!(described)).unwrap();
    drop(inside);
    assert!(begin_flow(&deployment.another()).1.starts_with(&format!("{described}&response_type=code&")));
}

#[test]
fn the_callback_opens_a_session_once() {
    let (deployment, _) = open();
    let (flow, address) = begin_flow(&deployment);
    let path = callback_path(&deployment, &address, "code");
    let reply = follow_callback(&deployment, &flow, &format!("{path}&session_state=x&scope=openid"));
    assert_eq!((reply.status, reply.header("location")), (303, Some("/console/")));
    assert_eq!((cookie(&reply, FLOW).as_deref(), reply.header("referrer-policy")), (Some(""), Some("no-referrer")));
    let session = cookie(&reply, COOKIE).unwrap();
    let own = deployment.call("GET", "/v1/session").session(&session).send().expect(200);
    assert_eq!(own["member"]["id"], "ada");

    let redeemed = deployment.world.inside().providers.redeemed.remove(0);
    assert_eq!((&*redeemed.code, &*redeemed.client_id), ("code", "console"));
    assert_eq!(
        (redeemed.client_secret.as_deref(), redeemed.secret_in_body),
        (Some("the-secret-of-the-console"), false)
    );
    assert_eq!(redeemed.redirect_uri, format!("{ORIGIN}/v1/session/callback"));
    assert_eq!(redeemed.token_endpoint.as_str(), "https://accounts.example/token");
    let digest = Digest::of(redeemed.code_verifier.as_bytes());
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(digest.as_bytes()), parameter(&address, "code_challenge"));

    assert_sign_in_failed(&follow_callback(&deployment, &flow, &path), "SIGN_IN_FAILED");
}

#[test]
fn a_client_secret_is_sent_to_its_own_issuer_only() {
    let (deployment, acme) = open();
    let redeemed = |methods: Option<&[&str]>, issuer: &str| {
        deployment.let_sign_in(&acme, &provider(issuer));
        let methods = methods.map(|methods| methods.iter().map(|method| (*method).to_owned()).collect());
        let mut inside = deployment.world.inside();
        let description: &mut Description = inside.providers.descriptions.get_mut(issuer).unwrap();
        description.token_endpoint_auth_methods_supported = methods;
        drop(inside);
        let deployment = deployment.another();
        let (flow, address) = begin_flow(&deployment);
        follow_callback(&deployment, &flow, &callback_path(&deployment, &address, "code"));
        let redeemed = deployment.world.inside().providers.redeemed.pop().unwrap();
        (redeemed.client_secret.is_some(), redeemed.secret_in_body)
    };
    assert_eq!(redeemed(None, ISSUER), (true, false));
    assert_eq!(redeemed(Some(&["client_secret_post", "client_secret_basic"]), ISSUER), (true, false));
    assert_eq!(redeemed(Some(&["client_secret_post"]), ISSUER), (true, true));
    assert!(!redeemed(None, "https://thief.example").0, "another issuer's client has the same id");
}

#[test]
fn the_callback_rejects_any_mismatch_with_the_flow() {
    let (deployment, acme) = open();
    // A workspace in which the same token would open a session, if the flow led there.
    workspace_with_ada(&deployment, "other");
    let (flow, address) = begin_flow(&deployment);
    let path = callback_path(&deployment, &address, "code");
    let (other, _) = begin_flow(&deployment);
    let forged = |place: usize, text: &str| {
        let mut parts: Vec<_> = flow.split('.').map(str::to_owned).collect();
        parts[place] = BASE64_URL_SAFE_NO_PAD.encode(text);
        parts.join(".")
    };
    let state = parameter(&address, "state");
    let ways = [
        (flow.clone(), "/v1/session/callback".to_owned()),
        (flow.clone(), "/v1/session/callback?code=code".to_owned()),
        (flow.clone(), format!("/v1/session/callback?code=code&state={}", state.get(1..).unwrap())),
        (flow.clone(), format!("{path}&state={state}")),
        (flow.clone(), format!("{path}&code=code")),
        (flow.clone(), format!("{path}&iss=https%3A%2F%2Fother.example")),
        (flow.clone(), format!("/v1/session/callback?error=access_denied&state={state}")),
        (flow.clone(), format!("/v1/session/callback?code=other&state={state}")),
        (other.clone(), path.clone()),
        (String::new(), path.clone()),
        ("nonsense".to_owned(), path.clone()),
        (format!("{flow}; {FLOW}={other}"), path.clone()),
        (forged(0, "a secret of one's own"), path.clone()),
        (forged(1, "other"), path.clone()),
        (forged(2, "https://other.example"), path.clone()),
        (forged(3, "other"), path.clone()),
    ];
    for (flow, path) in &ways {
        assert_sign_in_failed(&follow_callback(&deployment, flow, path), "SIGN_IN_FAILED");
    }
    assert_sign_in_failed(&deployment.call("GET", &path).send(), "SIGN_IN_FAILED");

    // A provider that supports `iss` in its responses always sends it (RFC 9207, section 2.4).
    deployment
        .world
        .inside()
        .providers
        .descriptions
        .get_mut(ISSUER)
        .unwrap()
        .authorization_response_iss_parameter_supported = true;
    let deployment = deployment.another();
    assert_sign_in_failed(&follow_callback(&deployment, &flow, &path), "SIGN_IN_FAILED");
    let named = format!("{path}&iss=https%3A%2F%2Faccounts.example");
    deployment.let_sign_in(&acme, &{
        let mut hidden = provider(ISSUER);
        hidden["sign_in"] = json!(false);
        hidden
    });
    assert_sign_in_failed(&follow_callback(&deployment, &flow, &named), "SIGN_IN_FAILED");
    deployment.let_sign_in(&acme, &provider(ISSUER));
    assert!(cookie(&follow_callback(&deployment, &flow, &named), COOKIE).is_some());
}

#[test]
fn an_identity_token_with_another_nonce_is_rejected() {
    let (deployment, _) = open();
    let (flow, address) = begin_flow(&deployment);
    let (_, elsewhere) = begin_flow(&deployment);
    for nonce in [Some(parameter(&elsewhere, "nonce")), Some(String::new()), None] {
        let path = callback_path(&deployment, &address, "code");
        signed(&deployment, ada(nonce.as_deref()));
        let reply = follow_callback(&deployment, &flow, &path);
        assert_sign_in_failed(&reply, "SIGN_IN_FAILED");
        assert_eq!(reply.line.detail.as_deref(), Some("the identity token belongs to another sign-in flow"));
    }
}

#[test]
fn any_failure_during_sign_in_fails_closed() {
    let (deployment, acme) = open();
    let sessions = || deployment.get(&acme.admin, "/v1/sessions").expect(200)["total"].clone();
    for fault in [Fault::Before, Fault::After] {
        // The description, the keys, and the token; in the callback, the code after the first of them. An isolate caches
        // failures, so each case has its own.
        for call in 0..3 {
            let token = signed(&deployment, ada(None));
            deployment.world.inside().providers.one_fails = Some((call, fault));
            assert_eq!(present(&deployment.another(), &token).send().refused(503), "PROVIDER_UNAVAILABLE");
        }
        deployment.world.inside().providers.one_fails = Some((0, fault));
        assert_sign_in_failed(&deployment.another().call("GET", START).send(), "PROVIDER_UNAVAILABLE");
        for call in 0..4 {
            let (flow, address) = begin_flow(&deployment);
            let path = callback_path(&deployment, &address, "code");
            deployment.world.inside().providers.one_fails = Some((call, fault));
            assert_sign_in_failed(&follow_callback(&deployment.another(), &flow, &path), "PROVIDER_UNAVAILABLE");
        }
        assert_eq!(sessions(), 0);
    }
    // The directory, the workspace's providers, and the session itself.
    for call in 0..3 {
        let token = signed(&deployment, ada(None));
        let deployment = deployment.another();
        deployment.world.inside().one_object_fails = Some((call, Fault::Before));
        assert_eq!(present(&deployment, &token).send().refused(503), "LEDGER_UNAVAILABLE");
        let (flow, address) = begin_flow(&deployment);
        let path = callback_path(&deployment, &address, "code");
        let deployment = deployment.another();
        deployment.world.inside().one_object_fails = Some((call, Fault::Before));
        assert_sign_in_failed(&follow_callback(&deployment, &flow, &path), "LEDGER_UNAVAILABLE");
    }
    assert_eq!(sessions(), 0);
    deployment.world.inside().one_object_fails = Some((1, Fault::Garbled));
    assert_sign_in_failed(&deployment.another().call("GET", START).send(), "INTERNAL");

    // A discovery document with another issuer is rejected.
    let described = deployment.world.inside().providers.descriptions[ISSUER].clone();
    let other = serde_json::from_value(json!("https://other.example")).unwrap();
    deployment
        .world
        .inside()
        .providers
        .descriptions
        .insert(ISSUER.to_owned(), Description { issuer: other, ..described });
    let token = signed(&deployment, ada(None));
    assert_eq!(present(&deployment.another(), &token).send().refused(503), "PROVIDER_UNAVAILABLE");
    assert_sign_in_failed(&deployment.another().call("GET", START).send(), "PROVIDER_UNAVAILABLE");
}

#[test]
fn session_providers_lists_only_providers_for_sign_in() {
    let (deployment, _) = open();
    let offered = |slug: &str| deployment.call("GET", &format!("/v1/session/providers?workspace={slug}")).send();
    assert_eq!(offered("acme").expect(200), json!({ "providers": [{ "issuer": ISSUER }] }));
    let other = deployment.workspace("other");
    deployment.let_sign_in(&other, &json!({ "issuer": ISSUER, "audience": "x", "member_by": "subject" }));
    let without = offered("other");
    assert_eq!(without.body, json!({ "providers": [] }));
    for slug in ["nowhere", "No-slug"] {
        assert_eq!(offered(slug).bytes, without.bytes, "{slug}");
    }
    let reply = deployment.call("GET", "/v1/session/providers").send();
    assert_eq!(reply.refused(400), "INVALID_QUERY");

    for query in ["other", "nowhere", "acme&issuer=https://other.example"] {
        let path = format!("/v1/session/start?workspace={query}");
        assert_sign_in_failed(&deployment.call("GET", &path).send(), "SIGN_IN_FAILED");
    }
    let named = deployment.call("GET", &format!("{START}&issuer={ISSUER}")).send();
    assert!(named.header("location").unwrap().starts_with("https://accounts.example/authorize?"));
    assert_eq!(offered("acme").status, 200);
}

#[test]
fn identity_providers_are_validated_and_changed_by_admins_only() {
    let (deployment, acme) = open();
    let read = || deployment.get(&acme.admin, "/v1/workspace").expect(200)["identity_providers"].clone();
    let shown = json!([{
        "issuer": ISSUER, "audience": "console", "jwks_uri": null, "member_by": "email", "vouches_for_email": false,
        "sign_in": true,
    }]);
    assert_eq!(read(), shown);
    let change = |providers: Value| {
        let body = json!({ "identity_providers": providers });
        deployment.call("PATCH", "/v1/workspace").bearer(&acme.admin).json(&body).send()
    };
    let with = |field: &str, value: Value| {
        let mut provider = provider(ISSUER);
        provider[field] = value;
        json!([provider])
    };
    for (wrong, code, pointer) in [
        (Value::Null, "INVALID_BODY", "/identity_providers"),
        (with("issuer", json!("http://accounts.example")), "INVALID_BODY", "/identity_providers/0/issuer"),
        (with("jwks_uri", json!("file:///keys")), "INVALID_BODY", "/identity_providers/0/jwks_uri"),
        (with("member_by", json!("name")), "INVALID_BODY", "/identity_providers/0/member_by"),
        (with("secret", json!("x")), "INVALID_BODY", "/identity_providers/0/secret"),
        (with("audience", json!("")), "INVALID_VALUE", "/identity_providers/0/audience"),
        (json!([provider(ISSUER), provider(ISSUER)]), "INVALID_VALUE", "/identity_providers/1/audience"),
    ] {
        let reply = change(wrong);
        assert_eq!((reply.refused(422), text(&reply.body, "/pointer")), (code, pointer.to_owned()));
    }
    let manager = deployment.token(&acme.admin, &["workspace:manage"]);
    let body = json!({ "identity_providers": [] });
    let reply = deployment.call("PATCH", "/v1/workspace").bearer(&manager).json(&body).send();
    assert_eq!(reply.refused(403), "ESCALATION");
    assert_eq!(read(), shown);
    change(json!([])).expect(200);

    let member = |id: &str, subject: Value| {
        let body = json!({ "id": id, "name": id, "role": "member", "grants": [], "subject": subject });
        deployment.call("POST", "/v1/members").bearer(&acme.admin).json(&body).send()
    };
    assert_eq!(member("bob", json!("bob|1")).expect(201)["subject"], "bob|1");
    assert_eq!(member("eve", json!("bob|1")).refused(409), "ALREADY_EXISTS");
    member("eve", Value::Null).expect(201);
    let subject = |value: Value| {
        let body = json!({ "subject": value });
        deployment.call("PATCH", "/v1/members/eve").bearer(&acme.admin).json(&body).send()
    };
    assert_eq!(subject(json!("bob|1")).refused(409), "ALREADY_EXISTS");
    assert_eq!(subject(json!("eve|1")).expect(200)["subject"], "eve|1");
    assert_eq!(subject(Value::Null).expect(200)["subject"], Value::Null);
}
