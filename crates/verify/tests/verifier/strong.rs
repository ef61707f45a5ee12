//! Strong freshness: a query to the ledger each time.

use crate::world::{START, World, demand, elsewhere, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{Answer, Code, Demand, Freshness, Need, Progress, Question, ScopeSet, Supply, Timestamp};

const STRONG: Freshness = Freshness::Strong;

#[test]
fn strong_check_queries_the_ledger_each_time() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    for _ in 0..3 {
        assert_eq!(world.cost(&token, &demand, START), (Code::Valid, 1, 0));
    }
    world.change(&token, |record| record.revoked = true);
    assert_eq!(world.cost(&token, &demand, START), (Code::Revoked, 1, 0));
}

#[test]
fn one_owner_record_revokes_all_of_a_members_tokens() {
    let mut world = World::new();
    let (first, second) = (world.issue(), world.issue());
    let demand = demand(STRONG);
    world.change_owner(1, |owner, _| owner.suspended = true);
    assert_eq!(world.check(&first, &demand, START).code, Code::OwnerSuspended);
    world.change_owner(1, |owner, generation| (owner.suspended, owner.revoked_before) = (false, generation));
    assert_eq!(world.check(&second, &demand, START).code, Code::Revoked);
    let third = world.issue();
    assert_eq!(world.check(&third, &demand, START).code, Code::Valid);
    world.change_owner(1, |owner, _| owner.grants = ScopeSet::default());
    assert_eq!(world.check(&third, &demand, START).code, Code::InsufficientScope);
}

#[test]
fn forged_token_costs_no_query_once_tag_keys_are_known() {
    let mut world = World::new();
    let demand = demand(STRONG);
    let forged = world.forge(home());
    assert_eq!(world.cost(&forged, &demand, START), (Code::Unknown, 1, 0), "the first response brings the keys");
    assert_eq!(world.cost(&forged, &demand, later(59)), (Code::Unknown, 0, 0));

    let mistyped = format!("{}x", &forged[..forged.len() - 1]);
    assert_eq!(world.cost(&mistyped, &demand, START), (Code::Malformed, 0, 0));
    assert_eq!(world.cost("short", &demand, START), (Code::Malformed, 0, 0));
    let theirs = world.mint(elsewhere());
    world.adopt(elsewhere(), &theirs);
    assert_eq!(world.cost(&theirs, &demand, START), (Code::Unknown, 0, 0));

    let sealed = world.mint(home());
    assert_eq!(world.cost(&sealed, &demand, START), (Code::Unknown, 1, 0), "a right tag is queried");
}

#[test]
fn stale_tag_keys_do_not_reject_a_token() {
    let mut world = World::new();
    let demand = demand(STRONG);
    world.verifier.trust_seal_keys(home(), vec![counterfoil_token::SealKey::from_bytes([1; 32])], START);
    assert!(world.verifier.knows_seal_keys(home(), later(60)));
    // With a tag by a secret that the verifier does not know.
    let token = world.issue();
    assert_eq!(world.cost(&token, &demand, later(60)), (Code::Unknown, 0, 0));
    assert!(!world.verifier.knows_seal_keys(home(), later(61)));
    assert_eq!(world.cost(&token, &demand, later(61)), (Code::Valid, 1, 0));
}

#[test]
fn tokens_with_retired_tag_keys_are_valid() {
    let mut world = World::new();
    let keys = vec![counterfoil_token::SealKey::from_bytes([1; 32]), world.seal_key()];
    world.verifier.trust_seal_keys(home(), keys, START);
    let unknown = world.mint(home());
    assert_eq!(world.cost(&unknown, &demand(STRONG), START), (Code::Unknown, 1, 0));
}

#[test]
fn strong_check_is_unavailable_without_the_ledger() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    assert_eq!(world.check(&token, &demand, START).code, Code::Valid);
    world.ledger_up = false;
    let decision = world.check(&token, &demand, START);
    assert_eq!((decision.code, decision.known.is_none()), (Code::Unavailable, true));
}

#[test]
fn token_of_a_nonexistent_workspace_is_unknown() {
    let mut world = World::new();
    let token = world.issue();
    world.ledgers.remove(&home());
    assert_eq!(world.check(&token, &demand(STRONG), START).code, Code::Unknown);
}

/// The response to a check of `token`, changed by `spoil`, and the resulting decision.
fn spoilt(spoil: impl FnOnce(&mut Answer)) -> Code {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, START) else {
        panic!("a strong check queries");
    };
    let Need::Ledger(question) = pending.need().clone() else { panic!("a strong check queries the ledger") };
    let mut answer = world.answer(&question);
    spoil(&mut answer);
    match world.verifier.supply(pending, &demand, Supply::Ledger(&answer), START) {
        Progress::Decided(decision) => decision.code,
        Progress::Fetch(_) => panic!("the ledger's response decides"),
    }
}

#[test]
fn response_to_another_question_is_unavailable() {
    assert_eq!(spoilt(|_| ()), Code::Valid);
    assert_eq!(spoilt(|answer| answer.key = elsewhere()), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.tokens.clear()), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.tokens[0].0 = Digest::of(b"another")), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.owners.clear()), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.owners[0].number = 2), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.workspace.as_mut().unwrap().key = elsewhere()), Code::Unavailable);
    assert_eq!(spoilt(|answer| answer.tokens[0].1 = None), Code::Unknown);
}

#[test]
fn response_with_another_workspaces_record_is_not_cached() {
    let mut world = World::new();
    let token = world.issue();
    let mut both = Demand::of_any(vec![home(), elsewhere()]).unwrap();
    both.freshness = STRONG;
    let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &both, START) else { panic!() };
    let Need::Ledger(question) = pending.need().clone() else { panic!() };
    let mut answer = world.answer(&question);
    answer.workspace = world.ledgers[&elsewhere()].workspace.clone().into();
    let progress = world.verifier.supply(pending, &both, Supply::Ledger(&answer), START);
    assert!(matches!(progress, Progress::Decided(decision) if decision.code == Code::Unavailable));
    assert_eq!(
        world.cost(&token, &demand_eventual(), START.plus(250)),
        (Code::Valid, 1, 2),
        "nothing of it was cached"
    );
}

#[test]
fn supply_of_the_wrong_kind_is_never_valid() {
    let demand = demand(STRONG);
    for supply in [Supply::Registry(&[]), Supply::Waited, Supply::Unavailable] {
        let mut world = World::new();
        let token = world.issue();
        let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, START) else { panic!() };
        let Progress::Decided(decision) = world.verifier.supply(pending, &demand, supply, START) else { panic!() };
        assert_eq!(decision.code, Code::Unavailable);
    }
}

/// A late "valid" must never overtake a revocation that is already known.
#[test]
fn late_response_does_not_undo_a_newer_one() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    let question = Question { workspace: home(), digests: vec![Digest::of(token.as_bytes())] };
    let Progress::Fetch(slow) = world.verifier.check(token.as_bytes(), &demand, START) else { panic!() };
    let late = world.answer(&question);
    world.change(&token, |record| record.revoked = true);
    assert_eq!(world.check(&token, &demand, START).code, Code::Revoked);
    let Progress::Decided(decision) = world.verifier.supply(slow, &demand, Supply::Ledger(&late), START) else {
        panic!()
    };
    assert_eq!(decision.code, Code::Revoked);
    assert_eq!(world.check(&token, &self::demand_eventual(), START).code, Code::Revoked, "nor in the cache");
}

fn demand_eventual() -> Demand {
    demand(Freshness::Eventual)
}

#[test]
fn one_response_decides_a_batch() {
    let mut world = World::new();
    let texts = [world.issue(), world.mint(home()), world.issue()];
    world.change(&texts[2], |record| record.enabled = false);
    let demand = demand(STRONG);
    let digests = texts.iter().map(|text| Digest::of(text.as_bytes())).collect();
    let answer = world.answer(&Question { workspace: home(), digests });
    let codes = texts.map(|text| {
        let Progress::Fetch(pending) = world.verifier.check(text.as_bytes(), &demand, START) else { panic!() };
        let Progress::Decided(decision) = world.verifier.supply(pending, &demand, Supply::Ledger(&answer), START)
        else {
            panic!()
        };
        decision.code
    });
    assert_eq!(codes, [Code::Valid, Code::Unknown, Code::Disabled]);
}

#[test]
fn expiration_is_decided_by_the_ledgers_clock() {
    let mut world = World::new();
    let token = world.issue();
    world.change(&token, |record| record.expires_at = Some(later(10)));
    let demand = demand(STRONG);
    let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, Timestamp(0)) else { panic!() };
    let Need::Ledger(question) = pending.need().clone() else { panic!() };
    let mut answer = world.answer(&question);
    answer.as_of = later(10);
    let Progress::Decided(decision) = world.verifier.supply(pending, &demand, Supply::Ledger(&answer), Timestamp(0))
    else {
        panic!()
    };
    assert_eq!((decision.code, decision.as_of), (Code::Expired, later(10)));
}

#[test]
fn decision_contains_the_records_it_rests_on() {
    let mut world = World::new();
    let token = world.issue();
    let mut demand = demand(STRONG);
    demand.all_of = vec![scope("members:read")];
    let decision = world.check(&token, &demand, START);
    assert_eq!(decision.code, Code::InsufficientScope);
    let known = decision.facts().unwrap();
    assert_eq!((&*known.token.id, &*known.owner.id), ("tok_1", "member1"));
    assert_eq!(known.effective_scopes().iter().next().unwrap().as_str(), "orders:*");
}
