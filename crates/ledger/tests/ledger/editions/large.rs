//! Many tokens: steps stay short, however many there are.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use counterfoil_ledger::editions::{Kind, Step};
use counterfoil_token::Digest;
use counterfoil_verify::{OwnerSegment, Segment};

use super::{ONE, Registry};
use crate::support::*;

/// A workspace with so many tokens of so many members; each hundred of them has scopes of its own.
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
fn many_that_changed_are_marked_in_steps() {
    let mut world = workspace(12_000, 6_000);
    let mut registry = Registry::default();
    let first = registry.catch_up(&mut world, 1_000);
    assert_eq!((first.tokens(), first.manifest.bits(), first.owners.len()), (12_001, 4, 6));
    // All of them at once, as when all tokens of a member are revoked.
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
    assert_eq!((marking, puts), (1 + 3 + 2, 16 + 6 + 1), "the beginning, tokens and members in pages of 5,000; files");
    let second = registry.published(&world, Kind::Leases);
    assert!(second.segments.iter().flat_map(Segment::tokens).all(|(_, token)| !token.enabled));
    assert!(second.owners.iter().flat_map(OwnerSegment::owners).all(|owner| owner.suspended));
}

#[test]
fn what_was_kept_goes_in_steps_before_the_next_one_begins() {
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

#[test]
fn too_many_texts_of_one_prefix_are_not_published() {
    for (tokens, is_published) in [(65_535, true), (65_536, false)] {
        let mut world = workspace(tokens, 10);
        let mut registry = Registry::default();
        world.now = registry.settle(&world, u64::MAX >> 11).unwrap();
        registry.settle(&world, u64::MAX >> 11);
        assert_eq!(world.ledger.current_edition(Kind::Leases).unwrap().is_some(), is_published, "{tokens} and one");
    }
}

/// `cargo test --release -p counterfoil-ledger --test ledger -- --ignored --nocapture a_million`
#[test]
#[ignore = "measures, and takes a while"]
#[expect(clippy::disallowed_methods, reason = "here time is what is measured")]
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
