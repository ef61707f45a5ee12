//! Snapshots: required scope, time, expiration and signature.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use counterfoil_ledger::{
    editions::{Kind, Step},
    sql::Value,
};
use counterfoil_protocol::{
    Answered, CommandError,
    command::{
        Actor, GetScopes, ReadSnapshot, ReadSnapshotKeys, Request, Snapshot, SnapshotFiles, SnapshotKeys,
        UpdateWorkspace,
    },
    reply_json,
};
use counterfoil_token::{Digest, SealSecret};
use counterfoil_verify::{ContentHash, Snapshot as File, Timestamp};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::{changes::of_workspace, support::*};

const SECOND: u64 = 1_000;
const HOUR: u64 = 60 * 60 * SECOND;

/// A workspace, its admin, and the content of the registry.
struct Setup {
    world: World,
    admin: Held,
    files: BTreeMap<String, Vec<u8>>,
}

impl Setup {
    fn new() -> Self {
        let (world, admin) = World::founded();
        Self { world, admin, files: BTreeMap::new() }
    }

    /// A workspace whose snapshot has been built.
    fn ready() -> Self {
        let mut setup = Self::new();
        setup.read();
        setup.settle();
        setup
    }

    fn read(&mut self) -> Snapshot {
        self.world.call(self.admin.actor, ReadSnapshot {}).unwrap()
    }

    #[track_caller]
    fn files(&mut self) -> SnapshotFiles {
        match self.read() {
            Snapshot::Ready(files) => files,
            Snapshot::NotYet { retry_in } => panic!("not yet, for {retry_in} s"),
        }
    }

    /// The whole file, and the header alone.
    #[track_caller]
    fn file(&mut self) -> (File, Vec<u8>) {
        let ready = self.files();
        let mut bytes = ready.head.0.clone();
        for name in ready.files {
            let file = &self.files[&name.path(key())];
            bytes.extend([File::announce(file.len()), file.clone()].concat());
        }
        (File::open(&bytes).unwrap(), ready.head.0)
    }

    /// The snapshot's time and expiration.
    #[track_caller]
    fn times(&mut self) -> (Timestamp, Timestamp) {
        let (file, _) = self.file();
        (file.as_of(), file.expires_at())
    }

    /// Takes one step and returns whether another one may be due.
    fn step(&mut self) -> bool {
        let (ledger, now) = (&self.world.ledger, self.world.now);
        let step = ledger.edition_step(now).unwrap();
        match &step {
            Step::More | Step::Wait(_) => {}
            Step::Put { key, value, .. } => drop(self.files.insert(key.clone(), value.clone())),
            Step::Delete { key, .. } => drop(self.files.remove(key)),
        }
        ledger.edition_done(&step, now).unwrap();
        !matches!(step, Step::Wait(_))
    }

    /// Takes all steps that are due.
    fn settle(&mut self) {
        while self.step() {}
    }

    fn change(&mut self) {
        self.world.issue(self.admin.actor, token(&["read"])).unwrap();
    }

    fn set(&mut self, seconds: u64) {
        let set = UpdateWorkspace { snapshot_max: Some(seconds), ..of_workspace() };
        self.world.call(self.admin.actor, set).unwrap();
    }

    fn keys(&mut self) -> Vec<VerifyingKey> {
        let SnapshotKeys { keys } = self.world.call(self.admin.actor, ReadSnapshotKeys {}).unwrap();
        let bytes = |x: &str| BASE64_URL_SAFE_NO_PAD.decode(x).unwrap().try_into().unwrap();
        keys.iter().map(|key| VerifyingKey::from_bytes(&bytes(&key.x)).unwrap()).collect()
    }

    /// The expiration of outdated snapshots that a waiting client gets.
    fn relied_upon_until(&mut self) -> Option<Timestamp> {
        let request = Request {
            workspace: key(),
            actor: Actor::Root,
            request_id: "waiting".to_owned(),
            address: None,
            idempotency_key: None,
            origin: None,
            if_version: None,
            wait: true,
            command: GetScopes {}.into(),
        };
        let reply = self.world.handle(&serde_json::to_vec(&request).unwrap());
        let Answered { safe_in, snapshots_until, .. } = reply_json(&reply).unwrap().unwrap();
        assert!(safe_in.is_some());
        snapshots_until
    }
}

fn is_signed_by(head: &[u8], by: &VerifyingKey) -> bool {
    let (signed, signature) = File::signed(head).unwrap();
    by.verify_strict(signed, &Signature::from_bytes(signature)).is_ok()
}

#[test]
fn snapshot_requires_snapshots_read() {
    let mut setup = Setup::ready();
    let reader = setup.world.join("ann", &["snapshots:read"]);
    let seated = setup.world.join("bob", &["snapshots:*", "sessions:create"]);
    let seated = setup.world.open(&seated).unwrap();
    for actor in [reader.actor, seated.actor, Actor::Root] {
        assert!(matches!(setup.world.call(actor, ReadSnapshot {}).unwrap(), Snapshot::Ready(_)));
        assert_eq!(setup.world.call(actor, ReadSnapshotKeys {}).unwrap().keys.len(), 1);
    }
    let other = setup.world.join("cat", &["tokens:*", "audit:read", "workspace:manage"]);
    for actor in [other.actor, Actor::Verifier, Actor::SignIn] {
        assert_missing(setup.world.call(actor, ReadSnapshot {}), "snapshots:read");
        assert_missing(setup.world.call(actor, ReadSnapshotKeys {}), "snapshots:read");
    }
}

#[test]
fn snapshot_is_built_after_first_request() {
    let mut setup = Setup::new();
    setup.settle();
    setup.world.wait(2 * SECOND);
    setup.settle();
    assert!(setup.world.ledger.current_edition(Kind::Leases).unwrap().is_some());
    for put in setup.world.ledger.outbox().due(setup.world.now, 100).unwrap() {
        setup.world.ledger.outbox().done(&put, setup.world.now).unwrap();
    }
    assert_eq!(setup.world.ledger.next_due(setup.world.now), Ok(None), "there is nothing to do");
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 1 });
    assert_eq!(setup.world.ledger.next_due(setup.world.now), Ok(Some(setup.world.now)), "an alarm comes");
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 1 });
    // The registry does not accept the file.
    let put = loop {
        match setup.world.ledger.edition_step(setup.world.now).unwrap() {
            Step::More => {}
            put => break put,
        }
    };
    for _ in 0..4 {
        setup.world.ledger.edition_failed(&put, setup.world.now).unwrap();
    }
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 8 });
    assert_eq!(setup.world.ledger.next_due(setup.world.now), Ok(Some(setup.world.now.plus(8 * SECOND))));
    setup.world.wait(500);
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 8 }, "Retry-After is not too short");
    setup.world.wait(7_500);
    setup.settle();
    let current = setup.world.ledger.current_edition(Kind::Snapshots).unwrap().unwrap();
    let SnapshotFiles { slug, files, .. } = setup.files();
    let named = setup.world.ledger.edition_files(Kind::Snapshots).unwrap();
    assert_eq!((slug.as_str(), files), ("demo", [vec![current.manifest], named].concat()));
    let (file, _) = setup.file();
    assert_eq!(
        (file.workspace(), ContentHash::of(&setup.files[&current.manifest.path(key())])),
        (key(), current.manifest)
    );
    assert!(file.find(&setup.admin.digest).is_some() && file.find(&Digest::of(b"unknown")).is_none());
}

#[test]
fn unchanged_snapshot_is_reused_for_an_eighth_of_its_validity() {
    let mut setup = Setup::ready();
    let begun = setup.world.now;
    let first = setup.files();
    assert_eq!(setup.times(), (begun, begun.plus(DAY)));
    setup.world.wait(DAY / 8 - 1);
    assert_eq!(setup.files(), first);
    setup.world.wait(1);
    let renewed = setup.world.now;
    assert_eq!(setup.times(), (renewed, renewed.plus(DAY)));
    let second = setup.files();
    assert_eq!((&second.files, second.head != first.head), (&first.files, true));
    setup.world.wait(DAY / 8 - 1);
    assert_eq!(setup.files(), second);
    setup.world.wait(DAY);
    assert_eq!(setup.times().0, setup.world.now);
    // The clock was set back: the later time is not stated any more.
    setup.world.now = begun;
    assert_eq!(setup.times(), (begun, begun.plus(DAY)));
}

#[test]
fn snapshot_time_is_never_later_than_its_data() {
    let mut setup = Setup::ready();
    setup.world.wait(DAY / 8);
    let (renewed, end) = setup.times();
    let digest = setup.admin.digest;
    setup.world.wait(SECOND);
    setup.change();
    // The registry is unavailable.
    for wait in [0, DAY / 8, DAY / 2] {
        setup.world.wait(wait);
        assert_eq!(setup.times(), (renewed, end));
    }
    setup.world.now = Timestamp(end.0 - 1);
    assert_eq!(setup.times(), (renewed, end));
    setup.world.wait(1);
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 1 }, "the snapshot would have expired");
    // It is available again: now, and again after the gathering delay.
    setup.settle();
    setup.world.wait(2 * SECOND);
    let begun = setup.world.now;
    setup.settle();
    assert_eq!(setup.times(), (begun, begun.plus(DAY)));
    assert!(setup.file().0.find(&digest).is_some());
    // An edition that began before a change states the time at which it began, however late it is finished.
    setup.world.wait(15 * SECOND);
    setup.change();
    setup.settle();
    setup.world.wait(2 * SECOND);
    let begun = setup.world.now;
    let is_under_way = |setup: &Setup| setup.world.column("SELECT kind FROM edition") == ["snapshots".into()];
    while !is_under_way(&setup) {
        setup.step();
    }
    setup.world.wait(SECOND);
    setup.change();
    setup.world.wait(HOUR);
    while is_under_way(&setup) {
        setup.step();
    }
    assert_eq!(setup.times().0, begun);
}

#[test]
fn snapshot_expires_as_configured() {
    let mut setup = Setup::ready();
    let begun = setup.world.now;
    for seconds in [60, 2_592_000, 3_600] {
        setup.set(seconds);
        assert_eq!(setup.times(), (begun, begun.plus(seconds * SECOND)), "an existing snapshot is limited too");
    }
    // Changing the setting is a change too, so the next edition states its time.
    setup.world.wait(15 * SECOND);
    setup.settle();
    setup.world.wait(2 * SECOND);
    setup.settle();
    let begun = setup.world.now;
    assert_eq!(setup.times(), (begun, begun.plus(HOUR)));
    setup.world.wait(HOUR / 8);
    assert_eq!(setup.times(), (setup.world.now, setup.world.now.plus(HOUR)));
}

#[test]
fn snapshot_requests_are_recorded_once_an_hour() {
    let mut setup = Setup::ready();
    let dump = setup.world.dump();
    for _ in 0..3 {
        setup.world.wait(HOUR / 3 - 1);
        setup.files();
        assert_eq!(setup.world.dump(), dump);
    }
    setup.world.wait(3);
    setup.files();
    assert_ne!(setup.world.dump(), dump);
    let wanted = "SELECT wanted_at FROM editions WHERE kind = 'snapshots'";
    assert_eq!(setup.world.number(wanted), setup.world.now.0);
    // Daily requests keep the snapshots being built.
    for _ in 0..20 {
        setup.world.wait(DAY);
        setup.settle();
        setup.files();
    }
    setup.world.wait(7 * DAY);
    setup.settle();
    assert_eq!(setup.read(), Snapshot::NotYet { retry_in: 1 });
}

#[test]
fn first_snapshot_secret_signs_and_all_keys_are_listed() {
    let mut setup = Setup::ready();
    let (_, old) = setup.file();
    let [before] = setup.keys()[..] else { panic!("one key") };
    assert!(is_signed_by(&old, &before));
    setup.world.snapshot_secrets.insert(0, SealSecret::new(&[10; 32]).unwrap());
    let (_, new) = setup.file();
    let [current, previous] = setup.keys()[..] else { panic!("two keys") };
    assert_eq!((previous, new[..56] == old[..56]), (before, true));
    assert!(is_signed_by(&new, &current) && is_signed_by(&old, &previous));
    assert!(!is_signed_by(&new, &previous) && !is_signed_by(&old, &current));
    let mut forged = new.clone();
    forged[20] ^= 1;
    assert!(!is_signed_by(&forged, &current));
    // Another workspace of the deployment has other keys.
    let seeds = ["0Ab3dE", "0Ab3dF"].map(|key| {
        let key = counterfoil_token::WorkspaceKey::parse(key).unwrap();
        (*setup.world.snapshot_secrets[0].snapshot_seed(key), *setup.world.snapshot_secrets[0].key_for(key).expose())
    });
    let distinct: std::collections::BTreeSet<_> = seeds.iter().flat_map(|(seed, seal)| [seed, seal]).collect();
    assert_eq!(distinct.len(), 4, "seal secrets sign no snapshots");
}

#[test]
fn snapshots_are_disabled_without_secret() {
    let mut setup = Setup::new();
    setup.world.snapshot_secrets.clear();
    let admin = setup.admin.actor;
    assert_eq!(refused(setup.world.call(admin, ReadSnapshot {})), CommandError::SnapshotsOff);
    assert_eq!(refused(setup.world.call(admin, ReadSnapshotKeys {})), CommandError::SnapshotsOff);
    let other = setup.world.join("ann", &[]);
    assert_missing(setup.world.call(other.actor, ReadSnapshot {}), "snapshots:read");
    assert_eq!(setup.relied_upon_until(), None);
}

#[test]
fn wait_reports_when_last_outdated_snapshot_expires() {
    let mut setup = Setup::new();
    assert_eq!(setup.relied_upon_until(), None, "no snapshot was ever requested");
    setup.read();
    setup.settle();
    let mut latest = setup.times().1;
    let mut furthest = setup.world.now.plus(DAY);
    // Every snapshot served before or after a change expires by the time that was reported.
    for (wait, seconds) in [
        (0, 86_400),
        (HOUR - 1, 86_400),
        (2, 86_400),
        (10 * SECOND, 2_592_000),
        (5, 60),
        (2 * HOUR, 60),
        (DAY, 7_200),
        (40 * DAY, 60),
    ] {
        setup.set(seconds);
        setup.world.wait(wait);
        setup.settle();
        furthest = furthest.max(setup.world.now.plus(seconds * SECOND));
        let told = setup.relied_upon_until().unwrap();
        assert!(latest <= told, "served before the change");
        if let Snapshot::Ready(_) = setup.read() {
            let (as_of, end) = setup.times();
            assert!(as_of <= setup.world.now && end <= told, "served after the change");
            latest = latest.max(end);
        }
        assert!(told <= furthest.plus(HOUR), "not much earlier");
    }
    // Nothing is reported without `wait`.
    let body = r#"{"workspace":"0Ab3dE","actor":"root","request_id":"r","address":null,"idempotency_key":null,"command":{"get_scopes":{}}}"#;
    let reply = setup.world.handle(body.as_bytes());
    assert_eq!(reply_json(&reply).unwrap().unwrap().snapshots_until, None);
    assert_eq!(setup.world.column("SELECT count(*) FROM audit WHERE action LIKE 'snapshot%'"), [Value::Integer(0)]);
}
