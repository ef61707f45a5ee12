//! Uses of tokens are counted by the verifier, and reported with lease questions.

use crate::world::{START, World, demand, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Demand, Freshness, Limits, Timestamp};

fn counting() -> World {
    World::with_limits(Limits { count_uses: true, ..Limits::default() })
}

fn bounded() -> Demand {
    demand(Freshness::Bounded)
}

/// The reported uses of a token: how many, and when it was last used.
fn told(world: &mut World, text: &str) -> (u32, Timestamp) {
    let digest = Digest::of(text.as_bytes());
    let uses = world.home().uses.iter().filter(|uses| uses.digest == digest);
    uses.fold((0, Timestamp(0)), |(count, last), uses| (count + uses.count, last.max(uses.last)))
}

#[test]
fn uses_are_reported_once_with_the_time_of_the_last() {
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
    assert_eq!(told(&mut world, &token), (5, later(4)), "and not again, nor any other within a minute");
    world.renew(later(60));
    assert_eq!(told(&mut world, &token), (6, later(6)));
    assert_eq!(told(&mut world, &other).0, 1);
}

#[test]
fn uses_of_every_freshness_level_are_reported() {
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
fn uses_are_kept_while_the_ledger_is_down() {
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
fn report_of_uses_is_limited_and_covers_all_tokens_in_turn() {
    let mut world = counting();
    let tokens: Vec<_> = (0..2_500).map(|_| world.issue()).collect();
    for token in &tokens {
        world.check(token, &bounded(), START);
    }
    for minute in 1..=6 {
        world.renew(later(60 * minute));
        // The first tokens are used all the time.
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
fn verifier_that_does_not_count_reports_no_uses() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &bounded(), START);
    world.check(&token, &bounded(), START);
    world.renew(START);
    assert!(world.home().uses.is_empty());
    assert_eq!(home(), world.home().workspace.key);
}

/// A host that checks from the cache alone drops a check that needs more, and starts another.
#[test]
fn dropped_question_takes_no_uses_along() {
    let mut world = counting();
    let (token, unmet) = (world.issue(), world.issue());
    world.check(&token, &bounded(), START);
    drop(world.verifier.check(unmet.as_bytes(), &bounded(), later(1)));
    world.check(&unmet, &bounded(), later(1));
    assert_eq!(told(&mut world, &token), (1, START), "with the question that was sent");
}
