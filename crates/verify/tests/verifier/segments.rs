//! Segments: published tokens are decided without a query to the ledger, except for those that changed since.

use crate::world::{START, World, demand, home, later};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Code, Demand, Encoded as _, Freshness, Limits, Manifest, Need, Progress, RegistryKey, ScopeSet, Supply, Timestamp,
};

const BOUNDED: Freshness = Freshness::Bounded;
const FOREIGN: &str = "ghp_somebody-elses-token";

fn world() -> World {
    World::with_limits(Limits { segments: true, ..Limits::default() })
}

/// A requirement that does not need the full record.
fn brief() -> Demand {
    let mut demand = demand(BOUNDED);
    demand.in_full = false;
    demand
}

/// A world with so many tokens in one segment, and a lease that was granted for the first of them.
fn leased(count: usize) -> (World, Vec<String>) {
    let mut world = world();
    let tokens: Vec<_> = (0..count).map(|_| world.issue()).collect();
    world.publish_segments(0);
    assert_eq!(world.cost(&tokens[0], &brief(), START), (Code::Valid, 1, 0), "one query for the lease");
    (world, tokens)
}

/// No query to the ledger, and three files: the manifest, a segment and an owner segment.
const LOADED: (Code, usize, usize) = (Code::Valid, 0, 2);

#[test]
fn one_segment_decides_all_its_tokens() {
    let (mut world, tokens) = leased(50);
    assert_eq!(world.cost(&tokens[1], &brief(), START), LOADED, "the lease included the owner");
    for token in &tokens {
        let decision = world.check(token, &brief(), later(1));
        assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, BOUNDED, START));
    }
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 2));
}

#[test]
fn owner_without_a_cached_record_is_read_from_its_segment() {
    let (mut world, tokens) = leased(2);
    world.change(&tokens[1], |token| token.owner = 2);
    world.publish_segments(0);
    world.restart();
    world.check(&tokens[0], &brief(), START);
    let asked = world.ledger_calls;
    assert_eq!(world.cost(&tokens[1], &brief(), START), (Code::Valid, 0, 3), "manifest, segment, owner");
    assert_eq!(world.ledger_calls, asked);
}

#[test]
fn segments_are_loaded_by_prefix_when_first_needed() {
    let mut world = world();
    let tokens: Vec<_> = (0..64).map(|_| world.issue()).collect();
    world.publish_segments(3);
    tokens.iter().for_each(|token| assert_eq!(world.check(token, &brief(), START).code, Code::Valid));
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 1 + 8), "a manifest and eight segments");
}

#[test]
fn full_record_is_read_once_from_the_registry() {
    let (mut world, tokens) = leased(3);
    let told = |world: &mut World, demand: &Demand| {
        let decision = world.check(&tokens[1], demand, START);
        let token = decision.facts().unwrap().token.clone();
        (token.id, token.name, token.number)
    };
    assert_eq!(told(&mut world, &brief()), ("".into(), "".into(), 2));
    world.publish(&tokens[1]);
    let before = world.registry_reads;
    assert_eq!(told(&mut world, &demand(BOUNDED)), ("tok_2".into(), "a token".into(), 2));
    assert_eq!(told(&mut world, &brief()), ("tok_2".into(), "a token".into(), 2));
    assert_eq!((world.ledger_calls, world.registry_reads - before), (1, 1));
    // The registry may lag, or have another token's record: then the ledger is queried.
    assert_eq!(world.cost(&tokens[2], &demand(BOUNDED), START), (Code::Valid, 1, 1));
    let (text, other) =
        (Digest::of(tokens[1].as_bytes()), world.home().tokens[&Digest::of(tokens[2].as_bytes())].encode());
    world.restart();
    world.registry.insert(RegistryKey::Token(home(), text).path(), other);
    world.check(&tokens[0], &brief(), START);
    assert_eq!(told(&mut world, &demand(BOUNDED)), ("tok_2".into(), "a token".into(), 2));
}

#[test]
fn registry_record_adds_details_but_no_permissions() {
    let (mut world, tokens) = leased(2);
    world.publish(&tokens[1]);
    world.change(&tokens[1], |token| token.enabled = false);
    world.publish_segments(0);
    world.restart();
    world.check(&tokens[0], &brief(), START);
    let decision = world.check(&tokens[1], &demand(BOUNDED), START);
    assert_eq!((decision.code, decision.freshness), (Code::Disabled, BOUNDED), "the registry still has it enabled");
    assert_eq!(&*decision.facts().unwrap().token.id, "tok_2");
}

#[test]
fn token_changed_since_the_edition_is_queried() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.revoked = true);
    world.change_owner(2, |owner, _| owner.suspended = true);
    world.change(&tokens[2], |token| token.owner = 2);
    // This verifier has not been told yet: within the lease the token may still be accepted.
    assert_eq!(world.check(&tokens[1], &brief(), START).code, Code::Valid);
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::Revoked);
    assert_eq!(world.check(&tokens[2], &brief(), later(5)).code, Code::OwnerSuspended);
    assert_eq!(world.ledger_calls - calls, 2);
    // And again for a token that changed and was queried already.
    world.change(&tokens[2], |token| token.owner = 1);
    world.renew(later(10));
    assert_eq!(world.check(&tokens[2], &brief(), later(10)).code, Code::Valid);
}

#[test]
fn every_token_changed_since_the_edition_is_queried() {
    let (mut world, tokens) = leased(40);
    for (nth, some) in tokens.chunks(10).enumerate() {
        let now = later(nth as u64 + 1);
        some.iter().for_each(|token| world.change(token, |token| token.revoked = true));
        world.renew(now);
        for (at, token) in tokens.iter().enumerate() {
            let code = if at < 10 * (nth + 1) { Code::Revoked } else { Code::Valid };
            assert_eq!(world.check(token, &brief(), now).code, code);
        }
    }
}

#[test]
fn edition_with_incomplete_changes_is_not_used() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.revoked = true);
    world.restart();
    let demand = brief();
    let Progress::Fetch(pending) = world.verifier.check(tokens[0].as_bytes(), &demand, START) else { panic!() };
    let Need::Lease(question) = pending.need().clone() else { panic!() };
    let mut grant = world.grant(&question, START);
    // As for a verifier that had been told of the change already.
    (grant.since, grant.texts) = (Some(grant.answer.generation), vec![]);
    world.verifier.supply(pending, &demand, Supply::Lease(&grant), START);
    assert_eq!(world.check(&tokens[1], &demand, START).code, Code::Revoked);
}

#[test]
fn registry_record_cached_before_is_not_read_again() {
    let (mut world, tokens) = leased(3);
    world.publish(&tokens[1]);
    world.restart();
    assert_eq!(world.cost(&tokens[1], &demand(Freshness::Eventual), START), (Code::Valid, 0, 3));
    world.check(&tokens[0], &brief(), START);
    assert_eq!(world.cost(&tokens[1], &demand(BOUNDED), START), LOADED, "its details are cached");
}

#[test]
fn owner_record_from_the_registry_is_replaced_by_its_segment() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.owner = 2);
    world.publish_segments(0);
    world.publish(&tokens[1]);
    world.restart();
    world.check(&tokens[1], &demand(Freshness::Eventual), START);
    world.check(&tokens[0], &brief(), START);
    assert_eq!(world.cost(&tokens[1], &brief(), START), (Code::Valid, 0, 3), "manifest, segment, owner");
}

#[test]
fn manifest_is_accepted_by_its_hash_alone() {
    let (mut world, tokens) = leased(3);
    let before = world.home().edition.unwrap().manifest.path(home());
    world.change(&tokens[1], |token| token.revoked = true);
    world.publish_segments(0);
    let now = world.home().edition.unwrap().manifest.path(home());
    let read = |key: &String| Manifest::decode(&world.registry[key]).unwrap();
    // Of the right generation, but with the earlier segments, which is possible in general.
    let (old, header) = (read(&before), read(&now).header().clone());
    let other = Manifest::new(header, old.segments().to_vec(), old.owners().to_vec()).unwrap();
    world.registry.insert(now, other.encode());
    world.restart();
    world.check(&tokens[0], &brief(), START);
    assert_eq!(world.check(&tokens[1], &brief(), START).code, Code::Revoked);
}

#[test]
fn owner_changed_since_the_edition_is_queried() {
    let (mut world, tokens) = leased(3);
    world.change_owner(1, |owner, _| owner.grants = ScopeSet::default());
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::InsufficientScope);
    assert_eq!(world.ledger_calls - calls, 1);
}

#[test]
fn new_edition_replaces_the_old_one() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.enabled = false);
    world.renew(later(5));
    world.publish_segments(1);
    world.renew(later(10));
    let before = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(10)).code, Code::Disabled);
    assert_eq!(world.check(&tokens[2], &brief(), later(10)).code, Code::Valid);
    assert_eq!(world.ledger_calls, before, "the edition contains both");
    world.change(&tokens[2], |token| token.revoked = true);
    world.renew(later(15));
    assert_eq!(world.check(&tokens[2], &brief(), later(15)).code, Code::Revoked);
}

#[test]
fn newly_created_token_is_valid_at_once() {
    let (mut world, _) = leased(3);
    let new = world.issue();
    assert_eq!(world.check(&new, &brief(), later(1)).code, Code::Valid);
    let calls = world.ledger_calls;
    world.renew(later(5));
    assert_eq!(world.check(&new, &brief(), later(5)).code, Code::Valid);
    assert_eq!(world.ledger_calls, calls);
}

#[test]
fn third_party_token_absent_from_segments_is_unknown() {
    let mut world = world();
    world.adopt(home(), FOREIGN);
    let token = world.issue();
    world.home().workspace.has_imports = true;
    world.publish_segments(0);
    world.check(&token, &brief(), START);
    assert_eq!(world.cost(FOREIGN, &brief(), START), LOADED);
    for number in 0..1_000 {
        let decision = world.check(&format!("{FOREIGN}{number}"), &brief(), later(1));
        assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Unknown, BOUNDED, START));
    }
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 2));
    // A token imported since is known after the lease was renewed.
    world.adopt(home(), "ghp_imported-later-on");
    assert_eq!(world.check("ghp_imported-later-on", &brief(), later(1)).code, Code::Unknown);
    world.renew(later(5));
    assert_eq!(world.check("ghp_imported-later-on", &brief(), later(5)).code, Code::Valid);
}

#[test]
fn absent_third_party_token_is_queried_if_some_were_left_out() {
    let mut world = world();
    world.home().workspace.has_imports = true;
    let other = "ghp_somebody-elses-other-token";
    for text in [FOREIGN, other] {
        world.adopt(home(), text);
    }
    let tokens = [world.issue(), world.issue()];
    world.publish_segments_without(0, Some(&[Digest::of(FOREIGN.as_bytes())]));
    assert_eq!(world.check(&tokens[0], &brief(), START).code, Code::Valid);
    assert_eq!(world.cost(&tokens[1], &brief(), START), LOADED, "contained tokens are found as before");
    assert_eq!(world.cost(other, &brief(), START), (Code::Valid, 0, 0));
    assert_eq!(world.cost(FOREIGN, &brief(), START), (Code::Valid, 1, 0), "it may have been left out");
    assert_eq!(world.cost(FOREIGN, &brief(), START), (Code::Valid, 0, 0), "it is cached from then on");
    assert_eq!(world.cost(&format!("{FOREIGN}1"), &brief(), START), (Code::Unknown, 1, 0));
}

#[test]
fn third_party_lookups_that_fetch_files_are_rate_limited() {
    let mut world = World::with_limits(Limits { segments: true, foreign_per_second: 2, ..Limits::default() });
    let token = world.issue();
    world.home().workspace.has_imports = true;
    world.publish_segments(4);
    world.check(&token, &brief(), START);
    let codes = (0..100).map(|number| world.check(&format!("{FOREIGN}{number}"), &brief(), START).code);
    let limited = codes.filter(|code| *code == Code::RateLimited).count();
    assert!((50..100).contains(&limited), "{limited}");
    assert!(world.registry_reads <= 1 + 2);
}

/// Four tokens in two segments, of which the second is disabled and the third belongs to another owner.
fn mixed() -> (World, Vec<String>) {
    let mut world = world();
    let tokens: Vec<_> = (0..4).map(|_| world.issue()).collect();
    world.home().workspace.has_imports = true;
    world.change(&tokens[1], |token| token.enabled = false);
    world.change(&tokens[2], |token| token.owner = 2);
    world.publish_segments(1);
    (world, tokens)
}

#[test]
fn missing_or_wrong_segment_file_falls_back_to_the_ledger() {
    type Other = fn(&World, &str) -> Option<Vec<u8>>;
    let others: [Other; 4] = [
        |_, _| None,
        |_, _| Some(vec![]),
        |world, file| {
            let mut bytes = world.registry[file].clone();
            *bytes.last_mut().unwrap() ^= 1;
            Some(bytes)
        },
        |world, file| world.files().iter().find(|other| *other != file).map(|other| world.registry[other].clone()),
    ];
    for other in others {
        for file in mixed().0.files() {
            let (mut world, tokens) = mixed();
            match other(&world, &file) {
                Some(bytes) => world.registry.insert(file.clone(), bytes),
                None => world.registry.remove(&file),
            };
            assert_eq!(world.check(FOREIGN, &brief(), START).code, Code::Unknown, "this query brings the lease");
            let codes = tokens.iter().map(|token| world.check(token, &brief(), START).code).collect::<Vec<_>>();
            assert_eq!(codes, [Code::Valid, Code::Disabled, Code::Valid, Code::Valid], "{file}");
            assert!(world.ledger_calls > 1, "the ledger was queried: {file}");
        }
    }
}

#[test]
fn missing_segment_file_is_not_requested_by_every_check() {
    let (mut world, tokens) = leased(20);
    let files: Vec<_> = world.files();
    let kept: Vec<_> = files.iter().map(|file| world.registry.remove(file).unwrap()).collect();
    for token in &tokens[1..10] {
        assert_eq!(world.check(token, &brief(), later(1)).code, Code::Valid);
    }
    assert_eq!((world.registry_reads, world.ledger_calls), (1, 10), "the manifest was requested once");
    world.registry.extend(files.into_iter().zip(kept));
    assert_eq!(world.cost(&tokens[10], &brief(), later(8)), (Code::Valid, 1, 0), "not again a moment later");
    world.renew(later(11));
    assert_eq!(world.cost(&tokens[11], &brief(), later(12)), LOADED);
}

#[test]
fn unreachable_registry_of_segments_falls_back_to_the_ledger() {
    let (mut world, tokens) = leased(20);
    world.registry_up = false;
    for token in &tokens {
        assert_eq!(world.check(token, &demand(BOUNDED), later(1)).code, Code::Valid);
    }
    assert_eq!((world.registry_reads, world.ledger_calls), (1, 20), "and the registry is not tried each time");
}

#[test]
fn segments_decide_only_while_a_lease_runs() {
    let (mut world, tokens) = leased(3);
    world.check(&tokens[1], &brief(), START);
    world.ledger_up = false;
    assert_eq!(world.check(&tokens[2], &brief(), later(8)).code, Code::Valid);
    assert_eq!(world.check(&tokens[2], &brief(), later(9)).code, Code::Unavailable);
    // Nor is any token unknown any more.
    let (mut world, _) = imports();
    world.check(FOREIGN, &brief(), later(1));
    assert_eq!(world.check(FOREIGN, &brief(), later(8)).code, Code::Unknown);
    world.ledger_up = false;
    assert_eq!(world.check(FOREIGN, &brief(), later(9)).code, Code::Unavailable);
}

/// A world that has imports, and a lease.
fn imports() -> (World, String) {
    let mut world = world();
    let token = world.issue();
    world.home().workspace.has_imports = true;
    world.publish_segments(0);
    world.check(&token, &brief(), START);
    (world, token)
}

#[test]
fn strong_check_queries_the_ledger_despite_segments() {
    let (mut world, token) = imports();
    world.check(FOREIGN, &brief(), START);
    world.adopt(home(), FOREIGN);
    world.change(&token, |token| token.revoked = true);
    let mut strong = brief();
    strong.freshness = Freshness::Strong;
    assert_eq!(world.check(FOREIGN, &strong, later(1)).code, Code::Valid);
    assert_eq!(world.check(&token, &strong, later(1)).code, Code::Revoked);
    world.ledger_up = false;
    assert_eq!(world.check(&token, &strong, later(1)).code, Code::Unavailable);
}

#[test]
fn verifier_that_started_anew_uses_the_edition_again() {
    let (mut world, tokens) = leased(20);
    tokens.iter().for_each(|token| _ = world.check(token, &brief(), START));
    world.home().tells = 2;
    tokens[3..8].iter().for_each(|token| world.change(token, |token| token.enabled = false));
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[4], &brief(), later(5)).code, Code::Disabled);
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::Valid);
    assert_eq!(world.ledger_calls - calls, 2, "it does not list all changes since: no segment is used");
    // Once it does, tokens that were found in a segment before are found there again.
    world.home().tells = 100;
    world.renew(later(6));
    let calls = world.ledger_calls;
    for token in &tokens[8..] {
        assert_eq!(world.check(token, &brief(), later(6)).code, Code::Valid);
    }
    assert_eq!(world.ledger_calls, calls);
    world.publish_segments(0);
    world.renew(later(10));
    let calls = world.ledger_calls;
    for (at, token) in tokens.iter().enumerate() {
        let code = if (3..8).contains(&at) { Code::Disabled } else { Code::Valid };
        assert_eq!(world.check(token, &brief(), later(10)).code, code);
    }
    assert_eq!(world.ledger_calls, calls);
}

#[test]
fn edition_of_another_epoch_is_not_used() {
    let (mut world, tokens) = leased(3);
    world.check(&tokens[1], &brief(), START);
    world.home().epoch = 2;
    world.change(&tokens[1], |token| token.enabled = false);
    world.renew(later(5));
    // If a ledger names it all the same, it is not used: its manifest has another epoch.
    let generation = world.home().generation;
    world.home().edition.as_mut().unwrap().generation = generation;
    world.renew(later(6));
    assert_eq!(world.check(&tokens[1], &brief(), later(6)).code, Code::Disabled);
}

#[test]
fn smallest_cache_still_decides_from_segments() {
    for memory in [0, 1_000, 3_000, 10_000] {
        let mut world = World::with_limits(Limits { segments: true, memory, ..Limits::default() });
        let tokens: Vec<_> = (0..20).map(|_| world.issue()).collect();
        world.publish_segments(1);
        for at in 0..40 {
            let decision = world.check(&tokens[at % 20], &brief(), START.plus(at as u64));
            assert_eq!(decision.code, Code::Valid, "{memory} bytes");
        }
    }
}

#[test]
fn segment_expiration_is_decided_by_the_ledgers_clock() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.expires_at = Some(Timestamp(START.0 + 3_000)));
    world.publish_segments(0);
    world.renew(START);
    assert_eq!(world.check(&tokens[1], &brief(), later(2)).code, Code::Valid);
    assert_eq!(world.check(&tokens[1], &brief(), later(3)).code, Code::Expired);
}
