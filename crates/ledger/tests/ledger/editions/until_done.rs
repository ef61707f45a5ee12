//! Whatever fails, an edition becomes current with the same files, and no other file stays in the registry.

use counterfoil_ledger::{
    Ledger,
    editions::{Kind, Step},
    native::When,
    sql::SqlError,
};
use counterfoil_protocol::command::{Actor, RotateToken};
use counterfoil_verify::Timestamp;

use super::{Registry, generation, known, revoke};
use crate::{engine::TemporaryFile, support::*};

/// What happens at one step.
#[derive(Clone, Copy, Debug)]
enum Accident {
    /// The process ends before the action.
    EndsBefore,
    /// The process ends after the action, before it is reported.
    EndsAfter,
    /// The registry does not execute the action.
    Fails,
    /// The registry executes the action and reports a failure.
    SeemsToFail,
}

const ACCIDENTS: [Accident; 4] = [Accident::EndsBefore, Accident::EndsAfter, Accident::Fails, Accident::SeemsToFail];

/// Such small segments result in several for few tokens.
const FEW: u64 = 3;

/// A workspace with a published edition and a later change.
fn changed(file: &TemporaryFile) -> (World, Registry) {
    let mut world = World::over(file.sql());
    let made = world.call(Actor::Root, bootstrap()).unwrap();
    let admin = world.held(made.admin);
    world.put_scopes(&["read"]);
    let held: Vec<_> = (0..6).map(|_| world.issue(admin.actor, token(&["read"])).unwrap()).collect();
    let mut registry = Registry::default();
    registry.catch_up(&mut world, FEW);
    revoke(&mut world, &held[0]);
    let rotated = world
        .call(Actor::Root, RotateToken { id: held[1].id.clone(), grace_seconds: 60, end_previous: false })
        .unwrap();
    world.held(rotated);
    (world, registry)
}

/// Continues until the edition is current and all old files are deleted, with an accident at the `nth` step. Returns
/// the registry's files and the number of steps.
fn until_done(nth: usize, accident: Accident) -> (Registry, usize) {
    let file = TemporaryFile::new(&format!("until-done-{nth}-{accident:?}.sqlite"));
    let (mut world, mut registry) = changed(&file);
    for taken in 0..1_000 {
        let step = world.ledger.edition_step_of(FEW, world.now).unwrap();
        if taken == nth {
            match accident {
                Accident::EndsBefore => world.ledger = Ledger::open(file.sql()).unwrap(),
                Accident::EndsAfter => {
                    registry.carry_out(&step);
                    world.ledger = Ledger::open(file.sql()).unwrap();
                }
                Accident::Fails => world.ledger.edition_failed(&step, world.now).unwrap(),
                Accident::SeemsToFail => {
                    registry.carry_out(&step);
                    world.ledger.edition_failed(&step, world.now).unwrap();
                }
            }
            registry.check(&world);
            continue;
        }
        registry.carry_out(&step);
        world.ledger.edition_done(&step, world.now).unwrap();
        registry.check(&world);
        match step {
            Step::Wait(Some(due)) => {
                assert!(due > world.now, "the next step would be due immediately without end");
                world.now = due;
            }
            Step::Wait(None) => {
                let current = world.ledger.current_edition(Kind::Leases).unwrap().unwrap();
                assert_eq!(current.generation, generation(&world));
                let mut known = known(&world);
                known.sort();
                assert_eq!(registry.files.keys().cloned().collect::<Vec<_>>(), known);
                registry.published(&world, Kind::Leases);
                return (registry, taken);
            }
            Step::More | Step::Put { .. } | Step::Delete { .. } => {}
        }
    }
    panic!("it does not terminate");
}

#[test]
fn edition_completes_identically_after_any_failed_step() {
    let (expected, steps) = until_done(usize::MAX, Accident::Fails);
    assert!(steps > 12, "{steps} steps");
    for accident in ACCIDENTS {
        for nth in 0..steps {
            let (registry, _) = until_done(nth, accident);
            assert_eq!(registry.files, expected.files, "step {nth}: {accident:?}");
        }
    }
}

#[test]
fn failed_statement_undoes_edition_step() {
    for when in [When::Before, When::After] {
        let file = TemporaryFile::new(&format!("statements-{when:?}.sqlite"));
        let (mut world, mut registry) = changed(&file);
        loop {
            let step = fail_each(&world, when, |world| world.ledger.edition_step_of(FEW, world.now));
            fail_each(&world, when, |world| world.ledger.edition_failed(&step, world.now));
            world.wait(1_000);
            registry.carry_out(&step);
            fail_each(&world, when, |world| world.ledger.edition_done(&step, world.now));
            match step {
                Step::Wait(Some(due)) => world.now = world.now.max(due),
                Step::Wait(None) => break,
                Step::More | Step::Put { .. } | Step::Delete { .. } => {}
            }
        }
        registry.published(&world, Kind::Leases);
    }
}

/// Repeats an action, failing a later statement each time, until no statement fails.
fn fail_each<T>(world: &World, when: When, act: impl Fn(&World) -> Result<T, SqlError>) -> T {
    for statement in 1.. {
        let before = world.dump();
        world.ledger.sql().fail(Some((statement, when)));
        let outcome = act(world);
        let spared = world.ledger.sql().is_fault_ahead();
        world.ledger.sql().fail(None);
        if spared {
            return outcome.unwrap();
        }
        assert!(outcome.is_err(), "the fault {when:?} statement {statement} was not reported");
        assert_eq!(world.dump(), before, "the fault {when:?} statement {statement} left a change");
    }
    panic!("the step never succeeds");
}

#[test]
fn unavailable_registry_is_retried_with_backoff() {
    let file = TemporaryFile::new("down.sqlite");
    let (mut world, mut registry) = changed(&file);
    world.wait(15_000);
    registry.settle(&world, FEW);
    world.wait(2_000);
    let mut waits = Vec::new();
    let mut tried: Vec<Timestamp> = Vec::new();
    while waits.len() < 9 {
        match world.ledger.edition_step_of(FEW, world.now).unwrap() {
            step @ Step::Put { .. } => {
                tried.push(world.now);
                world.ledger.edition_failed(&step, world.now).unwrap();
            }
            Step::Wait(Some(due)) => {
                waits.push(due.since(*tried.last().unwrap()));
                world.now = due;
            }
            Step::More => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    registry.catch_up(&mut world, FEW);
}
