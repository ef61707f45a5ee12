//! Editions: when they are built, what they contain, and when their files are deleted.

mod as_of;
mod large;
mod registry;
mod until_done;

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_ledger::{
    Upkeep,
    editions::{Kind, Step},
    sql::{Sql as _, Value},
};
use counterfoil_protocol::command::{
    Actor, CreateToken, DeleteWorkspace, ImportLine, ImportTokens, RevokeToken, RotateToken, UpdateMember,
    UpdateWorkspace,
};
use counterfoil_token::Digest;
use counterfoil_verify::AddressBlock;

pub(crate) use registry::{Published, Registry};
use registry::{generation, known};

use crate::{
    changes::{of_member, of_workspace},
    deletion::KEPT,
    support::*,
};

/// The production segment size: all tokens of a test fit into one segment.
const ONE: u64 = 8_192;

/// A workspace with a current edition.
fn published() -> (World, Held, Registry) {
    let (mut world, admin) = World::founded();
    let mut registry = Registry::default();
    registry.catch_up(&mut world, ONE);
    (world, admin, registry)
}

fn revoke(world: &mut World, held: &Held) {
    world.call(Actor::Root, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
}

fn to_admin() -> CreateToken {
    CreateToken { owner: Some("admin".to_owned()), ..token(&["read"]) }
}

fn import(world: &mut World, digest: Digest, weak: bool) {
    let line = ImportLine { digest, weak, length: None, token: to_admin() };
    world.call(Actor::Root, ImportTokens { lines: vec![line] }).unwrap().lines.remove(0).unwrap();
}

#[test]
fn first_edition_begins_two_seconds_after_first_change() {
    let world = World::empty();
    assert_eq!(Registry::default().step(&world, ONE), Step::Wait(None), "without a workspace there is no edition");
    let (mut world, admin) = World::founded();
    let mut registry = Registry::default();
    assert_eq!(registry.settle(&world, ONE), Some(START.plus(2_000)));
    world.wait(1_999);
    assert_eq!(registry.settle(&world, ONE), Some(START.plus(2_000)));
    assert_eq!(world.ledger.current_edition(Kind::Leases), Ok(None));
    world.wait(1);
    assert_eq!(registry.settle(&world, ONE), None);
    let first = registry.published(&world, Kind::Leases);
    assert_eq!((first.current.begun_at, first.current.generation), (START.plus(2_000), generation(&world)));
    assert_eq!((first.segments.len(), first.tokens(), first.owners.len()), (1, 1, 1));
    assert_eq!(first.token(&admin.digest).unwrap().number, 1);
    assert_eq!(registry.files.len(), 3);
}

#[test]
fn no_edition_is_built_without_changes() {
    let (mut world, _, mut registry) = published();
    let puts = registry.puts.len();
    for _ in 0..3 {
        world.wait(DAY);
        let before = world.dump();
        assert_eq!(registry.settle(&world, ONE), None);
        assert_eq!(world.dump(), before);
    }
    assert_eq!(registry.puts.len(), puts);
}

#[test]
fn next_edition_waits_for_gathering_and_interval() {
    let (mut world, admin, mut registry) = published();
    let begun = world.now;
    world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(registry.settle(&world, ONE), Some(begun.plus(15_000)), "the last edition began just now");
    world.wait(14_000);
    world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(registry.settle(&world, ONE), Some(begun.plus(15_000)), "later changes do not delay the edition");
    world.wait(1_000);
    registry.settle(&world, ONE);
    assert_eq!(registry.published(&world, Kind::Leases).tokens(), 3);
    world.wait(60_000);
    registry.settle(&world, ONE);
    world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(registry.settle(&world, ONE).unwrap(), world.now.plus(2_000));
}

#[test]
fn changed_token_or_member_rebuilds_one_segment() {
    let (mut world, admin) = World::founded();
    let held: Vec<_> = (0..40).map(|_| world.issue(admin.actor, token(&["read"])).unwrap()).collect();
    world.join("ann", &["read"]);
    let mut registry = Registry::default();
    let first = registry.catch_up(&mut world, 2);
    assert_eq!(first.manifest.bits(), 5, "42 token values do not fit into sixteen segments of two");
    let mut made_anew = |world: &mut World, segments: usize, owners: usize| {
        let before = registry.puts.len();
        registry.catch_up(world, 2);
        let made = &registry.puts[before..];
        assert_eq!(made.len(), segments + owners + 1, "{made:?}");
        let kind = |kind: u8| made.iter().filter(|key| registry.files[*key][1] == kind).count();
        assert_eq!((kind(b's'), kind(b'n'), kind(b'm')), (segments, owners, 1));
    };
    revoke(&mut world, &held[7]);
    made_anew(&mut world, 1, 0);
    world.call(Actor::Root, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    made_anew(&mut world, 0, 1);
    world.call(Actor::Root, UpdateWorkspace { lease_max: Some(3), ..of_workspace() }).unwrap();
    made_anew(&mut world, 0, 0);
    // The old and the new token value.
    let before = held[9].digest;
    let rotated = world
        .call(Actor::Root, RotateToken { id: held[9].id.clone(), grace_seconds: 60, end_previous: false })
        .unwrap();
    let after = world.held(rotated).digest;
    let prefixes: BTreeSet<_> = [before, after].map(|digest| first.manifest.prefix_of(&digest).value()).into();
    made_anew(&mut world, prefixes.len(), 0);
}

#[test]
fn segment_count_grows_with_token_values_and_never_shrinks() {
    let (mut world, admin) = World::founded();
    let mut registry = Registry::default();
    assert_eq!(registry.catch_up(&mut world, 4).manifest.bits(), 0);
    let mut bits = Vec::new();
    for _ in 0..20 {
        world.issue(admin.actor, token(&["read"])).unwrap();
        let published = registry.catch_up(&mut world, 4);
        assert_eq!(published.tokens() as u64, world.number("SELECT count(*) FROM tokens"));
        bits.push(published.manifest.bits());
    }
    assert!(bits.is_sorted(), "{bits:?}");
    assert_eq!(bits.last(), Some(&3), "21 tokens, four each and one more counted for a change");
    world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(registry.catch_up(&mut world, ONE).manifest.bits(), 3);
}

#[test]
fn edition_file_is_deleted_after_last_lease_naming_it_expires() {
    for (lease, stays) in [(10, 611_000), (60, 661_000)] {
        let (mut world, admin) = World::founded();
        world.call(Actor::Root, UpdateWorkspace { lease_max: Some(lease), ..of_workspace() }).unwrap();
        let mut registry = Registry::default();
        registry.catch_up(&mut world, ONE);
        let old = registry.files.clone();
        world.issue(admin.actor, token(&["read"])).unwrap();
        registry.catch_up(&mut world, ONE);
        let became_current = world.now;
        assert_eq!(registry.settle(&world, ONE), Some(became_current.plus(stays)));
        world.wait(stays - 1);
        registry.settle(&world, ONE);
        assert_eq!(registry.files.len(), 5, "the segment and the manifest, old and new, and the owners");
        world.wait(1);
        assert_eq!(registry.settle(&world, ONE), None);
        let gone = old.keys().filter(|key| !registry.files.contains_key(*key)).count();
        assert_eq!((registry.files.len(), gone), (3, 2));
        assert_eq!(known(&world), registry.files.keys().cloned().collect::<Vec<_>>());
    }
}

#[test]
fn unpublishable_edition_is_withdrawn_and_retried_after_an_hour() {
    let (mut world, _, mut registry) = published();
    let mut twin = *Digest::of(b"one").as_bytes();
    import(&mut world, Digest::from_bytes(twin), false);
    twin[31] ^= 1;
    let twin = Value::from(twin.as_slice());
    let into = "INSERT INTO tokens (number, id, digest, hint, owner, name, scopes, enabled, created_at, created_by,
        addresses, issued, version) SELECT 99, 'tok_99', ?, '', 1, '', '[]', 1, 0, 'root', '[]', generation, generation
        FROM workspace";
    world.ledger.sql().exec(into, &[twin]).unwrap();
    world.wait(15_000);
    registry.settle(&world, ONE);
    world.wait(2_000);
    let retry = registry.settle(&world, ONE);
    assert_eq!(world.ledger.current_edition(Kind::Leases), Ok(None));
    assert_eq!(world.ledger.edition_files(Kind::Leases), Ok(Vec::new()));
    assert!(retry < Some(world.now.plus(3_600_000)), "the manifest is deleted first");
    world.wait(700_000);
    assert_eq!(registry.settle(&world, ONE), Some(world.now.plus(2_900_000)));
    assert_eq!(registry.files.len(), 2, "existing files are reused");
    world.meddle("DELETE FROM tokens WHERE number = 99");
    world.wait(2_900_000);
    registry.settle(&world, ONE);
    assert_eq!(registry.published(&world, Kind::Leases).tokens(), 2);
}

#[test]
fn import_of_digest_ambiguous_in_segments_is_refused() {
    let (mut world, admin) = World::founded();
    let mut digest = *Digest::of(b"one").as_bytes();
    import(&mut world, Digest::from_bytes(digest), false);
    let refused = |world: &mut World, digest: [u8; 32]| {
        let line = ImportLine { digest: Digest::from_bytes(digest), weak: false, length: None, token: to_admin() };
        world.call(Actor::Root, ImportTokens { lines: vec![line] }).unwrap().lines.remove(0).is_err()
    };
    for place in [31, 16] {
        let mut twin = digest;
        twin[place] ^= 0x80;
        assert!(refused(&mut world, twin), "byte {place}");
    }
    // The same applies to digests that resemble a value that has expired.
    let mut twin = *admin.digest.as_bytes();
    twin[20] ^= 1;
    let rotated =
        world.call(Actor::Root, RotateToken { id: admin.id.clone(), grace_seconds: 0, end_previous: false }).unwrap();
    world.held(rotated);
    assert!(refused(&mut world, twin));
    digest[15] ^= 1;
    assert!(!refused(&mut world, digest));
}

#[test]
fn snapshot_editions_are_built_only_while_requested() {
    let (mut world, admin, mut registry) = published();
    let bound = CreateToken { allowed_addresses: vec!["192.0.2.0/24".parse().unwrap()], ..token(&["read"]) };
    let bound = world.issue(admin.actor, bound).unwrap();
    registry.catch_up(&mut world, ONE);
    assert_eq!(world.ledger.current_edition(Kind::Snapshots), Ok(None));
    drained(&world);
    world.ledger.want_snapshots(world.now).unwrap();
    let wanted = world.now;
    assert_eq!(world.ledger.next_due(world.now), Ok(Some(world.now)), "an alarm comes");
    registry.settle(&world, ONE);
    let snapshot = registry.published(&world, Kind::Snapshots);
    assert!(snapshot.manifest.header().without_addresses && !snapshot.manifest.header().without_weak);
    assert_eq!(snapshot.token(&bound.digest).unwrap().addresses, [AddressBlock::nowhere()]);
    let lease = registry.published(&world, Kind::Leases);
    assert_eq!(lease.token(&bound.digest).unwrap().addresses, bound.allowed_addresses);

    let weak = Digest::of(b"weak");
    import(&mut world, weak, true);
    world.wait(15_000);
    registry.catch_up(&mut world, ONE);
    registry.settle(&world, ONE);
    let snapshot = registry.published(&world, Kind::Snapshots);
    assert!(snapshot.manifest.header().without_weak && snapshot.token(&weak).is_none());
    let lease = registry.published(&world, Kind::Leases);
    assert!(!lease.manifest.header().without_weak && lease.token(&weak).is_some());

    world.now = wanted.plus(7 * DAY - 1);
    assert_eq!(registry.settle(&world, ONE), Some(wanted.plus(7 * DAY)));
    assert!(world.ledger.current_edition(Kind::Snapshots).unwrap().is_some());
    world.wait(1);
    registry.settle(&world, ONE);
    assert_eq!(world.ledger.current_edition(Kind::Snapshots), Ok(None));
    world.wait(700_000);
    assert_eq!(registry.settle(&world, ONE), None);
    assert_eq!(registry.files.len(), 3);
    registry.published(&world, Kind::Leases);
}

#[test]
fn rebuilt_file_scheduled_for_deletion_is_kept() {
    let (mut world, _, mut registry) = published();
    world.ledger.want_snapshots(world.now).unwrap();
    registry.settle(&world, ONE);
    let snapshot = registry.published(&world, Kind::Snapshots).current;
    world.wait(7 * DAY);
    assert_eq!(registry.settle(&world, ONE), Some(world.now.plus(611_000)));
    assert_eq!(
        world.number("SELECT count(*) FROM files WHERE due_at IS NOT NULL"),
        2,
        "both kinds contain the owner segment"
    );
    world.wait(611_000);
    let delete = world.ledger.edition_step(world.now).unwrap();
    assert!(matches!(delete, Step::Delete { .. }));
    world.ledger.edition_failed(&delete, world.now).unwrap();
    world.ledger.want_snapshots(world.now).unwrap();
    registry.settle(&world, ONE);
    assert_eq!(registry.published(&world, Kind::Snapshots).current.manifest, snapshot.manifest);
    // The outcome of the deletion does not matter any more.
    world.ledger.edition_failed(&delete, world.now).unwrap();
    world.ledger.edition_done(&delete, world.now).unwrap();
    world.wait(DAY);
    registry.settle(&world, ONE);
    registry.published(&world, Kind::Snapshots);
}

#[test]
fn edition_delayed_by_fast_clock_is_built_within_seconds() {
    let (mut world, admin, mut registry) = published();
    let right = world.now;
    for ahead in [20_000, 3_600_000, 30 * DAY] {
        // An edition is built while the clock is ahead. The next one is delayed and a file of it fails.
        world.now = right.plus(ahead);
        world.issue(admin.actor, token(&["read"])).unwrap();
        registry.catch_up(&mut world, ONE);
        world.issue(admin.actor, token(&["read"])).unwrap();
        registry.settle(&world, ONE);
        world.now = right;
        let late = world.issue(admin.actor, token(&["read"])).unwrap();
        let next = world.ledger.next_due(world.now).unwrap().unwrap();
        assert!(next <= world.now.plus(60 * 60 * 1_000));
        let next = registry.settle(&world, ONE).unwrap();
        assert!(next <= world.now.plus(15_000), "off by {ahead} ms: {next:?}");
        world.now = next;
        registry.settle(&world, ONE);
        assert!(registry.published(&world, Kind::Leases).token(&late.digest).is_some(), "off by {ahead} ms");
    }
}

#[test]
fn file_failed_under_fast_clock_is_written_within_a_minute() {
    let (mut world, admin, _) = published();
    let right = world.now;
    world.now = right.plus(30 * DAY);
    world.issue(admin.actor, token(&["read"])).unwrap();
    let put = loop {
        match world.ledger.edition_step(world.now).unwrap() {
            Step::Wait(next) => world.now = next.unwrap(),
            step @ Step::Put { .. } => break step,
            _ => {}
        }
    };
    world.ledger.edition_failed(&put, world.now).unwrap();
    world.now = right;
    // The due records would set an alarm too.
    drained(&world);
    assert!(world.ledger.next_due(right).unwrap().is_some_and(|next| next <= right.plus(60_000)), "an alarm comes");
    assert!(matches!(world.ledger.edition_step(right).unwrap(), Step::Put { .. }), "the record is due then");
}

fn drained(world: &World) {
    for put in world.ledger.outbox().due(world.now, 1_000).unwrap() {
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
}

#[test]
fn outcome_reported_for_another_edition_is_ignored() {
    let (mut world, admin, mut registry) = published();
    let put_of_next = |world: &mut World, registry: &mut Registry| {
        world.issue(admin.actor, token(&["read"])).unwrap();
        world.wait(60_000);
        world.now = registry.settle(world, ONE).unwrap();
        loop {
            let step = world.ledger.edition_step(world.now).unwrap();
            registry.carry_out(&step);
            if matches!(step, Step::Put { .. }) {
                return step;
            }
        }
    };
    let earlier = put_of_next(&mut world, &mut registry);
    registry.catch_up(&mut world, ONE);
    let later = put_of_next(&mut world, &mut registry);
    world.ledger.edition_done(&later, world.now).unwrap();
    let before = world.dump();
    world.ledger.edition_done(&earlier, world.now).unwrap();
    assert_eq!(world.dump(), before);
    assert_eq!(registry.catch_up(&mut world, ONE).tokens(), 3);
}

#[test]
fn workspace_deletion_deletes_edition_files() {
    let (mut world, admin, mut registry) = published();
    world.issue(admin.actor, token(&["read"])).unwrap();
    let next = registry.settle(&world, ONE);
    world.now = next.unwrap();
    let under_way = loop {
        let step = world.ledger.edition_step(world.now).unwrap();
        registry.carry_out(&step);
        if matches!(step, Step::Put { .. }) {
            break step;
        }
    };
    revoke(&mut world, &admin);
    assert_eq!(world.number("SELECT count(*) FROM kept_tokens"), 1);
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    // The file that was being written is there; no further file is built.
    world.ledger.edition_done(&under_way, world.now).unwrap();
    assert_eq!((registry.files.len(), registry.settle(&world, ONE)), (4, None));
    while !matches!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Release(..)) {
        assert_eq!(world.ledger.edition_step(world.now), Ok(Step::Wait(None)));
        for put in world.ledger.outbox().due(world.now, 1_000).unwrap() {
            if put.value.is_none() {
                registry.files.remove(&put.key);
            }
            world.ledger.outbox().done(&put, world.now).unwrap();
        }
    }
    assert_eq!(registry.files, BTreeMap::new());
    world.ledger.forget(world.now).unwrap();
    let dump = world.dump();
    assert!(dump.lines().all(|line| KEPT.iter().any(|table| line.starts_with(table))));
}

#[test]
fn edition_of_another_epoch_is_rebuilt_completely() {
    let (mut world, admin, mut registry) = published();
    let old = registry.files.clone();
    world.meddle("UPDATE workspace SET epoch = epoch + 1");
    assert_eq!(world.ledger.current_edition(Kind::Leases), Ok(None));
    assert_eq!(world.ledger.edition_files(Kind::Leases), Ok(Vec::new()));
    registry.files.clear();
    world.now = registry.settle(&world, ONE).unwrap();
    for _ in 0..2 {
        while !matches!(registry.step(&world, ONE), Step::Put { .. }) {}
        assert_eq!(
            world.ledger.current_edition(Kind::Leases),
            Ok(None),
            "an edition is current only with its manifest"
        );
    }
    let anew = registry.catch_up(&mut world, ONE);
    assert!(anew.token(&admin.digest).is_some());
    let stayed = old.keys().filter(|key| registry.files.contains_key(*key)).count();
    assert_eq!(stayed, 2, "the same bytes except the manifest, written again");

    // The same during the building of an edition, which then never becomes current.
    world.issue(admin.actor, token(&["read"])).unwrap();
    world.wait(60_000);
    registry.settle(&world, ONE);
    world.wait(2_000);
    while !matches!(registry.step(&world, ONE), Step::Put { .. }) {}
    world.meddle("UPDATE workspace SET epoch = epoch + 1");
    let anew = registry.catch_up(&mut world, ONE);
    assert_eq!((anew.tokens(), anew.current.epoch), (2, world.number("SELECT epoch FROM workspace")));
}

#[test]
fn owner_segments_of_sparse_member_numbers_are_limited() {
    let (mut world, _, mut registry) = published();
    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO members (number, id, name, role, grants, suspended, revoked_before, created_at, version)
         SELECT i * 1024, 'm' || i, '', 'member', '[]', 0, 0, 0, generation + 1 FROM n, workspace",
    );
    world.meddle("UPDATE workspace SET generation = generation + 1");
    let published = registry.catch_up(&mut world, ONE);
    assert_eq!(published.owners.len(), 4_096);
    assert!(published.owner(1).is_some() && published.owner(2 * 1_024).is_some());
    assert!(published.manifest.owners_of(4_096 * 1_024).is_some(), "the blocks are 0 and 2 to 4,096");
    assert!(published.manifest.owners_of(4_097 * 1_024).is_none());
    // A lower block replaces the highest one.
    world.meddle(
        "INSERT INTO members (number, id, name, role, grants, suspended, revoked_before, created_at, version)
         SELECT 1025, 'low', '', 'member', '[]', 0, 0, 0, generation + 1 FROM workspace",
    );
    world.meddle("UPDATE workspace SET generation = generation + 1");
    let published = registry.catch_up(&mut world, ONE);
    assert!(published.owner(1_025).is_some() && published.manifest.owners_of(4_096 * 1_024).is_none());
    world.wait(700_000);
    registry.settle(&world, ONE);
    assert_eq!((world.number("SELECT count(*) FROM owner_segments"), registry.files.len()), (4_096, 4_098));
}
