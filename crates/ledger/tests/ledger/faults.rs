//! A failed command changes nothing, whichever statement fails, and however.

use counterfoil_ledger::{
    Refusal,
    command::{
        Actor, Ask, CreateToken, GetScopes, ListMembers, Page, PutScopes, ReadSelf, ReadToken, Records, RevokeToken,
    },
    native::When,
};

use crate::support::*;

/// Has the command carried out again and again, each time with the next statement failing, until none fails.
/// Answers how many statements the command has.
pub(crate) fn fail_each<C: Ask>(world: &mut World, actor: Actor, when: When, ask: impl Fn() -> C) -> u64 {
    for statement in 1.. {
        let before = world.dump();
        world.ledger.sql().fail(Some((statement, when)));
        let outcome = world.attempt(actor, ask());
        let spared = world.ledger.sql().is_fault_ahead();
        world.ledger.sql().fail(None);
        if spared {
            assert!(outcome.is_ok(), "{:?}", outcome.err());
            return statement - 1;
        }
        assert!(matches!(outcome, Err(Refusal::Internal { .. })), "statement {statement} failed unnoticed");
        assert_eq!(world.dump(), before, "statement {statement} failed {when:?} and something stayed");
    }
    0
}

#[test]
fn no_statement_of_any_command_can_fail_and_leave_a_trace() {
    for when in [When::Before, When::After] {
        let mut world = World::empty();
        // Found, then replace: both ways of a bootstrap.
        for least in [10, 12] {
            assert!(fail_each(&mut world, Actor::Root, when, bootstrap) >= least);
        }
        let admin = world.call(Actor::Root, bootstrap()).unwrap().admin;
        let admin = world.held(admin).actor;
        let put = |names: &'static [&str]| move || PutScopes { scopes: names.iter().map(|name| entry(name)).collect() };
        assert!(fail_each(&mut world, admin, when, put(&["read", "write"])) >= 9);
        assert!(fail_each(&mut world, admin, when, put(&["read", "more"])) >= 9);
        assert!(fail_each(&mut world, admin, when, || member("ann", &["read"])) >= 8);
        let to_ann = || CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
        assert!(fail_each(&mut world, admin, when, to_ann) >= 10);
        let held = world.issue(admin, token(&["read"])).unwrap();
        let id = || held.id.clone();
        assert!(fail_each(&mut world, admin, when, || RevokeToken { id: id(), reason: None }) >= 7);

        // Questions fail too, and say so.
        assert!(fail_each(&mut world, admin, when, || GetScopes {}) >= 3);
        assert!(fail_each(&mut world, admin, when, || ListMembers { page: Page::default() }) >= 4);
        assert!(fail_each(&mut world, admin, when, || all_tokens(Page::default())) >= 4);
        assert!(fail_each(&mut world, admin, when, || ReadToken { id: id() }) >= 3);
        assert!(fail_each(&mut world, admin, when, || ReadSelf {}) >= 2);
        assert!(fail_each(&mut world, Actor::Verifier, when, || Records { digests: vec![held.digest] }) >= 3);
    }
}

#[test]
fn an_outbox_that_fails_forgets_nothing() {
    for when in [When::Before, When::After] {
        let (mut world, _) = World::founded();
        let puts = world.ledger.outbox().due(START, 100).unwrap();
        world.ledger.sql().fail(Some((1, when)));
        assert!(world.ledger.outbox().due(START, 100).is_err());
        world.ledger.sql().fail(Some((1, when)));
        assert!(world.ledger.outbox().next_due().is_err());
        for statement in 1..=2 {
            world.ledger.sql().fail(Some((statement, when)));
            assert!(world.ledger.outbox().failed(&puts[0], START).is_err());
        }
        world.wait(120_000);
        assert_eq!(world.ledger.outbox().due(world.now, 100).unwrap().len(), puts.len());
    }
}
