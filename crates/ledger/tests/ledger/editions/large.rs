//! Many tokens: the duration of a step does not depend on their number.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use counterfoil_ledger::{
    editions::{Kind, Step},
    sql::{Sql as _, Value},
};
use counterfoil_protocol::command::{Actor, RevokeToken};
use counterfoil_token::Digest;
use counterfoil_verify::{OwnerSegment, Segment};

use super::{ONE, Published, Registry, generation};
use crate::support::*;

/// A workspace with this many tokens and members. Each hundred tokens has its own scopes.
fn workspace(tokens: u64, members: u64) -> World {
    let (world, _) = World::founded();
    world.meddle("UPDATE workspace SET generation = generation + 1");
    world.meddle(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= {members})
         INSERT INTO members (number, id, name, role, grants, suspended, revoked_before, created_at, version)
         SELECT i, 'm' || i, '', 'member', '[\"read\"]', 0, 0, 0, generation FROM n, workspace"
    ));
    world.meddle(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= {tokens})
         INSERT INTO tokens (number, id, digest, hint, owner, name, scopes, enabled, created_at, created_by, addresses,
             issued, version)
         SELECT i, 'tok_' || i, randomblob(32), '', 2 + i % {members}, '', '[\"s' || (i % 100) || '\"]', 1, 0, 'root',
             '[]', generation, generation FROM n, workspace"
    ));
    world.meddle(&format!("UPDATE workspace SET last_number = {tokens} + 1"));
    world
}

#[test]
fn many_changed_tokens_are_marked_in_steps() {
    let mut world = workspace(12_000, 6_000);
    let mut registry = Registry::default();
    let first = registry.catch_up(&mut world, 1_000);
    assert_eq!((first.tokens(), first.manifest.bits(), first.owners.len()), (12_001, 4, 6));
    // All at once, as when all tokens of a member are revoked.
    world.meddle("UPDATE workspace SET generation = generation + 1");
    world.meddle("UPDATE tokens SET enabled = 0, version = (SELECT generation FROM workspace)");
    world.meddle("UPDATE members SET suspended = 1, version = (SELECT generation FROM workspace)");
    world.wait(60_000);
    world.now = registry.settle(&world, 1_000).unwrap();
    let (mut marking, mut puts) = (0, 0);
    loop {
        match registry.step(&world, 1_000) {
            Step::More => marking += 1,
            Step::Put { .. } => puts += 1,
            Step::Delete { .. } => {}
            Step::Wait(_) => break,
        }
    }
    assert_eq!(
        (marking, puts),
        (1 + 3 + 2, 16 + 6 + 1),
        "beginning, then tokens and members in pages of 5,000, then files"
    );
    let second = registry.published(&world, Kind::Leases);
    assert!(second.segments.iter().flat_map(Segment::tokens).all(|(_, token)| !token.enabled));
    assert!(second.owners.iter().flat_map(OwnerSegment::owners).all(|owner| owner.suspended));
}

#[test]
fn saved_rows_are_deleted_in_steps_before_next_edition() {
    let mut world = workspace(1_200, 10);
    let mut registry = Registry::default();
    world.now = registry.settle(&world, ONE).unwrap();
    registry.step(&world, ONE);
    world.meddle("UPDATE workspace SET generation = generation + 1");
    world.meddle("UPDATE tokens SET enabled = 0, version = (SELECT generation FROM workspace)");
    world.meddle("UPDATE tokens SET enabled = 1, version = (SELECT generation FROM workspace)");
    let kept = |world: &World| world.number("SELECT count(*) FROM kept_tokens WHERE enabled = 1");
    assert_eq!(kept(&world), 1_201);
    let mut left = Vec::new();
    while !matches!(registry.step(&world, ONE), Step::Wait(_)) {
        left.push(kept(&world));
    }
    left.dedup();
    assert_eq!(left, [1_201, 701, 201, 0]);
}

/// Adds imported tokens of the first member with this digest prefix.
fn crowd(world: &World, tokens: u64, digest: &str, columns: &str, values: &str) {
    world.meddle("UPDATE workspace SET generation = generation + 1, has_imports = 1");
    world.meddle(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tokens})
         INSERT INTO tokens (number, id, digest, hint, owner, name, scopes, enabled, created_at, created_by, issued, version,
             {columns})
         SELECT last_number + i, 'tok_' || (last_number + i), {digest}, '', 1, '', '[]', 1, 0, 'root', generation,
             generation, {values} FROM n, workspace"
    ));
    world.meddle(&format!("UPDATE workspace SET last_number = last_number + {tokens}"));
}

/// Both kinds of editions, after all possible steps.
fn both(world: &mut World, registry: &mut Registry) -> [Published; 2] {
    world.ledger.want_snapshots(world.now).unwrap();
    for _ in 0..3 {
        world.wait(60_000);
        registry.settle(world, ONE);
    }
    [Kind::Leases, Kind::Snapshots].map(|kind| registry.published(world, kind))
}

fn digests(world: &World, of: &str) -> Vec<Digest> {
    let digest = |value| match value {
        Value::Blob(bytes) => Digest::from_bytes(bytes.try_into().unwrap()),
        other => panic!("{other:?}"),
    };
    world.column(&format!("SELECT digest FROM tokens WHERE {of} ORDER BY digest")).into_iter().map(digest).collect()
}

#[test]
fn overfull_segment_is_split_further() {
    let mut world = workspace(100, 10);
    let mut registry = Registry::default();
    let made = both(&mut world, &mut registry);
    assert_eq!(made.map(|edition| edition.manifest.bits()), [0, 0]);
    // All share the first four bits. Evenly distributed, each segment would have about ten thousand.
    crowd(&world, 90_000, "unhex('0' || substr(hex(randomblob(32)), 2))", "addresses", "'[]'");
    for edition in both(&mut world, &mut registry) {
        assert_eq!((edition.manifest.bits(), edition.tokens()), (5, 90_101));
        assert!(!edition.manifest.header().without_weak);
    }
}

#[test]
fn unsplittable_third_party_digests_are_excluded() {
    let mut world = workspace(1_000, 10);
    let mut registry = Registry::default();
    both(&mut world, &mut registry);
    // Digests chosen to share a prefix, and some tokens that Counterfoil generated among them.
    crowd(&world, 70_000, "unhex('5555' || hex(randomblob(30)))", "addresses", "'[]'");
    crowd(&world, 3, "unhex('5555' || hex(randomblob(30)))", "addresses, seal_epoch", "'[]', '00000000'");
    let minted = digests(&world, "seal_epoch = '00000000'");
    let others = digests(&world, "substr(digest, 1, 2) <> x'5555'");
    let crowded = digests(&world, "substr(digest, 1, 2) = x'5555' AND seal_epoch IS NULL");
    assert_eq!((minted.len(), others.len(), crowded.len()), (3, 1_001, 70_000));
    for edition in both(&mut world, &mut registry) {
        assert_eq!(edition.current.generation, generation(&world), "editions are still built");
        for digest in minted.iter().chain(&others) {
            assert!(edition.token(digest).is_some(), "{digest} is told");
        }
        assert!(edition.tokens() < 1_004 + 65_536);
        assert!(edition.manifest.header().without_weak, "the edition states that some are excluded");
        assert!(edition.manifest.bits() <= 4, "no more files than the token values need");
    }
    // An excluded token is still valid at the ledger, and a change of one causes another edition.
    let left_out = Value::from(crowded[0]);
    assert_eq!(world.column("SELECT DISTINCT weak FROM tokens WHERE number <= 1001"), [0_u64.into()]);
    assert!(world.number("SELECT count(*) FROM tokens WHERE weak = 2") >= 4_464);
    let sql = world.ledger.sql();
    let id: String = sql.exec("SELECT id FROM tokens WHERE digest = ?", &[left_out]).unwrap()[0].take().unwrap();
    world.call(Actor::Root, RevokeToken { id, reason: None }).unwrap();
    assert!(record(&mut world, crowded[0]).revoked);
    let [leases, _] = both(&mut world, &mut registry);
    assert_eq!(leases.current.generation, generation(&world));
    assert!(leases.token(&crowded[0]).is_none_or(|token| token.revoked));
}

#[test]
fn overlong_third_party_records_are_excluded() {
    let mut world = workspace(100, 10);
    let mut registry = Registry::default();
    both(&mut world, &mut registry);
    let blocks = (0..100).map(|n| format!("\"2001:db8:{n:x}::/48\"")).collect::<Vec<_>>().join(",");
    crowd(&world, 16_000, "unhex('5555' || hex(randomblob(30)))", "addresses", &format!("'[' || '{blocks}' || ']'"));
    let [leases, _] = both(&mut world, &mut registry);
    assert_eq!(leases.current.generation, generation(&world));
    assert!(leases.tokens() < 101 + 16_000 && leases.manifest.header().without_weak);
}

/// `cargo test --release -p counterfoil-ledger --test ledger -- --ignored --nocapture a_million`
#[test]
#[ignore = "measures, and takes a while"]
#[expect(clippy::disallowed_methods, reason = "this measures time")]
fn a_million_tokens_measured() {
    let mut world = workspace(999_999, 100_000);
    let mut registry = Registry::default();
    world.now = registry.settle(&world, ONE).unwrap();
    for what in ["the first edition", "after one change"] {
        let (began, puts) = (Instant::now(), registry.puts.len());
        let mut longest = (0, 0.0_f64);
        for nth in 0.. {
            let step_began = Instant::now();
            let step = world.ledger.edition_step_of(ONE, world.now).unwrap();
            registry.carry_out(&step);
            world.ledger.edition_done(&step, world.now).unwrap();
            let took = step_began.elapsed().as_secs_f64();
            if took > longest.1 {
                longest = (nth, took);
            }
            if matches!(step, Step::Wait(_)) {
                break;
            }
        }
        let took = began.elapsed().as_secs_f64();
        let published = registry.published(&world, Kind::Leases);
        let made: Vec<_> = registry.puts[puts..].iter().map(|key| registry.files[key].len()).collect();
        let sizes = published.segments.iter().map(|segment| segment.bytes().len());
        writeln!(
            io::stderr(),
            "{what}: {} tokens in {} segments and {} owner segments; {} files of {} bytes made in {took:.2} s, the \
             longest step {:.3} s (the {}th); segments of {} to {} bytes, {:.2} bytes a token",
            published.tokens(),
            published.segments.len(),
            published.owners.len(),
            made.len(),
            made.iter().sum::<usize>(),
            longest.1,
            longest.0,
            sizes.clone().min().unwrap(),
            sizes.clone().max().unwrap(),
            sizes.sum::<usize>() as f64 / published.tokens() as f64,
        )
        .unwrap();
        world.meddle("UPDATE workspace SET generation = generation + 1");
        world.meddle("UPDATE tokens SET enabled = 0, version = (SELECT generation FROM workspace) WHERE number = 7");
        world.wait(DAY);
        world.now = registry.settle(&world, ONE).unwrap();
    }
    let unknown = Digest::of(b"never issued");
    assert!(registry.published(&world, Kind::Leases).token(&unknown).is_none());
}
