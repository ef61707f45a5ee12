//! The requests to identity providers that strangers can cause: a few per second, at addresses on the public internet.
//!
//! A crowd begins to sign in, returns with invented codes, or presents unsigned identity tokens.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_api::{Claims, Config, ConfigError, Settings};
use counterfoil_verify::Timestamp;
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, Tenant, Underway, text},
    identity::{
        FLOW, ISSUER, START, ada, begin_flow, follow_callback, parameter, present, provider, signed, token_for,
        workspace_with_ada,
    },
};

/// How many strangers arrive per second. The number of requests to providers does not depend on it.
const CROWD: u64 = 1_000;

/// A tick of the crowd's clock, in milliseconds.
const TICK: u64 = 10;

fn open() -> (Deployment, Tenant) {
    let deployment = Deployment::new();
    deployment.world.inside().requests_wait = true;
    let acme = workspace_with_ada(&deployment, "acme");
    (deployment, acme)
}

/// The codes of the responses, and the most requests that waited at a time.
struct Crowd {
    codes: Vec<String>,
    waiting: usize,
}

/// Lets strangers arrive for so many seconds, and collects their responses.
fn flood<'a>(deployment: &'a Deployment, seconds: u64, call: impl Fn(u64) -> Call<'a>) -> Crowd {
    let mut underway: Vec<Underway<'a>> = Vec::new();
    let mut crowd = Crowd { codes: Vec::new(), waiting: 0 };
    for tick in 0..seconds * 1_000 / TICK {
        let here = CROWD * TICK / 1_000;
        underway.extend((0..here).map(|one| call(tick * here + one).begin()));
        underway.retain_mut(|one| match one.answer() {
            None => true,
            Some(reply) => {
                crowd.codes.push(reply.line.code.unwrap_or("no problem").to_owned());
                false
            }
        });
        crowd.waiting = crowd.waiting.max(underway.len());
        deployment.world.pass(TICK);
    }
    crowd
}

/// When this address was requested.
fn asked(deployment: &Deployment, address: &str) -> Vec<Timestamp> {
    let inside = deployment.world.inside();
    let asked = inside.providers.asked.iter();
    asked.filter(|(asked, _)| asked == address).map(|(_, at)| *at).collect()
}

#[track_caller]
fn assert_apart(asked: &[Timestamp], milliseconds: u64) {
    assert!(asked.windows(2).all(|pair| pair[1].since(pair[0]) >= milliseconds), "{asked:?}");
}

/// An unsigned identity token with this key id.
fn invented(key: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "kid": key }).to_string());
    let (_, rest) =
        token_for(ISSUER, &json!("console")).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    format!("{header}.{rest}")
}

#[test]
fn a_failing_provider_is_requested_only_every_few_seconds() {
    let (deployment, _) = open();
    deployment.world.inside().providers.fail = true;
    let crowd = flood(&deployment, 5, |_| deployment.call("GET", START));
    // At the start, and after pauses of 2 and 4 seconds.
    let asked = asked(&deployment, ISSUER);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_apart(&asked, 2_000);
    assert_eq!((crowd.codes.len() as u64, crowd.waiting), (5 * CROWD, 0), "no request waits after a failure");
    assert!(crowd.codes.iter().all(|code| code == "PROVIDER_UNAVAILABLE"));
}

#[test]
fn a_hanging_provider_is_requested_once_per_second() {
    let (deployment, _) = open();
    (deployment.world.inside().providers.fail, deployment.world.inside().providers.take) = (true, 5_000);
    let crowd = flood(&deployment, 4, |_| deployment.call("GET", START));
    let asked = asked(&deployment, ISSUER);
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert_apart(&asked, 1_000);
    // In each second one request fetches and 32 wait; the others get a response immediately.
    assert!(crowd.waiting <= 4 * 33, "{}", crowd.waiting);
    assert!(crowd.codes.len() as u64 >= 4 * (CROWD - 33));
    assert!(crowd.codes.iter().all(|code| code == "PROVIDER_UNAVAILABLE"));
}

#[test]
fn invented_identity_tokens_cause_few_requests_and_no_audit_rows() {
    let (deployment, acme) = open();
    deployment.world.inside().providers.keys = Some(vec!["one"]);
    let crowd = flood(&deployment, 3, |number| present(&deployment, &invented(&format!("key-{number}"))));
    assert_eq!(asked(&deployment, ISSUER).len(), 1);
    // Once as for any token, and once since the key may be new; from then on every 30 seconds.
    assert_eq!(asked(&deployment, &format!("{ISSUER}/keys")).len(), 2);
    assert!(deployment.world.inside().providers.identified.is_empty(), "no signature is verified");
    assert!(crowd.codes.iter().all(|code| code == "SIGN_IN_FAILED"));
    let rows = || deployment.get(&acme.admin, "/v1/audit?actor=sign_in").expect(200)["total"].clone();
    assert_eq!(rows(), 0);
    deployment.world.pass(30_000);
    flood(&deployment, 1, |number| present(&deployment, &invented(&format!("other-{number}"))));
    assert_eq!(asked(&deployment, &format!("{ISSUER}/keys")).len(), 3);

    // With the id of an existing key, one signature is verified, and rejected.
    let before = asked(&deployment, &format!("{ISSUER}/keys"));
    assert_eq!(present(&deployment, &invented("one")).send().refused(401), "SIGN_IN_FAILED");
    let inside = deployment.world.inside();
    assert_eq!(
        (inside.providers.identified.len(), &inside.providers.identified[0].keys),
        (1, &vec![json!({ "kid": "one" })])
    );
    drop(inside);
    assert_eq!((asked(&deployment, &format!("{ISSUER}/keys")), rows()), (before, json!(0)));
}

#[test]
fn a_new_signing_key_is_used_by_all_waiting_requests() {
    let (deployment, _) = open();
    deployment.world.inside().providers.keys = Some(vec!["one"]);
    assert_eq!(present(&deployment, &invented("none")).send().refused(401), "SIGN_IN_FAILED");
    deployment.world.pass(30_000);
    let token = invented("two");
    deployment.world.inside().providers.tokens.insert(token.clone(), ada(None));
    (deployment.world.inside().providers.keys, deployment.world.inside().providers.take) =
        (Some(vec!["one", "two"]), 300);
    let mut stranger = present(&deployment, &invented("none")).begin();
    assert!(stranger.answer().is_none());
    let mut member = present(&deployment, &token).begin();
    assert!(member.answer().is_none(), "it waits");
    deployment.world.pass(300);
    assert_eq!(stranger.answer().unwrap().refused(401), "SIGN_IN_FAILED");
    assert_eq!(member.finish().status, 201);
    assert_eq!(asked(&deployment, &format!("{ISSUER}/keys")).len(), 2);
}

#[test]
fn invented_authorization_codes_are_exchanged_at_a_limited_rate() {
    let (deployment, _) = open();
    let (flow, address) = begin_flow(&deployment);
    let path = format!("/v1/session/callback?code=invented&state={}", parameter(&address, "state"));
    let crowd = flood(&deployment, 3, |_| deployment.call("GET", &path).header("cookie", format!("{FLOW}={flow}")));
    let redeemed = deployment.world.inside().providers.redeemed.len();
    assert!((30..=40).contains(&redeemed), "ten at once, then ten per second: {redeemed}");
    assert!(crowd.waiting <= 51, "{}", crowd.waiting);
    assert!(crowd.codes.iter().all(|code| ["SIGN_IN_FAILED", "PROVIDER_UNAVAILABLE"].contains(&&**code)));
    // Another slot may be free by now, but not two.
    let come = || deployment.call("GET", &path).header("cookie", format!("{FLOW}={flow}")).begin();
    let (mut one, mut other) = (come(), come());
    let (_, told) = (one.answer(), other.answer().unwrap());
    assert_eq!(told.line.code, Some("PROVIDER_UNAVAILABLE"));
    drop(one);
    // After that a browser can sign in as always.
    deployment.world.pass(10_000);
    let path = crate::identity::callback_path(&deployment, &address, "code");
    assert_eq!(follow_callback(&deployment, &flow, &path).header("location"), Some("/console/"));
}

#[test]
fn concurrent_sign_ins_share_one_fetch_per_document() {
    let (deployment, _) = open();
    deployment.world.inside().providers.take = 250;
    let token = signed(&deployment, ada(None));
    let mut underway: Vec<_> = (0..20).map(|_| present(&deployment, &token).begin()).collect();
    assert!(underway.iter_mut().all(|one| one.answer().is_none()));
    for one in underway {
        assert_eq!(one.finish().status, 201);
    }
    assert_eq!((asked(&deployment, ISSUER).len(), asked(&deployment, &format!("{ISSUER}/keys")).len()), (1, 1));
}

#[test]
fn cached_provider_documents_bridge_an_outage_of_ten_minutes() {
    let (deployment, _) = open();
    let lasting = Claims { expires_at: Timestamp(1_900_000_000_000), ..ada(None) };
    let token = signed(&deployment, lasting);
    let sign_in = || present(&deployment, &token).send().line.code;
    assert_eq!(sign_in(), None);
    deployment.world.inside().providers.fail = true;
    deployment.world.pass(299_000);
    assert_eq!((sign_in(), asked(&deployment, ISSUER).len()), (None, 1));
    for _ in 0..10 {
        deployment.world.pass(30_000);
        let signed_in = sign_in();
        assert_eq!(signed_in, None);
    }
    deployment.world.pass(2_000);
    let reply = present(&deployment, &token).send();
    assert_eq!(reply.refused(503), "PROVIDER_UNAVAILABLE");
    let again_in: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=8).contains(&again_in), "{again_in}");
    deployment.world.inside().providers.fail = false;
    deployment.world.pass(again_in * 1_000);
    assert_eq!(sign_in(), None);
}

#[test]
fn an_oversized_or_malformed_identity_token_causes_no_request() {
    let (deployment, _) = open();
    let long = format!("{}{}", signed(&deployment, ada(None)), "A".repeat(16 * 1024));
    let (_, rest) = long.split_once('.').unwrap();
    for token in [
        &*long,
        &format!("x.{rest}"),
        &format!("W10.{}", token_for(ISSUER, &json!("console")).split_once('.').unwrap().1),
    ] {
        assert_eq!(present(&deployment, token).send().refused(401), "SIGN_IN_FAILED");
    }
    assert!(deployment.world.inside().providers.asked.is_empty());
}

/// Hosts that are not public; the tests of `WebAddress` have more.
const PRIVATE: &[&str] = &[
    "https://10.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://[::1]",
    "https://sso.internal",
    "http://localhost:8080",
];

fn name(deployment: &Deployment, acme: &Tenant, provider: Value) -> crate::deployment::Reply {
    let body = json!({ "identity_providers": [provider] });
    deployment.call("PATCH", "/v1/workspace").bearer(&acme.admin).json(&body).send()
}

#[test]
fn a_provider_at_a_private_address_must_be_allowed() {
    let (deployment, acme) = open();
    for address in PRIVATE {
        let reply = name(&deployment, &acme, provider(address));
        assert_eq!(reply.refused(422), "INVALID_VALUE");
        assert_eq!(text(&reply.body, "/pointer"), "/identity_providers/0/issuer");
        let detail = text(&reply.body, "/detail");
        assert!(
            detail.starts_with(&format!("The URL {address} is at a private")) && detail.contains("PRIVATE_PROVIDERS"),
            "{detail}"
        );
        let mut named = provider(ISSUER);
        named["jwks_uri"] = json!(format!("{address}/keys"));
        let reply = name(&deployment, &acme, named);
        assert_eq!(
            (reply.refused(422), text(&reply.body, "/pointer")),
            ("INVALID_VALUE", "/identity_providers/0/jwks_uri".to_owned())
        );
    }
    deployment.world.inside().private_providers = "allow";
    let allowing = deployment.another();
    for address in PRIVATE {
        allowing.let_sign_in(&acme, &provider(address));
        let reply = allowing.call("GET", START).send();
        assert!(reply.header("location").unwrap().starts_with(&format!("{address}/authorize?")), "{address}");
    }
    // A provider that was configured while private addresses were allowed gets no requests once they are not.
    deployment.world.inside().providers.asked.clear();
    let reply = deployment.call("GET", START).send();
    assert_eq!(reply.line.code, Some("PROVIDER_UNAVAILABLE"));
    assert!(reply.line.detail.unwrap().contains("PRIVATE_PROVIDERS"));
    assert!(deployment.world.inside().providers.asked.is_empty());
}

#[test]
fn discovered_endpoints_at_private_addresses_are_rejected() {
    let (deployment, _) = open();
    let good = deployment.world.inside().providers.descriptions[ISSUER].clone();
    for address in PRIVATE {
        for field in 0..3 {
            let mut description = good.clone();
            let endpoints =
                [&mut description.authorization_endpoint, &mut description.token_endpoint, &mut description.jwks_uri];
            for (index, endpoint) in endpoints.into_iter().enumerate() {
                if index == field {
                    *endpoint = serde_json::from_value(json!(format!("{address}/a"))).unwrap();
                }
            }
            deployment.world.inside().providers.descriptions.insert(ISSUER.to_owned(), description);
            deployment.world.inside().providers.asked.clear();
            let reply = present(&deployment.another(), &signed(&deployment, ada(None))).send();
            assert_eq!(reply.refused(503), "PROVIDER_UNAVAILABLE");
            assert!(reply.line.detail.unwrap().contains("private or reserved"));
            assert_eq!(asked(&deployment, ISSUER).len(), deployment.world.inside().providers.asked.len(), "no keys");
        }
    }
    assert!(deployment.world.inside().providers.identified.is_empty());
}

#[test]
fn private_providers_accepts_only_allow() {
    let root = format!(r#"["{}"]"#, "ab".repeat(32));
    let refused = |private_providers: &str| {
        let settings = Settings {
            root_token_digests: &root,
            seal_secrets: crate::world::SEAL_SECRETS,
            session_secrets: crate::world::SESSION_SECRETS,
            private_providers,
            ..Settings::default()
        };
        Config::parse(&settings).err()
    };
    assert_eq!((refused(""), refused("allow")), (None, None));
    for wrong in ["true", "ALLOW", "deny", "10.0.0.0/8"] {
        assert_eq!(refused(wrong), Some(ConfigError::PrivateProviders), "{wrong}");
    }
}
