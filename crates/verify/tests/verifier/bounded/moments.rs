//! A token is accepted only by records of one moment.

use super::*;

/// A token that was invalid at every moment, first because of its owner and then by itself.
fn never_alive(world: &mut World) -> String {
    let token = world.issue();
    world.change_owner(1, |owner, _| owner.suspended = true);
    token
}

/// Its earlier record with its owner's current one would make it valid.
#[test]
fn records_of_different_moments_are_not_combined() {
    let mut world = World::new();
    let token = never_alive(&mut world);
    let sibling = world.issue();
    world.publish(&sibling);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::OwnerSuspended, 1, 0));
    world.change(&token, |record| record.enabled = false);
    world.change_owner(1, |owner, _| owner.suspended = false);
    world.publish_owner(home(), 1);
    // A strong check of another token, or an eventual one, brings the owner's new record.
    assert_eq!(world.check(&sibling, &demand(Freshness::Strong), START).code, Code::Valid);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Disabled, 1, 0));

    let mut world = World::new();
    let token = never_alive(&mut world);
    let sibling = world.issue();
    world.publish(&sibling);
    world.check(&token, &demand(BOUNDED), START);
    world.change(&token, |record| record.enabled = false);
    world.change_owner(1, |owner, _| owner.suspended = false);
    world.publish_owner(home(), 1);
    assert_eq!(world.check(&sibling, &demand(EVENTUAL), later(61)).code, Code::Valid);
    let decision = world.check(&token, &demand(BOUNDED), later(61));
    assert_eq!(decision.code, Code::Disabled);
}

/// The same while the response is in flight.
#[test]
fn response_and_newer_cached_records_are_not_combined() {
    for freshness in [BOUNDED, Freshness::Strong] {
        let mut world = World::new();
        let token = never_alive(&mut world);
        let sibling = world.issue();
        let slow = pending(&mut world, &token, &demand(freshness), START);
        let digests = vec![Digest::of(token.as_bytes())];
        let question = counterfoil_verify::Question { workspace: home(), digests };
        let (answer, grant) = (
            world.answer(&question),
            match slow.need() {
                Need::Lease(question) => Some(world.grant(question, START)),
                _ => None,
            },
        );
        world.change(&token, |record| record.enabled = false);
        world.change_owner(1, |owner, _| owner.suspended = false);
        assert_eq!(world.check(&sibling, &demand(Freshness::Strong), START).code, Code::Valid);
        let supply = grant.as_ref().map_or(Supply::Ledger(&answer), Supply::Lease);
        let decision = decided(world.verifier.supply(slow, &demand(freshness), supply, START));
        assert_eq!(decision.code, Code::OwnerSuspended);
        assert_eq!(world.check(&token, &demand(BOUNDED), START).code, Code::Disabled);
    }
}

/// The query is sent before the token is created, and answered after it was revoked.
#[test]
fn token_cached_while_the_query_was_in_flight_is_named_too() {
    let mut world = World::new();
    let first = world.issue();
    world.check(&first, &demand(BOUNDED), START);
    let renewal = world.verifier.renewal(home(), START);
    let token = world.issue();
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 1, 0));
    world.change(&token, |record| record.revoked = true);
    world.finish_renewal(&renewal, START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
}
