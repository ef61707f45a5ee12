//! Snapshots: decisions with no network, until they expire.

use crate::world::{START, World, demand, elsewhere, home, later, scope};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Decision, Demand, Freshness, Progress, Timestamp};

const FOREIGN: &str = "ghp_somebody-elses-token";

fn offline() -> Demand {
    demand(Freshness::Snapshot)
}

/// Decides without any source.
fn check(world: &mut World, text: &str, demand: &Demand, now: Timestamp) -> Decision {
    match world.verifier.check(text.as_bytes(), demand, now) {
        Progress::Decided(decision) => decision,
        Progress::Fetch(pending) => panic!("asks for {:?}", pending.need()),
    }
}

/// Loads a snapshot of the current state, valid for an hour.
fn load(world: &mut World, weak: Option<&[Digest]>) {
    let snapshot = world.snapshot(START, later(3_600), weak);
    world.verifier.load(snapshot);
}

#[test]
fn snapshot_decides_until_it_expires() {
    let mut world = World::new();
    let token = world.issue();
    type Change = fn(&mut World, &str);
    let codes: [(&str, Change); 6] = [
        ("VALID", |_, _| {}),
        ("REVOKED", |world, text| world.change(text, |token| token.revoked = true)),
        ("DISABLED", |world, text| world.change(text, |token| token.enabled = false)),
        ("EXPIRED", |world, text| world.change(text, |token| token.expires_at = Some(later(5)))),
        ("NOT_YET_VALID", |world, text| world.change(text, |token| token.not_before = Some(later(9)))),
        ("OWNER_SUSPENDED", |world, text| {
            world.change(text, |token| token.owner = 2);
            world.change_owner(2, |owner, _| owner.suspended = true);
        }),
    ];
    let mut tokens = Vec::new();
    for (code, change) in codes {
        let text = world.issue();
        change(&mut world, &text);
        tokens.push((text, code));
    }
    assert_eq!(check(&mut world, &token, &offline(), START).code, Code::Unavailable, "nothing is loaded");
    load(&mut world, None);
    for (text, code) in &tokens {
        let decision = check(&mut world, text, &offline(), later(5));
        assert_eq!((decision.code.as_str(), decision.freshness, decision.as_of), (*code, Freshness::Snapshot, START));
        let known = decision.facts().unwrap();
        assert!(known.token.number > 1);
    }
    let mut write = offline();
    write.all_of = vec![scope("invoices:read")];
    assert_eq!(check(&mut world, &token, &write, later(5)).code, Code::InsufficientScope);
    assert_eq!(check(&mut world, &token, &offline(), Timestamp(later(3_600).0 - 1)).code, Code::Valid);
    let unknown = world.mint(home());
    assert_eq!(check(&mut world, &unknown, &offline(), later(5)).code, Code::Unknown);
    for text in [&token, &unknown, &tokens[1].0] {
        assert_eq!(check(&mut world, text, &offline(), later(3_600)).code, Code::Unavailable, "it has expired");
    }
    let elsewhere = world.mint(elsewhere());
    assert_eq!(check(&mut world, &elsewhere, &offline(), later(5)).code, Code::Unknown);
    assert_eq!((world.ledger_calls, world.registry_reads), (0, 0));
}

#[test]
fn clock_behind_the_snapshot_revives_no_expired_token() {
    let mut world = World::new();
    let token = world.issue();
    world.change(&token, |token| token.expires_at = Some(Timestamp(START.0 - 1)));
    load(&mut world, None);
    assert_eq!(check(&mut world, &token, &offline(), Timestamp(START.0 - 1_000_000)).code, Code::Expired);
}

#[test]
fn ip_restricted_token_is_unavailable_from_a_snapshot() {
    let mut world = World::new();
    let (bound, dead) = (world.issue(), world.issue());
    for text in [&bound, &dead] {
        world.change(text, |token| token.addresses = vec!["192.0.2.0/24".parse().unwrap()]);
    }
    world.change(&dead, |token| token.revoked = true);
    load(&mut world, None);
    for address in [None, Some("192.0.2.1".parse().unwrap()), Some("203.0.113.1".parse().unwrap())] {
        let mut demand = offline();
        demand.address = address;
        assert_eq!(check(&mut world, &bound, &demand, later(1)).code, Code::Unavailable);
        assert_eq!(check(&mut world, &dead, &demand, later(1)).code, Code::Revoked, "the revocation is known");
    }
}

#[test]
fn absent_third_party_token_is_unknown_only_in_a_complete_snapshot() {
    let codes = |imports: bool, weak: Option<&[Digest]>| {
        let mut world = World::new();
        world.adopt(home(), FOREIGN);
        world.home().workspace.has_imports = imports;
        load(&mut world, weak);
        [FOREIGN, "ghp_nobodys-token-at-all"].map(|text| check(&mut world, text, &offline(), later(1)).code)
    };
    let weak = [Digest::of(FOREIGN.as_bytes())];
    assert_eq!(codes(true, None), [Code::Valid, Code::Unknown]);
    assert_eq!(codes(true, Some(&weak)), [Code::Unavailable, Code::Unavailable]);
    assert_eq!(codes(false, Some(&weak)), [Code::Unknown, Code::Unknown], "the workspace has no imports");
}

#[test]
fn third_party_token_is_unavailable_without_all_snapshots() {
    let mut world = World::new();
    world.adopt(home(), FOREIGN);
    world.home().workspace.has_imports = true;
    load(&mut world, None);
    let mut both = Demand::of_any(vec![elsewhere(), home()]).unwrap();
    both.freshness = Freshness::Snapshot;
    assert_eq!(check(&mut world, FOREIGN, &both, later(1)).code, Code::Valid);
    let decision = check(&mut world, "ghp_nobodys-token-at-all", &both, later(1));
    assert_eq!(decision.code, Code::Unavailable, "the other workspace has no snapshot");
}

#[test]
fn scope_with_higher_freshness_is_not_decided_by_a_snapshot() {
    let mut world = World::new();
    let token = world.issue();
    world.home().workspace.freshness = vec![(scope("orders:read"), Freshness::Strong)];
    load(&mut world, None);
    assert_eq!(world.cost(&token, &offline(), later(1)), (Code::Valid, 1, 0));
    world.ledger_up = false;
    assert_eq!(world.check(&token, &offline(), later(1)).code, Code::Unavailable);
    let mut other = offline();
    other.all_of = vec![scope("orders:write")];
    assert_eq!(check(&mut world, &token, &other, later(1)).code, Code::Valid);
}

#[test]
fn snapshot_serves_only_snapshot_freshness() {
    let mut world = World::new();
    let token = world.issue();
    load(&mut world, None);
    (world.ledger_up, world.registry_up) = (false, false);
    for freshness in [Freshness::Strong, Freshness::Bounded, Freshness::Eventual] {
        assert_eq!(world.check(&token, &demand(freshness), later(1)).code, Code::Unavailable);
    }
}

#[test]
fn later_snapshot_replaces_an_earlier_one_only() {
    let mut world = World::new();
    let token = world.issue();
    let early = world.snapshot(START, later(3_600), None);
    let again = world.snapshot(START, later(3_600), None);
    world.change(&token, |token| token.revoked = true);
    let late = world.snapshot(later(60), later(3_660), None);
    world.verifier.load(early);
    assert_eq!(check(&mut world, &token, &offline(), later(60)).code, Code::Valid);
    world.verifier.load(late);
    assert_eq!(check(&mut world, &token, &offline(), later(60)).code, Code::Revoked);
    world.verifier.load(again);
    assert_eq!(check(&mut world, &token, &offline(), later(60)).code, Code::Revoked);
}
