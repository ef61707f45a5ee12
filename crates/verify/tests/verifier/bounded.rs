//! Bounded freshness: the cache under a lease, and the ledger if the lease has expired or the cache lacks a record.

mod moments;
mod without_ledger;

use crate::world::{START, World, demand, elsewhere, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Code, Decision, Demand, Freshness, Limits, Need, Pending, Progress, ScopeSet, Supply, Timestamp,
};

const BOUNDED: Freshness = Freshness::Bounded;
const EVENTUAL: Freshness = Freshness::Eventual;

/// The ledger grants leases of ten seconds, of which 8.8 are used.
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
        Progress::Decided(decision) => panic!("{} was decided from the cache", decision.code),
    }
}

fn decided(progress: Progress) -> Decision {
    match progress {
        Progress::Decided(decision) => decision,
        Progress::Fetch(pending) => panic!("asks for {:?}", pending.need()),
    }
}

#[test]
fn cache_decides_while_the_lease_runs() {
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
fn lease_is_renewed_in_the_background_in_its_second_half() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    for second in 1..=60 {
        let decision = world.check(&token, &demand, later(second));
        assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED), "after {second} s");
    }
    assert_eq!((world.ledger_calls, world.renewals), (1, 12), "every five seconds, without a waiting check");
}

#[test]
fn one_request_renews_the_lease_and_another_retries_a_second_later() {
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
fn expired_lease_decides_nothing_without_the_ledger() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    world.ledger_up = false;
    let decision = world.check(&token, &demand, at(LAST));
    assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED));
    assert_eq!(world.check(&token, &demand, at(LAST + 1)).code, Code::Unavailable, "it fails closed");
    world.ledger_up = true;
    assert_eq!(world.cost(&token, &demand, at(LAST + 251)), (Code::Valid, 1, 0));
    assert_eq!(world.cost(&token, &demand, at(LAST + 252)), (Code::Valid, 0, 0));
}

#[test]
fn every_kind_of_change_takes_effect_at_the_renewal() {
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
        assert_eq!(world.cost(&token, &demand, at(1_000)), (Code::Valid, 0, 0), "not renewed yet");
        world.check(&token, &demand, at(5_000));
        assert_eq!(world.renewals, 1);
        assert_eq!(world.cost(&token, &demand, at(5_001)), (code, 1, 0), "the new record is queried");
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
fn bounded_check_of_a_new_token_queries_the_ledger_not_the_registry() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&token);
    world.publish(&other);
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 1, 0));
    world.change(&other, |record| record.revoked = true);
    assert_eq!(
        world.cost(&other, &demand(BOUNDED), START),
        (Code::Revoked, 1, 0),
        "the registry still has it as valid"
    );
    assert_eq!(world.cost(&other, &demand(BOUNDED), START), (Code::Revoked, 0, 0));
}

#[test]
fn records_from_the_registry_are_not_covered_by_the_lease() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    world.publish(&other);
    world.check(&token, &demand(BOUNDED), START);
    world.change(&other, |record| record.revoked = true);
    assert_eq!(world.cost(&other, &demand(EVENTUAL), START), (Code::Valid, 0, 1));
    assert_eq!(world.cost(&other, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
    // Records covered by the lease remain so after the registry was read.
    world.publish(&token);
    assert_eq!(world.cost(&token, &demand(EVENTUAL), later(61)).0, Code::Valid);
    world.renew(later(61));
    assert_eq!(world.cost(&token, &demand(BOUNDED), later(61)), (Code::Valid, 0, 0));
}

#[test]
fn lease_renewal_keeps_cached_records_fresh_for_eventual_checks() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.renew(later(50));
    let decision = world.check(&token, &demand(EVENTUAL), later(110));
    assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, EVENTUAL, later(50)));
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 0));
}

/// The response precedes a revocation, and arrives after the response that reported it.
#[test]
fn response_older_than_the_cache_is_dropped_and_queried_again() {
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
            panic!("an old response decided")
        };
        waiting = again;
    }
    let decision = decided(world.verifier.supply(waiting, &demand, Supply::Lease(&late), START));
    assert_eq!(decision.code, Code::Unavailable, "after two more");
    let Progress::Fetch(again) = world.verifier.supply(another, &demand, Supply::Lease(&late), START) else { panic!() };
    assert_eq!(decided(world.fetch(again, &demand, START)).code, Code::Revoked);
    assert_eq!(world.cost(&token, &demand, START), (Code::Revoked, 0, 0));
}

/// The new record of a changed token is not revealed to a verifier that has not seen the token.
#[test]
fn lease_names_changed_tokens_without_their_new_records() {
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
    // Other tokens of a changed owner need one query for all of them.
    let siblings = [world.issue(), world.issue()];
    siblings.iter().for_each(|token| drop(world.check(token, &demand(BOUNDED), START)));
    world.change_owner(1, |owner, _| owner.grants = ScopeSet::default());
    world.renew(START);
    assert_eq!(world.cost(&siblings[0], &demand(BOUNDED), START), (Code::InsufficientScope, 1, 0));
    assert_eq!(world.cost(&siblings[1], &demand(BOUNDED), START), (Code::InsufficientScope, 0, 0));
}

#[test]
fn response_that_arrives_after_its_lease_expired_is_dropped() {
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
        assert_eq!(world.cost(&token, &demand, at(LAST)).1, u32::from(!in_time) as usize, "nor does it grant a lease");
    }
}

/// Otherwise a token that was revoked in between would remain accepted.
#[test]
fn response_with_incomplete_changes_invalidates_cached_records() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    // Sent before anything was cached.
    let slow = pending(&mut world, &other, &demand, START);
    world.check(&token, &demand, START);
    world.change(&token, |record| record.revoked = true);
    let decision = decided(world.fetch(slow, &demand, START));
    assert_eq!(decision.code, Code::Valid);
    assert_eq!(world.cost(&token, &demand, START), (Code::Revoked, 1, 0));
    assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 0, 0));
}

#[test]
fn verifier_starts_anew_if_the_ledger_cannot_list_all_changes() {
    type Gap = fn(&mut World);
    // Too many changes; and restored to an earlier state, with fewer changes, or meanwhile with more.
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
        assert_eq!(world.cost(&other, &demand, START), (Code::Valid, 1, 0), "no cached record is used");
        assert_eq!(world.check(&token, &demand, START).code, Code::Revoked);
    }
}

/// Versions of a previous history mean nothing: a record that is newer by them must not contradict the current state.
#[test]
fn restored_ledger_is_trusted_though_its_versions_are_lower() {
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

/// This violates the protocol, but must not be trusted.
#[test]
fn restored_ledger_with_the_old_epoch_does_not_renew_the_lease() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.home().generation = 0;
    world.renew(START);
    assert_eq!(world.cost(&token, &demand(BOUNDED), at(1)), (Code::Valid, 0, 0));
    assert_eq!(world.check(&token, &demand(BOUNDED), at(LAST + 1)).code, Code::Unavailable);
}

#[test]
fn response_of_an_earlier_epoch_is_dropped_at_any_generation() {
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
fn clock_set_back_ends_every_lease() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    world.check(&token, &demand, later(5));
    assert_eq!(world.cost(&token, &demand, later(6)), (Code::Valid, 0, 0));
    world.check("short", &demand, later(4));
    assert_eq!(world.cost(&token, &demand, later(6)), (Code::Valid, 1, 0));
    // A question in flight meanwhile grants nothing.
    let other = world.issue();
    let slow = pending(&mut world, &other, &demand, later(7));
    world.check("short", &demand, START);
    let Progress::Fetch(again) = world.fetch(slow, &demand, START) else { panic!("an old lease was used") };
    assert_eq!(decided(world.fetch(again, &demand, START)).code, Code::Valid);
}

#[test]
fn expiration_is_decided_by_the_ledgers_clock() {
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
fn own_change_takes_effect_at_once_after_end_lease() {
    let mut world = World::new();
    let token = world.issue();
    world.check(&token, &demand(BOUNDED), START);
    world.change(&token, |record| record.revoked = true);
    world.verifier.end_lease(home());
    world.verifier.end_lease(elsewhere());
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Revoked, 0, 0));
}

/// A renewal was in flight during the change, and reports the earlier state.
#[test]
fn own_change_survives_an_older_response_in_flight() {
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
fn strictest_freshness_level_applies() {
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
    assert_eq!((decision.freshness, world.ledger_calls), (BOUNDED, 1), "an eventual check is decided as bounded");
    let (mut world, token) = asks(Freshness::Strong);
    let mut writing = demand(BOUNDED);
    writing.all_of = vec![scope("orders:write")];
    for _ in 0..2 {
        world.check(&token, &writing, START);
        let decision = world.check(&token, &writing, START);
        assert_eq!(decision.freshness, Freshness::Strong);
    }
    assert_eq!(world.cost(&token, &writing, START), (Code::Valid, 1, 0), "each time");
    assert_eq!(world.cost(&token, &demand(BOUNDED), START), (Code::Valid, 0, 0), "other scopes need not");
}

#[test]
fn third_party_token_is_unknown_at_once_without_imports() {
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
fn response_of_another_workspaces_ledger_is_rejected() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(BOUNDED);
    let waiting = pending(&mut world, &token, &demand, START);
    let Need::Lease(question) = waiting.need().clone() else { panic!() };
    let mut grant = world.grant(&question, START);
    grant.answer.key = elsewhere();
    let decision = decided(world.verifier.supply(waiting, &demand, Supply::Lease(&grant), START));
    assert_eq!(decision.code, Code::Unavailable);
    assert_eq!(world.cost(&token, &demand, at(250)), (Code::Valid, 1, 0), "nor does it grant a lease");
}

#[test]
fn deleted_workspace_ends_its_leases() {
    let mut world = World::new();
    let (token, other) = (world.issue(), world.issue());
    let demand = demand(BOUNDED);
    world.check(&token, &demand, START);
    world.ledgers.remove(&home());
    assert_eq!(world.check(&other, &demand, START).code, Code::Unknown);
    assert_eq!(world.check(&token, &demand, START).code, Code::Unknown);
}

#[test]
fn one_response_decides_a_batch() {
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
fn cache_too_small_for_any_record_still_decides() {
    let mut world = World::with_limits(Limits { memory: 0, ..Limits::default() });
    let tokens = [world.issue(), world.issue()];
    for token in tokens.iter().cycle().take(10) {
        assert_eq!(world.check(token, &demand(BOUNDED), START).code, Code::Valid);
    }
}

#[test]
fn decision_whose_records_were_evicted_is_not_completed_as_valid() {
    let mut world = World::with_limits(Limits { memory: 4_096, ..Limits::default() });
    let token = world.issue();
    let demand = demand(BOUNDED);
    assert_eq!(world.check(&token, &demand, START).code, Code::Valid);
    let decide = |world: &mut World| match world.verifier.check(token.as_bytes(), &demand, START) {
        Progress::Decided(decision) => decision,
        Progress::Fetch(_) => panic!("not decided from the cache"),
    };
    let (mut at_once, mut late) = (decide(&mut world), decide(&mut world));
    assert!(at_once.facts().is_none(), "the records are still in the cache");
    world.verifier.complete(&mut at_once);
    assert_eq!((at_once.code, at_once.facts().map(|facts| facts.token.number)), (Code::Valid, Some(1)));
    for _ in 0..50 {
        let other = world.issue();
        world.check(&other, &demand, START);
    }
    world.verifier.complete(&mut late);
    assert_eq!((late.code, late.facts().is_none()), (Code::Unavailable, true));
}

#[test]
fn claiming_a_renewal_evicts_nothing_that_the_check_has_found() {
    for memory in 500..4_000 {
        let mut world = World::with_limits(Limits { memory, ..Limits::default() });
        let token = world.issue();
        let demand = demand(BOUNDED);
        // A host that does not say what it asks.
        let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, START) else {
            panic!("decided")
        };
        world.fetch_asked(pending, &demand, START);
        let now = at(LAST);
        if let Progress::Decided(mut decision) = world.verifier.check(token.as_bytes(), &demand, now) {
            assert!(decision.renewal_due);
            world.verifier.complete(&mut decision);
            assert_eq!((decision.code, decision.facts().is_some()), (Code::Valid, true), "{memory} bytes");
        }
    }
}
