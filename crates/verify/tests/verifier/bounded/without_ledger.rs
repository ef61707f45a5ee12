//! Eventual decisions if the ledger does not answer and the requirement accepts them.

use super::*;

#[test]
fn or_eventual_accepts_an_eventual_decision_if_the_ledger_fails() {
    let mut world = World::new();
    let (token, unpublished) = (world.issue(), world.issue());
    world.publish(&token);
    world.check(&token, &or_eventual(), START);
    world.ledger_up = false;
    let decision = world.check(&token, &or_eventual(), later(9));
    assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, EVENTUAL, START));
    let decision = world.check(&token, &or_eventual(), later(70));
    assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, EVENTUAL, later(70)));
    assert_eq!(
        world.check(&token, &demand(BOUNDED), later(70)).code,
        Code::Unavailable,
        "UNAVAILABLE without or_eventual"
    );
    assert_eq!(world.check(&unpublished, &or_eventual(), later(70)).code, Code::Unavailable, "only the ledger has it");
    world.registry_up = false;
    assert_eq!(world.check(&token, &or_eventual(), later(131)).code, Code::Unavailable);
    (world.ledger_up, world.registry_up) = (true, true);
    assert_eq!(world.check(&token, &or_eventual(), later(132)).freshness, Freshness::Strong, "it recovers by itself");
}

#[test]
fn scope_freshness_applies_even_if_the_ledger_is_down() {
    for freshness in [BOUNDED, Freshness::Strong] {
        let mut world = World::new();
        let token = world.issue();
        world.home().workspace.freshness = vec![(scope("orders:read"), freshness)];
        world.publish(&token);
        world.publish_workspace(home());
        world.ledger_up = false;
        assert_eq!(world.check(&token, &or_eventual(), START).code, Code::Unavailable);
    }
}
