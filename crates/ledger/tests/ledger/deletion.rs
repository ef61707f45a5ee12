//! Deleting a workspace: no data remains, and an interruption is always recoverable.

use std::collections::BTreeMap;

use counterfoil_ledger::{Upkeep, native::When};
use counterfoil_protocol::{
    command::{Actor, CreateClient, DeleteWorkspace, ReadSelf, ReadWorkspace, Records},
    command_error::ForbiddenCode,
};
use counterfoil_verify::Code;

use crate::support::*;

type Registry = BTreeMap<String, Vec<u8>>;

/// Writes all due records, like one alarm.
fn drain(world: &World, registry: &mut Registry) {
    for put in world.ledger.outbox().due(world.now, 1_000).unwrap() {
        match &put.value {
            Some(value) => drop(registry.insert(put.key.clone(), value.clone())),
            None => drop(registry.remove(&put.key)),
        }
        world.ledger.outbox().done(&put, world.now).unwrap();
    }
}

/// Tables with rows that say nothing about the workspace. The last four are of the search index, which is empty.
pub(crate) const KEPT: [&str; 6] = [
    "schema_",
    "sqlite_sequence:",
    "tokens_ids_config:",
    "tokens_ids_data:",
    "tokens_text_config:",
    "tokens_text_data:",
];

/// A workspace with rows in every table, all of it published.
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

/// Takes steps and writes records until the slug may be released.
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
    panic!("it does not terminate");
}

#[test]
fn workspace_deletion_requires_root() {
    let (mut world, admin) = World::founded();
    let only = "Only the deployment's root token can do this.";
    assert_forbidden(world.call(admin.actor, DeleteWorkspace {}), ForbiddenCode::RootOnly, only);
}

#[test]
fn deleted_workspace_is_unknown_immediately() {
    let (mut world, admin, _) = full();
    assert!(!world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete);
    assert_unauthenticated(world.call(admin.actor, ReadSelf {}), Code::Unknown);
    assert_no_such(world.call(Actor::Root, ReadWorkspace {}), "workspace");
    assert_no_such(world.call(Actor::Root, bootstrap()), "workspace");
    let answer = world.call(Actor::Verifier, Records { digests: vec![admin.digest] }).unwrap().0;
    assert!(answer.workspace.is_none() && answer.tokens[0].1.is_none() && answer.owners.is_empty());
    let before = world.dump();
    assert!(!world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete, "a repeated deletion reports its progress");
    assert_eq!(world.dump(), before);
}

#[test]
fn workspace_deletion_empties_ledger_and_registry() {
    let (mut world, _, mut registry) = full();
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    work_off(&mut world, &mut registry);
    assert_eq!(registry, Registry::new());
    world.ledger.forget(world.now).unwrap();
    let dump = world.dump();
    let left: Vec<_> = dump.lines().filter(|line| !KEPT.iter().any(|table| line.starts_with(table))).collect();
    assert_eq!(left, [""; 0]);
    assert!(world.call(Actor::Root, DeleteWorkspace {}).unwrap().complete);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(None));
}

#[test]
fn workspace_row_stays_until_registry_is_empty() {
    let (mut world, _, mut registry) = full();
    let before = world.dump();
    world.ledger.forget(world.now).unwrap();
    assert_eq!(world.dump(), before, "an active workspace is not removed");
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    for _ in 0..20 {
        // The steps are taken but the registry is unavailable, so the workspace's row remains.
        world.ledger.forget(world.now).unwrap();
    }
    assert_eq!(world.number("SELECT count(*) FROM workspace"), 1);
    work_off(&mut world, &mut registry);
    assert_eq!(registry, Registry::new());
}

#[test]
fn workspace_deletion_completes_after_any_failed_statement() {
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
                    assert_eq!(world.dump(), before, "a failed step left a change");
                    world.ledger.upkeep(world.now).unwrap();
                }
            }
            work_off(&mut world, &mut registry);
            assert_eq!(registry, Registry::new());
        }
    }
}

#[test]
fn deletion_step_deletes_limited_number_of_rows() {
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
