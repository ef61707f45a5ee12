//! Uses of tokens: counted without delaying a response, and reported at most once.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ROOT, Tenant, text},
    tokens::never_issued,
    world::Fault,
};

/// A workspace, a token that verifies its tokens (the gate), and a token. Their uses so far are reported.
struct Setup {
    deployment: Deployment,
    acme: Tenant,
    /// Value and id.
    gate: (String, String),
    token: (String, String),
}

impl Setup {
    fn new() -> Self {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let issue = |scope: &str| {
            let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": [scope] }));
            (text(&issued, "/token"), text(&issued, "/id"))
        };
        let (gate, token) = (issue("tokens:verify"), issue("orders:read"));
        deployment.let_pass(120);
        Self { gate, token, acme, deployment }
    }

    /// The code of a check.
    fn check(&self, token: &str) -> String {
        self.check_as("bounded", token)
    }

    fn check_as(&self, freshness: &str, token: &str) -> String {
        let body = json!({ "token": token, "demand": { "freshness": freshness } });
        let decision = self.deployment.post(&self.gate.0, "/v1/verify", &body);
        text(&decision.expect(200), "/code")
    }

    /// How many requests were sent to the ledgers.
    fn asked(&self) -> u32 {
        self.deployment.world.inside().asked.ledgers
    }

    /// Reads as root, which has no token.
    fn read(&self, path: &str) -> Value {
        let call = self.deployment.call("GET", path).bearer(ROOT).header("x-counterfoil-workspace", "acme");
        call.send().expect(200)
    }

    fn total(&self, id: &str) -> u64 {
        self.read(&format!("/v1/tokens/{id}/usage"))["total"].as_u64().unwrap()
    }

    fn last_used_at(&self, id: &str) -> Value {
        self.read(&format!("/v1/tokens/{id}"))["last_used_at"].clone()
    }
}

#[test]
fn valid_checks_and_admitted_requests_count_as_uses() {
    let setup = Setup::new();
    let Setup { deployment, acme, gate, token } = &setup;
    assert_eq!((setup.total(&token.1), setup.last_used_at(&token.1)), (0, Value::Null));
    assert_eq!(setup.check(&token.0), "VALID");
    let batch = json!({ "tokens": [token.0, token.0, never_issued(&acme.key), "no token"] });
    deployment.post(&gate.0, "/v1/verify", &batch).expect(200);
    // Not counted: checks that find it invalid, and requests that fail before they are authenticated.
    let more = json!({ "token": token.0, "demand": { "all_of": ["orders:write"] } });
    assert_eq!(deployment.post(&gate.0, "/v1/verify", &more).expect(200)["code"], "INSUFFICIENT_SCOPE");
    deployment.post(&token.0, "/v1/verify", &json!({ "token": 1 })).refused(422);
    // Counted: it is admitted, whatever its scopes.
    assert_eq!(deployment.post(&token.0, "/v1/verify", &json!({ "token": gate.0 })).status, StatusCode::FORBIDDEN);
    deployment.get(&token.0, "/v1/tokens").refused(403);
    deployment.get(&token.0, "/v1/tokens/self").expect(200);
    deployment.let_pass(60);
    assert_eq!((setup.total(&token.1), setup.total(&gate.1)), (3 + 3, 3));

    deployment.delete(&acme.admin, &format!("/v1/tokens/{}", token.1)).expect(200);
    assert_eq!(setup.check(&token.0), "REVOKED");
    deployment.get(&token.0, "/v1/tokens/self").refused(401);
    deployment.let_pass(60);
    assert_eq!(setup.total(&token.1), 6);
}

#[test]
fn usage_is_reported_per_day() {
    let setup = Setup::new();
    let path = format!("/v1/tokens/{}/usage", setup.token.1);
    setup.check(&setup.token.0);
    setup.deployment.let_pass(60);
    setup.deployment.world.pass(24 * 60 * 60 * 1_000);
    setup.check(&setup.token.0);
    setup.check(&setup.token.0);
    setup.deployment.let_pass(60);
    assert_eq!(
        setup.read(&format!("{path}?days=3")),
        json!({
            "items": [
                { "day": "2027-01-14", "uses": 0 },
                { "day": "2027-01-15", "uses": 1 },
                { "day": "2027-01-16", "uses": 2 },
            ],
            "total": 3,
            "last_used_at": "2027-01-16T08:03:00.000Z",
        })
    );
    assert_eq!(setup.last_used_at(&setup.token.1), "2027-01-16T08:03:00.000Z");
    assert_eq!(setup.read(&path)["items"].as_array().unwrap().len(), 30);
    let listed = |query: &str| setup.read(&format!("/v1/tokens?q={}{query}", setup.token.1))["items"][0].clone();
    assert_eq!(listed("&usage=3")["daily_uses"], json!([0, 1, 2]));
    assert_eq!(listed("").get("daily_uses"), None);
    assert_eq!(setup.deployment.get(&setup.acme.admin, "/v1/tokens?usage=91").refused(422), "INVALID_VALUE");
    let get = |days: &str| setup.deployment.get(&setup.acme.admin, &format!("{path}?{days}"));
    for days in ["days=0", "days=91"] {
        assert_eq!(get(days).refused(422), "INVALID_VALUE");
    }
    for days in ["days=", "days=-1", "days=x", "day=1", "days=1&days=2"] {
        assert_eq!(get(days).refused(400), "INVALID_QUERY");
    }
    assert_eq!(setup.deployment.get(&setup.gate.0, &path).refused(403), "INSUFFICIENT_SCOPE");
    assert_eq!(setup.deployment.get(&setup.acme.admin, "/v1/tokens/tok_nobody/usage").refused(404), "NOT_FOUND");
}

#[test]
fn a_busy_isolate_reports_uses_once_a_minute_in_the_background() {
    let setup = Setup::new();
    let (before, start) = (setup.asked(), setup.total(&setup.gate.1));
    let before = before + 1;
    let mut reports = Vec::new();
    for second in 1..=310 {
        for _ in 0..4 {
            let before = setup.asked();
            setup.check_as("strong", &setup.token.0);
            assert_eq!(setup.asked() - before, 1, "the strong check's query only");
        }
        let before = setup.asked();
        setup.deployment.let_pass(1);
        reports.extend((setup.asked() > before).then_some(second));
        assert!(setup.asked() - before <= 1);
    }
    assert_eq!(reports, [60, 120, 180, 240, 300]);
    assert_eq!(setup.asked(), before + 1_240 + 5);
    setup.deployment.let_pass(60);
    assert_eq!(setup.asked(), before + 1_240 + 6, "once idle, it reports the rest, once");
    assert_eq!((setup.total(&setup.token.1), setup.total(&setup.gate.1)), (1_240, start + 1_240));
}

#[test]
fn an_idle_isolate_reports_uses_after_25_seconds() {
    let setup = Setup::new();
    let used_at = "2027-01-15T08:02:00.000Z";
    setup.check(&setup.token.0);
    setup.deployment.let_pass(24);
    assert_eq!(setup.last_used_at(&setup.token.1), Value::Null);
    setup.deployment.let_pass(1);
    assert_eq!(setup.last_used_at(&setup.token.1), used_at);
    let asked = setup.asked();
    setup.deployment.let_pass(600);
    assert_eq!(setup.asked(), asked, "without uses nothing is sent");
}

#[test]
fn a_failed_report_of_uses_is_not_repeated() {
    for (fault, counted) in [(Fault::Before, 0), (Fault::After, 2), (Fault::Garbled, 2)] {
        let setup = Setup::new();
        setup.check(&setup.token.0);
        setup.check(&setup.token.0);
        setup.deployment.world.inside().objects_fail = Some(fault);
        setup.deployment.let_pass(60);
        setup.deployment.world.inside().objects_fail = None;
        setup.deployment.let_pass(600);
        assert_eq!(setup.total(&setup.token.1), counted, "{fault:?}");
        let lost = setup.deployment.world.inside().lost_uses.clone();
        let [line] = &lost[..] else { panic!("one line: {lost:?}") };
        assert_eq!((line.level, line.code, line.uses), ("error", "USES_LOST", 4), "the gate's too");
        assert!(!line.detail.is_empty());
        // The lost ones stay lost; later ones are counted.
        setup.check(&setup.token.0);
        setup.deployment.let_pass(60);
        assert_eq!(setup.total(&setup.token.1), counted + 1);
    }
}

#[test]
fn a_failing_ledger_loses_no_other_ledgers_uses() {
    let setup = Setup::new();
    let other = setup.deployment.workspace("other");
    setup.deployment.let_pass(60);
    setup.check(&setup.token.0);
    setup.deployment.get(&other.admin, "/v1/tokens/self").expect(200);
    setup.deployment.world.inside().one_object_fails = Some((0, Fault::Before));
    setup.deployment.let_pass(60);
    let id = text(&setup.deployment.get(&other.admin, "/v1/tokens/self").expect(200), "/id");
    let theirs = setup.deployment.get(&other.admin, &format!("/v1/tokens/{id}/usage")).expect(200)["total"].as_u64();
    let ours = setup.total(&setup.token.1);
    // Which of the two is first is unspecified.
    assert!(matches!((ours, theirs), (0, Some(2)) | (1, Some(1))), "{ours} {theirs:?}");
}

#[test]
fn uses_of_isolates_add_up_and_a_crash_loses_unreported_ones() {
    let mut setup = Setup::new();
    setup.check(&setup.token.0);
    // Another isolate, while the first one's background work continues.
    setup.deployment.forget();
    setup.check(&setup.token.0);
    setup.deployment.let_pass(60);
    assert_eq!(setup.total(&setup.token.1), 2);
    setup.check(&setup.token.0);
    setup.deployment.crash();
    setup.check(&setup.token.0);
    setup.deployment.let_pass(60);
    assert_eq!(setup.total(&setup.token.1), 3);
}

#[test]
fn an_ended_session_does_not_count_as_a_use() {
    let setup = Setup::new();
    let Setup { deployment, acme, .. } = &setup;
    let short = deployment.call("PATCH", "/v1/workspace").bearer(&acme.admin).json(&json!({ "session_length": 60 }));
    short.send().expect(200);
    let opener = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["sessions:create"] }));
    let ((session, _), id) = (deployment.session(&text(&opener, "/token")), text(&opener, "/id"));
    deployment.let_pass(120);
    let used = setup.total(&id);
    let page = deployment.call("GET", "/v1/session").session(&session).header("origin", "https://app.example").send();
    assert_eq!(page.refused(401), "SESSION_ENDED");
    assert_eq!(page.header("access-control-allow-origin"), None, "without admission no page may read it");
    deployment.let_pass(120);
    assert_eq!(setup.total(&id), used);
}

#[test]
fn requests_in_a_session_count_as_uses_of_its_token() {
    let setup = Setup::new();
    let opener = setup.deployment.issue(&setup.acme.admin, &json!({ "name": "", "scopes": ["sessions:create"] }));
    let ((session, _), id) = (setup.deployment.session(&text(&opener, "/token")), text(&opener, "/id"));
    for (path, status) in [("/v1/session", 200), ("/v1/tokens", 403)] {
        assert_eq!(setup.deployment.call("GET", path).session(&session).send().status, status);
    }
    setup.deployment.let_pass(60);
    assert_eq!(setup.total(&id), 3, "opening the session counts too");
}

#[test]
fn rotation_keeps_the_usage_history() {
    let setup = Setup::new();
    setup.check(&setup.token.0);
    let path = format!("/v1/tokens/{}/rotate", setup.token.1);
    let rotated = setup.deployment.post(&setup.acme.admin, &path, &json!({ "grace_seconds": 3_600 })).expect(200);
    setup.check(&setup.token.0);
    setup.check(&text(&rotated, "/token"));
    setup.deployment.let_pass(60);
    assert_eq!(setup.total(&setup.token.1), 3);
}
