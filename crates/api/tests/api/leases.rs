//! Leases: checks are answered from memory for as long as the ledger gave leave to, and whoever changes something may wait
//! until nobody goes by what was before.

use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Demand, Encoded, Grant, Limits, Need, Progress, Supply, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{
    deployment::{Call, Deployment, ROOT, Reply, Tenant, text},
    world::Fault,
};

/// For how long a lease of ten seconds is used, in milliseconds.
const USED: u64 = 8_800;

/// What it costs to find out: ledger calls, registry reads.
type Cost = (u32, u32);

const FREE: Cost = (0, 0);
const QUESTION: Cost = (1, 0);

/// A workspace, a gate that asks about its tokens, and a token of a member's.
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

    /// The answer to a check in an isolate.
    fn ask(&self, isolate: &Deployment, demand: &Value) -> Reply {
        isolate.post(&self.gate, "/v1/verify", &json!({ "token": self.token, "demand": demand }))
    }

    /// The code and the freshness of a check in an isolate, and what it cost.
    #[track_caller]
    fn check(&self, isolate: &Deployment, demand: &Value) -> (String, String, Cost) {
        let reply = self.ask(isolate, demand);
        let cost = cost(&reply);
        let decision = reply.expect(200);
        (text(&decision, "/code"), text(&decision, "/freshness"), cost)
    }

    /// The same, as is usual: of a token that is needed for something.
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

    /// How often the ledgers were asked.
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

/// The answer, which has to be there at once.
#[track_caller]
fn at_once(call: Call<'_>) -> Reply {
    call.begin().answer().unwrap_or_else(|| panic!("it waits"))
}

/// A change after which the token does not pass any more, or not for what it did.
struct Change {
    method: &'static str,
    path: &'static str,
    /// What is sent; nothing where it is the query that asks to wait.
    body: Option<Value>,
    /// What checks then say.
    code: &'static str,
}

/// Every such change.
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
    /// The request, from an admin; it does not say whether it waits where `wait` is absent.
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
fn bounded_is_the_default_and_a_second_check_asks_nobody() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let (first, second) = ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:01.000Z");
    assert_eq!(setup.check(here, &json!({})), found("VALID", "strong", QUESTION));
    setup.pass(1_000);
    for demand in [json!({}), json!({ "freshness": "bounded" }), json!({ "or_eventual": true })] {
        let reply = setup.ask(here, &demand);
        assert_eq!(cost(&reply), FREE, "{demand}");
        assert_eq!((&reply.body["code"], &reply.body["freshness"]), (&json!("VALID"), &json!("bounded")), "{demand}");
        assert_eq!(reply.body["as_of"], first, "as of when the lease is");
    }
    let strong = setup.ask(here, &json!({ "freshness": "strong" }));
    assert_eq!((cost(&strong), &strong.body["freshness"]), (QUESTION, &json!("strong")));
    assert_eq!(strong.body["as_of"], second);
    // Also what does not pass costs nothing.
    assert_eq!(setup.check(here, &json!({ "all_of": ["orders:write"] })), found("INSUFFICIENT_SCOPE", "bounded", FREE));
    // Who was not seen before is asked about, and that renews the lease of all.
    here.post(&setup.gate, "/v1/verify", &json!({ "token": setup.acme.admin })).expect(200);
    assert_eq!(setup.ask(here, &json!({})).body["as_of"], second);
}

#[test]
fn a_hundred_tokens_cost_one_question_and_then_none() {
    let setup = Setup::new();
    let tokens: Vec<_> = (0..100).map(|_| setup.deployment.token(&setup.acme.admin, &[])).collect();
    for (cost_of_all, freshness) in [(QUESTION, "strong"), (FREE, "bounded")] {
        let reply = setup.deployment.post(&setup.gate, "/v1/verify", &json!({ "tokens": tokens }));
        assert_eq!(cost(&reply), cost_of_all);
        let results = reply.expect(200)["results"].take();
        let all = results.as_array().unwrap();
        assert!(all.iter().all(|result| result["code"] == "VALID" && result["freshness"] == freshness), "{results}");
        assert_eq!(all.len(), 100);
    }
}

#[test]
fn past_its_half_a_lease_is_renewed_and_no_answer_waits_for_that() {
    let setup = Setup::new();
    let here = &setup.deployment;
    setup.usual(here);
    let mut renewed = Vec::new();
    for second in 1..=30 {
        here.let_pass(1);
        let before = setup.asked();
        // That the log has no more than the request asked for itself is seen to by every call.
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "after {second} s");
        renewed.extend((setup.asked() > before).then_some(second));
        assert!(setup.asked() - before <= 1);
    }
    assert_eq!(renewed, [5, 10, 15, 20, 25, 30]);
    assert_eq!(setup.ask(here, &json!({})).body["as_of"], "2027-01-15T08:00:30.000Z");
    // Many at a time: one of them.
    setup.pass(5_000);
    let before = setup.asked();
    here.post(&setup.gate, "/v1/verify", &json!({ "tokens": vec![&setup.token; 100] })).expect(200);
    assert_eq!(setup.asked() - before, 1);
    // One that fails is nobody's failure, and another tries a second later.
    for (milliseconds, tries) in [(5_000, 1), (999, 0), (1, 1)] {
        setup.fail(Some(Fault::Before));
        setup.pass(milliseconds);
        let before = setup.asked();
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
        assert_eq!(setup.asked() - before, tries, "{milliseconds} ms later");
    }
}

#[test]
fn without_the_ledger_bounded_answers_go_on_until_the_lease_is_over() {
    for fault in [Fault::Before, Fault::After, Fault::Garbled] {
        let setup = Setup::new();
        let here = &setup.deployment;
        setup.usual(here);
        setup.fail(Some(fault));
        setup.pass(USED - 1);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "{fault:?}");
        setup.pass(1);
        let reply = setup.ask(here, &json!({}));
        assert_eq!(reply.refused(503), "LEDGER_UNAVAILABLE", "{fault:?}: the gate's own token is one to be checked");
        assert_eq!(reply.header("retry-after"), Some("1"));
        // Root needs no check; the directory tells its workspace, and the ledger is what fails.
        setup.fail(None);
        here.world.inside().one_object_fails = Some((1, fault));
        let root = here.call("POST", "/v1/verify").bearer(ROOT).header("x-counterfoil-workspace", "acme");
        let decision = root.json(&json!({ "token": setup.token })).send().expect(200);
        let said = (&decision["valid"], &decision["code"], &decision["freshness"]);
        assert_eq!(said, (&json!(false), &json!("UNAVAILABLE"), &json!("bounded")), "{fault:?}: never a silent yes");
        assert_eq!(setup.usual(here), found("VALID", "strong", QUESTION), "{fault:?}: it recovers by itself");
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
    }
}

#[test]
fn where_an_eventual_answer_will_do_the_registry_goes_on_and_says_so() {
    let or_eventual = json!({ "all_of": ["orders:read"], "or_eventual": true });
    for fault in [Fault::Before, Fault::After, Fault::Garbled] {
        let mut setup = Setup::new();
        setup.deployment.world.drain();
        let check = |setup: &Setup| setup.check(&setup.deployment, &or_eventual);
        assert_eq!(check(&setup), found("VALID", "strong", QUESTION));
        setup.fail(Some(fault));
        setup.pass(USED - 1);
        assert_eq!(check(&setup), found("VALID", "bounded", FREE), "{fault:?}");
        setup.pass(1_000);
        assert_eq!(check(&setup), found("VALID", "eventual", QUESTION), "{fault:?}: from memory, up to a minute");
        setup.pass(1);
        assert_eq!(check(&setup), found("VALID", "eventual", FREE), "{fault:?}: not everybody waits for it again");
        assert_eq!(setup.ask(&setup.deployment, &json!({})).refused(503), "LEDGER_UNAVAILABLE", "who did not say so");
        setup.pass(60_000);
        for isolate in ["whose memory is too old", "that remembers nothing"] {
            if isolate == "that remembers nothing" {
                setup.deployment.forget();
            }
            let (code, freshness, (calls, reads)) = check(&setup);
            assert_eq!((&*code, &*freshness, calls), ("VALID", "eventual", 1), "{fault:?}: in an isolate {isolate}");
            assert!(reads >= 5, "two tokens, their owners, the workspace");
        }

        setup.fail(None);
        setup.pass(1_000);
        assert_eq!(check(&setup), found("VALID", "strong", QUESTION), "{fault:?}: it recovers by itself");
        // The gate's own token may still be by the registry; then it is asked about now.
        assert_eq!(check(&setup).1, "bounded");
        assert_eq!(check(&setup), found("VALID", "bounded", FREE));
    }
}

#[test]
fn what_is_changed_here_is_seen_here_at_once() {
    for change in changes() {
        let setup = Setup::new();
        let here = &setup.deployment;
        setup.usual(here);
        change.call(&setup, None).send().expect(200);
        assert_eq!(setup.usual(here), found(change.code, "strong", QUESTION), "{}", change.name());
    }
    // Also where nobody knows whether anything was changed.
    for (fault, status) in [(Fault::After, 503), (Fault::Garbled, 500)] {
        let setup = Setup::new();
        setup.usual(&setup.deployment);
        setup.deployment.world.inside().one_object_fails = Some((0, fault));
        setup.call("DELETE", &setup.token_path()).send().refused(status);
        assert_eq!(setup.usual(&setup.deployment), found("REVOKED", "strong", QUESTION), "{fault:?}");
    }
}

#[test]
fn what_becomes_of_the_workspace_is_seen_here_at_once_too() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let foreign = "a-text-that-somebody-else-issued";
    let check = || {
        let reply = here.post(&setup.gate, "/v1/verify", &json!({ "token": foreign }));
        (cost(&reply), text(&reply.expect(200), "/code"))
    };
    check();
    assert_eq!(check(), (FREE, "UNKNOWN".to_owned()), "nothing foreign is known to the workspace");
    let line = json!({ "digest": Digest::of(foreign.as_bytes()), "name": "", "scopes": [] });
    here.post(&setup.acme.admin, "/v1/tokens/import", &json!({ "tokens": [line] })).expect(200);
    assert_eq!(check(), (QUESTION, "VALID".to_owned()));

    setup.usual(here);
    let strong = json!({ "scopes": [{ "name": "orders:read", "description": "", "freshness": "strong" }] });
    setup.call("PUT", "/v1/scopes").json(&strong).send().expect(200);
    for _ in 0..2 {
        assert_eq!(setup.usual(here), found("VALID", "strong", QUESTION));
    }
    let root = here.call("PATCH", "/v1/workspace").bearer(ROOT).header("x-counterfoil-workspace", "acme");
    root.json(&json!({ "state": "suspended" })).send().expect(200);
    assert_eq!(setup.ask(here, &json!({})).refused(401), "WORKSPACE_SUSPENDED", "the gate's own token too");
}

#[test]
fn what_only_asks_ends_no_lease_nor_does_a_change_elsewhere() {
    let setup = Setup::new();
    let here = &setup.deployment;
    let other = here.workspace("other");
    setup.usual(here);
    for path in ["/v1/tokens", "/v1/tokens/self", "/v1/members/ada", "/v1/workspace", "/v1/scopes", "/v1/audit"] {
        here.get(&setup.acme.admin, path).expect(200);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "{path}");
    }
    // Nor do the uses that are reported meanwhile, and whoever elsewhere asks for a lease.
    here.let_pass(120);
    assert_eq!(setup.usual(here), found("VALID", "strong", QUESTION));
    for _ in 0..60 {
        here.let_pass(1);
        assert_eq!(setup.usual(here), found("VALID", "bounded", FREE));
    }
    here.post(&setup.gate, "/v1/lease", &json!({ "digests": [] })).expect(200);
    here.token(&other.admin, &[]);
    assert_eq!(setup.usual(here), found("VALID", "bounded", FREE), "another workspace's leases are its own");
    here.token(&setup.acme.admin, &[]);
    assert_eq!(setup.usual(here), found("VALID", "strong", QUESTION));
}

#[test]
fn what_is_changed_elsewhere_is_seen_within_a_lease() {
    // Whoever says no is answered as who says nothing.
    let silent = changes().into_iter().map(|change| (change, None));
    for (change, wait) in silent.chain(changes().into_iter().map(|change| (change, Some(false)))) {
        let setup = Setup::new();
        let [early, late] = [setup.deployment.another(), setup.deployment.another()];
        for there in [&early, &late] {
            assert_eq!(setup.usual(there), found("VALID", "strong", QUESTION));
        }
        setup.pass(1);
        let reply = at_once(change.call(&setup, wait));
        assert_eq!((reply.status, reply.body.get("waited")), (200, None), "{}", change.name());
        setup.pass(USED - 2);
        assert_eq!(setup.usual(&early), found("VALID", "bounded", FREE), "{}", change.name());
        assert_eq!(setup.usual(&early).0, change.code, "renewed in the background");
        assert_eq!(setup.usual(&early), found(change.code, "bounded", FREE));
        setup.pass(1);
        assert_eq!(setup.usual(&late), found(change.code, "strong", QUESTION), "{}", change.name());
    }
}

#[test]
fn who_waits_is_answered_when_no_lease_runs_any_more_that_does_not_know() {
    for change in changes() {
        let setup = Setup::new();
        let [idle, busy, late] = [(); 3].map(|()| setup.deployment.another());
        for there in [&idle, &busy] {
            assert_eq!(setup.usual(there).0, "VALID");
        }
        setup.pass(2_000);
        assert_eq!(setup.usual(&late).0, "VALID");
        let mut underway = change.call(&setup, Some(true)).begin();
        assert!(underway.answer().is_none(), "{}", change.name());
        // It is made by now, and who asks is told. A lease that is granted from here on knows of it: nobody waits for that.
        assert_eq!(setup.check(&setup.deployment, &json!({ "all_of": ["orders:read"] })).0, change.code);
        setup.pass(5_000);
        assert_eq!(setup.usual(&busy).0, "VALID", "it may pass meanwhile");
        assert_eq!(setup.usual(&busy).0, change.code, "renewed in the background");
        // The last lease was granted when this was sent: ten seconds, and one for the clocks.
        setup.pass(5_999);
        assert!(underway.answer().is_none(), "{}", change.name());
        setup.pass(1);
        let reply = underway.answer().unwrap();
        for there in [&idle, &busy, &late, &setup.deployment] {
            assert_eq!(setup.usual(there).0, change.code, "{}", change.name());
        }
        let has_tag = reply.header("etag").is_some();
        let answer = reply.expect(200);
        assert_eq!(has_tag, answer["version"].is_u64() && change.path.starts_with("/v1/tokens/"));
        let waited = &answer["waited"];
        assert_eq!((&waited["ms"], &waited["counts_for"]), (&json!(11_000), &json!(["strong", "bounded"])), "{answer}");
        assert_eq!(waited["may_still_pass"][0]["freshness"], "eventual");
        assert!(waited["may_still_pass"][0]["until"].as_str().is_some_and(|until| until.contains("registry")));
        assert_eq!(waited.as_object().map(serde_json::Map::len), Some(3));
        // Else it is the answer that those get who do not wait.
        let mut without = answer.clone();
        without.as_object_mut().unwrap().remove("waited");
        let unhurried = Setup::new();
        unhurried.pass(2_000);
        let unhurried = change.call(&unhurried, None).send().expect(200);
        let members = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&without), members(&unhurried), "{}", change.name());
    }
}

#[test]
fn who_waits_waits_no_longer_than_the_ledger_said() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    let wait = |setup: &Setup| {
        let body = json!({ "enabled": true, "wait": true });
        let reply = setup.call("PATCH", &setup.token_path()).json(&body).send();
        reply.expect(200)["waited"]["ms"].as_u64().unwrap()
    };
    assert_eq!(wait(&setup), 11_000, "whose ledger has just begun, it does not know what was granted before");
    assert_eq!(wait(&setup), 1_000, "no lease runs");
    setup.usual(&there);
    setup.pass(4_000);
    assert_eq!(wait(&setup), 7_000);
    // Of shorter leases the last is sooner over; of longer ones, later.
    for (seconds, used) in [(2, 960), (60, 57_800)] {
        let set = json!({ "lease_max": seconds });
        setup.call("PATCH", "/v1/workspace").json(&set).send().expect(200);
        setup.pass(10_000);
        assert_eq!(setup.usual(&there), found("VALID", "strong", QUESTION));
        setup.pass(used - 1);
        assert_eq!(setup.usual(&there), found("VALID", "bounded", FREE), "{seconds}");
        // That has had it renewed.
        assert_eq!(wait(&setup), seconds * 1_000 + 1_000);
        assert_eq!(setup.usual(&there), found("VALID", "strong", QUESTION), "{seconds}");
        setup.pass(used);
        assert_eq!(setup.usual(&there), found("VALID", "strong", QUESTION), "{seconds}");
    }
}

#[test]
fn who_goes_away_has_made_the_change_and_who_comes_again_waits_for_the_rest() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    setup.usual(&there);
    let rotate = || {
        let call = setup.call("POST", &format!("{}/rotate", setup.token_path()));
        call.header("idempotency-key", "k").json(&json!({ "wait": true }))
    };
    let mut underway = rotate().begin();
    assert!(underway.answer().is_none());
    drop(underway);
    assert_eq!(setup.usual(&setup.deployment), found("REVOKED", "strong", QUESTION));
    setup.pass(4_000);
    let again = rotate().send();
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect(200);
    // The check in between was granted a lease: what it knows does not matter to a ledger that counts leases only.
    assert_eq!((&again["waited"]["ms"], &again["token_shown_before"]), (&json!(7_000), &json!(true)));
}

#[test]
fn what_is_refused_waits_for_nothing() {
    let setup = Setup::new();
    setup.usual(&setup.deployment);
    let path = setup.token_path();
    let weak = setup.deployment.token(&setup.acme.admin, &["tokens:read"]);
    let admin = |method: &str, path: &str| setup.call(method, path);
    let waiting = json!({ "enabled": false, "wait": true });
    let before = setup.deployment.world.dump();
    for (call, status, code) in [
        (admin("DELETE", "/v1/tokens/tok_nobody?wait=true"), 404, "NOT_FOUND"),
        (admin("DELETE", "/v1/members/nobody?wait=true"), 404, "NOT_FOUND"),
        (admin("DELETE", "/v1/members/admin?wait=true"), 409, "LAST_ADMIN"),
        (admin("DELETE", &format!("{path}?wait=true")).header("if-match", "\"0\""), 412, "PRECONDITION_FAILED"),
        (setup.deployment.call("DELETE", &format!("{path}?wait=true")).bearer(&weak), 403, "INSUFFICIENT_SCOPE"),
        (setup.deployment.call("PATCH", &path).bearer(&weak).json(&waiting), 403, "INSUFFICIENT_SCOPE"),
        (admin("PATCH", "/v1/tokens/tok_nobody").json(&waiting), 404, "NOT_FOUND"),
        (admin("PATCH", "/v1/members/admin").json(&json!({ "state": "suspended", "wait": true })), 409, "LAST_ADMIN"),
        (
            admin("POST", "/v1/tokens/revoke").json(&json!({ "ids": [setup.id, "nobody"], "wait": true })),
            422,
            "UNKNOWN_TOKENS",
        ),
        (admin("POST", "/v1/tokens/tok_nobody/rotate").json(&json!({ "wait": true })), 404, "NOT_FOUND"),
        (admin("DELETE", &format!("{path}?wait=yes")), 400, "INVALID_QUERY"),
        (admin("DELETE", &format!("{path}?wait")), 400, "INVALID_QUERY"),
        (admin("DELETE", &format!("{path}?wait=true&wait=true")), 400, "INVALID_QUERY"),
        (admin("DELETE", "/v1/members/ada?wait=1"), 400, "INVALID_QUERY"),
        (admin("PATCH", &path).json(&json!({ "enabled": false, "wait": "true" })), 422, "INVALID_BODY"),
        // Who makes something waits for nothing.
        (admin("POST", "/v1/tokens").json(&json!({ "name": "", "scopes": [], "wait": true })), 422, "INVALID_BODY"),
        (admin("PATCH", "/v1/workspace").json(&json!({ "name": "x", "wait": true })), 422, "INVALID_BODY"),
    ] {
        assert_eq!(at_once(call).refused(status), code);
    }
    assert!(setup.deployment.world.dump() == before, "refused, and yet something changed");
    assert_eq!(setup.usual(&setup.deployment).0, "VALID");
}

#[test]
fn a_ledger_that_fails_keeps_nobody_waiting() {
    for (fault, status, code, then) in [
        (Fault::Before, 503, "LEDGER_UNAVAILABLE", "VALID"),
        (Fault::After, 503, "LEDGER_UNAVAILABLE", "REVOKED"),
        (Fault::Garbled, 500, "INTERNAL", "REVOKED"),
    ] {
        let setup = Setup::new();
        setup.usual(&setup.deployment);
        setup.deployment.world.inside().one_object_fails = Some((0, fault));
        let reply = at_once(setup.call("DELETE", &format!("{}?wait=true", setup.token_path())));
        assert_eq!((reply.refused(status), reply.body.get("waited")), (code, None), "{fault:?}");
        assert_eq!(setup.usual(&setup.deployment), found(then, "strong", QUESTION), "{fault:?}");
    }
}

#[test]
fn the_strictest_of_what_is_asked_and_what_its_scopes_ask_is_answered() {
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
        (None, &["orders:write"], "strong", QUESTION),
        (None, &["orders:peek", "orders:write"], "strong", QUESTION),
        (Some("bounded"), &["orders:write"], "strong", QUESTION),
        (Some("eventual"), &["orders:read"], "eventual", FREE),
        (Some("eventual"), &["orders:peek"], "eventual", FREE),
        (Some("eventual"), &["orders:list"], "bounded", FREE),
        (Some("eventual"), &["orders:peek", "orders:list"], "bounded", FREE),
        (Some("eventual"), &["orders:write", "orders:peek"], "strong", QUESTION),
        (Some("strong"), &["orders:peek"], "strong", QUESTION),
    ] {
        for of in ["all_of", "any_of"] {
            let mut demand = json!({ of: scopes });
            demand.as_object_mut().unwrap().extend(asked.map(|asked| ("freshness".to_owned(), json!(asked))));
            assert_eq!(setup.check(&here, &demand), found("VALID", answered, cost), "{demand}");
        }
    }
    // No more than the scopes allow is let go where the ledger does not answer.
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
fn a_gateway_is_answered_by_the_same_rules() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    let asks = || there.call("GET", "/authorize/x").bearer(&setup.token).header("x-counterfoil-gateway", &setup.gate);
    let fresh = |freshness: &str| asks().header("x-counterfoil-freshness", freshness);
    let first = asks().send();
    assert_eq!((first.status, cost(&first)), (200, QUESTION));
    let second = asks().header("x-counterfoil-scopes", "orders:read").send();
    assert_eq!((second.status, cost(&second)), (200, FREE), "bounded, where nothing is said");
    let strong = fresh("strong").send();
    assert_eq!((strong.status, cost(&strong)), (200, QUESTION));

    setup.fail(Some(Fault::Before));
    setup.pass(USED - 1);
    assert_eq!(asks().send().status, 200);
    setup.pass(1);
    for reply in [asks().send(), fresh("bounded").send()] {
        assert_eq!((reply.status, reply.line.code), (503, Some("LEDGER_UNAVAILABLE")));
    }
    let reply = fresh("bounded or eventual").send();
    assert_eq!((reply.status, reply.header("x-token-id")), (200, Some(&*setup.id)));
    assert_eq!(
        fresh("strong or eventual").send().status,
        200,
        "whoever says that an eventual answer will do, also then"
    );
    setup.fail(None);
    // The client's own beside it, and what says nothing.
    for call in [fresh("bounded").header("x-counterfoil-freshness", "bounded or eventual"), fresh("or eventual")] {
        let reply = call.send();
        assert_eq!((reply.status, reply.line.code), (403, Some("INVALID_DEMAND")));
    }

    // It hears of a revocation elsewhere as any check does.
    setup.pass(1_000);
    assert_eq!(asks().send().status, 200);
    setup.call("DELETE", &setup.token_path()).send().expect(200);
    setup.pass(USED - 1);
    assert_eq!(asks().send().status, 200);
    setup.pass(1);
    let refused = asks().send();
    assert_eq!((refused.status, refused.line.code), (401, Some("REVOKED")));
}

#[test]
fn what_parcellab_revokes_passes_nowhere_when_that_is_answered() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    assert_eq!(setup.usual(&there).0, "VALID");
    let number = setup.deployment.get(&setup.acme.admin, &setup.token_path()).expect(200)["number"].clone();
    let revoke = |id: &Value| {
        let call =
            setup.deployment.call("POST", "/tokens/revoke").header("user", "1").header("token", &setup.acme.admin);
        call.json(&json!({ "tokenId": id }))
    };
    setup.pass(3_000);
    // Who finds no such token need not wait.
    assert_eq!(at_once(revoke(&json!(77))).status, 404);
    let mut underway = revoke(&number).begin();
    assert!(underway.answer().is_none());
    setup.pass(7_999);
    assert!(underway.answer().is_none());
    setup.pass(1);
    let reply = underway.answer().unwrap();
    assert_eq!((reply.status, reply.line.duration_ms), (200, 8_000));
    assert_eq!(reply.body, json!({ "tokenId": number, "revoked": true }), "as its docs have it");
    assert_eq!(setup.usual(&there).0, "REVOKED");
}

/// Asks for a lease over HTTP.
fn lease(setup: &Setup, body: &Value) -> Grant {
    let reply = setup.deployment.post(&setup.gate, "/v1/lease", body);
    assert_eq!((reply.status, cost(&reply)), (200, QUESTION), "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/vnd.counterfoil.lease"));
    assert_eq!(reply.bytes[..2], [1, b'l'], "the format, and what it is");
    Grant::decode(&reply.bytes).unwrap()
}

#[test]
fn a_lease_comes_in_the_layout_that_verifiers_read_with_what_changed_since() {
    let setup = Setup::new();
    let digest = Digest::of(setup.token.as_bytes());
    let gate = Digest::of(setup.gate.as_bytes());
    let first = lease(&setup, &json!({ "digests": [digest, "0".repeat(64)] }));
    assert_eq!((first.since, first.term, first.answer.key.as_str()), (None, 10_000, &*setup.acme.key));
    let [(asked, Some(record)), (_, None)] = &first.answer.tokens[..] else { panic!("{:?}", first.answer.tokens) };
    assert_eq!((*asked, &*record.id), (digest, &*setup.id));
    let position = first.position();
    let since = |epoch: u64, generation: u64| json!({ "epoch": epoch, "generation": generation });
    let here = since(position.epoch, position.generation);
    let nothing = lease(&setup, &json!({ "since": here, "digests": [] }));
    assert_eq!((nothing.since, nothing.position()), (Some(position.generation), position));
    assert_eq!((&nothing.answer.tokens[..], &nothing.answer.owners[..]), (&[][..], &[][..]));

    setup.call("DELETE", &setup.token_path()).send().expect(200);
    let more = lease(&setup, &json!({ "since": here, "digests": [gate] }));
    assert_eq!(more.since, Some(position.generation));
    let told: Vec<_> = more.answer.tokens.iter().map(|(digest, _)| *digest).collect();
    assert_eq!((&told[..], &more.texts[..]), (&[gate][..], &[digest][..]), "who was asked about, and who changed");
    // A history that the ledger does not have.
    for unknown in [since(position.epoch + 1, position.generation), since(position.epoch, u64::MAX >> 1)] {
        assert_eq!(lease(&setup, &json!({ "since": unknown, "digests": [] })).since, None);
    }
}

#[test]
fn a_verifier_elsewhere_keeps_the_promise_by_such_a_lease() {
    let setup = Setup::new();
    let key = WorkspaceKey::parse(&setup.acme.key).unwrap();
    let (demand, mut verifier) = (Demand::of(key), Verifier::new(Limits::default()));
    let start = 1_800_000_000_000;
    // The code, and how often it asked.
    let mut check = |milliseconds: u64| {
        let now = Timestamp(start + milliseconds);
        let (mut progress, mut asked) = (verifier.check(setup.token.as_bytes(), &demand, now), 0);
        loop {
            match progress {
                Progress::Decided(decision) => return (decision.code.as_str(), asked),
                Progress::Fetch(pending) => {
                    let Need::Lease(question) = pending.need() else { panic!("{:?}", pending.need()) };
                    let since =
                        question.since.map(|since| json!({ "epoch": since.epoch, "generation": since.generation }));
                    let grant = lease(&setup, &json!({ "since": since, "digests": question.digests }));
                    asked += 1;
                    progress = verifier.supply(pending, &demand, Supply::Lease(&grant), now);
                }
            }
        }
    };
    assert_eq!(check(0), ("VALID", 1));
    let mut revocation = setup.call("DELETE", &format!("{}?wait=true", setup.token_path())).begin();
    assert!(revocation.answer().is_none());
    setup.pass(USED - 1);
    assert_eq!(check(USED - 1), ("VALID", 0));
    assert!(revocation.answer().is_none());
    setup.pass(11_000 - USED + 1);
    assert_eq!(revocation.answer().unwrap().expect(200)["waited"]["ms"], 11_000);
    assert_eq!(check(11_000), ("REVOKED", 1));
}

#[test]
fn a_lease_is_for_who_may_verify_and_has_its_limits() {
    let setup = Setup::new();
    let ask = |token: &str, body: &Value| setup.deployment.post(token, "/v1/lease", body);
    let uses = |count: usize| {
        let of_token =
            json!({ "digest": Digest::of(setup.token.as_bytes()), "last_used_at": "2027-01-15T08:00:00Z", "count": 1 });
        json!({ "digests": [], "uses": vec![of_token; count] })
    };
    assert_eq!(ask(&setup.token, &json!({ "digests": [] })).refused(403), "INSUFFICIENT_SCOPE");
    assert_eq!(ask(&setup.token, &uses(1)).refused(403), "INSUFFICIENT_SCOPE");
    let digests = |count: usize| json!({ "digests": vec!["0".repeat(64); count] });
    assert_eq!(ask(&setup.gate, &digests(100)).status, 200);
    assert_eq!(ask(&setup.gate, &digests(101)).refused(422), "INVALID_VALUE");
    assert_eq!(ask(&setup.gate, &uses(1_000)).status, 200);
    assert_eq!(ask(&setup.gate, &uses(1_001)).refused(422), "INVALID_VALUE");
    for (body, pointer) in [
        (json!({ "digests": [], "more": 1 }), "/more"),
        (json!({ "digests": [], "since": { "epoch": 1, "generation": 1, "more": 1 } }), "/since/more"),
        (
            json!({ "digests": [], "uses": [{ "digest": "0".repeat(64), "last_used_at": "2027-01-15T08:00:00Z", "count": 1, "more": 1 }] }),
            "/uses/0/more",
        ),
        (
            json!({ "digests": [], "uses": [{ "digest": "0".repeat(64), "last_used_at": "now", "count": 1 }] }),
            "/uses/0/last_used_at",
        ),
        (
            json!({ "digests": [], "uses": [{ "digest": "0".repeat(64), "last_used_at": "2027-01-15T08:00:00Z", "count": -1 }] }),
            "/uses/0/count",
        ),
        (json!({ "since": null }), "/digests"),
    ] {
        let reply = ask(&setup.gate, &body);
        assert_eq!((reply.refused(422), &reply.body["pointer"]), ("INVALID_BODY", &json!(pointer)), "{body}");
    }
    let padded = |bytes: usize| format!("{}{}", " ".repeat(bytes - 14), r#"{"digests":[]}"#);
    let send = |body: String| {
        setup.deployment.call("POST", "/v1/lease").bearer(&setup.gate).content("application/json", body).send()
    };
    assert_eq!(send(padded(256 * 1024)).status, 200);
    assert_eq!(send(padded(256 * 1024 + 1)).refused(413), "BODY_TOO_LARGE");
}

#[test]
fn uses_that_were_counted_elsewhere_come_with_the_question() {
    let setup = Setup::new();
    let read = || setup.deployment.get(&setup.acme.admin, &format!("{}/usage", setup.token_path())).expect(200);
    setup.pass(60_000);
    let digest = Digest::of(setup.token.as_bytes());
    let of = |digest: &str, at: &str, count: u32| json!({ "digest": digest, "last_used_at": at, "count": count });
    lease(
        &setup,
        &json!({ "digests": [digest], "uses": [
            of(&digest.to_string(), "2027-01-15T09:00:30+01:00", 3),
            of(&"0".repeat(64), "2027-01-15T08:00:00Z", 9),
            of(&digest.to_string(), "2027-01-14T23:59:59.999Z", 4),
        ] }),
    );
    let usage = read();
    assert_eq!((&usage["total"], &usage["last_used_at"]), (&json!(7), &json!("2027-01-15T08:00:30.000Z")));
    let days: Vec<_> = usage["items"].as_array().unwrap().iter().rev().take(2).map(|day| day["uses"].clone()).collect();
    assert_eq!(days, [3, 4]);
    // Who checks here is counted here, and once.
    setup.usual(&setup.deployment);
    setup.usual(&setup.deployment);
    setup.deployment.let_pass(60);
    assert_eq!(read()["total"], 9);
}

/// One token is known from memory, the other is asked about, and that takes its time: by then the first was revoked.
#[test]
fn what_memory_said_does_not_outlive_what_others_of_a_batch_wait_for() {
    let setup = Setup::new();
    let there = setup.deployment.another();
    assert_eq!(setup.usual(&there), found("VALID", "strong", QUESTION));
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
