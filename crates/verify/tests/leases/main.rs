//! Models of the lease protocol, explored in every state within their limits.
//!
//! They show: no verifier accepts a token later than a lease after `revoke` returned, nor at all after `revoke` with
//! `wait` returned. Every rule of the protocol is needed: without any one of them the model finds how a revoked token
//! is accepted.
//!
//! The ledger's knowledge of its leases survives restarts: a waiting change never returns too soon, whichever instance
//! grants, restarts or fails.
//!
//! After a failure there is one query per back-off, and once the ledger answers, all checks are decided within the
//! longest back-off.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod backoff;
mod protocol;
mod restarts;

use stateright::{Checker as _, HasDiscoveries, Model as _};

use backoff::{Backoff, Flaw};
use protocol::{PROMISE, Protocol, Rule};
use restarts::Restarts;

fn holds<const VERIFIERS: usize>(protocol: Protocol<VERIFIERS>) {
    let checker = protocol.checker().threads(2).symmetry().spawn_dfs().join();
    println!("{protocol:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn lease_model_holds_for_one_verifier_among_any_number() {
    holds(Protocol::<1> { in_flight: 2, others: true, without: None });
}

/// Explores 37 million states: what the test above only argues.
#[test]
#[ignore = "takes minutes"]
fn lease_model_holds_for_two_verifiers() {
    holds(Protocol::<2> { in_flight: 1, others: false, without: None });
}

#[test]
fn lease_model_breaks_without_each_of_its_rules() {
    for rule in Rule::ALL {
        let protocol = Protocol::<1> { in_flight: 2, others: false, without: Some(rule) };
        let checker = protocol.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let Some(path) = checker.discovery(PROMISE) else { panic!("the model finds no violation without {rule:?}") };
        println!("without {rule:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}

#[test]
fn restarted_ledger_never_assumes_its_leases_expired_too_early() {
    let checker = Restarts { without: None }.checker().threads(2).symmetry().spawn_dfs().join();
    println!("restarts: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn restart_model_breaks_without_each_of_its_rules() {
    for rule in restarts::Rule::ALL {
        let checker = Restarts { without: Some(rule) }.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AllOf([restarts::PROMISE].into())).spawn_bfs().join();
        let Some(path) = checker.discovery(restarts::PROMISE) else {
            panic!("the model finds no violation without {rule:?}")
        };
        println!("without {rule:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}

#[test]
fn backoff_model_bounds_retries_and_recovers() {
    let checker = Backoff { in_flight: 3, flaw: None }.checker().threads(2).spawn_bfs().join();
    println!("back-off: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn backoff_model_detects_each_flaw() {
    for (flaw, broken) in Flaw::ALL {
        let checker = Backoff { in_flight: 3, flaw: Some(flaw) }.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AllOf([broken].into())).spawn_bfs().join();
        let Some(path) = checker.discovery(broken) else { panic!("the model finds no violation with {flaw:?}") };
        println!("{flaw:?}, in {} states: {:?}", checker.unique_state_count(), path.into_actions());
    }
}
