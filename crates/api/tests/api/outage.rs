//! Outages: the caller is told, the log has the reason, and a change is made completely or not at all.

use counterfoil_ledger::native::When;
use serde_json::json;

use crate::{
    deployment::{Call, Deployment, ROOT, text},
    routes::{self, Needs},
    world::Fault,
};

#[test]
fn an_unreachable_ledger_is_reported_and_logged_on_every_route() {
    let deployment = Deployment::new();
    let tenant = deployment.workspace("acme");
    let routes = routes::all(&deployment, &tenant);
    // The first request for a snapshot writes a note, once an hour.
    assert_eq!(deployment.get(&tenant.admin, "/v1/snapshot").status, 200);
    let before = deployment.world.dump();
    for (fault, status, code, logged) in [
        (Fault::Before, 503, "LEDGER_UNAVAILABLE", "keeps the object from being reached"),
        (Fault::Garbled, 500, "INTERNAL", "not a reply"),
        (Fault::Older, 503, "BEING_UPDATED", "the ledger is older: not a request: a wrong field at /command"),
        (Fault::Newer, 503, "BEING_UPDATED", "the ledger is newer"),
    ] {
        deployment.world.inside().objects_fail = Some(fault);
        // For garbled replies only reads: a ledger that cannot be reached does nothing, but one whose reply is garbled
        // may have acted.
        for route in routes
            .iter()
            .filter(|route| route.needs != Needs::Nothing && (fault != Fault::Garbled || route.method == "GET"))
        {
            let call = route.call_as_admin(&deployment, &tenant);
            let call = route.body.iter().fold(call, Call::json);
            let reply = call.send();
            // A decision does not distinguish the two.
            let told = if route.pattern == "/v1/verify" && status == 503 { "LEDGER_UNAVAILABLE" } else { code };
            assert_eq!(reply.refused(status), told, "{}", route.pattern);
            // A verifier does not report why its ledger did not respond: other checks shared the request.
            let words = if route.pattern == "/v1/verify" { "could not be verified" } else { logged };
            assert!(reply.line.detail.as_ref().unwrap().contains(words), "{:?}", reply.line);
        }
    }
    assert_eq!(deployment.world.dump(), before);
}

#[test]
fn a_lost_or_unreadable_response_is_reported_as_an_unknown_outcome() {
    for (fault, status, code) in [(Fault::After, 503, "LEDGER_UNAVAILABLE"), (Fault::Garbled, 500, "INTERNAL")] {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        deployment.world.inside().one_object_fails = Some((0, fault));
        let reply = deployment.post(&acme.admin, "/v1/tokens", &json!({ "name": "lost", "scopes": [] }));
        assert_eq!(reply.refused(status), code);
        assert!(text(&reply.body, "/detail").contains("may or may not"), "{}", reply.body);
        let list = deployment.get(&acme.admin, "/v1/tokens").expect(200);
        assert_eq!(list["items"][0]["name"], "lost");
        // The same for the directory.
        deployment.world.inside().one_object_fails = Some((0, fault));
        let reply = deployment.post(ROOT, "/v1/workspaces", &json!({ "slug": "lost", "name": "Lost" }));
        assert_eq!(reply.refused(status), code);
        assert!(text(&reply.body, "/detail").contains("may or may not"), "{}", reply.body);
    }
}

#[test]
fn a_storage_fault_rolls_back_the_whole_command() {
    let deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let before = deployment.world.dump();
    let fail = |fault| deployment.world.inside().ledgers.values().next().unwrap().sql().fail(fault);
    for statement in 1.. {
        fail(Some((statement, When::After)));
        let reply = deployment.post(&acme.admin, "/v1/tokens", &json!({ "name": "", "scopes": [] }));
        if reply.status == 201 {
            assert!(statement > 5, "the fault was injected");
            break;
        }
        assert_eq!(reply.refused(500), "INTERNAL");
        assert!(reply.line.detail.unwrap().contains("injected"));
        fail(None);
        assert_eq!(deployment.world.dump(), before, "statement {statement}");
    }
}

#[test]
fn verification_fails_closed_without_ledger_or_registry() {
    let mut deployment = Deployment::new();
    let acme = deployment.workspace("acme");
    let token = deployment.token(&acme.admin, &["orders:read"]);
    let check = |deployment: &Deployment, freshness: &str| {
        // The longest back-off, so the ledger is queried again.
        deployment.world.pass(2_000);
        let body = json!({ "token": token, "demand": { "freshness": freshness } });
        let call = deployment.call("POST", "/v1/verify").bearer(ROOT).header("x-counterfoil-workspace", "acme");
        let decision = call.json(&body).send().expect(200);
        (text(&decision, "/code"), text(&decision, "/freshness"))
    };
    let answer = |code: &str, freshness: &str| (code.to_owned(), freshness.to_owned());

    // The directory resolves root's workspace; the ledger is what fails.
    for fault in [Fault::Before, Fault::After, Fault::Garbled, Fault::Older, Fault::Newer] {
        for freshness in ["strong", "bounded", "eventual"] {
            let deployment = deployment.another();
            deployment.world.inside().one_object_fails = Some((1, fault));
            assert_eq!(check(&deployment, freshness).0, "UNAVAILABLE", "the registry has nothing yet");
        }
    }
    deployment.world.inside().registry_fails = true;
    assert_eq!(check(&deployment, "eventual"), answer("VALID", "strong"), "without the registry the ledger is queried");
    deployment.forget();
    deployment.world.inside().one_object_fails = Some((1, Fault::Before));
    assert_eq!(check(&deployment, "eventual").0, "UNAVAILABLE");
    deployment.world.inside().registry_fails = false;

    deployment.world.drain();
    for value in deployment.world.inside().registry.values_mut() {
        value.truncate(3);
    }
    deployment.forget();
    assert_eq!(check(&deployment, "eventual"), answer("VALID", "strong"), "a corrupt record is ignored");
}

#[test]
fn the_outbox_updates_the_registry_after_an_outage() {
    for fault in [Fault::Before, Fault::After] {
        let mut deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let issued = deployment.issue(&acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
        let (token, path) = (text(&issued, "/token"), format!("/v1/tokens/{}", text(&issued, "/id")));
        deployment.world.inside().puts_fail = Some(fault);
        deployment.world.drain();
        deployment.delete(&acme.admin, &path).expect(200);
        for _ in 0..5 {
            deployment.world.pass(60_000);
            deployment.world.drain();
        }
        assert_eq!(deployment.world.waiting(), 4, "two tokens, their owner, the workspace: one row per key");
        assert_eq!(deployment.get(&acme.admin, &path).expect(200)["state"], "revoked", "the change is kept");

        deployment.world.inside().puts_fail = None;
        deployment.world.pass(60_000);
        deployment.world.drain();
        assert_eq!(deployment.world.waiting(), 0);
        deployment.world.inside().objects_fail = Some(Fault::Before);
        deployment.forget();
        let body = json!({ "token": token, "demand": { "freshness": "eventual" } });
        assert_eq!(deployment.post(&acme.admin, "/v1/verify", &body).expect(200)["code"], "REVOKED", "{fault:?}");
    }
}
