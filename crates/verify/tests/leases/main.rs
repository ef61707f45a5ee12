//! The protocol of leases as a model: explored in every state that its bounds allow.
//!
//! What is shown: no verifier accepts a token later than a lease after `revoke` returned, nor at all after `revoke` with
//! `wait` returned. And that it takes every rule of the protocol: without any one of them the model finds how a revoked
//! token passes.
//!
//! What a ledger knows of leases survives it: whoever waits is never told too soon, whichever instance grants, forgets or
//! fails.
//!
//! And who asks when: after a failure one a back-off, and when the ledger answers again everybody is served within the longest.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod brake;
mod protocol;
mod restarts;

use stateright::{Checker as _, HasDiscoveries, Model as _};

use brake::{Asking, Flaw};
use protocol::{PROMISE, Protocol, Rule};
use restarts::Restarts;

fn holds<const VERIFIERS: usize>(protocol: Protocol<VERIFIERS>) {
    let checker = protocol.checker().threads(2).symmetry().spawn_dfs().join();
    println!("{protocol:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn one_verifier_among_any_number_of_others() {
    holds(Protocol::<1> { in_flight: 2, others: true, without: None });
}

/// 37 million states: what the one above leaves to thought is explored here.
#[test]
#[ignore = "takes minutes"]
fn two_verifiers_that_are_both_seen() {
    holds(Protocol::<2> { in_flight: 1, others: false, without: None });
}

#[test]
fn every_rule_is_needed() {
    for rule in Rule::ALL {
        let protocol = Protocol::<1> { in_flight: 2, others: false, without: Some(rule) };
        let checker = protocol.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let Some(path) = checker.discovery(PROMISE) else { panic!("nothing goes wrong without {rule:?}") };
        println!("without {rule:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}

#[test]
fn a_ledger_that_has_forgotten_its_leases_knows_when_they_are_over() {
    let checker = Restarts { without: None }.checker().threads(2).symmetry().spawn_dfs().join();
    println!("restarts: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn every_rule_of_remembering_is_needed() {
    for rule in restarts::Rule::ALL {
        let checker = Restarts { without: Some(rule) }.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AllOf([restarts::PROMISE].into())).spawn_bfs().join();
        let Some(path) = checker.discovery(restarts::PROMISE) else { panic!("nothing goes wrong without {rule:?}") };
        println!("without {rule:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}

#[test]
fn no_failure_feeds_itself_and_each_is_got_over() {
    let checker = Asking { in_flight: 3, flaw: None }.checker().threads(2).spawn_bfs().join();
    println!("the brake: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn each_flaw_of_a_brake_is_found() {
    for (flaw, broken) in Flaw::ALL {
        let checker = Asking { in_flight: 3, flaw: Some(flaw) }.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AllOf([broken].into())).spawn_bfs().join();
        let Some(path) = checker.discovery(broken) else { panic!("nothing goes wrong with {flaw:?}") };
        println!("{flaw:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}
