//! Leases: which actors get one, and what it contains.

mod editions;
mod in_step;
mod steps;
mod waiting;

use std::collections::BTreeSet;

use counterfoil_protocol::{
    command::{
        Actor, CreateToken, DeleteWorkspace, EraseMember, ImportLine, ImportTokens, Lease, Lifetime, Patch, PutScopes,
        ReadSelf, ReadToken, ReadUsage, Records, RevokeToken, RevokeTokens, RotateToken, ScopeChange, ScopeEntry,
        Selection, SuspendWorkspace, UpdateMember, UpdateToken, UpdateWorkspace, Uses,
    },
    command_error::InvalidCode,
};
use counterfoil_token::{Digest, SealSecret};
use counterfoil_verify::{Code, Freshness, Grant, Position, Segments};

use crate::{
    changes::{of_member, of_token, of_workspace},
    support::*,
};

fn lease(since: Option<Position>) -> Lease {
    Lease { since, digests: Vec::new(), uses: Vec::new(), segments: None }
}

/// A lease of the control plane's verifier, which counts against no limit.
fn granted(world: &mut World, since: Option<Position>) -> Grant {
    let before = world.dump_but_leases();
    let grant = world.call(Actor::Verifier, lease(since)).unwrap().0;
    assert_eq!(world.dump_but_leases(), before, "granting a lease wrote something");
    grant
}

/// The token values and owners that a lease reports to a verifier whose last request was just before this change.
#[track_caller]
fn told(world: &mut World, happens: impl FnOnce(&mut World)) -> (BTreeSet<Digest>, BTreeSet<u64>) {
    let position = granted(world, None).position();
    happens(world);
    let grant = granted(world, Some(position));
    assert_eq!((grant.epoch, grant.since), (position.epoch, Some(position.generation)));
    let tokens: BTreeSet<_> = grant.texts.iter().copied().collect();
    let owners: BTreeSet<_> = grant.owners.iter().copied().collect();
    assert_eq!((tokens.len(), owners.len()), (grant.texts.len(), grant.owners.len()), "reported twice");
    assert_eq!((grant.answer.tokens.len(), grant.answer.owners.len()), (0, 0), "the new record is returned on request");
    let strong = world.call(Actor::Verifier, Records { digests: Vec::new() }).unwrap().0;
    assert_eq!((grant.answer.workspace, grant.answer.as_of), (strong.workspace, strong.as_of));
    assert_eq!(grant.answer.generation, strong.generation);
    (tokens, owners)
}

fn texts<const N: usize>(held: [&Held; N]) -> (BTreeSet<Digest>, BTreeSet<u64>) {
    (held.map(|held| held.digest).into(), BTreeSet::new())
}

fn owners<const N: usize>(numbers: [u64; N]) -> (BTreeSet<Digest>, BTreeSet<u64>) {
    (BTreeSet::new(), numbers.into())
}

fn nothing() -> (BTreeSet<Digest>, BTreeSet<u64>) {
    owners([])
}

fn rotate(world: &mut World, held: &Held, grace_seconds: u64) -> Held {
    let rotated =
        world.call(Actor::Root, RotateToken { id: held.id.clone(), grace_seconds, end_previous: false }).unwrap();
    world.held(rotated)
}

fn revoke(world: &mut World, held: &Held) {
    world.call(Actor::Root, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
}

#[test]
fn lease_requires_tokens_verify() {
    let (mut world, admin) = World::founded();
    let gateway = world.join("gateway", &["tokens:verify", "sessions:create"]);
    let ann = world.join("ann", &["read", "tokens:read", "tokens:write"]);
    let session = world.open(&gateway).unwrap();
    let ask = || Lease { digests: vec![ann.digest, Digest::of(b"unknown")], ..lease(None) };
    let before = world.dump_but_leases();
    for actor in [Actor::Root, Actor::Verifier, admin.actor, gateway.actor, session.actor] {
        let grant = world.call(actor, ask()).unwrap().0;
        assert_eq!((grant.epoch, grant.since, grant.term), (START.0, None, 10_000));
        assert_eq!(
            grant.answer,
            world.call(actor, Records { digests: ask().digests }).unwrap().0,
            "the records for a strong decision"
        );
        assert_eq!(grant.answer.tokens.iter().map(|(_, record)| record.is_some()).collect::<Vec<_>>(), [true, false]);
        assert!(world.call(actor, lease(Some(grant.position()))).is_ok());
    }
    assert_missing(world.call(ann.actor, ask()), "tokens:verify");
    assert_missing(world.call(Actor::SignIn, ask()), "tokens:verify");
    assert_unauthenticated(world.call(Actor::Token(Digest::of(b"nobody")), ask()), Code::Unknown);
    assert_eq!(world.dump_but_leases(), before, "granting a lease wrote something");

    let many = |count: u8| Lease { digests: (0..count).map(|n| Digest::of(&[n])).collect(), ..lease(None) };
    assert_eq!(world.call(gateway.actor, many(101)).unwrap().answer.tokens.len(), 101);
    assert_invalid_value(world.call(gateway.actor, many(102)), "/digests");
    revoke(&mut world, &gateway);
    assert_unauthenticated(world.call(gateway.actor, ask()), Code::Revoked);
}

#[test]
fn lease_duration_is_workspace_setting() {
    let (mut world, admin) = World::founded();
    assert_eq!(granted(&mut world, None).term, 10_000);
    for seconds in [60, 2] {
        let set = UpdateWorkspace { lease_max: Some(seconds), ..of_workspace() };
        world.call(admin.actor, set).unwrap();
        assert_eq!(granted(&mut world, None).term, seconds * 1_000);
    }
}

#[test]
fn lease_contains_seal_keys_current_first() {
    let (mut world, _) = World::founded();
    let newer = SealSecret::new(&[8; 32]).unwrap();
    let expected = [newer.key_for(key()), world.seal_secrets[0].key_for(key())];
    world.seal_secrets.insert(0, newer);
    assert!(granted(&mut world, None).answer.seal_keys.iter().eq(&expected));
}

#[test]
fn usage_in_lease_requests_is_added() {
    let (mut world, admin) = World::founded();
    let gateway = world.join("gateway", &["tokens:verify"]);
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let position = granted(&mut world, None).position();
    let uses = |count| Uses { digest: held.digest, last_used_at: START, count };
    let ask = |uses| Lease { uses, ..lease(Some(position)) };
    let total =
        |world: &mut World| world.call(admin.actor, ReadUsage { id: held.id.clone(), days: Some(1) }).unwrap().total;

    let unknown = Uses { digest: Digest::of(b"nobody's"), ..uses(7) };
    let grant = world.call(gateway.actor, ask(vec![uses(2), unknown, uses(3)])).unwrap().0;
    assert_eq!((grant.since, &grant.answer.tokens), (Some(position.generation), &Vec::new()), "no change is reported");
    assert_eq!(total(&mut world), 5);
    world.call(Actor::Verifier, ask(vec![uses(1)])).unwrap();
    assert_eq!(total(&mut world), 6);
    let read = world.call(admin.actor, ReadToken { id: held.id.clone() }).unwrap();
    assert_eq!((read.last_used_at, read.version), (Some(START), held.version));
    assert_eq!(granted(&mut world, None).position(), position, "usage is not a change");

    let many = |count| vec![uses(1); count];
    assert_invalid(world.call(gateway.actor, ask(many(1_001))), InvalidCode::InvalidValue, "/uses");
    let ann = world.join("ann", &["read"]);
    assert_missing(world.call(ann.actor, ask(many(1))), "tokens:verify");
    assert_eq!(total(&mut world), 6);
    world.call(gateway.actor, ask(many(1_000))).unwrap();
    assert_eq!(total(&mut world), 1_006);
    let before = world.dump();
    world.call(gateway.actor, ask(Vec::new())).unwrap();
    assert_eq!(world.dump(), before, "without usage nothing is written");
}

#[test]
fn lease_without_or_with_current_generation_lists_no_changes() {
    let (mut world, admin) = World::founded();
    let first = granted(&mut world, None);
    assert_eq!((first.since, first.answer.tokens.len(), first.answer.owners.len()), (None, 0, 0));
    assert_eq!(first.position(), Position { epoch: START.0, generation: 2 });
    assert!(first.answer.workspace.is_some());
    let again = granted(&mut world, Some(first.position()));
    assert_eq!((again.since, again.answer), (Some(2), first.answer.clone()));

    // Requested digests are answered, whatever has changed.
    let asked = Lease { digests: vec![admin.digest], ..lease(Some(first.position())) };
    let answer = world.call(Actor::Verifier, asked).unwrap().0.answer;
    assert_eq!((answer.tokens[0].0, answer.owners[0].number), (admin.digest, 1));
}

#[test]
fn new_token_value_is_reported_only_after_a_change() {
    let (mut world, admin) = World::founded();
    world.join("ann", &["read"]);
    let mut new = Vec::new();
    let created = told(&mut world, |world| new.push(world.issue(admin.actor, token(&["read"])).unwrap()));
    assert_eq!(created, nothing(), "no verifier has a wrong record of it");
    // The verifier may have cached it while its request was under way, so the change must be reported.
    let changed = told(&mut world, |world| {
        new.push(world.issue(admin.actor, token(&["read"])).unwrap());
        world.call(admin.actor, UpdateToken { enabled: Some(false), ..of_token(&new[1].id) }).unwrap();
    });
    assert_eq!(changed, texts([&new[1]]));
    let rotated = told(&mut world, |world| {
        new.push(world.issue(admin.actor, token(&["read"])).unwrap());
        new.push(rotate(world, &new[2], 60));
        rotate(world, &new[2], 0);
    });
    assert_eq!(rotated, texts([&new[2], &new[3]]));
    let line =
        |text: &str| ImportLine { digest: Digest::of(text.as_bytes()), weak: false, length: None, token: token(&[]) };
    let before = granted(&mut world, None);
    assert!(!before.answer.workspace.as_ref().unwrap().has_imports);
    let imported = told(&mut world, |world| {
        world.call(admin.actor, ImportTokens { lines: vec![line("one"), line("two")] }).unwrap();
    });
    assert_eq!(imported, nothing());
    // The workspace's record says that it has imported tokens now.
    assert!(granted(&mut world, Some(before.position())).answer.workspace.unwrap().has_imports);
    let member = told(&mut world, |world| drop(world.call(admin.actor, member("ben", &["read"])).unwrap()));
    assert_eq!(member, owners([3]));
}

#[test]
fn changed_token_is_reported_with_all_valid_values() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read", "write"]);
    let update = |ask: UpdateToken| move |world: &mut World| drop(world.call(admin.actor, ask).unwrap());
    let scopes = ScopeChange::Replace(patterns(&["read"]));
    for ask in [
        UpdateToken { enabled: Some(false), ..of_token(&ann.id) },
        UpdateToken { enabled: Some(true), ..of_token(&ann.id) },
        UpdateToken { scopes: Some(scopes), ..of_token(&ann.id) },
        UpdateToken { lifetime: Patch::Set(Lifetime::Seconds(60)), ..of_token(&ann.id) },
        UpdateToken { allowed_addresses: Some(vec!["192.0.2.0/24".parse().unwrap()]), ..of_token(&ann.id) },
        UpdateToken { name: Some("renamed".to_owned()), ..of_token(&ann.id) },
    ] {
        assert_eq!(told(&mut world, update(ask)), texts([&ann]));
    }
    let same = UpdateToken { name: Some("renamed".to_owned()), ..of_token(&ann.id) };
    assert_eq!(told(&mut world, update(same)), nothing());

    let mut second = None;
    assert_eq!(told(&mut world, |world| second = Some(rotate(world, &ann, 60))), texts([&ann]));
    let second = second.unwrap();
    assert_eq!(told(&mut world, |world| drop(rotate(world, &second, 0))), texts([&ann, &second]));
    let twice = told(&mut world, |world| {
        rotate(world, &ann, 60);
        rotate(world, &ann, 60);
    });
    assert_eq!((twice.0.len(), twice.1.len()), (3, 0), "the replaced value too, and none that expired before");
    assert_eq!(
        told(&mut world, |world| revoke(world, &ann)).0.len(),
        4,
        "the current value, and those in their grace periods"
    );
    assert_eq!(told(&mut world, |world| revoke(world, &ann)), nothing(), "reported once");
}

#[test]
fn bulk_revoked_tokens_are_reported_individually() {
    let (mut world, admin) = World::founded();
    let held: Vec<_> = (0..3).map(|_| world.issue(admin.actor, token(&["read"])).unwrap()).collect();
    let ids = vec![held[0].id.clone(), held[2].id.clone()];
    let some = RevokeTokens { select: Selection::Ids(ids), reason: None };
    let revoked = told(&mut world, |world| drop(world.call(admin.actor, some).unwrap()));
    assert_eq!(revoked, texts([&held[0], &held[2]]));
}

#[test]
fn changed_member_is_reported_without_its_tokens() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read", "write"]);
    let older = rotate(&mut world, &ann, 3_600);
    let ben = world.join("ben", &["read"]);
    for ask in [
        UpdateMember { suspended: Some(true), ..of_member("ann") },
        UpdateMember { suspended: Some(false), ..of_member("ann") },
        UpdateMember { grants: Some(patterns(&["read"])), ..of_member("ann") },
        UpdateMember { revoke_all: true, ..of_member("ann") },
    ] {
        assert_eq!(told(&mut world, |world| drop(world.call(admin.actor, ask).unwrap())), owners([2]));
    }
    // Later changes are reported as usual; values revoked by the owner's record are never reported again.
    let to_ann = CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
    let new = world.issue(admin.actor, to_ann).unwrap();
    let renamed = told(&mut world, |world| {
        let rename = UpdateToken { name: Some("renamed".to_owned()), ..of_token(&new.id) };
        world.call(admin.actor, rename).unwrap();
        world.call(admin.actor, UpdateMember { name: Some("Anna".to_owned()), ..of_member("ann") }).unwrap();
    });
    assert_eq!(renamed, (texts([&new]).0, owners([2]).1));
    let erase = |id: &str| EraseMember { id: id.to_owned() };
    assert_eq!(told(&mut world, |world| drop(world.call(admin.actor, erase("ben")).unwrap())), owners([3]));
    assert_eq!(told(&mut world, |world| drop(world.call(admin.actor, erase("ann")).unwrap())), owners([2]));
    for held in [ann, older, ben, new] {
        assert_unauthenticated(world.call(held.actor, ReadSelf {}), Code::Revoked);
    }
}

#[test]
fn lease_always_contains_workspace_record() {
    let (mut world, _) = World::founded();
    let suspended = told(&mut world, |world| {
        world.call(Actor::Root, SuspendWorkspace { suspended: true }).unwrap();
    });
    assert_eq!(suspended, nothing());
    assert!(granted(&mut world, None).answer.workspace.unwrap().suspended);
    let position = granted(&mut world, None).position();
    let strong = ScopeEntry { freshness: Some(Freshness::Strong), ..entry("write") };
    world.call(Actor::Root, PutScopes { scopes: vec![strong] }).unwrap();
    let told = granted(&mut world, Some(position)).answer.workspace.unwrap();
    assert_eq!(told.freshness.len(), 1);
}

/// A workspace whose quota is high enough for these tests.
fn roomy() -> World {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, UpdateWorkspace { default_quota: Some(100_000), ..of_workspace() }).unwrap();
    world
}

#[test]
fn lease_resets_verifier_after_10000_missed_changes() {
    let mut world = roomy();
    let line = |n: u32| ImportLine {
        digest: Digest::of(&n.to_be_bytes()),
        weak: false,
        length: None,
        token: token(&["read"]),
    };
    world.call(Actor::Root, member("ann", &["read"])).unwrap();
    for lines in [0..10_000, 10_000..10_001] {
        let to_ann = |line: ImportLine| ImportLine {
            token: CreateToken { owner: Some("ann".to_owned()), ..line.token },
            ..line
        };
        world.attempt(Actor::Root, ImportTokens { lines: lines.map(line).map(to_ann).collect() }).unwrap();
    }
    let position = granted(&mut world, None).position();
    // The same state as after ten changes of a thousand tokens each.
    world.meddle("UPDATE workspace SET generation = generation + 1");
    let change = "UPDATE tokens SET version = (SELECT generation FROM workspace) WHERE seal_epoch IS NULL";
    world.meddle(&format!("{change} AND number IN (SELECT number FROM tokens WHERE seal_epoch IS NULL LIMIT 10000)"));
    let told = granted(&mut world, Some(position));
    assert_eq!((told.since, told.texts.len()), (Some(position.generation), 10_000));
    world.meddle(change);
    let anew = Lease { digests: vec![Digest::of(&7_u32.to_be_bytes())], ..lease(Some(position)) };
    let anew = world.call(Actor::Verifier, anew).unwrap().0;
    assert_eq!((anew.since, anew.texts.len(), anew.owners.len()), (None, 0, 0));
    assert_eq!((anew.answer.tokens.len(), anew.answer.owners.len()), (1, 1), "the requested digest");

    let position = granted(&mut world, None).position();
    world.meddle("UPDATE workspace SET generation = generation + 1");
    let members = "INSERT INTO members (number, id, name, role, grants, suspended, revoked_before, created_at, version)
        WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n LIMIT 10000)
        SELECT n, n, '', 'member', '[]', 0, 0, 0, (SELECT generation FROM workspace) FROM n";
    world.meddle(members);
    let told = granted(&mut world, Some(position));
    assert_eq!((told.since, told.owners.len()), (Some(position.generation), 10_000));
    world.meddle("UPDATE members SET version = (SELECT generation FROM workspace) WHERE number = 1");
    let anew = granted(&mut world, Some(position));
    assert_eq!((anew.since, anew.owners.len()), (None, 0));
}

/// Otherwise a token that is rotated hourly would eventually reset all verifiers at each change.
#[test]
fn long_expired_token_values_are_not_reported() {
    let mut world = roomy();
    let mut held = world.join("ann", &["read"]);
    let mut rotate = |world: &mut World, grace_seconds| {
        let rotated = world
            .attempt(Actor::Root, RotateToken { id: held.id.clone(), grace_seconds, end_previous: false })
            .unwrap();
        held = world.held(rotated);
        held.clone()
    };
    (0..20).for_each(|_| drop(rotate(&mut world, 0)));
    assert_eq!(told(&mut world, |world| drop(rotate(world, 0))).0.len(), 1, "the replaced value");
    let before = rotate(&mut world, 0);
    let first = rotate(&mut world, 10);
    let second = rotate(&mut world, 10);
    let rename = |world: &mut World| {
        let ask = UpdateToken { name: Some(format!("at {:?}", world.now)), ..of_token(&first.id) };
        world.call(Actor::Root, ask).unwrap();
    };
    assert_eq!(
        told(&mut world, rename),
        texts([&before, &first, &second]),
        "those in their grace periods, and the current value"
    );
    world.wait(10_000);
    assert_eq!(told(&mut world, rename), texts([&before, &first, &second]), "reported despite clock skew");
    world.wait(60_000);
    assert_eq!(told(&mut world, rename), texts([&second]));
}

#[test]
fn lease_resets_verifier_of_another_epoch() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let Position { epoch, generation } = granted(&mut world, None).position();
    revoke(&mut world, &held);
    let since = |epoch, generation| Some(Position { epoch, generation });
    let told = granted(&mut world, since(epoch, generation));
    assert_eq!((told.since, told.texts.len()), (Some(generation), 1));
    let latest = told.position();
    assert_eq!(latest, Position { epoch, generation: generation + 1 });
    for elsewhere in [
        since(epoch - 1, generation),
        since(epoch + 1, generation),
        since(0, generation),
        since(epoch, generation + 2),
        since(epoch, u64::MAX),
        since(u64::MAX, u64::MAX),
    ] {
        let anew = granted(&mut world, elsewhere);
        assert_eq!((anew.since, anew.texts.len(), anew.position()), (None, 0, latest), "{elsewhere:?}");
    }
    // After a restore of an earlier state, the epoch differs.
    world.meddle("UPDATE workspace SET epoch = epoch + 5");
    let anew = granted(&mut world, Some(latest));
    assert_eq!((anew.since, anew.position()), (None, Position { epoch: epoch + 5, ..latest }));
    let goes_on = granted(&mut world, Some(anew.position()));
    assert_eq!(goes_on.since, Some(latest.generation));
}

#[test]
fn lease_without_workspace_is_refused() {
    let mut world = World::empty();
    let ask = || Lease {
        since: Some(Position { epoch: START.0, generation: 1 }),
        digests: vec![Digest::of(b"unknown")],
        uses: vec![Uses { digest: Digest::of(b"unknown"), last_used_at: START, count: 1 }],
        segments: Some(Segments::default()),
    };
    let check = |world: &mut World| {
        let before = world.dump();
        for actor in [Actor::Root, Actor::Verifier] {
            let Grant { epoch, since, term, answer, texts, owners, edition } = world.call(actor, ask()).unwrap().0;
            assert_eq!((epoch, since, term, texts, owners, edition), (0, None, 0, vec![], vec![], None));
            assert_eq!((answer.key, answer.as_of, answer.generation, answer.workspace), (key(), world.now, 0, None));
            assert_eq!((answer.tokens, answer.owners), (vec![(Digest::of(b"unknown"), None)], Vec::new()));
            assert_eq!(answer.seal_keys, [world.seal_secrets[0].key_for(key())]);
        }
        assert_unauthenticated(world.call(Actor::Token(Digest::of(b"unknown")), ask()), Code::Unknown);
        let many = Lease { digests: vec![Digest::of(b"unknown"); 102], ..lease(None) };
        assert_invalid_value(world.call(Actor::Verifier, many), "/digests");
        assert_eq!(world.dump(), before);
    };
    check(&mut world);
    let admin = world.call(Actor::Root, bootstrap()).unwrap().admin;
    world.held(admin);
    assert_eq!(granted(&mut world, None).term, 10_000);
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    check(&mut world);
}
