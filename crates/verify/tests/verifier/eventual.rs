//! Eventual freshness: the cache for a minute, then the registry, then the ledger.

use crate::world::{START, World, demand, home, later, scope};
use counterfoil_verify::{Code, Freshness, Limits, Need, Progress, RegistryKey};

const EVENTUAL: Freshness = Freshness::Eventual;

#[test]
fn eventual_check_reads_the_registry_once_a_minute() {
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
fn eventual_check_sees_a_revocation_a_minute_after_the_registry() {
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
fn older_registry_record_never_replaces_a_newer_cached_one() {
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
fn missing_or_corrupt_registry_records_fall_back_to_the_ledger() {
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
            assert_eq!(world.check(&token, &demand(EVENTUAL), START).code, Code::Unavailable, "it fails closed");
            world.ledger_up = true;
            assert_eq!(world.check(&token, &demand(EVENTUAL), later(1)).code, Code::Valid);
        }
    }
}

#[test]
fn registry_record_of_another_member_or_workspace_is_rejected() {
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
fn unreachable_registry_falls_back_to_the_ledger() {
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
fn clock_set_back_expires_cached_records() {
    let mut world = World::new();
    let token = world.issue();
    world.publish(&token);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(99)), (Code::Valid, 0, 3));
}

/// The age of the record is unknown. If it counted as new once the clock shows that time again, a revoked token could
/// be accepted for as long as the clock was set back.
#[test]
fn records_cached_before_the_clock_was_set_back_stay_expired() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&token);
    world.publish(&other);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(100)), (Code::Valid, 0, 3));
}

/// A response to a request from before the clock was set back does not count as new.
#[test]
fn records_requested_before_the_clock_was_set_back_stay_expired() {
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
fn scope_catalogue_can_raise_the_freshness_level() {
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
fn expiration_is_decided_at_the_check_not_when_cached() {
    let mut world = World::new();
    let token = world.issue();
    world.change(&token, |record| record.expires_at = Some(later(10)));
    world.publish(&token);
    let demand = demand(EVENTUAL);
    assert_eq!(world.cost(&token, &demand, later(9)), (Code::Valid, 0, 3));
    assert_eq!(world.cost(&token, &demand, later(10)), (Code::Expired, 0, 0));
}

#[test]
fn cache_too_small_for_any_record_still_decides() {
    let mut world = World::with_limits(Limits { memory: 0, ..Limits::default() });
    let tokens = [world.issue(), world.issue()];
    tokens.iter().for_each(|token| world.publish(token));
    for token in tokens.iter().cycle().take(10) {
        assert_eq!(world.check(token, &demand(EVENTUAL), START).code, Code::Valid);
    }
}
