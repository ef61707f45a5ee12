//! The end of a workspace: nothing stays, and nothing can cut it off for good.

use std::collections::BTreeMap;

use counterfoil_ledger::{Upkeep, native::When};
use counterfoil_protocol::{
    command::{Actor, CreateClient, DeleteWorkspace, ReadSelf, ReadWorkspace, Records},
    command_error::ForbiddenCode,
};
use counterfoil_verify::Code;

use crate::support::*;

type Registry = BTreeMap<String, Vec<u8>>;

/// One alarm: puts what is due.
fn drain(world: &World, registry: &mut Registry) {
    for put in world.ledger.outbox().due(world.now, 1_000).unwrap() {
        match &put.value {
            Some(value) => drop(registry.insert(put.key.clone(), value.clone())),
            None => drop(registry.remove(&put.key)),
        }
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
}

/// A workspace with something in every table, all of it published.
fn full() -> (World, Held, Registry) {
    let (mut world, admin) = World::founded();
    for number in 0..3 {
        world.join(&format!("m{number}"), &["read"]);
    }
    let app = CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
    world.call(admin.actor, app).unwrap();
    let mut registry = Registry::new();
    drain(&world, &mut registry);
    assert_eq!(registry.len(), 1 + 4 + 4, "the workspace, four members and their tokens");
    world.wait(2_000);
    (world, admin, registry)
}

/// Takes steps and drains until the slug may be released.
fn work_off(world: &mut World, registry: &mut Registry) {
    for _ in 0..100 {
        drain(world, registry);
        match world.ledger.upkeep(world.now).unwrap() {
            Upkeep::More => {}
            Upkeep::Wait(Some(due)) => world.now = world.now.max(due),
            Upkeep::Wait(None) => panic!("a deletion always has a next step"),
            Upkeep::Release(released, of) => {
                assert_eq!((released, of), (slug("demo"), key()));
                return;
            }
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn only_root_deletes() {
    let (mut world, admin) = World::founded();
    let only = "Only the root token may do this.";
    assert_forbidden(world.call(admin.actor, DeleteWorkspace {}), ForbiddenCode::RootOnly, only);
}

#[test]
fn from_then_on_nothing_of_it_is_known() {
    let (mut world, admin, _) = full();
    assert!(!world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete);
    assert_unauthenticated(world.call(admin.actor, ReadSelf {}), Code::Unknown);
    assert_no_such(world.call(Actor::Root, ReadWorkspace {}), "workspace");
    assert_no_such(world.call(Actor::Root, bootstrap()), "workspace");
    let answer = world.call(Actor::Verifier, Records { digests: vec![admin.digest] }).unwrap().0;
    assert!(answer.workspace.is_none() && answer.tokens[0].1.is_none() && answer.owners.is_empty());
    let before = world.dump();
    assert!(!world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete, "said again, it says how far it is");
    assert_eq!(world.dump(), before);
}

#[test]
fn in_the_end_nothing_is_left_here_or_in_the_registry() {
    let (mut world, _, mut registry) = full();
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    work_off(&mut world, &mut registry);
    assert_eq!(registry, Registry::new());
    world.ledger.forget(world.now).unwrap();
    let dump = world.dump();
    let left: Vec<_> =
        dump.lines().filter(|line| !line.starts_with("schema_") && !line.starts_with("sqlite_sequence:")).collect();
    assert_eq!(left, [""; 0]);
    assert!(world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
}

#[test]
fn nothing_is_forgotten_before_its_time() {
    let (mut world, _, mut registry) = full();
    let before = world.dump();
    world.ledger.forget(world.now).unwrap();
    assert_eq!(world.dump(), before, "a workspace that lives");
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    for _ in 0..20 {
        // Steps are taken here too, but the registry is down: the row that remembers it all stays.
        world.ledger.forget(world.now).unwrap();
    }
    assert_eq!(world.number("SELECT count(*) FROM workspace"), 1);
    work_off(&mut world, &mut registry);
    assert_eq!(registry, Registry::new());
}

#[test]
fn whichever_statement_fails_it_comes_to_the_same_end() {
    for when in [When::Before, When::After] {
        for fault in 1..=12 {
            let (mut world, _, mut registry) = full();
            world.call(Actor::Root, DeleteWorkspace {}).unwrap();
            for _ in 0..8 {
                let before = world.dump();
                world.ledger.sql().fail(Some((fault, when)));
                let outcome = world.ledger.upkeep(world.now);
                world.ledger.sql().fail(None);
                if outcome.is_err() {
                    assert_eq!(world.dump(), before, "a step that failed left something");
                    world.ledger.upkeep(world.now).unwrap();
                }
            }
            work_off(&mut world, &mut registry);
            assert_eq!(registry, Registry::new());
        }
    }
}

#[test]
fn a_step_takes_no_more_than_its_share() {
    let (mut world, _, _) = full();
    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1299)
         INSERT INTO tokens (number, id, digest, hint, owner, name, scopes, enabled, created_at, created_by, addresses,
             issued, version)
         SELECT i, 'tok_' || i, randomblob(32), '', 1, '', '[]', 1, 0, 'root', '[]', 1, 1 FROM n",
    );
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    let tokens = |world: &World| world.number("SELECT count(*) FROM tokens");
    let mut left = vec![tokens(&world)];
    while tokens(&world) > 0 {
        assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::More);
        left.push(tokens(&world));
    }
    assert_eq!(left, [1_204, 704, 204, 0]);
}
