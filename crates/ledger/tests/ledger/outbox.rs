//! The outbox: every record is eventually written, and an older version never replaces a newer one.

use std::collections::BTreeMap;

use counterfoil_ledger::outbox::Put;
use counterfoil_protocol::command::{Actor, Records, RevokeToken, UpdateToken};
use counterfoil_verify::{Encoded as _, OwnerRecord, Timestamp, TokenRecord, WorkspaceRecord};

use crate::{changes::of_token, support::*};

fn due(world: &World) -> Vec<Put> {
    world.ledger.outbox().due(world.now, 100).unwrap()
}

fn keys(world: &World) -> Vec<String> {
    let mut keys: Vec<_> = due(world).into_iter().map(|put| put.key).collect();
    keys.sort();
    keys
}

fn drain(world: &World) {
    for put in due(world) {
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), None);
}

fn path_of(held: &Held) -> String {
    format!("r/0Ab3dE/{}", held.digest)
}

#[test]
fn each_change_enqueues_its_records() {
    let mut world = World::empty();
    let made = world.call(Actor::Root, bootstrap()).unwrap();
    let admin = world.held(made.admin);
    assert_eq!(keys(&world), ["o/0Ab3dE/1".to_owned(), path_of(&admin), "w/0Ab3dE".to_owned()]);
    drain(&world);
    let again = world.call(Actor::Root, bootstrap()).unwrap();
    let second = world.held(again.admin);
    let mut expected = vec!["o/0Ab3dE/1".to_owned(), path_of(&admin), path_of(&second), "w/0Ab3dE".to_owned()];
    expected.sort();
    assert_eq!(keys(&world), expected);
    drain(&world);
    world.put_scopes(&["read"]);
    assert_eq!(keys(&world), ["w/0Ab3dE"]);
    drain(&world);
    world.call(second.actor, member("ann", &[])).unwrap();
    assert_eq!(keys(&world), ["o/0Ab3dE/2"]);
    drain(&world);
    let held = world.issue(second.actor, token(&["read"])).unwrap();
    assert_eq!(keys(&world), [path_of(&held)]);
    drain(&world);
    world.call(second.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    assert_eq!(keys(&world), [path_of(&held)]);
}

#[test]
fn published_record_equals_strong_record() {
    let (mut world, admin) = World::founded();
    let held = world.join("ann", &["read"]);
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let answer = world.call(Actor::Verifier, Records { digests: vec![admin.digest, held.digest] }).unwrap().0;
    let mut published: BTreeMap<_, _> = due(&world).into_iter().map(|put| (put.key.clone(), put)).collect();
    for (digest, record) in answer.tokens {
        let put = published.remove(&format!("r/0Ab3dE/{digest}")).unwrap();
        assert_eq!(TokenRecord::decode(put.value.as_deref().unwrap()).ok(), record);
        assert_eq!(Some(put.version), record.map(|record| record.version));
    }
    for owner in answer.owners {
        let put = published.remove(&format!("o/0Ab3dE/{}", owner.number)).unwrap();
        assert_eq!(
            (put.version, OwnerRecord::decode(put.value.as_deref().unwrap()).ok()),
            (owner.version, Some(owner))
        );
    }
    let put = published.remove("w/0Ab3dE").unwrap();
    assert_eq!(WorkspaceRecord::decode(put.value.as_deref().unwrap()).ok(), answer.workspace);
    assert_eq!(published, BTreeMap::new());
}

#[test]
fn outbox_holds_only_last_version_of_each_key() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let of = |world: &World| due(world).into_iter().filter(|put| put.key == path_of(&held)).collect::<Vec<_>>();
    let first = of(&world);
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let second = of(&world);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].version > first[0].version);
    assert!(TokenRecord::decode(second[0].value.as_deref().unwrap()).unwrap().revoked);
}

#[test]
fn newer_version_waits_a_second_after_overtaken_write() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    drain_but(&world, &path_of(&held));
    let under_way = due(&world);
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    world.ledger.outbox().done(&under_way[0], world.now).unwrap();
    assert_eq!(due(&world), []);
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), Some(START.plus(1_000)));
    world.wait(1_000);
    let newer = due(&world);
    assert!(newer[0].version > under_way[0].version);
    // A late report about the old version does not remove the new one.
    world.ledger.outbox().done(&under_way[0], world.now).unwrap();
    world.wait(1_000);
    assert_eq!(due(&world), newer);
    world.ledger.outbox().done(&newer[0], world.now).unwrap();
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), None);
}

fn drain_but(world: &World, key: &str) {
    for put in due(world).into_iter().filter(|put| put.key != key) {
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
}

#[test]
fn failing_write_is_retried_forever_with_backoff() {
    let (mut world, admin) = World::founded();
    drain(&world);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let mut waits = Vec::new();
    for _ in 0..100 {
        let put = due(&world).remove(0);
        world.ledger.outbox().failed(&put, world.now).unwrap();
        let next = world.ledger.outbox().next_due(world.now).unwrap().unwrap();
        waits.push(next.since(world.now));
        world.now = Timestamp(next.0 - 1);
        assert_eq!(due(&world), []);
        world.wait(1);
    }
    assert_eq!(waits[..8], [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    assert_eq!(waits[99], 60_000);

    // A change while the registry is unavailable replaces the waiting version in the same row.
    let put = due(&world).remove(0);
    world.ledger.outbox().failed(&put, world.now).unwrap();
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    assert_eq!(due(&world), []);
    world.wait(60_000);
    let newest = due(&world).remove(0);
    assert!(newest.version > put.version);
    world.ledger.outbox().done(&newest, world.now).unwrap();

    // A success resets the back-off.
    world.call(admin.actor, member("ann", &[])).unwrap();
    world.ledger.outbox().failed(&due(&world)[0], world.now).unwrap();
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), Some(world.now.plus(1_000)));
}

#[test]
fn failed_overtaken_write_is_retried() {
    let (mut world, admin) = World::founded();
    drain(&world);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let under_way = due(&world).remove(0);
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    world.ledger.outbox().failed(&under_way, world.now).unwrap();
    world.wait(1_000);
    assert!(due(&world)[0].version > under_way.version);
    // A report about a row that is gone has no effect.
    let newer = due(&world).remove(0);
    world.ledger.outbox().done(&newer, world.now).unwrap();
    world.ledger.outbox().failed(&under_way, world.now).unwrap();
    world.ledger.outbox().done(&under_way, world.now).unwrap();
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), None);
}

#[test]
fn outbox_returns_longest_waiting_first_up_to_limit() {
    let (mut world, admin) = World::founded();
    drain(&world);
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(path_of(&world.issue(admin.actor, token(&[])).unwrap()));
        world.wait(10);
    }
    let two = world.ledger.outbox().due(world.now, 2).unwrap();
    assert_eq!(two.iter().map(|put| put.key.clone()).collect::<Vec<_>>(), order[..2]);
    assert_eq!(world.ledger.outbox().due(START, 100).unwrap().len(), 1);
    assert_eq!(world.ledger.outbox().next_due(world.now).unwrap(), Some(START));
}

#[test]
fn outbox_entry_is_written_after_clock_is_set_back() {
    let (mut world, admin) = World::founded();
    drain(&world);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let good = due(&world).remove(0);
    world.ledger.outbox().done(&good, world.now).unwrap();
    // A write fails while the clock is an hour ahead. The token is revoked after the clock was corrected.
    let disable = UpdateToken { enabled: Some(false), ..of_token(&held.id) };
    world.call(admin.actor, disable).unwrap();
    let ahead = world.now.plus(3_600_000);
    let put = world.ledger.outbox().due(ahead, 1).unwrap().remove(0);
    world.ledger.outbox().failed(&put, ahead).unwrap();
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let next = world.ledger.outbox().next_due(world.now).unwrap().unwrap();
    assert!(next <= world.now.plus(60_000), "an alarm comes within a minute");
    assert_eq!(due(&world).len(), 1, "the alarm finds it");
}
