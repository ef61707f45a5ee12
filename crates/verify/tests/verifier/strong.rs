//! Strong freshness: the ledger, each time.

use crate::world::{START, World, demand, elsewhere, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{Answer, Code, Demand, Freshness, Need, Progress, Question, ScopeSet, Supply, Timestamp};

const STRONG: Freshness = Freshness::Strong;

#[test]
fn each_check_asks_once_and_follows_the_ledger_at_once() {
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
fn one_owner_record_ends_all_of_a_members_tokens() {
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
fn what_was_never_issued_costs_nothing_once_the_seal_keys_are_known() {
    let mut world = World::new();
    let demand = demand(STRONG);
    let forged = world.forge(home());
    assert_eq!(world.cost(&forged, &demand, START), (Code::Unknown, 1, 0), "the first answer brings the keys");
    assert_eq!(world.cost(&forged, &demand, later(59)), (Code::Unknown, 0, 0));

    let mistyped = format!("{}x", &forged[..forged.len() - 1]);
    assert_eq!(world.cost(&mistyped, &demand, START), (Code::Malformed, 0, 0));
    assert_eq!(world.cost("short", &demand, START), (Code::Malformed, 0, 0));
    let theirs = world.mint(elsewhere());
    world.adopt(elsewhere(), &theirs);
    assert_eq!(world.cost(&theirs, &demand, START), (Code::Unknown, 0, 0));

    let sealed = world.mint(home());
    assert_eq!(world.cost(&sealed, &demand, START), (Code::Unknown, 1, 0), "a right seal is asked about");
}

#[test]
fn old_seal_keys_do_not_speak_against_a_token() {
    let mut world = World::new();
    let demand = demand(STRONG);
    world.verifier.trust_seal_keys(home(), vec![counterfoil_token::SealKey::from_bytes([1; 32])], START);
    assert!(world.verifier.knows_seal_keys(home(), later(60)));
    // Sealed with a secret that the verifier has not heard of.
    let token = world.issue();
    assert_eq!(world.cost(&token, &demand, later(60)), (Code::Unknown, 0, 0));
    assert!(!world.verifier.knows_seal_keys(home(), later(61)));
    assert_eq!(world.cost(&token, &demand, later(61)), (Code::Valid, 1, 0));
}

#[test]
fn retired_seal_keys_count_too() {
    let mut world = World::new();
    let keys = vec![counterfoil_token::SealKey::from_bytes([1; 32]), world.seal_key()];
    world.verifier.trust_seal_keys(home(), keys, START);
    let unknown = world.mint(home());
    assert_eq!(world.cost(&unknown, &demand(STRONG), START), (Code::Unknown, 1, 0));
}

#[test]
fn without_the_ledger_there_is_no_answer() {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    assert_eq!(world.check(&token, &demand, START).code, Code::Valid);
    world.ledger_up = false;
    let decision = world.check(&token, &demand, START);
    assert_eq!((decision.code, decision.known.is_none()), (Code::Unavailable, true));
}

#[test]
fn a_workspace_that_is_none_knows_no_token() {
    let mut world = World::new();
    let token = world.issue();
    world.ledgers.remove(&home());
    assert_eq!(world.check(&token, &demand(STRONG), START).code, Code::Unknown);
}

/// The answer to a check of `token`, changed by `spoil`, and what follows from it.
fn spoilt(spoil: impl FnOnce(&mut Answer)) -> Code {
    let mut world = World::new();
    let token = world.issue();
    let demand = demand(STRONG);
    let Progress::Fetch(pending) = world.verifier.check(token.as_bytes(), &demand, START) else {
        panic!("a strong check asks");
    };
    let Need::Ledger(question) = pending.need().clone() else { panic!("a strong check asks the ledger") };
    let mut answer = world.answer(&question);
    spoil(&mut answer);
    match world.verifier.supply(pending, &demand, Supply::Ledger(&answer), START) {
        Progress::Decided(decision) => decision.code,
        Progress::Fetch(_) => panic!("the ledger's answer is the last word"),
    }
}

#[test]
fn an_answer_to_another_question_is_none() {
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
fn an_answer_with_another_workspaces_record_leaves_nothing_behind() {
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
    assert_eq!(world.cost(&token, &demand_eventual(), START.plus(250)), (Code::Valid, 1, 2), "nothing of it was kept");
}

#[test]
fn supplies_of_the_wrong_kind_are_no_yes() {
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
fn a_late_answer_does_not_undo_a_newer_one() {
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
    assert_eq!(world.check(&token, &self::demand_eventual(), START).code, Code::Revoked, "nor in memory");
}

fn demand_eventual() -> Demand {
    demand(Freshness::Eventual)
}

#[test]
fn one_answer_serves_a_batch() {
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
fn expiry_is_judged_by_the_ledgers_clock() {
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
fn what_is_known_comes_with_the_decision() {
    let mut world = World::new();
    let token = world.issue();
    let mut demand = demand(STRONG);
    demand.all_of = vec![scope("members:read")];
    let decision = world.check(&token, &demand, START);
    assert_eq!(decision.code, Code::InsufficientScope);
    let known = decision.known.unwrap();
    assert_eq!((&*known.facts().token.id, &*known.facts().owner.id), ("tok_1", "member1"));
    assert_eq!(known.facts().effective_scopes().iter().next().unwrap().as_str(), "orders:*");
}
