//! Bounded freshness: memory under a lease, and the ledger where that is over or knows nothing.

mod moments;
mod without_ledger;

use crate::world::{START, World, demand, elsewhere, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Code, Decision, Demand, Freshness, Limits, Need, Pending, Progress, ScopeSet, Supply, Timestamp,
};

const BOUNDED: Freshness = Freshness::Bounded;
const EVENTUAL: Freshness = Freshness::Eventual;

/// The world's leases last ten seconds, of which 8.8 are used.
const LAST: u64 = 8_799;

fn at(milliseconds: u64) -> Timestamp {
    START.plus(milliseconds)
}

fn or_eventual() -> Demand {
    let mut demand = demand(BOUNDED);
    demand.or_eventual = true;
    demand
}

/// Begins a check that needs something.
fn pending(world: &mut World, text: &str, demand: &Demand, now: Timestamp) -> Pending {
    match world.verifier.check(text.as_bytes(), demand, now) {
        Progress::Fetch(pending) => pending,
        Progress::Decided(decision) => panic!("{} was decided from memory", decision.code),
    }
}

fn decided(progress: Progress) -> Decision {
    match progress {
        Progress::Decided(decision) => decision,
        Progress::Fetch(pending) => panic!("asks for {:?}", pending.need()),
    }
}

#[test]
fn memory_answers_while_the_lease_runs() {
    let mut world = World::new();
    let token = world.issue();
    let first = world.check(&token, &demand(BOUNDED), START);
    assert_eq!((first.code, first.freshness, world.ledger_calls), (Code::Valid, Freshness::Strong, 1));
    for milliseconds in [0, 1, 4_399, 4_400] {
        let decision = world.check(&token, &demand(BOUNDED), at(milliseconds));
        assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, BOUNDED, START));
    }
    assert_eq!((world.ledger_calls, world.renewals, world.registry_reads), (1, 0, 0));
}

#[test]
fn past_its_half_it_is_renewed_in_the_background() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    for second in 1..=60 {
        let decision = world.check(&token, &demand, later(second));
        assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED), "after {second} s");
    }
    assert_eq!((world.ledger_calls, world.renewals), (1, 12), "every five seconds, and nobody waited");
}

#[test]
fn one_request_at_a_time_renews_and_another_takes_over_a_second_later() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    let due = |world: &mut World, milliseconds| {
        let decision = decided(world.verifier.check(token.as_bytes(), &demand, at(milliseconds)));
        assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED));
        decision.renewal_due
    };
    let turns: Vec<_> = [4_400, 4_401, 4_402, 5_400, 5_401, 6_400, 6_401].map(|time| due(&mut world, time)).into();
    assert_eq!(turns, [false, true, false, false, true, false, true]);
}

#[test]
fn when_it_is_over_nothing_is_said_before_the_ledger_was_asked() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    world.ledger_up = false;
    let decision = world.check(&token, &demand, at(LAST));
    assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED));
    assert_eq!(world.check(&token, &demand, at(LAST + 1)).code, Code::Unavailable, "never a silent yes");
    world.ledger_up = true;
    assert_eq!(world.cost(&token, &demand, at(LAST + 251)), (Code::Valid, 1, 0));
    assert_eq!(world.cost(&token, &demand, at(LAST + 252)), (Code::Valid, 0, 0));
}

#[test]
fn every_kind_of_change_comes_with_a_renewal() {
    type Change = fn(&mut World, &str);
    let changes: [(Change, Code); 5] = [
        (|world, token| world.change(token, |record| record.revoked = true), Code::Revoked),
        (|world, token| world.change(token, |record| record.enabled = false), Code::Disabled),
        (|world, token| world.change(token, |record| record.scopes = vec![].into()), Code::InsufficientScope),
        (|world, _| world.change_owner(1, |owner, _| owner.suspended = true), Code::OwnerSuspended),
        (|world, _| world.change_owner(1, |owner, generation| owner.revoked_before = generation), Code::Revoked),
    ];
    for (change, code) in changes {
        let mut world = World::new();
        let token = world.issue();
        let demand = demand(BOUNDED);
        world.check(&token, &demand, START);
        change(&mut world, &token);
        assert_eq!(world.cost(&token, &demand, at(1_000)), (Code::Valid, 0, 0), "it has not heard of it");
        world.check(&token, &demand, at(5_000));
        assert_eq!(world.renewals, 1);
        assert_eq!(world.cost(&token, &demand, at(5_001)), (code, 1, 0), "what it became is asked");
        assert_eq!(world.cost(&token, &demand, at(5_002)), (code, 0, 0));
    }
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.home().workspace.suspended = true;
    world.home().workspace.version = 9;
    world.home().generation = 9;
    world.renew(START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::WorkspaceSuspended, 0, 0));
}

#[test]
fn what_was_not_seen_before_is_asked_of_the_ledger_and_not_of_the_registry() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&token);
    world.publish(&other);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 1, 0));
    world.change(&other, |record| record.revoked = true);
    assert_eq!(world.cost(&other, &demand(BOUNDED), START), (Code::Revoked, 1, 0), "the registry would have it live");
    assert_eq!(world.cost(&other, &demand(BOUNDED), START), (Code::Revoked, 0, 0));
}

#[test]
fn what_the_registry_told_is_not_under_the_lease() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&other);
    world.check(&token, &demand(BOUNDED), START);
    world.change(&other, |record| record.revoked = true);
    assert_eq!(world.cost(&other, &demand(EVENTUAL), START), (Code::Valid, 0, 1));
    assert_eq!(world.cost(&other, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
    // And what is, is so also after the registry was read.
    world.publish(&token);
    assert_eq!(world.cost(&token, &demand(EVENTUAL), later(61)).0, Code::Valid);
    world.renew(later(61));
    assert_eq!(world.cost(&token, &demand(BOUNDED), later(61)), (Code::Valid, 0, 0));
}

#[test]
fn a_lease_keeps_eventual_answers_young() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.renew(later(50));
    let decision = world.check(&token, &demand(EVENTUAL), later(110));
    assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, EVENTUAL, later(50)));
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 0));
}

/// Answered before a revocation, it arrives after the answer that told of it.
#[test]
fn an_older_answer_than_what_is_known_is_not_taken_but_asked_again() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    world.check(&other, &demand, START);
    let [mut waiting, another] = [(); 2].map(|()| pending(&mut world, &token, &demand, START));
    let Need::Lease(question) = waiting.need().clone() else { panic!() };
    let late = world.grant(&question, START);
    world.change(&token, |record| record.revoked = true);
    world.renew(START);
    for _ in 0..2 {
        let Progress::Fetch(again) = world.verifier.supply(waiting, &demand, Supply::Lease(&late), START) else {
            panic!("an old answer decided")
        };
        waiting = again;
    }
    let decision = decided(world.verifier.supply(waiting, &demand, Supply::Lease(&late), START));
    assert_eq!(decision.code, Code::Unavailable, "after two more");
    let Progress::Fetch(again) = world.verifier.supply(another, &demand, Supply::Lease(&late), START) else { panic!() };
    assert_eq!(decided(world.fetch(again, &demand, START)).code, Code::Revoked);
    assert_eq!(world.cost(&token, &demand, START), (Code::Revoked, 0, 0));
}

/// What a token became is told to nobody who has not met it.
#[test]
fn a_change_is_named_and_not_described() {
    let mut world = World::new();
    let (met, other) = (world.issue(), world.issue());
    world.check(&met, &demand(BOUNDED), START);
    for token in [&met, &other] {
        world.change(token, |record| record.enabled = false);
    }
    let renewal = world.verifier.renewal(home(), START);
    let grant = world.grant(renewal.question(), START);
    assert_eq!((grant.texts.len(), grant.answer.tokens.len(), grant.answer.owners.len()), (2, 0, 0));
    world.finish_renewal(&renewal, START);
    assert_eq!(world.cost(&met, &demand(BOUNDED), START), (Code::Disabled, 1, 0));
    // Other tokens of an owner that has changed are asked about once, for all of them.
    let siblings = [world.issue(), world.issue()];
    siblings.iter().for_each(|token| drop(world.check(token, &demand(BOUNDED), START)));
    world.change_owner(1, |owner, _| owner.grants = ScopeSet::default());
    world.renew(START);
    assert_eq!(world.cost(&siblings[0], &demand(BOUNDED), START), (Code::InsufficientScope, 1, 0));
    assert_eq!(world.cost(&siblings[1], &demand(BOUNDED), START), (Code::InsufficientScope, 0, 0));
}

#[test]
fn an_answer_that_comes_when_its_own_lease_is_over_is_none() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    for (milliseconds, in_time) in [(LAST, true), (LAST + 1, false)] {
        world.verifier = counterfoil_verify::Verifier::new(Limits::default());
        let slow = pending(&mut world, &token, &demand, START);
        let Need::Lease(question) = slow.need().clone() else { panic!() };
        let grant = world.grant(&question, START);
        let progress = world.verifier.supply(slow, &demand, Supply::Lease(&grant), at(milliseconds));
        assert_eq!(matches!(progress, Progress::Decided(decision) if decision.code == Code::Valid), in_time);
        assert_eq!(world.cost(&token, &demand, at(LAST)).1, u32::from(!in_time) as usize, "nor does it grant anything");
    }
}

/// Else a token that was revoked in between would go on passing.
#[test]
fn an_answer_that_does_not_tell_all_changes_ends_what_was_held() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    // Asked before anything was held.
    let slow = pending(&mut world, &other, &demand, START);
    world.check(&token, &demand, START);
    world.change(&token, |record| record.revoked = true);
    let decision = decided(world.fetch(slow, &demand, START));
    assert_eq!(decision.code, Code::Valid);
    assert_eq!(world.cost(&token, &demand, START), (Code::Revoked, 1, 0));
    assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 0, 0));
}

#[test]
fn a_ledger_that_cannot_tell_all_changes_has_the_verifier_start_anew() {
    type Gap = fn(&mut World);
    // Too many; and set back to an earlier state, which has made fewer changes, or more by now.
    let gaps: [Gap; 3] = [
        |world| world.home().tells = 0,
        |world| (world.home().epoch, world.home().generation) = (2, 1),
        |world| world.home().epoch = 2,
    ];
    for gap in gaps {
        let mut world = World::new();
        let (token, other) = (world.issue(), world.issue());
        let demand = demand(BOUNDED);
        world.check(&token, &demand, START);
        world.check(&other, &demand, START);
        world.change(&token, |record| record.revoked = true);
        gap(&mut world);
        world.renew(START);
        assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 1, 0), "of what was held nothing counts");
        assert_eq!(world.check(&token, &demand, START).code, Code::Revoked);
    }
}

/// Versions of a history that is gone mean nothing: what is newer by them must not speak against what is so now.
#[test]
fn a_ledger_that_was_set_back_is_believed_though_its_records_are_older() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    let backup = (world.home().tokens.clone(), world.home().owners.clone(), world.home().generation);
    for _ in 0..9 {
        world.change(&token, |record| record.enabled = false);
        world.change_owner(1, |owner, _| owner.suspended = true);
    }
    world.renew(START);
    assert_eq!(world.check(&token, &demand(BOUNDED), START).code, Code::OwnerSuspended);
    (world.home().tokens, world.home().owners, world.home().generation) = backup;
    world.home().epoch = 2;
    world.renew(START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 0, 0));
}

/// Out of the protocol: but it must not be believed.
#[test]
fn a_ledger_that_was_set_back_and_hides_it_lets_the_lease_run_out() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.home().generation = 0;
    world.renew(START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), at(1)), (Code::Valid, 0, 0));
    assert_eq!(world.check(&token, &demand(BOUNDED), at(LAST + 1)).code, Code::Unavailable);
}

#[test]
fn an_answer_of_an_earlier_history_is_late_whatever_its_generation() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    let slow = pending(&mut world, &token, &demand, START);
    let Need::Lease(question) = slow.need().clone() else { panic!() };
    let mut late = world.grant(&question, START);
    late.answer.generation = 99;
    world.home().epoch = 2;
    world.check(&other, &demand, START);
    world.change(&token, |record| record.revoked = true);
    let Progress::Fetch(again) = world.verifier.supply(slow, &demand, Supply::Lease(&late), START) else { panic!() };
    assert_eq!(decided(world.fetch(again, &demand, START)).code, Code::Revoked);
}

#[test]
fn a_clock_that_is_set_back_ends_every_lease() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, later(5));
    assert_eq!(world.cost(&token, &demand, later(6)), (Code::Valid, 0, 0));
    world.check("short", &demand, later(4));
    assert_eq!(world.cost(&token, &demand, later(6)), (Code::Valid, 1, 0));
    // A question that was out meanwhile grants nothing.
    let other = world.issue();
    let slow = pending(&mut world, &other, &demand, later(7));
    world.check("short", &demand, START);
    let Progress::Fetch(again) = world.fetch(slow, &demand, START) else { panic!("an old lease was taken") };
    assert_eq!(decided(world.fetch(again, &demand, START)).code, Code::Valid);
}

#[test]
fn expiry_is_judged_by_the_ledgers_clock() {
    let mut world = World::new();
    let token = world.issue();
    world.change(&token, |record| record.expires_at = Some(later(3_604)));
    let demand = demand(BOUNDED);
    // The ledger's clock is an hour ahead.
    let first = pending(&mut world, &token, &demand, START);
    let Need::Lease(question) = first.need().clone() else { panic!() };
    let mut grant = world.grant(&question, START);
    grant.answer.as_of = later(3_600);
    assert_eq!(decided(world.verifier.supply(first, &demand, Supply::Lease(&grant), START)).code, Code::Valid);
    assert_eq!(world.cost(&token, &demand, at(3_999)), (Code::Valid, 0, 0));
    let decision = world.check(&token, &demand, at(4_000));
    assert_eq!((decision.code, decision.as_of), (Code::Expired, later(3_600)));
}

#[test]
fn whoever_has_changed_something_here_is_told_at_once() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.change(&token, |record| record.revoked = true);
    world.verifier.end_lease(home());
    world.verifier.end_lease(elsewhere());
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 0, 0));
}

/// A renewal was on its way when it was changed, and tells what was before.
#[test]
fn also_where_an_older_answer_comes_after_that() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    let renewal = world.verifier.renewal(home(), START);
    let older = world.grant(renewal.question(), START);
    world.change(&token, |record| record.revoked = true);
    world.verifier.end_lease(home());
    world.verifier.renew(&renewal, Some(&older), START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 0, 0));
}

#[test]
fn the_strictest_freshness_counts() {
    let asks = |freshness| {
        let mut world = World::new();
        let token = world.issue();
        world.home().workspace.freshness = vec![(scope("orders:write"), freshness)];
        world.publish(&token);
        world.publish_workspace(home());
        (world, token)
    };
    let mut writing = demand(EVENTUAL);
    writing.all_of = vec![scope("orders:write")];
    let (mut world, token) = asks(BOUNDED);
    assert_eq!(world.cost(&token, &writing, START).0, Code::Valid);
    let decision = world.check(&token, &writing, START);
    assert_eq!((decision.freshness, world.ledger_calls), (BOUNDED, 1), "an eventual demand is answered as bounded");
    let (mut world, token) = asks(Freshness::Strong);
    let mut writing = demand(BOUNDED);
    writing.all_of = vec![scope("orders:write")];
    for _ in 0..2 {
        world.check(&token, &writing, START);
        let decision = world.check(&token, &writing, START);
        assert_eq!(decision.freshness, Freshness::Strong);
    }
    assert_eq!(world.cost(&token, &writing, START), (Code::Valid, 1, 0), "each time");
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 0, 0), "and others need not");
}

#[test]
fn a_foreign_text_is_unknown_at_once_where_nothing_was_imported() {
    let mut world = World::new();
    let token = world.issue();
    let foreign = "ghp_somebody-elses-token";
    world.check(&token, &demand(BOUNDED), START);
    let decision = world.check(foreign, &demand(BOUNDED), at(1));
    assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Unknown, BOUNDED, START));
    assert_eq!(world.ledger_calls, 1);
    world.adopt(home(), foreign);
    world.home().workspace.has_imports = true;
    world.home().workspace.version = 99;
    world.home().generation = 99;
    world.renew(at(2));
    assert_eq!(world.cost(foreign, &demand(BOUNDED), at(2)), (Code::Valid, 1, 0));
    assert_eq!(world.cost(foreign, &demand(BOUNDED), at(2)), (Code::Valid, 0, 0));
}

#[test]
fn an_answer_of_another_ledger_is_none() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    let waiting = pending(&mut world, &token, &demand, START);
    let Need::Lease(question) = waiting.need().clone() else { panic!() };
    let mut grant = world.grant(&question, START);
    grant.answer.key = elsewhere();
    let decision = decided(world.verifier.supply(waiting, &demand, Supply::Lease(&grant), START));
    assert_eq!(decision.code, Code::Unavailable);
    assert_eq!(world.cost(&token, &demand, at(250)), (Code::Valid, 1, 0), "nor does it grant anything");
}

#[test]
fn a_workspace_that_is_gone_takes_its_leases_along() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    world.ledgers.remove(&home());
    assert_eq!(world.check(&other, &demand, START).code, Code::Unknown);
    assert_eq!(world.check(&token, &demand, START).code, Code::Unknown);
}

#[test]
fn one_answer_serves_a_batch() {
    let mut world = World::new();
    let texts = [world.issue(), world.mint(home()), world.issue()];
    world.change(&texts[2], |record| record.enabled = false);
    let demand = demand(BOUNDED);
    let waiting: Vec<_> = texts.iter().map(|text| pending(&mut world, text, &demand, START)).collect();
    let Need::Lease(mut question) = waiting[0].need().clone() else { panic!() };
    question.digests = texts.iter().map(|text| Digest::of(text.as_bytes())).collect();
    let grant = world.grant(&question, START);
    let mut supply = |pending| decided(world.verifier.supply(pending, &demand, Supply::Lease(&grant), START)).code;
    let codes: Vec<_> = waiting.into_iter().map(&mut supply).collect();
    assert_eq!(codes, [Code::Valid, Code::Unknown, Code::Disabled]);
    assert_eq!(world.cost(&texts[0], &demand, START), (Code::Valid, 0, 0));
    assert_eq!(world.cost(&texts[2], &demand, START), (Code::Disabled, 0, 0));
}

#[test]
fn a_memory_too_small_for_anything_still_decides() {
    let mut world = World::with_limits(Limits { memory: 0, ..Limits::default() });
    let tokens = [world.issue(), world.issue()];
    for token in tokens.iter().cycle().take(10) {
        assert_eq!(world.check(token, &demand(BOUNDED), START).code, Code::Valid);
    }
}
