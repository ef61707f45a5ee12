//! Eventual freshness: memory for a minute, then the registry, and the ledger where that knows nothing.

use crate::world::{START, World, demand, home, later, scope};
use counterfoil_verify::{Code, Freshness, Limits, Need, Progress, RegistryKey};

const EVENTUAL: Freshness = Freshness::Eventual;

#[test]
fn the_registry_is_read_once_a_minute() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    world.ledger_up = false;
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, START), (Code::Valid, 0, 3), "token and workspace, then the owner");
    assert_eq!(world.cost(&token, &demand, later(60)), (Code::Valid, 0, 0));
    assert_eq!(world.cost(&token, &demand, later(61)), (Code::Valid, 0, 3));
    let decision = world.check(&token, &demand, later(62));
    assert_eq!((decision.freshness, decision.as_of), (EVENTUAL, later(61)));
}

#[test]
fn a_revocation_is_seen_a_minute_after_the_registry_has_it() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    let demand = demand(EVENTUAL);
    assert_eq!(world.check(&token, &demand, START).code, Code::Valid);
    world.change(&token, |record| record.revoked = true);
    world.publish(&token);
    assert_eq!(world.check(&token, &demand, later(60)).code, Code::Valid);
    assert_eq!(world.check(&token, &demand, later(61)).code, Code::Revoked);
}

#[test]
fn an_older_version_in_the_registry_never_replaces_a_newer_one_in_memory() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    world.change(&token, |record| record.revoked = true);
    assert_eq!(world.check(&token, &demand(Freshness::Strong), START).code, Code::Revoked);
    for seconds in [30, 61, 122, 600] {
        let decision = world.check(&token, &demand(EVENTUAL), later(seconds));
        assert_eq!((decision.code, world.ledger_calls), (Code::Revoked, 1), "after {seconds} s");
    }
}

#[test]
fn what_the_registry_lacks_or_garbles_is_asked_of_the_ledger() {
    for spoil in 0..3 {
        for garbled in [None, Some(vec![]), Some(vec![1, b'r', 0xff]), Some(vec![9, 9])] {
            let mut world = World::new();
            let token = world.issue();
            world.publish(&token);
            let digest = counterfoil_token::Digest::of(token.as_bytes());
            let keys =
                [RegistryKey::Token(home(), digest), RegistryKey::Owner(home(), 1), RegistryKey::Workspace(home())];
            match garbled {
                None => world.registry.remove(&keys[spoil].path()),
                Some(bytes) => world.registry.insert(keys[spoil].path(), bytes),
            };
            world.ledger_up = false;
            assert_eq!(world.check(&token, &demand(EVENTUAL), START).code, Code::Unavailable, "never a silent yes");
            world.ledger_up = true;
            assert_eq!(world.check(&token, &demand(EVENTUAL), later(1)).code, Code::Valid);
        }
    }
}

#[test]
fn another_members_or_workspaces_record_under_the_key_does_not_count() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    world.ledger_up = false;
    let demand = demand(EVENTUAL);
    let of_two = world.registry[&RegistryKey::Owner(home(), 2).path()].clone();
    let of_one = world.registry.insert(RegistryKey::Owner(home(), 1).path(), of_two).unwrap();
    assert_eq!(world.check(&token, &demand, START).code, Code::Unavailable);
    world.registry.insert(RegistryKey::Owner(home(), 1).path(), of_one);
    let theirs = world.registry[&RegistryKey::Workspace(crate::world::elsewhere()).path()].clone();
    world.registry.insert(RegistryKey::Workspace(home()).path(), theirs);
    world.verifier = counterfoil_verify::Verifier::new(Limits::default());
    assert_eq!(world.check(&token, &demand, START).code, Code::Unavailable);
}

#[test]
fn without_the_registry_the_ledger_answers() {
    let mut world = World::new();
    let token = world.issue();
    world.registry_up = false;
    assert_eq!(world.check(&token, &demand(EVENTUAL), START).code, Code::Valid);
    assert_eq!(world.ledger_calls, 1);
    world.ledger_up = false;
    assert_eq!(world.check(&token, &demand(EVENTUAL), later(60)).code, Code::Valid, "from memory");
    assert_eq!(world.check(&token, &demand(EVENTUAL), later(61)).code, Code::Unavailable);
}

#[test]
fn a_clock_that_was_set_back_ends_what_memory_may_say() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(99)), (Code::Valid, 0, 3));
}

/// Nobody can tell how long ago that was. Were the record taken as new once the clock shows that time again, a revoked
/// token could pass for as long as the clock was set back.
#[test]
fn what_was_read_before_the_clock_was_set_back_stays_old() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&token);
    world.publish(&other);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
}

/// A question that was out while the clock was set back brings nothing that counts as new.
#[test]
fn nor_is_what_was_asked_before_and_came_after_new() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    let demand = demand(EVENTUAL);
    let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, later(100)) else { panic!() };
    assert_eq!(world.check("short", &demand, START).code, Code::Malformed);
    let Progress::Fetch(pending) = world.fetch(pending, &demand, later(1)) else { panic!("the old values decided") };
    assert_eq!(
        pending.need(),
        &Need::Registry(vec![
            RegistryKey::Token(home(), counterfoil_token::Digest::of(token.as_bytes())),
            RegistryKey::Workspace(home()),
            RegistryKey::Owner(home(), 1),
        ])
    );
}

#[test]
fn a_scope_may_ask_for_more_freshness_than_the_demand() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    world.home().workspace.freshness = vec![(scope("orders:write"), Freshness::Strong)];
    world.publish_workspace(home());
    let mut writing = demand(EVENTUAL);
    writing.any_of = vec![scope("orders:write")];
    let decision = world.check(&token, &writing, START);
    assert_eq!((decision.code, decision.freshness, world.ledger_calls), (Code::Valid, Freshness::Strong, 1));
    assert_eq!(world.cost(&token, &writing, START), (Code::Valid, 1, 0), "and each time");
    assert_eq!(world.cost(&token, &demand(EVENTUAL), START), (Code::Valid, 0, 0));
    world.ledger_up = false;
    assert_eq!(world.check(&token, &writing, START).code, Code::Unavailable);
}

#[test]
fn expiry_is_judged_at_the_check_and_not_when_the_record_was_read() {
    let mut world = World::new();
    let token = world.issue();
    world.change(&token, |record| record.expires_at = Some(later(10)));
    world.publish(&token);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(9)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(10)), (Code::Expired, 0, 0));
}

#[test]
fn a_memory_too_small_for_anything_still_decides() {
    let mut world = World::with_limits(Limits { memory: 0, ..Limits::default() });
    let tokens = [world.issue(), world.issue()];
    tokens.iter().for_each(|token| world.publish(token));
    for token in tokens.iter().cycle().take(10) {
        assert_eq!(world.check(token, &demand(EVENTUAL), START).code, Code::Valid);
    }
}
