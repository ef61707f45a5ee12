//! How many requests to ledgers, the directory, the registry and identity providers a stranger can cause. The table in
//! docs/threat-model.md has the results, and is checked here.

use std::cell::Cell;

use axum::body::Body;
use counterfoil_api::{Claims, Class};
use counterfoil_ledger::sql::Sql as _;
use counterfoil_verify::Timestamp;
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Tenant, text},
    identity::{START, ada, present, signed, workspace_with_ada},
    tokens::{with_bad_check, with_forged_seal},
};

/// Requests of each kind within one second.
const REQUESTS: u32 = 10_000;

/// The requests that a request causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    ledgers: u32,
    directory: u32,
    registry: u32,
    providers: u32,
}

/// A deployment with everything that a stranger could have obtained or guessed.
struct Scene {
    deployment: Deployment,
    acme: Tenant,
    gateway: String,
    revoked: String,
    disabled: String,
    bound: String,
    former_gateway: String,
    session: String,
}

/// A kind of request: its name in the documentation, and its `n`th request.
type Kind = (&'static str, for<'a> fn(&'a Scene, u32) -> Call<'a>);

const KINDS: &[Kind] = &[
    ("no credential", |scene, _| scene.get("/v1/tokens")),
    ("a mistyped token", |scene, _| scene.get("/v1/tokens").bearer(&with_bad_check(&scene.acme.admin))),
    ("a forged token", |scene, _| scene.get("/v1/tokens").bearer(&with_forged_seal(&scene.acme.key))),
    ("a revoked token", |scene, _| scene.get("/v1/tokens").bearer(&scene.revoked)),
    ("a disabled token", |scene, _| scene.get("/v1/tokens").bearer(&scene.disabled)),
    ("an IP-restricted token, from another address", |scene, _| scene.get("/v1/tokens").bearer(&scene.bound)),
    ("the same, each from a different address", |scene, n| {
        scene.deployment.call("GET", "/v1/tokens").bearer(&scene.bound).header("cf-connecting-ip", address(n))
    }),
    ("an unknown third-party token", |scene, n| scene.get("/v1/tokens").header("authorization", bearer(n))),
    ("the same, naming a workspace", |scene, n| {
        scene.get("/v1/tokens").header("authorization", bearer(n)).header("x-counterfoil-workspace", "acme")
    }),
    ("the same, naming workspaces that do not exist", |scene, n| {
        scene
            .get("/v1/tokens")
            .header("authorization", bearer(n))
            .header("x-counterfoil-workspace", format!("invented-{n}"))
    }),
    ("such a name, each from a different address", |scene, n| {
        let named = scene.deployment.call("GET", "/v1/tokens").header("cf-connecting-ip", address(n));
        named.header("authorization", bearer(n)).header("x-counterfoil-workspace", format!("invented-{n}"))
    }),
    ("a forged token, with such names", |scene, n| {
        let forged = with_forged_seal(&scene.acme.key);
        scene.get("/v1/tokens").header("x-lgca-token", forged).header("x-lgca-domain", format!("invented-{n}"))
    }),
    ("a revoked token, with such names", |scene, n| {
        let revoked = &scene.revoked;
        scene.get("/v1/tokens").header("x-lgca-token", revoked).header("x-lgca-domain", format!("invented-{n}"))
    }),
    ("an ended session", |scene, _| scene.get("/v1/session").session(&scene.session)),
    ("a forged session", |scene, _| scene.get("/v1/session").session(&with_forged_seal(&scene.acme.key))),
    ("the identity providers of a workspace that does not exist", |scene, n| {
        scene.get(Box::leak(format!("/v1/session/providers?workspace=invented-{n}").into()))
    }),
    ("the identity providers of a workspace", |scene, _| scene.get("/v1/session/providers?workspace=acme")),
    ("the same, from a page of another origin", |scene, _| {
        scene.get("/v1/session/providers?workspace=acme").header("origin", "https://evil.example")
    }),
    ("a sign-in callback that no sign-in started", |scene, n| {
        scene.get(Box::leak(format!("/v1/session/callback?state={n}&code={n}").into()))
    }),
    ("10 softvisio messages, with a revoked token", |scene, _| {
        let message = |n| json!({ "jsonrpc": "2.0", "id": n, "method": "/v1/api-tokens/read", "params": [] });
        let messages: Vec<_> = (0..10).map(message).collect();
        scene.post("/v1/api-tokens").bearer(&scene.revoked).json(&messages.into())
    }),
    ("a softvisio WebSocket, with a revoked token", |scene, _| {
        scene.get("/v1/api-tokens").header("upgrade", "websocket").bearer(&scene.revoked)
    }),
    ("an import of 2.8 MB, with a revoked token", |scene, _| {
        scene.post("/v1/tokens/import").bearer(&scene.revoked).content("application/json", endless())
    }),
    ("administration by a compatibility API, with a revoked token", |scene, _| {
        scene.get("/api/2.0/token-management/tokens").bearer(&scene.revoked)
    }),
    ("verification, with a revoked token", |scene, _| {
        scene.post("/v1/verify").bearer(&scene.former_gateway).json(&json!({ "token": "x" }))
    }),
    ("verification, with an unknown third-party token", |scene, n| {
        let named =
            scene.post("/v1/verify").header("authorization", bearer(n)).header("x-counterfoil-workspace", "acme");
        named.json(&json!({ "token": "x" }))
    }),
    ("a lease, with a revoked token", |scene, _| {
        scene.post("/v1/lease").bearer(&scene.former_gateway).json(&json!({ "digests": [] }))
    }),
    ("records, with an unknown third-party token", |scene, n| {
        let named =
            scene.post("/v1/records").header("authorization", bearer(n)).header("x-counterfoil-workspace", "acme");
        named.json(&json!({ "digests": [] }))
    }),
    ("introspection, with a forged token", |scene, _| {
        let form = format!("token=x&client_secret={}", with_forged_seal(&scene.acme.key));
        scene.post("/oauth/introspect").content("application/x-www-form-urlencoded", form)
    }),
    ("revocation of an unknown third-party token", |scene, n| {
        let form = format!("token={}", invented(n));
        let request = scene.post("/oauth/revoke").header("x-counterfoil-workspace", "acme");
        request.content("application/x-www-form-urlencoded", form)
    }),
    ("a gateway's request, with a revoked token", |scene, _| {
        scene.get("/authorize").header("x-counterfoil-gateway", &scene.former_gateway).bearer(&scene.acme.admin)
    }),
    ("a client of a gateway, with a forged token", |scene, _| {
        scene
            .get("/authorize")
            .header("x-counterfoil-gateway", &scene.gateway)
            .bearer(&with_forged_seal(&scene.acme.key))
    }),
    ("a client of a gateway, with a revoked token", |scene, _| {
        scene.get("/authorize").header("x-counterfoil-gateway", &scene.gateway).bearer(&scene.revoked)
    }),
    ("a client of a gateway, with an unknown third-party token", |scene, n| {
        scene.get("/authorize").header("x-counterfoil-gateway", &scene.gateway).header("authorization", bearer(n))
    }),
    ("the creation of a workspace", |scene, n| {
        scene.post("/v1/workspaces").header("authorization", bearer(n)).json(&json!({ "slug": "mine", "name": "mine" }))
    }),
    ("a CORS preflight", |scene, _| {
        let preflight = scene.deployment.call("OPTIONS", "/v1/tokens").header("origin", "https://evil.example");
        preflight.header("access-control-request-method", "GET")
    }),
];

impl Scene {
    fn new() -> Self {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let token = |body: Value| text(&deployment.issue(&acme.admin, &body), "/token");
        let revoked = token(json!({ "name": "revoked", "scopes": ["*"] }));
        let former_gateway = token(json!({ "name": "former", "scopes": ["tokens:verify"] }));
        let disabled = token(json!({ "name": "disabled", "scopes": ["*"], "enabled": false }));
        let bound = token(json!({ "name": "bound", "scopes": ["*"], "allowed_addresses": ["10.0.0.0/8"] }));
        let gateway = token(json!({ "name": "gateway", "scopes": ["tokens:verify"] }));
        let (session, _) = deployment.session(&revoked);
        for ended in [&revoked, &former_gateway] {
            let form = format!("token={ended}");
            let request = deployment.call("POST", "/oauth/revoke");
            assert_eq!(request.content("application/x-www-form-urlencoded", form).send().status, 200);
        }
        deployment.world.drain();
        Self { deployment, acme, gateway, revoked, disabled, bound, former_gateway, session }
    }

    fn get(&self, path: &'static str) -> Call<'_> {
        self.deployment.call("GET", path).header("cf-connecting-ip", "203.0.113.9")
    }

    fn post(&self, path: &'static str) -> Call<'_> {
        self.deployment.call("POST", path).header("cf-connecting-ip", "203.0.113.9")
    }

    fn asked(&self) -> Cost {
        let inside = self.deployment.world.inside();
        let asked = inside.asked;
        let providers = inside.providers.calls;
        Cost { ledgers: asked.ledgers, directory: asked.directory, registry: asked.registry, providers }
    }

    /// What is requested while `run` executes.
    fn cost(&self, run: impl FnOnce()) -> Cost {
        let before = self.asked();
        run();
        let after = self.asked();
        Cost {
            ledgers: after.ledgers - before.ledgers,
            directory: after.directory - before.directory,
            registry: after.registry - before.registry,
            providers: after.providers - before.providers,
        }
    }
}

/// An invented token. Not registered as a secret: the log is not searched for ten thousand of them.
fn bearer(n: u32) -> String {
    format!("Bearer {}", invented(n))
}

fn invented(n: u32) -> String {
    format!("an-invented-foreign-text-{n}")
}

fn address(n: u32) -> String {
    format!("203.0.{}.{}", n >> 8, n & 255)
}

thread_local! {
    /// How many bytes of the bodies below were read.
    static READ: Cell<usize> = const { Cell::new(0) };
}

/// A body of 2.8 MB without a `Content-Length`.
fn endless() -> Body {
    READ.set(0);
    let chunk = || {
        READ.set(READ.get() + 16 * 1024);
        Ok::<_, std::io::Error>(vec![b' '; 16 * 1024])
    };
    Body::from_stream(futures_util::stream::iter((0..175).map(move |_| chunk())))
}

/// The table: for each kind, the requests caused by the first one in an isolate with empty caches, and by all within one
/// second.
fn measured() -> Vec<(&'static str, Cost, Cost)> {
    let measure = |(name, request): &Kind| {
        let mut scene = Scene::new();
        scene.deployment.forget();
        let first = scene.cost(|| drop(request(&scene, 0).send()));
        scene.deployment.forget();
        let second = scene.cost(|| {
            for n in 0..REQUESTS {
                let reply = request(&scene, n).send();
                // Some are answered without being admitted.
                let answered =
                    ["providers", "page of another", "messages", "revocation"].iter().any(|part| name.contains(part));
                assert!(reply.status != 200 || answered, "{name} was answered {}", reply.body);
                if n % 10 == 9 {
                    scene.deployment.world.pass(1);
                }
            }
        });
        assert_eq!(scene.deployment.world.ledgers_alive(), 1, "{name} started a ledger");
        (*name, first, second)
    };
    // Each kind has its own world.
    let (some, others) = KINDS.split_at(KINDS.len() / 2);
    let all = |kinds: &[Kind]| kinds.iter().map(measure).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let some = scope.spawn(|| all(some));
        let others = all(others);
        [some.join().unwrap(), others].concat()
    })
}

#[test]
fn requests_caused_by_strangers_match_the_documented_bounds() {
    let count = |cost: Cost| {
        let Cost { ledgers, directory, registry, providers } = cost;
        format!("{ledgers} | {directory} | {registry} | {providers}")
    };
    let rows: Vec<_> = measured()
        .iter()
        .map(|(name, first, second)| format!("| {name} | {} | {} |", count(*first), count(*second)))
        .collect();
    let docs = include_str!("../../../../docs/threat-model.md");
    for row in &rows {
        assert!(docs.contains(&**row), "docs/threat-model.md should have:\n{}", rows.join("\n"));
    }
}

#[test]
fn each_rate_limit_is_declared_in_wrangler_toml() {
    let deployment = include_str!("../../../../wrangler.toml");
    for class in Class::ALL {
        let declared = format!("[[ratelimits]]\nname = \"{}\"\n", class.name());
        assert_eq!(deployment.matches(&declared).count(), 1, "{class:?}");
    }
    assert_eq!(deployment.matches("[[ratelimits]]").count(), Class::ALL.len());
}

#[test]
fn valid_tokens_are_admitted_during_a_flood_of_invented_ones() {
    let scene = Scene::new();
    let root = || scene.get("/v1/tokens").bearer(ROOT).header("x-counterfoil-workspace", "acme").send().status;
    for n in 0..REQUESTS {
        let flood =
            scene.get("/v1/tokens").header("authorization", bearer(n)).header("x-counterfoil-workspace", "acme").send();
        assert!(matches!(flood.refused(flood.status), "UNKNOWN" | "RATE_LIMITED"));
        if n % 1_000 == 0 {
            // A token that is new to this isolate, and from the same address as the flood.
            let issued = scene.deployment.token(&scene.acme.admin, &["tokens:read"]);
            assert_eq!(scene.get("/v1/tokens").bearer(&issued).send().status, 200);
            assert_eq!(root(), 200);
        }
    }
}

#[test]
fn a_cached_rejection_ends_after_seconds_or_with_a_change() {
    let scene = Scene::new();
    let other = scene.deployment.another();
    let status = |isolate: &Deployment| isolate.get(&scene.disabled, "/v1/tokens").status;
    let call = || scene.deployment.get(&scene.disabled, "/v1/tokens");
    assert_eq!((call().refused(401), call().line.ledger_calls), ("DISABLED", 0), "it was queried once");
    assert_eq!(status(&other), 401);
    let listed = scene.deployment.get(&scene.acme.admin, "/v1/tokens").expect(200);
    let found = listed["items"].as_array().unwrap().iter().find(|token| token["name"] == "disabled").unwrap();
    let path = format!("/v1/tokens/{}", found["id"].as_str().unwrap());
    let enable = scene.deployment.call("PATCH", &path).bearer(&scene.acme.admin).json(&json!({ "enabled": true }));
    enable.send().expect(200);
    assert_eq!(call().status, 200, "in the isolate of the change, immediately");
    assert_eq!(status(&other), 401, "other isolates still reject it");
    scene.deployment.world.pass(1_000);
    assert_eq!(status(&other), 200, "for one second");
    // A new token's value did not exist before, so it cannot have been rejected.
    let issued = scene.deployment.token(&scene.acme.admin, &["tokens:read"]);
    assert_eq!(other.get(&issued, "/v1/tokens").status, 200);
}

#[test]
fn a_large_body_is_read_only_for_authorized_callers() {
    let scene = Scene::new();
    let import =
        |token: &str| scene.post("/v1/tokens/import").bearer(token).content("application/json", endless()).send();
    let reads_only = scene.deployment.token(&scene.acme.admin, &["tokens:read"]);
    assert_eq!(import(&reads_only).refused(403), "INSUFFICIENT_SCOPE");
    assert!(READ.get() <= 96 * 1024, "{} bytes were read", READ.get());
    assert_eq!(import(&scene.revoked).refused(401), "REVOKED");
    assert!(READ.get() <= 96 * 1024, "{} bytes were read", READ.get());
    assert_eq!(import(&scene.acme.admin).refused(400), "INVALID_JSON", "read to the end for an authorized caller");
    assert_eq!(READ.get(), 175 * 16 * 1024);
    // If the length is declared, nothing of the body is read.
    let said = |token: &str, length: &str| {
        READ.set(0);
        let request = scene.post("/v1/tokens/import").bearer(token).header("content-length", length);
        request.content("application/json", endless()).send()
    };
    assert_eq!(said(&scene.disabled, "2800000").refused(401), "DISABLED");
    assert_eq!(READ.get(), 0);
    assert_eq!(said(&scene.acme.admin, "99999999999").refused(413), "BODY_TOO_LARGE");
    assert_eq!(READ.get(), 0);
    // A small body is authorized in the transaction that executes it.
    let line = json!({ "tokens": [{ "digest": "00".repeat(32), "name": "x", "scopes": [] }] });
    let small = scene.post("/v1/tokens/import").bearer(&scene.acme.admin).json(&line).send();
    assert_eq!((small.status, small.line.ledger_calls), (200, 1));
}

#[test]
fn an_address_with_many_invalid_credentials_is_blocked() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::FailedCredentials, 3);
    let here = |token: &str| scene.get("/v1/tokens").bearer(token).send();
    assert_eq!(here(&scene.acme.admin).status, 200);
    let stranger = with_forged_seal(&scene.acme.key);
    for _ in 0..4 {
        assert_eq!(here(&stranger).refused(401), "UNKNOWN");
    }
    let shut = here(&scene.disabled);
    assert_eq!((shut.refused(429), shut.line.ledger_calls), ("RATE_LIMITED", 0));
    assert_eq!(shut.header("retry-after"), Some("10"));
    assert_eq!(here(&scene.acme.admin).status, 200, "it was admitted from here a moment ago");
    let gateway = scene.post("/v1/verify").bearer(&scene.gateway).json(&json!({ "token": "x" })).send();
    assert_eq!(gateway.status, 200, "verification is not limited, though this isolate has never met the gateway");
    let elsewhere = scene.deployment.call("GET", "/v1/tokens").bearer(&scene.disabled);
    assert_eq!(
        elsewhere.header("cf-connecting-ip", "203.0.113.10").send().status,
        401,
        "another address is not blocked"
    );
    scene.deployment.world.pass(10_000);
    scene.deployment.world.inside().counted.clear();
    assert_eq!(here(&scene.disabled).status, 401, "after Retry-After it is no longer blocked");
}

#[test]
fn changes_are_rate_limited_but_revocations_are_not() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::Changes, 2);
    let admin = &scene.acme.admin;
    let create = |token: &str| scene.deployment.post(token, "/v1/tokens", &json!({ "name": "", "scopes": [] }));
    scene.deployment.world.inside().counted.clear();
    let first = create(admin).expect(201);
    create(admin).expect(201);
    let before = scene.deployment.world.dump();
    let third = create(admin);
    assert_eq!((third.refused(429), third.header("retry-after")), ("RATE_LIMITED", Some("10")));
    assert!(scene.deployment.world.dump() == before, "it changed something");
    assert_eq!(scene.deployment.get(admin, "/v1/tokens").status, 200, "reads are not limited");
    let path = format!("/v1/tokens/{}", first["id"].as_str().unwrap());
    assert_eq!(scene.deployment.delete(admin, &path).status, 200, "revocations are not limited");
    let root = scene.deployment.call("POST", "/v1/tokens").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    let root = root.json(&json!({ "name": "", "scopes": [], "owner": "admin" })).send();
    assert_ne!(root.status, 429, "root is not limited");
}

#[test]
fn sign_ins_are_rate_limited_per_address() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::SignIns, 2);
    let start = || scene.get("/v1/session/start?workspace=acme").send();
    let present = || scene.post("/v1/session").json(&json!({ "workspace": "acme", "id_token": "a.b.c" })).send();
    assert_eq!(start().line.code, Some("SIGN_IN_FAILED"));
    assert_eq!(present().refused(401), "SIGN_IN_FAILED");
    let (third, fourth) = (start(), present());
    assert_eq!((third.line.code, third.line.ledger_calls), (Some("RATE_LIMITED"), 0));
    assert_eq!(
        (fourth.refused(429), fourth.line.ledger_calls, fourth.header("retry-after")),
        ("RATE_LIMITED", 0, Some("60"))
    );
}

#[test]
fn cached_names_resolve_while_the_directory_limit_is_exhausted() {
    let scene = Scene::new();
    let named = |slug: &str| scene.get("/v1/tokens").bearer(ROOT).header("x-counterfoil-workspace", slug).send().status;
    let offered = |slug: &str| {
        let path = format!("/v1/session/providers?workspace={slug}");
        scene.deployment.call("GET", &path).send()
    };
    assert_eq!(offered("acme").status, 200);
    scene.deployment.world.pass(11_000);
    let invented = (0..100).filter(|n| offered(&format!("invented-{n}")).status == 429).count();
    assert_eq!(invented, 80, "20 per second are queried");
    let known = offered("acme");
    assert_eq!(
        (known.status, known.line.ledger_calls),
        (200, 1),
        "the ledger, since its response has expired, but not the directory"
    );
    assert_eq!(offered("never-met").refused(429), "RATE_LIMITED");
    // Root sees a workspace that was created a moment ago, whatever is cached.
    assert_eq!(named("later"), 404);
    scene.deployment.workspace("later");
    assert_eq!(named("later"), 200);
}

/// A person with an account at the workspace's provider who is no member.
fn non_member() -> Claims {
    Claims {
        subject: "mallory|1".to_owned(),
        email: Some("mallory@example.net".to_owned()),
        email_verified: Some(true),
        nonce: None,
        expires_at: Timestamp(1_800_000_300_000),
    }
}

#[test]
fn sign_ins_of_non_members_cause_few_ledger_requests() {
    let deployment = Deployment::new();
    workspace_with_ada(&deployment, "acme");
    let token = signed(&deployment, non_member());
    let before = deployment.world.inside().asked.ledgers;
    for n in 0..1_000 {
        let refused = present(&deployment, &token).send();
        assert!(matches!(refused.refused(refused.status), "SIGN_IN_FAILED" | "RATE_LIMITED"));
        if n % 10 == 9 {
            deployment.world.pass(1);
        }
    }
    let asked = deployment.world.inside().asked.ledgers - before;
    assert!(asked <= 110, "{asked} calls");
    // A member can still sign in.
    assert_eq!(present(&deployment, &signed(&deployment, ada(None))).send().status, 201);
}

#[test]
fn strangers_cannot_keep_members_from_signing_in() {
    let deployment = Deployment::new();
    workspace_with_ada(&deployment, "acme");
    assert_eq!(deployment.call("GET", START).send().status, 302);
    // The cached providers of the workspace have expired.
    deployment.world.pass(6_000);
    for n in 0..100 {
        let page = deployment.call("GET", "/v1/session/providers?workspace=acme");
        let page = page.header("origin", "https://evil.example").send();
        assert_ne!(page.status, 200);
        let text = deployment.call("GET", "/v1/tokens").header("authorization", bearer(n));
        assert_ne!(text.header("x-counterfoil-workspace", "acme").send().status, 200);
    }
    let started = deployment.call("GET", START).send();
    assert_eq!(started.line.code, None, "the redirect to the provider");
}

#[test]
fn a_failing_ledger_admits_no_credential() {
    let scene = Scene::new();
    let call = || {
        let text = scene.get("/v1/tokens").header("authorization", bearer(1));
        text.header("x-counterfoil-workspace", "acme").send()
    };
    for ledger in scene.deployment.world.inside().ledgers.values() {
        ledger.sql().exec("ALTER TABLE tokens RENAME TO broken", &[]).unwrap();
    }
    let cost = scene.cost(|| (0..200).for_each(|_| drop(call())));
    assert!(cost.ledgers <= 50, "{cost:?}");
}

#[test]
fn a_rejected_batch_counts_as_a_failed_credential() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::FailedCredentials, 3);
    let message = json!([{ "jsonrpc": "2.0", "id": 1, "method": "/v1/api-tokens/read", "params": [] }]);
    for _ in 0..5 {
        scene.post("/v1/api-tokens").bearer(&with_forged_seal(&scene.acme.key)).json(&message).send();
    }
    assert_eq!(scene.get("/v1/tokens").bearer(&scene.disabled).send().refused(429), "RATE_LIMITED");
}

#[test]
fn one_address_cannot_exhaust_the_directory_limit() {
    let scene = Scene::new();
    for n in 0..200 {
        let path = format!("/v1/session/providers?workspace=invented-{n}");
        scene.deployment.call("GET", &path).header("cf-connecting-ip", "203.0.113.9").send();
    }
    let elsewhere = scene.deployment.call("GET", "/v1/session/providers?workspace=acme");
    assert_eq!(elsewhere.header("cf-connecting-ip", "203.0.113.10").send().status, 200);
}

#[test]
fn a_blocked_address_causes_no_directory_requests() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::FailedCredentials, 3);
    for _ in 0..4 {
        scene.get("/v1/tokens").bearer(&with_forged_seal(&scene.acme.key)).send();
    }
    let cost = scene.cost(|| {
        for n in 0..10 {
            let text = scene.get("/v1/tokens").header("authorization", bearer(n));
            text.header("x-counterfoil-workspace", format!("invented-{n}")).send();
        }
    });
    assert_eq!(cost, Cost::default());
}

#[test]
fn one_rejected_token_cannot_exhaust_the_shared_allowance() {
    let scene = Scene::new();
    let holder = || {
        let bound = scene.deployment.call("GET", "/v1/tokens").bearer(&scene.bound);
        bound.header("cf-connecting-ip", "10.0.0.1").send().status
    };
    assert_eq!(holder(), 200);
    for n in 0..300 {
        let bound = scene.deployment.call("GET", "/v1/tokens").bearer(&scene.bound);
        assert!(bound.header("cf-connecting-ip", address(n)).send().status != 200);
    }
    // Through another isolate, so that it is new to this one.
    let issued = scene.deployment.another().token(&scene.acme.admin, &["tokens:read"]);
    assert_eq!(scene.get("/v1/tokens").bearer(&issued).send().status, 200);
    assert_eq!(holder(), 200, "nor its own holder, who was admitted from there");
}

#[test]
fn a_rejection_without_address_does_not_block_allowed_addresses() {
    let scene = Scene::new();
    assert_eq!(
        scene.deployment.call("GET", "/v1/tokens").bearer(&scene.bound).send().refused(403),
        "ADDRESS_NOT_ALLOWED"
    );
    let here = scene.deployment.call("GET", "/v1/tokens").bearer(&scene.bound);
    assert_eq!(here.header("cf-connecting-ip", "10.0.0.1").send().status, 200);
}

#[test]
fn revocation_works_from_a_blocked_address() {
    let scene = Scene::new();
    scene.deployment.world.inside().limits.insert(Class::FailedCredentials, 3);
    let leaked = scene.deployment.token(&scene.acme.admin, &["tokens:read"]);
    let other = scene.deployment.another();
    let call = |method: &str, path: &str| other.call(method, path).header("cf-connecting-ip", "203.0.113.9");
    for _ in 0..4 {
        call("GET", "/v1/tokens").bearer(&with_forged_seal(&scene.acme.key)).send();
    }
    assert_eq!(call("GET", "/v1/tokens").bearer(&scene.acme.admin).send().status, 429, "the address is blocked");
    let form = format!("token={leaked}&client_secret={}", scene.acme.admin);
    let revoked = call("POST", "/oauth/revoke").content("application/x-www-form-urlencoded", form).send();
    assert_eq!(revoked.status, 200);
}

#[test]
fn stale_names_are_kept_while_the_directory_limit_is_exhausted() {
    let scene = Scene::new();
    let offered = |slug: &str| {
        let path = format!("/v1/session/providers?workspace={slug}");
        scene.deployment.call("GET", &path).send().status
    };
    assert_eq!(offered("acme"), 200);
    for n in 0..40 {
        offered(&format!("invented-{n}"));
    }
    scene.deployment.workspace("later");
    assert_eq!(offered("acme"), 200);
}

#[test]
fn a_rejection_decided_before_a_change_is_not_cached() {
    let scene = Scene::new();
    scene.deployment.world.inside().requests_wait = true;
    let listed = scene.deployment.get(&scene.acme.admin, "/v1/tokens").expect(200);
    let found = listed["items"].as_array().unwrap().iter().find(|token| token["name"] == "disabled").unwrap();
    let path = format!("/v1/tokens/{}", found["id"].as_str().unwrap());
    scene.deployment.world.inside().responses_take = 300;
    let mut underway = scene.get("/v1/tokens").bearer(&scene.disabled).begin();
    assert!(underway.answer().is_none(), "the rejection is in transit");
    scene.deployment.world.inside().responses_take = 0;
    let enable = scene.deployment.call("PATCH", &path).bearer(&scene.acme.admin).json(&json!({ "enabled": true }));
    enable.send().expect(200);
    assert_eq!(underway.finish().refused(401), "DISABLED");
    assert_eq!(scene.deployment.get(&scene.disabled, "/v1/tokens").status, 200);
}
