//! Uses of tokens are counted where they are checked, and told with questions for leases.

use crate::world::{START, World, demand, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Demand, Freshness, Limits, Timestamp};

fn counting() -> World {
    World::with_limits(Limits { count_uses: true, ..Limits::default() })
}

fn bounded() -> Demand {
    demand(Freshness::Bounded)
}

/// What the ledger was told of a token: how many uses, and when the last was.
fn told(world: &mut World, text: &str) -> (u32, Timestamp) {
    let digest = Digest::of(text.as_bytes());
    let uses = world.home().uses.iter().filter(|uses| uses.digest == digest);
    uses.fold((0, Timestamp(0)), |(count, last), uses| (count + uses.count, last.max(uses.last)))
}

#[test]
fn what_passed_is_told_once_and_with_the_last_time() {
    let mut world = counting();
    let (token, other) = (world.issue(), world.issue());
    let mut refused = bounded();
    refused.all_of = vec![scope("members:read")];
    for second in 0..=4 {
        assert_eq!(world.check(&token, &bounded(), later(second)).code, Code::Valid);
        assert_eq!(world.check(&token, &refused, later(second)).code, Code::InsufficientScope);
    }
    world.check(&other, &bounded(), later(4));
    world.renew(later(5));
    assert_eq!(told(&mut world, &token), (5, later(4)));
    world.check(&token, &bounded(), later(6));
    world.renew(later(58));
    assert_eq!(told(&mut world, &token), (5, later(4)), "and not again, nor anything else within a minute");
    world.renew(later(60));
    assert_eq!(told(&mut world, &token), (6, later(6)));
    assert_eq!(told(&mut world, &other).0, 1);
}

#[test]
fn those_of_every_freshness_are_told() {
    let mut world = counting();
    let token = world.issue();
    world.publish(&token);
    for freshness in [Freshness::Strong, Freshness::Bounded, Freshness::Eventual] {
        world.check(&token, &demand(freshness), START);
    }
    world.renew(later(1));
    assert_eq!(told(&mut world, &token).0, 3);
}

#[test]
fn nothing_is_lost_while_the_ledger_is_down() {
    let mut world = counting();
    let token = world.issue();
    for second in 0..8 {
        world.check(&token, &bounded(), later(second));
        world.ledger_up = false;
        world.renew(later(second));
    }
    world.ledger_up = true;
    world.renew(later(9));
    assert_eq!(told(&mut world, &token), (8, later(7)));
}

#[test]
fn a_report_holds_a_thousand_and_all_have_their_turn() {
    let mut world = counting();
    let tokens: Vec<_> = (0..2_500).map(|_| world.issue()).collect();
    for token in &tokens {
        world.check(token, &bounded(), START);
    }
    for minute in 1..=6 {
        world.renew(later(60 * minute));
        // The first ones never fall silent.
        for token in &tokens[..1_000] {
            assert_eq!(world.check(token, &bounded(), later(60 * minute)).code, Code::Valid);
        }
    }
    let silent = tokens.iter().filter(|token| told(&mut world, token).0 == 0).count();
    assert_eq!(silent, 0);
    let first = Digest::of(tokens[0].as_bytes());
    assert!(world.home().uses.iter().filter(|uses| uses.digest == first).count() > 1);
}

#[test]
fn who_does_not_count_tells_nothing() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &bounded(), START);
    world.check(&token, &bounded(), START);
    world.renew(START);
    assert!(world.home().uses.is_empty());
    assert_eq!(home(), world.home().workspace.key);
}

/// Whoever checks from memory alone drops what is not there, and asks by another check.
#[test]
fn a_question_that_nobody_asks_takes_none_along() {
    let mut world = counting();
    let (token, unmet) = (world.issue(), world.issue());
    world.check(&token, &bounded(), START);
    drop(world.verifier.check(unmet.as_bytes(), &bounded(), later(1)));
    world.check(&unmet, &bounded(), later(1));
    assert_eq!(told(&mut world, &token), (1, START), "with the question that was asked");
}
