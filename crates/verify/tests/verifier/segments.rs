//! Segments: what the ledger has published is decided without asking it, but for what changed since.

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

/// Whoever need not be told in full who the token is.
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
    assert_eq!(world.cost(&tokens[0], &brief(), START), (Code::Valid, 1, 0), "the lease itself is asked for");
    (world, tokens)
}

/// What else is asked than nothing: the manifest, a segment and an owner.
const LOADED: (Code, usize, usize) = (Code::Valid, 0, 2);

#[test]
fn one_segment_answers_for_all_its_tokens() {
    let (mut world, tokens) = leased(50);
    assert_eq!(world.cost(&tokens[1], &brief(), START), LOADED, "the owner came with the lease");
    for token in &tokens {
        let decision = world.check(token, &brief(), later(1));
        assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, BOUNDED, START));
    }
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 2));
}

#[test]
fn an_owner_who_was_not_met_is_looked_up_too() {
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
fn segments_are_by_prefix_and_loaded_when_they_are_needed() {
    let mut world = world();
    let tokens: Vec<_> = (0..64).map(|_| world.issue()).collect();
    world.publish_segments(3);
    tokens.iter().for_each(|token| assert_eq!(world.check(token, &brief(), START).code, Code::Valid));
    assert_eq!((world.ledger_calls, world.registry_reads), (1, 1 + 8), "a manifest and eight segments");
}

#[test]
fn who_wants_to_know_in_full_reads_the_record_once() {
    let (mut world, tokens) = leased(3);
    let told = |world: &mut World, demand: &Demand| {
        let decision = world.check(&tokens[1], demand, START);
        let token = decision.known.unwrap().facts().token.clone();
        (token.id, token.name, token.number)
    };
    assert_eq!(told(&mut world, &brief()), ("".into(), "".into(), 2));
    world.publish(&tokens[1]);
    let before = world.registry_reads;
    assert_eq!(told(&mut world, &demand(BOUNDED)), ("tok_2".into(), "a token".into(), 2));
    assert_eq!(told(&mut world, &brief()), ("tok_2".into(), "a token".into(), 2));
    assert_eq!((world.ledger_calls, world.registry_reads - before), (1, 1));
    // The registry may lag, or hold somebody else's: then the ledger tells.
    assert_eq!(world.cost(&tokens[2], &demand(BOUNDED), START), (Code::Valid, 1, 1));
    let (text, other) =
        (Digest::of(tokens[1].as_bytes()), world.home().tokens[&Digest::of(tokens[2].as_bytes())].encode());
    world.restart();
    world.registry.insert(RegistryKey::Token(home(), text).path(), other);
    world.check(&tokens[0], &brief(), START);
    assert_eq!(told(&mut world, &demand(BOUNDED)), ("tok_2".into(), "a token".into(), 2));
}

#[test]
fn what_the_registry_says_of_a_token_changes_nothing_of_what_it_may_do() {
    let (mut world, tokens) = leased(2);
    world.publish(&tokens[1]);
    world.change(&tokens[1], |token| token.enabled = false);
    world.publish_segments(0);
    world.restart();
    world.check(&tokens[0], &brief(), START);
    let decision = world.check(&tokens[1], &demand(BOUNDED), START);
    assert_eq!((decision.code, decision.freshness), (Code::Disabled, BOUNDED), "the registry still has it switched on");
    assert_eq!(&*decision.known.unwrap().facts().token.id, "tok_2");
}

#[test]
fn what_changed_since_is_asked() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.revoked = true);
    world.change_owner(2, |owner, _| owner.suspended = true);
    world.change(&tokens[2], |token| token.owner = 2);
    // Nobody has told this verifier yet: within the lease it may still pass.
    assert_eq!(world.check(&tokens[1], &brief(), START).code, Code::Valid);
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::Revoked);
    assert_eq!(world.check(&tokens[2], &brief(), later(5)).code, Code::OwnerSuspended);
    assert_eq!(world.ledger_calls - calls, 2);
    // And again what has changed and was asked about already.
    world.change(&tokens[2], |token| token.owner = 1);
    world.renew(later(10));
    assert_eq!(world.check(&tokens[2], &brief(), later(10)).code, Code::Valid);
}

#[test]
fn however_much_changed_since_each_of_it_is_asked() {
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
fn an_edition_is_not_gone_by_where_not_all_that_changed_since_is_told() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.revoked = true);
    world.restart();
    let demand = brief();
    let Progress::Fetch(pending) = world.verifier.check(tokens[0].as_bytes(), &demand, START) else { panic!() };
    let Need::Lease(question) = pending.need().clone() else { panic!() };
    let mut grant = world.grant(&question, START);
    // As to somebody who had been told of the change already.
    (grant.since, grant.texts) = (Some(grant.answer.generation), vec![]);
    world.verifier.supply(pending, &demand, Supply::Lease(&grant), START);
    assert_eq!(world.check(&tokens[1], &demand, START).code, Code::Revoked);
}

#[test]
fn what_the_registry_told_before_spares_reading_it_again() {
    let (mut world, tokens) = leased(3);
    world.publish(&tokens[1]);
    world.restart();
    assert_eq!(world.cost(&tokens[1], &demand(Freshness::Eventual), START), (Code::Valid, 0, 3));
    world.check(&tokens[0], &brief(), START);
    assert_eq!(world.cost(&tokens[1], &demand(BOUNDED), START), LOADED, "who it is, is known");
}

#[test]
fn an_owner_whom_only_the_registry_told_of_is_looked_up() {
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
fn a_manifest_is_taken_by_its_hash_alone() {
    let (mut world, tokens) = leased(3);
    let before = world.home().edition.unwrap().manifest.path(home());
    world.change(&tokens[1], |token| token.revoked = true);
    world.publish_segments(0);
    let now = world.home().edition.unwrap().manifest.path(home());
    let read = |key: &String| Manifest::decode(&world.registry[key]).unwrap();
    // Of the right generation, but with the segments of before: those may be of an earlier one.
    let (old, header) = (read(&before), read(&now).header().clone());
    let other = Manifest::new(header, old.segments().to_vec(), old.owners().to_vec()).unwrap();
    world.registry.insert(now, other.encode());
    world.restart();
    world.check(&tokens[0], &brief(), START);
    assert_eq!(world.check(&tokens[1], &brief(), START).code, Code::Revoked);
}

#[test]
fn an_owner_who_changed_since_is_asked_about() {
    let (mut world, tokens) = leased(3);
    world.change_owner(1, |owner, _| owner.grants = ScopeSet::default());
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::InsufficientScope);
    assert_eq!(world.ledger_calls - calls, 1);
}

#[test]
fn a_new_edition_takes_the_place_of_the_old() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.enabled = false);
    world.renew(later(5));
    world.publish_segments(1);
    world.renew(later(10));
    let before = world.ledger_calls;
    assert_eq!(world.check(&tokens[1], &brief(), later(10)).code, Code::Disabled);
    assert_eq!(world.check(&tokens[2], &brief(), later(10)).code, Code::Valid);
    assert_eq!(world.ledger_calls, before, "both are in it");
    world.change(&tokens[2], |token| token.revoked = true);
    world.renew(later(15));
    assert_eq!(world.check(&tokens[2], &brief(), later(15)).code, Code::Revoked);
}

#[test]
fn a_token_that_was_just_issued_counts_at_once() {
    let (mut world, _) = leased(3);
    let new = world.issue();
    assert_eq!(world.check(&new, &brief(), later(1)).code, Code::Valid);
    let calls = world.ledger_calls;
    world.renew(later(5));
    assert_eq!(world.check(&new, &brief(), later(5)).code, Code::Valid);
    assert_eq!(world.ledger_calls, calls);
}

#[test]
fn a_foreign_text_that_is_in_no_segment_is_unknown_without_a_question() {
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
    // One that was imported since is known once the lease is renewed.
    world.adopt(home(), "ghp_imported-later-on");
    assert_eq!(world.check("ghp_imported-later-on", &brief(), later(1)).code, Code::Unknown);
    world.renew(later(5));
    assert_eq!(world.check("ghp_imported-later-on", &brief(), later(5)).code, Code::Valid);
}

#[test]
fn where_foreign_texts_were_left_out_an_absent_one_is_asked_about() {
    let mut world = world();
    world.home().workspace.has_imports = true;
    let other = "ghp_somebody-elses-other-token";
    for text in [FOREIGN, other] {
        world.adopt(home(), text);
    }
    let tokens = [world.issue(), world.issue()];
    world.publish_segments_without(0, Some(&[Digest::of(FOREIGN.as_bytes())]));
    assert_eq!(world.check(&tokens[0], &brief(), START).code, Code::Valid);
    assert_eq!(world.cost(&tokens[1], &brief(), START), LOADED, "what is there is found as ever");
    assert_eq!(world.cost(other, &brief(), START), (Code::Valid, 0, 0));
    assert_eq!(world.cost(FOREIGN, &brief(), START), (Code::Valid, 1, 0), "it may have been left out");
    assert_eq!(world.cost(FOREIGN, &brief(), START), (Code::Valid, 0, 0), "and is known from then on");
    assert_eq!(world.cost(&format!("{FOREIGN}1"), &brief(), START), (Code::Unknown, 1, 0));
}

#[test]
fn foreign_texts_that_need_a_file_are_limited() {
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

/// Four tokens, of which the second is switched off and the third is another owner's, in two segments.
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
fn a_file_that_is_missing_or_another_tells_nothing() {
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
            assert_eq!(world.check(FOREIGN, &brief(), START).code, Code::Unknown, "which brings the lease");
            let codes = tokens.iter().map(|token| world.check(token, &brief(), START).code).collect::<Vec<_>>();
            assert_eq!(codes, [Code::Valid, Code::Disabled, Code::Valid, Code::Valid], "{file}");
            assert!(world.ledger_calls > 1, "something had to be asked: {file}");
        }
    }
}

#[test]
fn a_file_that_was_not_to_be_had_is_not_asked_for_with_every_check() {
    let (mut world, tokens) = leased(20);
    let files: Vec<_> = world.files();
    let kept: Vec<_> = files.iter().map(|file| world.registry.remove(file).unwrap()).collect();
    for token in &tokens[1..10] {
        assert_eq!(world.check(token, &brief(), later(1)).code, Code::Valid);
    }
    assert_eq!((world.registry_reads, world.ledger_calls), (1, 10), "the manifest was looked for once");
    world.registry.extend(files.into_iter().zip(kept));
    assert_eq!(world.cost(&tokens[10], &brief(), later(8)), (Code::Valid, 1, 0), "nor a moment later");
    world.renew(later(11));
    assert_eq!(world.cost(&tokens[11], &brief(), later(12)), LOADED);
}

#[test]
fn while_the_registry_is_down_the_ledger_is_asked() {
    let (mut world, tokens) = leased(20);
    world.registry_up = false;
    for token in &tokens {
        assert_eq!(world.check(token, &demand(BOUNDED), later(1)).code, Code::Valid);
    }
    assert_eq!((world.registry_reads, world.ledger_calls), (1, 20), "and the registry is not tried each time");
}

#[test]
fn segments_answer_while_a_lease_runs_and_not_without() {
    let (mut world, tokens) = leased(3);
    world.check(&tokens[1], &brief(), START);
    world.ledger_up = false;
    assert_eq!(world.check(&tokens[2], &brief(), later(8)).code, Code::Valid);
    assert_eq!(world.check(&tokens[2], &brief(), later(9)).code, Code::Unavailable);
    // Nor is anything unknown any more.
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
fn who_wants_to_know_at_once_asks() {
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
fn who_starts_anew_goes_by_the_edition_again() {
    let (mut world, tokens) = leased(20);
    tokens.iter().for_each(|token| _ = world.check(token, &brief(), START));
    world.home().tells = 2;
    tokens[3..8].iter().for_each(|token| world.change(token, |token| token.enabled = false));
    world.renew(later(5));
    let calls = world.ledger_calls;
    assert_eq!(world.check(&tokens[4], &brief(), later(5)).code, Code::Disabled);
    assert_eq!(world.check(&tokens[1], &brief(), later(5)).code, Code::Valid);
    assert_eq!(world.ledger_calls - calls, 2, "it does not tell all that changed since: no segment counts");
    // Once it does, what was found in a segment before is found there again.
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
fn another_epoch_s_edition_says_nothing() {
    let (mut world, tokens) = leased(3);
    world.check(&tokens[1], &brief(), START);
    world.home().epoch = 2;
    world.change(&tokens[1], |token| token.enabled = false);
    world.renew(later(5));
    // A ledger that names it all the same is not believed: its manifest says which epoch it is of.
    let generation = world.home().generation;
    world.home().edition.as_mut().unwrap().generation = generation;
    world.renew(later(6));
    assert_eq!(world.check(&tokens[1], &brief(), later(6)).code, Code::Disabled);
}

#[test]
fn the_smallest_memory_does() {
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
fn expiry_is_judged_by_the_ledger_s_clock() {
    let (mut world, tokens) = leased(3);
    world.change(&tokens[1], |token| token.expires_at = Some(Timestamp(START.0 + 3_000)));
    world.publish_segments(0);
    world.renew(START);
    assert_eq!(world.check(&tokens[1], &brief(), later(2)).code, Code::Valid);
    assert_eq!(world.check(&tokens[1], &brief(), later(3)).code, Code::Expired);
}
