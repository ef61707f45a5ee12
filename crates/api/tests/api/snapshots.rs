//! Snapshots over HTTP: who may read one, that its decisions match the ledger's, and what happens on failures.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_api::Ports as _;
use counterfoil_ledger::{Ledger, editions::Step, native::NativeSql};
use counterfoil_token::{Digest, WorkspaceKey};
use counterfoil_verify::{Code, Demand, Freshness, Limits, Progress, Snapshot, SnapshotError, Timestamp, Verifier};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, ROOT, Reply, Tenant, text},
    tokens::never_issued,
};

const SECOND: u64 = 1_000;
const HOUR: u64 = 60 * 60 * SECOND;

/// A workspace with some tokens, and a token that may read its snapshots.
struct Setup {
    deployment: Deployment,
    acme: Tenant,
    reader: String,
}

impl Setup {
    fn new() -> Self {
        let deployment = Deployment::new();
        let acme = deployment.workspace("acme");
        let reader = deployment.token(&acme.admin, &["snapshots:read"]);
        Self { reader, acme, deployment }
    }

    /// A setup whose snapshot is built.
    fn ready() -> Self {
        let setup = Self::new();
        setup.get().refused(503);
        setup.deployment.world.make_editions();
        setup
    }

    fn get(&self) -> Reply {
        self.deployment.get(&self.reader, "/v1/snapshot")
    }

    /// The complete file.
    #[track_caller]
    fn file(&self) -> Vec<u8> {
        let reply = self.get();
        assert_eq!((reply.status, reply.is_whole), (200, true), "{}", reply.body);
        reply.bytes
    }

    /// The public keys, as verifiers get them.
    fn keys(&self) -> Vec<VerifyingKey> {
        let set = self.deployment.get(&self.reader, "/v1/snapshot/keys").expect(200);
        let key = |key: &Value| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text(key, "/x")).unwrap();
            VerifyingKey::from_bytes(&bytes.try_into().unwrap()).unwrap()
        };
        set["keys"].as_array().unwrap().iter().map(key).collect()
    }

    fn pass(&self, milliseconds: u64) {
        self.deployment.world.pass(milliseconds);
    }

    /// The registry keys of the snapshot's files after its manifest, in order.
    fn stored(&self) -> Vec<String> {
        let snapshot = Snapshot::open(&self.file()).unwrap();
        let manifest = snapshot.manifest();
        let names = manifest.segments().iter().map(|segment| segment.name);
        let names = names.chain(manifest.owners().iter().map(|owners| owners.name));
        names.map(|name| name.path(snapshot.workspace())).collect()
    }

    fn issue(&self, body: &Value) -> String {
        text(&self.deployment.issue(&self.acme.admin, body), "/token")
    }
}

/// The next file that a ledger wants to put.
fn next_put(ledger: &Ledger<NativeSql>, now: Timestamp) -> Step {
    loop {
        match ledger.edition_step(now).unwrap() {
            Step::More => {}
            put @ Step::Put { .. } => return put,
            other => panic!("{other:?}"),
        }
    }
}

fn is_signed_by(file: &[u8], key: &VerifyingKey) -> bool {
    let (signed, signature) = Snapshot::signed(file).unwrap();
    key.verify_strict(signed, &Signature::from_bytes(signature)).is_ok()
}

#[test]
fn a_snapshot_is_built_on_the_first_request() {
    let setup = Setup::new();
    let early_at = setup.deployment.world.now();
    let early = setup.get();
    assert_eq!((early.refused(503), early.header("retry-after")), ("SNAPSHOT_NOT_READY", Some("1")));
    // The registry accepts no writes, and retries become less frequent.
    for _ in 0..4 {
        let inside = setup.deployment.world.inside();
        let ledger = inside.ledgers.values().next().unwrap();
        ledger.edition_failed(&next_put(ledger, inside.now), inside.now).unwrap();
        drop(inside);
        let again = setup.get();
        assert_eq!(again.refused(503), "SNAPSHOT_NOT_READY");
        setup.pass(SECOND * again.header("retry-after").unwrap().parse::<u64>().unwrap());
    }
    assert_eq!(setup.deployment.world.now(), early_at.plus(15 * SECOND), "after 1, 2, 4 and 8 s");
    setup.deployment.world.make_editions();
    let reply = setup.get();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/vnd.counterfoil.snapshot")));
    assert_eq!(reply.header("content-disposition"), Some(r#"attachment; filename="acme.snapshot""#));
    assert_eq!((reply.line.ledger_calls, reply.line.registry_reads), (1, 3), "a manifest, a segment, the owners");
    let snapshot = Snapshot::open(&reply.bytes).unwrap();
    assert_eq!(snapshot.workspace().as_str(), setup.acme.key);
    let now = setup.deployment.world.inside().asked;
    let head = setup.deployment.call("HEAD", "/v1/snapshot").bearer(&setup.reader).send();
    assert_eq!((head.status, head.header("etag")), (200, reply.header("etag")));
    assert_eq!(setup.deployment.world.inside().asked.ledgers, now.ledgers + 1);
}

#[test]
fn a_snapshot_requires_snapshots_read() {
    let setup = Setup::ready();
    let deployment = &setup.deployment;
    let other = deployment.token(&setup.acme.admin, &["tokens:*", "audit:read", "workspace:manage"]);
    for path in ["/v1/snapshot", "/v1/snapshot/keys"] {
        assert_eq!(deployment.get(&other, path).refused(403), "INSUFFICIENT_SCOPE");
        assert_eq!(deployment.call("GET", path).send().refused(401), "NO_CREDENTIAL");
        let root = deployment.call("GET", path).bearer(ROOT).header("x-counterfoil-workspace", "acme");
        assert_eq!(root.send().status, 200);
        let (session, _) = deployment.session(&setup.acme.admin);
        assert_eq!(deployment.call("GET", path).session(&session).send().status, 200);
    }
    // Each workspace has its own snapshot and keys.
    let beta = deployment.workspace("beta");
    assert_eq!(deployment.get(&beta.admin, "/v1/snapshot").refused(503), "SNAPSHOT_NOT_READY");
    let theirs = deployment.get(&beta.admin, "/v1/snapshot/keys").expect(200);
    assert_ne!(theirs, deployment.get(&setup.reader, "/v1/snapshot/keys").expect(200));
}

#[test]
fn snapshot_decisions_match_the_ledger() {
    let setup = Setup::new();
    let deployment = &setup.deployment;
    let ada = json!({ "id": "ada", "name": "Ada", "role": "member", "grants": ["orders:*"] });
    let eve = json!({ "id": "eve", "name": "Eve", "role": "member", "grants": ["orders:*"] });
    for member in [ada, eve] {
        deployment.post(&setup.acme.admin, "/v1/members", &member).expect(201);
    }
    let of = |owner: &str, more: Value| {
        let mut body = json!({ "name": "", "owner": owner, "scopes": ["orders:read"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        setup.issue(&body)
    };
    let good = of("ada", json!({}));
    let revoked = deployment.issue(&setup.acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
    deployment.delete(&setup.acme.admin, &format!("/v1/tokens/{}", text(&revoked, "/id"))).expect(200);
    let rotated = deployment.issue(&setup.acme.admin, &json!({ "name": "", "scopes": ["orders:read"] }));
    let path = format!("/v1/tokens/{}/rotate", text(&rotated, "/id"));
    let renewed = deployment.post(&setup.acme.admin, &path, &json!({ "grace_seconds": 7_200 })).expect(200);
    let bound = of("ada", json!({ "allowed_addresses": ["192.0.2.0/24"] }));
    let texts = [
        good,
        text(&revoked, "/token"),
        text(&rotated, "/token"),
        text(&renewed, "/token"),
        of("eve", json!({})),
        of("ada", json!({ "expires_in": 3_600 })),
        of("ada", json!({ "not_before": "2027-01-15T09:00:00Z" })),
        of("ada", json!({ "enabled": false })),
        setup.issue(&json!({ "name": "", "scopes": ["orders:write"] })),
        never_issued(&setup.acme.key),
    ];
    let suspended = json!({ "state": "suspended" });
    deployment.call("PATCH", "/v1/members/eve").bearer(&setup.acme.admin).json(&suspended).send().expect(200);
    setup.get().refused(503);
    deployment.world.make_editions();

    let file = setup.file();
    assert!(is_signed_by(&file, &setup.keys()[0]));
    let mut verifier = Verifier::new(Limits::default());
    verifier.load(Snapshot::open(&file).unwrap());
    let mut demand = Demand::of(WorkspaceKey::parse(&setup.acme.key).unwrap());
    demand.all_of = vec![counterfoil_verify::Scope::parse("orders:read").unwrap()];
    demand.freshness = Freshness::Snapshot;
    demand.address = "192.0.2.7".parse().ok();
    let mut offline = |text: &str, now: Timestamp| match verifier.check(text.as_bytes(), &demand, now) {
        Progress::Decided(decision) => decision.code,
        Progress::Fetch(pending) => panic!("{:?}", pending.need()),
    };
    let asked = json!({ "all_of": ["orders:read"], "freshness": "strong", "address": "192.0.2.7" });
    let online = |text: &str| {
        let body = json!({ "token": text, "demand": asked });
        crate::deployment::text(&deployment.post(&setup.acme.admin, "/v1/verify", &body).expect(200), "/code")
    };
    let mut seen = Vec::new();
    for wait in [0, HOUR, HOUR] {
        setup.pass(wait);
        let now = deployment.world.now();
        for text in &texts {
            let code = offline(text, now);
            assert_eq!(code.as_str(), online(text));
            seen.push(code);
        }
        assert_eq!(
            (offline(&bound, now), &*online(&bound)),
            (Code::Unavailable, "VALID"),
            "snapshots exclude its addresses"
        );
    }
    for code in [
        Code::Valid,
        Code::Revoked,
        Code::OwnerSuspended,
        Code::Expired,
        Code::NotYetValid,
        Code::Disabled,
        Code::InsufficientScope,
        Code::Unknown,
    ] {
        assert!(seen.contains(&code), "{code}");
    }
}

#[test]
fn an_unchanged_snapshot_responds_304_to_its_etag() {
    let setup = Setup::ready();
    let first = setup.get();
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", Digest::of(&first.bytes[..120])));
    let with = |tags: &str| {
        setup.deployment.call("GET", "/v1/snapshot").bearer(&setup.reader).header("if-none-match", tags).send()
    };
    for tags in [&*tag, &format!("W/{tag}"), &format!("\"a\", {tag} ,\"b\""), "*"] {
        let unchanged = with(tags);
        assert_eq!(
            (unchanged.status, unchanged.bytes.len(), unchanged.header("etag")),
            (304, 0, Some(&*tag)),
            "{tags}"
        );
        assert_eq!((unchanged.line.ledger_calls, unchanged.line.registry_reads), (1, 0));
    }
    for tags in ["", "\"a\"", &tag.replace('"', ""), &tag.to_uppercase()] {
        assert_eq!(with(tags).bytes, first.bytes, "{tags}");
    }
    setup.pass(3 * HOUR - 1);
    assert_eq!((with(&tag).status, setup.file() == first.bytes), (304, true), "nothing has changed");
    setup.pass(1);
    let renewed = with(&tag);
    assert!(renewed.status == 200 && renewed.header("etag") != Some(&*tag));
    let [before, after] = [&first.bytes, &renewed.bytes].map(|file| Snapshot::open(file).unwrap());
    assert_eq!(after.as_of(), before.as_of().plus(3 * HOUR));
    assert_eq!(first.bytes[120..], renewed.bytes[120..], "only its time differs");
    // A caller that may not read snapshots does not learn that nothing changed.
    let stranger = setup.deployment.token(&setup.acme.admin, &[]);
    let call = setup.deployment.call("GET", "/v1/snapshot").bearer(&stranger).header("if-none-match", "*");
    assert_eq!(call.send().refused(403), "INSUFFICIENT_SCOPE");
}

#[test]
fn a_snapshot_expires_after_snapshot_max() {
    let setup = Setup::ready();
    for seconds in [60, 2_592_000] {
        let set = json!({ "snapshot_max": seconds });
        setup.deployment.call("PATCH", "/v1/workspace").bearer(&setup.acme.admin).json(&set).send().expect(200);
        let snapshot = Snapshot::open(&setup.file()).unwrap();
        assert_eq!(snapshot.expires_at(), snapshot.as_of().plus(seconds * SECOND));
    }
}

#[test]
fn a_replaced_snapshot_key_still_verifies_old_snapshots() {
    let setup = Setup::ready();
    let file = setup.file();
    let set = setup.deployment.get(&setup.reader, "/v1/snapshot/keys").expect(200);
    let members = |key: &Value| key.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&set["keys"][0]), ["alg", "crv", "kid", "kty", "use", "x"]);
    let [current, previous] = setup.keys()[..] else { panic!("two keys") };
    assert!(is_signed_by(&file, &current) && !is_signed_by(&file, &previous));
    let tag = setup.get().header("etag").unwrap().to_owned();
    setup.deployment.world.inside().snapshot_secrets.reverse();
    let anew = setup.get();
    assert_eq!(setup.keys(), [previous, current]);
    assert!(is_signed_by(&anew.bytes, &previous) && is_signed_by(&file, &setup.keys()[1]));
    assert_ne!(anew.header("etag"), Some(&*tag), "the file differs");
}

#[test]
fn without_snapshot_keys_only_snapshots_are_unavailable() {
    let setup = Setup::ready();
    setup.deployment.world.inside().snapshot_secrets.clear();
    for path in ["/v1/snapshot", "/v1/snapshot/keys"] {
        assert_eq!(setup.deployment.get(&setup.reader, path).refused(503), "SNAPSHOTS_OFF");
        assert_eq!(setup.deployment.get("mistyped", path).refused(401), "MALFORMED");
    }
    setup.deployment.get(&setup.reader, "/v1/tokens/self").expect(200);
}

#[test]
fn a_missing_or_corrupt_file_truncates_the_snapshot() {
    let setup = Setup::new();
    for _ in 0..10 {
        setup.issue(&json!({ "name": "", "scopes": [] }));
    }
    setup.get().refused(503);
    setup.deployment.world.make_editions_of(1);
    let whole = setup.file();
    let stored = setup.stored();
    assert_eq!(stored.len(), 17, "a segment per token value, and one of the owners");
    let world = &setup.deployment.world;
    for (nth, path) in stored.iter().enumerate() {
        let file = world.inside().registry.get(path).cloned().unwrap();
        let mut other = file.clone();
        *other.last_mut().unwrap() ^= 1;
        for wrong in [None, Some(Vec::new()), Some(other)] {
            match wrong {
                Some(wrong) => drop(world.inside().registry.insert(path.clone(), wrong)),
                None => drop(world.inside().registry.remove(path)),
            }
            let reply = setup.get();
            // The manifest is among the four files that are read before the first byte is sent.
            if nth < 3 {
                assert_eq!((reply.refused(503), reply.header("retry-after")), ("SNAPSHOT_NOT_READY", Some("1")));
                assert_eq!(world.inside().cut_off, []);
                continue;
            }
            assert_eq!((reply.status, reply.is_whole), (200, false));
            assert!(whole.starts_with(&reply.bytes) && reply.bytes.len() < whole.len());
            assert_eq!(Snapshot::open(&reply.bytes).unwrap_err(), SnapshotError::Files);
            let line = world.inside().cut_off.pop().unwrap();
            assert_eq!((line.level, line.code, line.request_id), ("error", "SNAPSHOT_CUT_OFF", reply.line.request_id));
            assert!(line.detail.contains(path) && world.inside().cut_off.is_empty());
        }
        world.inside().registry.insert(path.clone(), file);
    }
    assert_eq!(setup.file(), whole);
    world.inside().registry_fails = true;
    assert_eq!(setup.get().refused(503), "SNAPSHOT_NOT_READY");
}

#[test]
fn a_snapshot_with_too_many_files_is_rejected() {
    let setup = Setup::new();
    let admin = &setup.acme.admin;
    let quota = json!({ "default_quota": 2_000 });
    setup.deployment.call("PATCH", "/v1/workspace").bearer(admin).json(&quota).send().expect(200);
    let line = |number: u32| {
        let digest = Digest::of(&number.to_be_bytes()).to_string();
        json!({ "digest": digest, "name": "", "owner": "admin", "scopes": [] })
    };
    let lines = json!({ "tokens": (0..600).map(line).collect::<Vec<_>>() });
    setup.deployment.post(admin, "/v1/tokens/import", &lines).expect(200);
    setup.get().refused(503);
    setup.deployment.world.make_editions_of(1);
    let reply = setup.get();
    assert_eq!((reply.refused(422), reply.line.registry_reads), ("SNAPSHOT_TOO_LARGE", 0));
}

#[test]
fn a_snapshot_contains_no_personal_data_addresses_or_token_values() {
    let setup = Setup::new();
    let deployment = &setup.deployment;
    let ada = json!({
        "id": "ada-the-first", "name": "Ada Lovelace", "email": "ada@example.com", "role": "member",
        "grants": ["orders:*"],
    });
    deployment.post(&setup.acme.admin, "/v1/members", &ada).expect(201);
    let token = setup.issue(&json!({
        "name": "a name of a token", "note": "a note", "owner": "ada-the-first", "scopes": ["orders:read"],
        "allowed_addresses": ["203.0.113.77/32"], "metadata": { "secret": "a metadatum" },
    }));
    let [weak, strong] = ["weak", "strong"].map(|text| Digest::of(text.as_bytes()));
    let line = |digest: Digest, weak: bool| json!({ "digest": digest.to_string(), "weak": weak, "name": "", "owner": "admin", "scopes": ["orders:write"] });
    let lines = json!({ "tokens": [line(weak, true), line(strong, false)] });
    deployment.post(&setup.acme.admin, "/v1/tokens/import", &lines).expect(200);
    setup.get().refused(503);
    deployment.world.make_editions();
    let file = setup.file();
    let holds = |bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    let of_token = Digest::of(token.as_bytes());
    // Without their first two bytes, which the position in a segment may imply.
    assert!(holds(&strong.as_bytes()[2..16]) && holds(&of_token.as_bytes()[2..16]) && holds(b"orders:write"));
    assert!(holds(b"ada-the-first") && holds(b"acme"), "members' ids and the slug are in it");
    let weak = weak.as_bytes();
    for absent in [&weak[2..16], &weak[4..12], &of_token.as_bytes()[16..24], &[203, 0, 113, 77], b"203.0.113.77"] {
        assert!(!holds(absent), "{}", absent.escape_ascii());
    }
    for absent in ["Lovelace", "ada@example.com", "a name of a token", "a note", "metadatum", "tok_"] {
        assert!(!holds(absent.as_bytes()), "{absent}");
    }
    assert!(!holds(&token.as_bytes()[token.len() - 36..token.len() - 12]), "nor any token value");
    let header = Snapshot::open(&file).unwrap();
    let header = header.manifest().header();
    assert!(header.without_addresses && header.without_weak);
}

#[test]
fn wait_reports_snapshots_that_may_still_accept_the_token() {
    let setup = Setup::new();
    let waited = || {
        let id = text(&setup.deployment.issue(&setup.acme.admin, &json!({ "name": "", "scopes": [] })), "/id");
        let revoked = setup.deployment.delete(&setup.acme.admin, &format!("/v1/tokens/{id}?wait=true")).expect(200);
        revoked["waited"]["may_still_pass"].clone()
    };
    assert_eq!(waited().as_array().unwrap().len(), 1, "there are none");
    setup.get().refused(503);
    setup.deployment.world.make_editions();
    let expires_at = Snapshot::open(&setup.file()).unwrap().expires_at();
    let told = waited();
    assert_eq!((told.as_array().unwrap().len(), &told[1]["freshness"]), (2, &json!("snapshot")));
    let until = counterfoil_protocol::rfc3339::parse(&text(&told, "/1/until")).unwrap();
    assert!(expires_at <= until && until <= expires_at.plus(2 * HOUR));
}
