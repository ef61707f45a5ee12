//! Leases for remote verifiers: `POST /v1/lease`.

use super::*;

/// Requests a lease over HTTP.
fn lease(setup: &Setup, body: &Value) -> Grant {
    let reply = setup.deployment.post(&setup.gate, "/v1/lease", body);
    assert_eq!((reply.status, cost(&reply)), (200, ONE_REQUEST), "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/vnd.counterfoil.lease"));
    assert_eq!(reply.bytes[..2], [1, b'l'], "the format and the kind");
    Grant::decode(&reply.bytes).unwrap()
}

#[test]
fn a_lease_response_has_the_binary_layout_and_the_changes() {
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
    assert_eq!((&told[..], &more.texts[..]), (&[gate][..], &[digest][..]), "the requested digest and the changed one");
    // A position that the ledger's history does not have.
    for unknown in [since(position.epoch + 1, position.generation), since(position.epoch, u64::MAX >> 1)] {
        assert_eq!(lease(&setup, &json!({ "since": unknown, "digests": [] })).since, None);
    }
}

#[test]
fn a_remote_verifier_rejects_a_revoked_token_after_wait() {
    let setup = Setup::new();
    let key = WorkspaceKey::parse(&setup.acme.key).unwrap();
    let (demand, mut verifier) = (Demand::of(key), Verifier::new(Limits::default()));
    let start = 1_800_000_000_000;
    // The code, and how many requests were sent.
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
fn a_lease_requires_tokens_verify_and_enforces_limits() {
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
fn uses_counted_by_remote_verifiers_are_reported_with_leases() {
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
    // A check by the API itself is counted there, once.
    setup.usual(&setup.deployment);
    setup.usual(&setup.deployment);
    setup.deployment.let_pass(60);
    assert_eq!(read()["total"], 9);
}
