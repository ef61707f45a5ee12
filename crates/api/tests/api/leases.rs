//! Leases: checks are answered from the cache while the ledger's lease lasts, and a change may wait until no verifier
//! uses the previous state.

mod elsewhere;
mod waiting;

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Demand, Encoded, Grant, Limits, Need, Progress, Supply, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, Tenant, text},
    world::Fault,
};

/// For how long a lease of ten seconds is used, in milliseconds.
const USED: u64 = 8_800;

/// The cost of a check: ledger requests, registry reads.
type Cost = (u32, u32);

const FREE: Cost = (0, 0);
const ONE_REQUEST: Cost = (1, 0);

/// A workspace, a token that verifies its tokens (the gate), and a member's token.
struct Setup {
    deployment: Deployment,
    acme: Tenant,
    gate: String,
    token: String,
    id: String,
}

impl Setup {
    fn new() -> Self {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*"] });
        deployment.post(&acme.admin, "/v1/members", &ada).expect(201);
        let gate = deployment.token(&acme.admin, &["tokens:verify"]);
        let body = json!({ "name": "", "owner": "ada", "scopes": ["orders:read"] });
        let issued = deployment.issue(&acme.admin, &body);
        deployment.world.drain();
        Self { token: text(&issued, "/token"), id: text(&issued, "/id"), gate, acme, deployment }
    }

    /// The response to a check in an isolate.
    fn ask(&self, isolate: &Deployment, demand: &Value) -> Reply {
        isolate.post(&self.gate, "/v1/verify", &json!({ "token": self.token, "demand": demand }))
    }

    /// The code and the freshness of a check in an isolate, and its cost.
    #[track_caller]
    fn check(&self, isolate: &Deployment, demand: &Value) -> (String, String, Cost) {
        let reply = self.ask(isolate, demand);
        let cost = cost(&reply);
        let decision = reply.expect(200);
        (text(&decision, "/code"), text(&decision, "/freshness"), cost)
    }

    /// The same for the usual check, which requires a scope.
    #[track_caller]
    fn usual(&self, isolate: &Deployment) -> (String, String, Cost) {
        self.check(isolate, &json!({ "all_of": ["orders:read"] }))
    }

    fn token_path(&self) -> String {
        format!("/v1/tokens/{}", self.id)
    }

    fn call(&self, method: &str, path: &str) -> Call<'_> {
        self.deployment.call(method, path).bearer(&self.acme.admin)
    }

    /// How many requests were sent to the ledgers.
    fn asked(&self) -> u32 {
        self.deployment.world.inside().asked.ledgers
    }

    fn pass(&self, milliseconds: u64) {
        self.deployment.world.pass(milliseconds);
    }

    fn fail(&self, fault: Option<Fault>) {
        self.deployment.world.inside().objects_fail = fault;
    }
}

fn cost(reply: &Reply) -> Cost {
    (reply.line.ledger_calls, reply.line.registry_reads)
}

fn found(code: &str, freshness: &str, cost: Cost) -> (String, String, Cost) {
    (code.to_owned(), freshness.to_owned(), cost)
}

/// The response, which must arrive immediately.
#[track_caller]
fn immediate(call: Call<'_>) -> Reply {
    call.begin().answer().unwrap_or_else(|| panic!("it waits"))
}

/// The caller is checked under a lease whatever freshness it requests: otherwise a revoked gateway could choose stale
/// records for itself.
#[test]
fn the_callers_own_token_is_checked_at_least_bounded() {
    for demand in ["eventual", "bounded or eventual", "strong or eventual", "bounded", "strong"] {
        let setup = Setup::new();
        let elsewhere = setup.deployment.another();
        let freshness = demand.trim_end_matches(" or eventual");
        let asked = json!({ "freshness": freshness, "or_eventual": demand.ends_with(" or eventual") });
        let verify = || setup.ask(&elsewhere, &asked);
        let authorize = || {
            let call = elsewhere.call("GET", "/authorize").header("x-counterfoil-gateway", &setup.gate);
            call.header("x-counterfoil-freshness", demand).bearer(&setup.token).send()
        };
        verify().expect(200);
        assert_eq!(authorize().status, 200, "{demand}");

        let id = text(&setup.deployment.get(&setup.gate, "/v1/tokens/self").expect(200), "/id");
        setup.call("DELETE", &format!("/v1/tokens/{id}")).send().expect(200);
        // The registry does not have the change yet, and an eventual decision would come from the cache in any case.
        setup.pass(USED);
        assert_eq!(verify().refused(401), "REVOKED", "{demand}");
        assert_eq!(authorize().line.code, Some("GATEWAY_NOT_ALLOWED"), "{demand}");
        let fresh = setup.deployment.another();
        assert_eq!(setup.ask(&fresh, &asked).refused(401), "REVOKED", "{demand}, in an isolate with empty caches");

        // While the ledger is unreachable, the registry's state still counts.
        setup.deployment.world.drain();
        setup.fail(Some(Fault::Before));
        setup.pass(60_000);
        let status = setup.ask(&setup.deployment.another(), &asked).status;
        assert!(matches!(status, 401 | 503), "{demand}: {status}");
    }
}

/// A change after which the token is not valid, or lacks the scope.
struct Change {
    method: &'static str,
    path: &'static str,
    /// The body; `None` if `wait` is in the query.
    body: Option<Value>,
    /// The code of checks after the change.
    code: &'static str,
}

/// All such changes.
fn changes() -> Vec<Change> {
    let change = |method, path, body: Value, code| Change { method, path, body: Some(body), code };
    let erase = |path| Change { method: "DELETE", path, body: None, code: "REVOKED" };
    vec![
        erase("/v1/tokens/ID"),
        erase("/v1/members/ada"),
        change("POST", "/v1/tokens/revoke", json!({ "ids": ["ID"] }), "REVOKED"),
        change("POST", "/v1/tokens/revoke", json!({ "filter": { "owner": "ada" } }), "REVOKED"),
        change("POST", "/v1/tokens/ID/rotate", json!({}), "REVOKED"),
        change("PATCH", "/v1/tokens/ID", json!({ "enabled": false }), "DISABLED"),
        change("PATCH", "/v1/tokens/ID", json!({ "scopes": [] }), "INSUFFICIENT_SCOPE"),
        change("PATCH", "/v1/tokens/ID", json!({ "scopes": { "orders:read": false } }), "INSUFFICIENT_SCOPE"),
        change("PATCH", "/v1/members/ada", json!({ "state": "suspended" }), "OWNER_SUSPENDED"),
        change("PATCH", "/v1/members/ada", json!({ "revoke_all": true }), "REVOKED"),
        change("PATCH", "/v1/members/ada", json!({ "grants": [] }), "INSUFFICIENT_SCOPE"),
    ]
}

impl Change {
    /// The request, from an admin; without `wait` if that is `None`.
    fn call<'a>(&self, setup: &'a Setup, wait: Option<bool>) -> Call<'a> {
        let mut path = self.path.replace("ID", &setup.id);
        let Some(body) = &self.body else {
            path.extend(wait.map(|wait| format!("?wait={wait}")));
            return setup.call(self.method, &path);
        };
        let mut body: Value = serde_json::from_str(&body.to_string().replace("ID", &setup.id)).unwrap();
        if let Some(wait) = wait {
            body["wait"] = json!(wait);
        }
        setup.call(self.method, &path).json(&body)
    }

    fn name(&self) -> String {
        format!("{} {} {:?}", self.method, self.path, self.body)
    }
}

#[test]
fn bounded_is_the_default_and_a_repeat_check_uses_the_cache() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let (first, second) = ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:01.000Z");
    assert_eq!(setup.check(here, &json!({})), found("VALID", "strong", ONE_REQUEST));
    setup.pass(1_000);
    for demand in [json!({}), json!({ "freshness": "bounded" }), json!({ "or_eventual": true })] {
        let reply = setup.ask(here, &demand);
        assert_eq!(cost(&reply), FREE, "{demand}");
        assert_eq!((&reply.body["code"], &reply.body["freshness"]), (&json!("VALID"), &json!("bounded")), "{demand}");
        assert_eq!(reply.body["as_of"], first, "the time of the lease");
    }
    let strong = setup.ask(here, &json!({ "freshness": "strong" }));
    assert_eq!((cost(&strong), &strong.body["freshness"]), (ONE_REQUEST, &json!("strong")));
    assert_eq!(strong.body["as_of"], second);
    // Invalid decisions are free too.
    assert_eq!(setup.check(here, &json!({ "all_of": ["orders:write"] })), found("INSUFFICIENT_SCOPE", "bounded", FREE));
    // A token that is not cached causes a query, which also renews the lease.
    here.post(&setup.gate, "/v1/verify", &json!({ "token": setup.acme.admin })).expect(200);
    assert_eq!(setup.ask(here, &json!({})).body["as_of"], second);
}

#[test]
fn a_batch_of_tokens_takes_one_ledger_request_and_then_none() {
    let setup = Setup::new();
    let tokens: Vec<_> = (0..100).map(|_| setup.deployment.token(&setup.acme.admin, &[])).collect();
    for (cost_of_all, freshness) in [(ONE_REQUEST, "strong"), (FREE, "bounded")] {
        let reply = setup.deployment.post(&setup.gate, "/v1/verify", &json!({ "tokens": tokens }));
        assert_eq!(cost(&reply), cost_of_all);
        let results = reply.expect(200)["results"].take();
        let all = results.as_array().unwrap();
        assert!(all.iter().all(|result| result["code"] == "VALID" && result["freshness"] == freshness), "{results}");
        assert_eq!(all.len(), 100);
    }
}

#[test]
fn a_lease_past_its_half_is_renewed_in_the_background() {
    let setup = Setup::new();
    let here = &setup.deployment;
    setup.usual(here);
    let mut renewed = Vec::new();
    for second in 1..=30 {
        here.let_pass(1);
        let before = setup.asked();
        // Every call checks that the log counts only the request's own queries.
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "after {second} s");
        renewed.extend((setup.asked() > before).then_some(second));
        assert!(setup.asked() - before <= 1);
    }
    assert_eq!(renewed, [5, 10, 15, 20, 25, 30]);
    assert_eq!(setup.ask(here, &json!({})).body["as_of"], "2027-01-15T08:00:30.000Z");
    // Of many checks at a time, one renews.
    setup.pass(5_000);
    let before = setup.asked();
    here.post(&setup.gate, "/v1/verify", &json!({ "tokens": vec![&setup.token; 100] })).expect(200);
    assert_eq!(setup.asked() - before, 1);
    // A failed renewal affects no response; a later request retries after the back-off.
    for (milliseconds, tries) in [(5_000, 1), (99, 0), (151, 1), (199, 0), (301, 1)] {
        setup.fail(Some(Fault::Before));
        setup.pass(milliseconds);
        let before = setup.asked();
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
        assert_eq!(setup.asked() - before, tries, "{milliseconds} ms later");
    }
}

#[test]
fn without_the_ledger_bounded_checks_work_until_the_lease_expires() {
    for fault in [Fault::Before, Fault::After, Fault::Garbled, Fault::Older, Fault::Newer] {
        let setup = Setup::new();
        let here = &setup.deployment;
        setup.usual(here);
        setup.fail(Some(fault));
        setup.pass(USED - 1);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "{fault:?}");
        setup.pass(1);
        let reply = setup.ask(here, &json!({}));
        assert_eq!(
            reply.refused(503),
            "LEDGER_UNAVAILABLE",
            "{fault:?}: the gate's own token cannot be checked either"
        );
        assert_eq!(reply.header("retry-after"), Some("1"));
        setup.pass(250);
        // Root needs no check of its own; the directory resolves its workspace, and the ledger is what fails.
        setup.fail(None);
        here.world.inside().one_object_fails = Some((1, fault));
        let root = here.call("POST", "/v1/verify").bearer(ROOT).header("x-counterfoil-workspace", "acme");
        let decision = root.json(&json!({ "token": setup.token })).send().expect(200);
        let said = (&decision["valid"], &decision["code"], &decision["freshness"]);
        assert_eq!(said, (&json!(false), &json!("UNAVAILABLE"), &json!("bounded")), "{fault:?}: it fails closed");
        assert_eq!(
            setup.ask(here, &json!({})).refused(503),
            "LEDGER_UNAVAILABLE",
            "{fault:?}: no retry before the back-off ends"
        );
        setup.pass(500);
        assert_eq!(setup.usual(here), found("VALID", "strong", ONE_REQUEST), "{fault:?}: it recovers");
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
    }
}

#[test]
fn or_eventual_falls_back_to_the_registry_without_the_ledger() {
    let or_eventual = json!({ "all_of": ["orders:read"], "or_eventual": true });
    for fault in [Fault::Before, Fault::After, Fault::Garbled, Fault::Older, Fault::Newer] {
        let mut setup = Setup::new();
        setup.deployment.world.drain();
        let check = |setup: &Setup| setup.check(&setup.deployment, &or_eventual);
        assert_eq!(check(&setup), found("VALID", "strong", ONE_REQUEST));
        setup.fail(Some(fault));
        setup.pass(USED - 1);
        assert_eq!(check(&setup), found("VALID", "bounded", FREE), "{fault:?}");
        setup.pass(1_000);
        assert_eq!(check(&setup), found("VALID", "eventual", ONE_REQUEST), "{fault:?}: from the cache, up to a minute");
        setup.pass(1);
        assert_eq!(check(&setup), found("VALID", "eventual", FREE), "{fault:?}: no retry before the back-off ends");
        assert_eq!(
            setup.ask(&setup.deployment, &json!({})).refused(503),
            "LEDGER_UNAVAILABLE",
            "a check without or_eventual"
        );
        setup.pass(60_000);
        for isolate in ["whose cache has expired", "with empty caches"] {
            if isolate == "with empty caches" {
                setup.deployment.forget();
            }
            let (code, freshness, (calls, reads)) = check(&setup);
            assert_eq!((&*code, &*freshness, calls), ("VALID", "eventual", 1), "{fault:?}: in an isolate {isolate}");
            assert!(reads >= 5, "two tokens, their owners, the workspace");
        }

        setup.fail(None);
        setup.pass(1_000);
        assert_eq!(check(&setup), found("VALID", "strong", ONE_REQUEST), "{fault:?}: it recovers");
        // The gate's own token may have been decided from the registry; then it is queried now.
        assert_eq!(check(&setup).1, "bounded");
        assert_eq!(check(&setup), found("VALID", "bounded", FREE));
    }
}

#[test]
fn a_change_is_visible_immediately_in_the_same_isolate() {
    for change in changes() {
        let setup = Setup::new();
        let here = &setup.deployment;
        setup.usual(here);
        change.call(&setup, None).send().expect(200);
        assert_eq!(setup.usual(here), found(change.code, "strong", ONE_REQUEST), "{}", change.name());
    }
    // Also if the outcome of the change is unknown.
    for (fault, status) in [(Fault::After, 503), (Fault::Garbled, 500)] {
        let setup = Setup::new();
        setup.usual(&setup.deployment);
        setup.deployment.world.inside().one_object_fails = Some((0, fault));
        setup.call("DELETE", &setup.token_path()).send().refused(status);
        assert_eq!(setup.usual(&setup.deployment), found("REVOKED", "strong", ONE_REQUEST), "{fault:?}");
    }
}

#[test]
fn a_workspace_change_is_visible_immediately_in_the_same_isolate() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let foreign = "a-text-that-somebody-else-issued";
    let check = || {
        let reply = here.post(&setup.gate, "/v1/verify", &json!({ "token": foreign }));
        (cost(&reply), text(&reply.expect(200), "/code"))
    };
    check();
    assert_eq!(check(), (FREE, "UNKNOWN".to_owned()), "the workspace has no third-party tokens");
    let line = json!({ "digest": Digest::of(foreign.as_bytes()), "name": "", "scopes": [] });
    here.post(&setup.acme.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    assert_eq!(check(), (ONE_REQUEST, "VALID".to_owned()));

    setup.usual(here);
    let strong = json!({ "scopes": [{ "name": "orders:read", "description": "", "freshness": "strong" }] });
    setup.call("PUT", "/v1/scopes").json(&strong).send().expect(200);
    for _ in 0..2 {
        assert_eq!(setup.usual(here), found("VALID", "strong", ONE_REQUEST));
    }
    let root = here.call("PATCH", "/v1/workspace").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    root.json(&json!({ "state": "suspended" })).send().expect(200);
    assert_eq!(setup.ask(here, &json!({})).refused(401), "WORKSPACE_SUSPENDED", "the gate's own token too");
}

#[test]
fn reads_and_other_workspaces_changes_end_no_lease() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let other = here.workspace("other");
    setup.usual(here);
    for path in ["/v1/tokens", "/v1/tokens/self", "/v1/members/ada", "/v1/workspace", "/v1/scopes", "/v1/audit"] {
        here.get(&setup.acme.admin, path).expect(200);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "{path}");
    }
    // Nor do reports of uses, or lease requests of remote verifiers.
    here.let_pass(120);
    assert_eq!(setup.usual(here), found("VALID", "strong", ONE_REQUEST));
    for _ in 0..60 {
        here.let_pass(1);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
    }
    here.post(&setup.gate, "/v1/lease", &json!({ "digests": [] })).expect(200);
    here.token(&other.admin, &[]);
    assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "leases of other workspaces are independent");
    here.token(&setup.acme.admin, &[]);
    assert_eq!(setup.usual(here), found("VALID", "strong", ONE_REQUEST));
}

#[test]
fn a_change_elsewhere_is_visible_within_one_lease() {
    // `wait: false` is the default.
    let silent = changes().into_iter().map(|change| (change, None));
    for (change, wait) in silent.chain(changes().into_iter().map(|change| (change, Some(false)))) {
        let setup = Setup::new();
        let [early, late] = [setup.deployment.another(), setup.deployment.another()];
        for there in [&early, &late] {
            assert_eq!(setup.usual(there), found("VALID", "strong", ONE_REQUEST));
        }
        setup.pass(1);
        let reply = immediate(change.call(&setup, wait));
        assert_eq!((reply.status, reply.body.get("waited")), (200, None), "{}", change.name());
        setup.pass(USED - 2);
        assert_eq!(setup.usual(&early), found("VALID", "bounded", FREE), "{}", change.name());
        assert_eq!(setup.usual(&early).0, change.code, "renewed in the background");
        assert_eq!(setup.usual(&early), found(change.code, "bounded", FREE));
        setup.pass(1);
        assert_eq!(setup.usual(&late), found(change.code, "strong", ONE_REQUEST), "{}", change.name());
    }
}

#[test]
fn a_check_uses_the_strictest_freshness_of_request_and_scopes() {
    let setup = Setup::new();
    let scope = |name: &str, freshness: Option<&str>| {
        let mut scope = json!({ "name": name, "description": name });
        scope.as_object_mut().unwrap().extend(freshness.map(|asked| ("freshness".to_owned(), json!(asked))));
        scope
    };
    let catalogue = [
        scope("orders:read", None),
        scope("orders:peek", Some("eventual")),
        scope("orders:list", Some("bounded")),
        scope("orders:write", Some("strong")),
    ];
    setup.call("PUT", "/v1/scopes").json(&json!({ "scopes": catalogue })).send().expect(200);
    let all = json!({ "scopes": ["orders:*"] });
    setup.call("PATCH", &setup.token_path()).json(&all).send().expect(200);
    setup.deployment.world.drain();
    let here = setup.deployment.another();
    setup.usual(&here);
    for (asked, scopes, answered, cost) in [
        (None, &["orders:read"][..], "bounded", FREE),
        (None, &["orders:peek"], "bounded", FREE),
        (None, &["orders:list"], "bounded", FREE),
        (None, &["orders:write"], "strong", ONE_REQUEST),
        (None, &["orders:peek", "orders:write"], "strong", ONE_REQUEST),
        (Some("bounded"), &["orders:write"], "strong", ONE_REQUEST),
        (Some("eventual"), &["orders:read"], "eventual", FREE),
        (Some("eventual"), &["orders:peek"], "eventual", FREE),
        (Some("eventual"), &["orders:list"], "bounded", FREE),
        (Some("eventual"), &["orders:peek", "orders:list"], "bounded", FREE),
        (Some("eventual"), &["orders:write", "orders:peek"], "strong", ONE_REQUEST),
        (Some("strong"), &["orders:peek"], "strong", ONE_REQUEST),
    ] {
        for of in ["all_of", "any_of"] {
            let mut demand = json!({ of: scopes });
            demand.as_object_mut().unwrap().extend(asked.map(|asked| ("freshness".to_owned(), json!(asked))));
            assert_eq!(setup.check(&here, &demand), found("VALID", answered, cost), "{demand}");
        }
    }
    // Without the ledger, no scope is checked at a weaker level than its own.
    setup.fail(Some(Fault::Before));
    setup.pass(USED);
    for (scope, code) in [
        ("orders:read", "VALID"),
        ("orders:peek", "VALID"),
        ("orders:list", "UNAVAILABLE"),
        ("orders:write", "UNAVAILABLE"),
    ] {
        let demand = json!({ "all_of": [scope], "or_eventual": true });
        let (found, freshness, _) = setup.check(&here, &demand);
        assert_eq!(found, code, "{scope}");
        assert!(code == "UNAVAILABLE" || freshness == "eventual", "{scope}: {freshness}");
    }
}

#[test]
fn authorize_follows_the_rules_of_leases() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    let asks = || there.call("GET", "/authorize/x").bearer(&setup.token).header("x-counterfoil-gateway", &setup.gate);
    let fresh = |freshness: &str| asks().header("x-counterfoil-freshness", freshness);
    let first = asks().send();
    assert_eq!((first.status, cost(&first)), (200, ONE_REQUEST));
    let second = asks().header("x-counterfoil-scopes", "orders:read").send();
    assert_eq!((second.status, cost(&second)), (200, FREE), "bounded by default");
    let strong = fresh("strong").send();
    assert_eq!((strong.status, cost(&strong)), (200, ONE_REQUEST));

    setup.fail(Some(Fault::Before));
    setup.pass(USED - 1);
    assert_eq!(asks().send().status, 200);
    setup.pass(1);
    for reply in [asks().send(), fresh("bounded").send()] {
        assert_eq!((reply.status, reply.line.code), (503, Some("LEDGER_UNAVAILABLE")));
    }
    let reply = fresh("bounded or eventual").send();
    assert_eq!((reply.status, reply.header("x-token-id")), (200, Some(&*setup.id)));
    assert_eq!(fresh("strong or eventual").send().status, 200, "or_eventual applies to strong checks too");
    setup.fail(None);
    // The client's own header beside the gateway's, and an invalid value.
    for call in [fresh("bounded").header("x-counterfoil-freshness", "bounded or eventual"), fresh("or eventual")] {
        let reply = call.send();
        assert_eq!((reply.status, reply.line.code), (403, Some("INVALID_DEMAND")));
    }

    // A gateway's check sees a revocation elsewhere like any other check.
    setup.pass(1_000);
    assert_eq!(asks().send().status, 200);
    setup.call("DELETE", &setup.token_path()).send().expect(200);
    setup.pass(USED - 1);
    assert_eq!(asks().send().status, 200);
    setup.pass(1);
    let refused = asks().send();
    assert_eq!((refused.status, refused.line.code), (401, Some("REVOKED")));
}

/// One token is cached, the other is queried, which takes a while: by then the first one was revoked.
#[test]
fn a_cached_decision_is_redone_after_the_batch_waited() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    assert_eq!(setup.usual(&there), found("VALID", "strong", ONE_REQUEST));
    let other = setup.deployment.issue(&setup.acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
    setup.call("DELETE", &setup.token_path()).send().expect(200);
    setup.pass(USED - 1);
    setup.deployment.world.inside().ledger_takes = 4_000;
    let body = json!({ "tokens": [setup.token, text(&other, "/token")] });
    let mut underway = there.call("POST", "/v1/verify").bearer(&setup.gate).json(&body).begin();
    let decided = underway.answer().unwrap();
    setup.deployment.world.inside().ledger_takes = 0;
    let codes: Vec<_> = [0, 1].map(|at| text(&decided.body, &format!("/results/{at}/code"))).into();
    assert_eq!(codes, ["REVOKED", "VALID"]);
}

/// They poll on their own timers: no request of an isolate can await another one's I/O.
#[test]
fn concurrent_requests_of_an_isolate_share_one_lease_request() {
    let setup = Setup::new();
    let here = &setup.deployment;
    setup.usual(here);
    setup.pass(USED);
    (here.world.inside().responses_take, here.world.inside().requests_wait) = (310, true);
    let before = setup.asked();
    let ask = || here.call("POST", "/v1/verify").bearer(&setup.gate).json(&json!({ "token": setup.token })).begin();
    let mut underway: Vec<_> = (0..20).map(|_| ask()).collect();
    for passed in (0..310).step_by(10) {
        assert!(underway.iter_mut().all(|underway| underway.answer().is_none()), "after {passed} ms");
        setup.pass(10);
    }
    assert_eq!(setup.asked() - before, 1);
    here.world.inside().responses_take = 0;
    let mut told = underway.into_iter().map(|underway| underway.finish().expect(200));
    assert!(told.next().is_some_and(|decision| decision["code"] == "VALID" && decision["freshness"] == "strong"));
    assert!(told.all(|decision| decision["code"] == "VALID" && decision["freshness"] == "bounded"));
    assert_eq!(setup.asked() - before, 1);
}
