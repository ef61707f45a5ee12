//! No failure leads to more queries: a failing ledger is queried by one check per back-off; a slow one makes no check
//! unavailable, and is sent few queries.

use crate::world::{START, World, demand, home, later};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Code, Decision, Demand, Freshness, LeaseQuestion, Limits, Need, Pending, Progress, Supply, Timestamp, Verifier,
};

const BOUNDED: Freshness = Freshness::Bounded;
const STRONG: Freshness = Freshness::Strong;

/// When the ledger's leases of ten seconds have expired, in milliseconds.
const OVER: u64 = 8_800;

fn at(milliseconds: u64) -> Timestamp {
    START.plus(milliseconds)
}

/// A separate check, up to what it needs.
fn begin(world: &mut World, text: &str, demand: &Demand, now: Timestamp) -> Progress {
    match world.verifier.check(text.as_bytes(), demand, now) {
        Progress::Fetch(mut pending) => {
            world.verifier.asking(&mut pending, 1);
            Progress::Fetch(pending)
        }
        decided => decided,
    }
}

fn fetches(progress: Progress) -> Pending {
    match progress {
        Progress::Fetch(pending) => pending,
        Progress::Decided(decision) => panic!("{} was decided", decision.code),
    }
}

/// A check that queries for a lease.
fn asks(progress: Progress) -> (Pending, LeaseQuestion) {
    let pending = fetches(progress);
    let Need::Lease(question) = pending.need().clone() else { panic!("{:?}", pending.need()) };
    (pending, question)
}

/// A check that waits for another query.
fn waits(progress: Progress) -> Pending {
    let pending = fetches(progress);
    assert!(matches!(pending.need(), Need::Wait(key, 25 | 50 | 100) if *key == home()), "{:?}", pending.need());
    pending
}

fn decided(progress: Progress) -> Decision {
    match progress {
        Progress::Decided(decision) => decision,
        Progress::Fetch(pending) => panic!("asks for {:?}", pending.need()),
    }
}

fn look(world: &mut World, pending: Pending, now: Timestamp) -> Progress {
    let progress = world.verifier.supply(pending, &demand(BOUNDED), Supply::Waited, now);
    match progress {
        Progress::Fetch(mut pending) => {
            world.verifier.asking(&mut pending, 1);
            Progress::Fetch(pending)
        }
        decided => decided,
    }
}

/// A world that had cached the token until its lease expired.
fn over() -> (World, String) {
    let mut world = World::new();
    let token = world.issue();
    assert_eq!(world.check(&token, &demand(BOUNDED), START).code, Code::Valid);
    (world, token)
}

/// The milliseconds after the first failure at which the ledger is queried again, if a check is made in each of them.
fn tries(world: &mut World, token: &str, demand: &Demand, during: u64) -> Vec<u64> {
    world.ledger_up = false;
    let mut tried = Vec::new();
    for passed in 0..during {
        let (code, calls, _) = world.cost(token, demand, at(OVER + passed));
        assert_eq!(code, Code::Unavailable, "after {passed} ms");
        if calls > 0 {
            tried.push(passed);
        }
    }
    tried
}

fn pauses(tries: &[u64]) -> Vec<u64> {
    tries.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn one_check_retries_after_each_back_off_which_grows_to_two_seconds() {
    for freshness in [BOUNDED, STRONG] {
        let (mut world, token) = over();
        let tries = tries(&mut world, &token, &demand(freshness), 20_000);
        let pauses = pauses(&tries);
        let longest = [250, 500, 1_000, 2_000].into_iter().chain([2_000].into_iter().cycle());
        for (pause, longest) in pauses.iter().zip(longest) {
            assert!((longest * 2 / 5..=longest).contains(pause), "{pauses:?}");
        }
        assert!((11..=30).contains(&tries.len()), "{tries:?}");
        assert!(tries.iter().filter(|passed| **passed < 3_000).count() <= 6, "{tries:?}");
    }
}

#[test]
fn back_off_differs_between_verifiers() {
    let of = |seed| {
        let (mut world, token) = over();
        world.verifier.seed(seed);
        tries(&mut world, &token, &demand(BOUNDED), 9_000)
    };
    let all: Vec<_> = (0..20).map(of).collect();
    let first: std::collections::BTreeSet<_> = all.iter().map(|tries| tries[1]).collect();
    assert!(first.len() > 10, "{first:?}");
    assert!(first.first().unwrap() < &140 && first.last().unwrap() > &210, "{first:?}");
    assert_eq!(of(7), of(7));
}

#[test]
fn all_checks_recover_within_one_back_off() {
    for down in [1, 100, 700, 3_000, 20_000] {
        let (mut world, token) = over();
        let tried = tries(&mut world, &token, &demand(BOUNDED), down);
        let last = tried.last().unwrap();
        world.ledger_up = true;
        let served =
            (down..).find(|passed| world.check(&token, &demand(BOUNDED), at(OVER + passed)).code == Code::Valid);
        let served = served.unwrap();
        assert!(served - last <= 2_000 && (down > 1 || served <= 250), "down for {down} ms, served at {served}");
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + served)), (Code::Valid, 0, 0));
        // The next failure counts as the first.
        let later = served + OVER;
        world.ledger_up = false;
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later)), (Code::Unavailable, 1, 0));
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later + 99)), (Code::Unavailable, 0, 0));
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later + 250)), (Code::Unavailable, 1, 0));
    }
}

#[test]
fn or_eventual_check_falls_back_at_once_while_the_ledger_fails() {
    let (mut world, token) = over();
    world.publish(&token);
    let mut or_eventual = demand(BOUNDED);
    or_eventual.or_eventual = true;
    world.ledger_up = false;
    let calls: Vec<_> = [0, 1, 99, 250, 251, 349]
        .map(|passed| {
            let (code, calls, _) = world.cost(&token, &or_eventual, at(OVER + passed));
            assert_eq!(code, Code::Valid);
            calls
        })
        .into();
    assert_eq!(calls, [1, 0, 0, 1, 0, 0]);
    // While one check retries, the others do not even wait.
    let (_, question) = asks(begin(&mut world, &token, &or_eventual, at(OVER + 2_000)));
    assert_eq!(question.digests, [Digest::of(token.as_bytes())]);
    let decision = decided(begin(&mut world, &token, &or_eventual, at(OVER + 2_001)));
    assert_eq!((decision.code, decision.freshness), (Code::Valid, Freshness::Eventual));
    world.ledger_up = true;
    assert_eq!(world.check(&token, &or_eventual, at(OVER + 4_500)).freshness, STRONG);
}

#[test]
fn cached_records_are_used_during_a_back_off_while_the_lease_runs() {
    let (mut world, token) = over();
    let other = world.issue();
    world.ledger_up = false;
    assert_eq!(world.cost(&other, &demand(BOUNDED), at(1)), (Code::Unavailable, 1, 0));
    assert_eq!(world.cost(&other, &demand(BOUNDED), at(2)), (Code::Unavailable, 0, 0), "nor is it queried again");
    for milliseconds in [2, 5_000, OVER - 1] {
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(milliseconds)).0, Code::Valid);
    }
    let renewals = world.renewals;
    assert_eq!(renewals, 2, "each failed");
    // A renewal is held back like any query, and is made up for.
    let (mut world, token) = over();
    world.ledger_up = false;
    for milliseconds in 5_000..OVER {
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(milliseconds)), (Code::Valid, 0, 0));
    }
    assert!((4..=8).contains(&world.renewals), "{}", world.renewals);
    world.ledger_up = true;
    let passed = (0..).find(|passed| world.check(&token, &demand(BOUNDED), at(OVER + passed)).code == Code::Valid);
    assert!(passed.unwrap() <= 2_000);
}

/// Nothing of the workspace is cached but the state of the back-off.
#[test]
fn back_off_applies_to_a_workspace_without_cached_records() {
    for freshness in [BOUNDED, STRONG] {
        let mut world = World::new();
        let token = world.issue();
        let tries = tries(&mut world, &token, &demand(freshness), 3_000);
        assert!((3..=6).contains(&tries.len()), "{tries:?}");
        // Another workspace's ledger may answer.
        world.ledger_up = true;
        let elsewhere = crate::world::elsewhere();
        let text = world.mint(elsewhere);
        world.adopt(elsewhere, &text);
        let mut demand = Demand::of(elsewhere);
        demand.freshness = freshness;
        assert_eq!(world.cost(&text, &demand, at(OVER + 3_000)), (Code::Valid, 1, 0));
    }
}

#[test]
fn clock_steps_never_prolong_a_back_off() {
    let (mut world, token) = over();
    world.ledger_up = false;
    assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER)), (Code::Unavailable, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + 1)), (Code::Unavailable, 0, 0));
    world.ledger_up = true;
    // An hour back, and ahead.
    let (mut back, other) = over();
    back.ledger_up = false;
    assert_eq!(back.cost(&other, &demand(BOUNDED), later(3_700)).0, Code::Unavailable);
    back.ledger_up = true;
    assert_eq!(back.cost(&other, &demand(BOUNDED), later(100)), (Code::Valid, 1, 0));
    assert_eq!(world.cost(&token, &demand(BOUNDED), later(3_700)), (Code::Valid, 1, 0));
}

#[test]
fn query_in_flight_makes_no_check_unavailable() {
    let (mut world, token) = over();
    let now = at(OVER);
    let (asker, question) = asks(begin(&mut world, &token, &demand(BOUNDED), now));
    let mut waiting: Vec<_> = (0..400).map(|_| waits(begin(&mut world, &token, &demand(BOUNDED), now))).collect();
    for look_at in [25, 50, 300] {
        let looks = waiting.drain(..).map(|pending| waits(look(&mut world, pending, at(OVER + look_at))));
        waiting = looks.collect();
    }
    let grant = world.grant(&question, at(OVER + 10));
    let decision = decided(world.verifier.supply(asker, &demand(BOUNDED), Supply::Lease(&grant), at(OVER + 310)));
    assert_eq!(decision.code, Code::Valid);
    for pending in waiting {
        let decision = decided(look(&mut world, pending, at(OVER + 325)));
        assert_eq!((decision.code, decision.freshness, decision.as_of), (Code::Valid, BOUNDED, at(OVER + 10)));
    }
}

/// A waiting check is decided by the new response, not by the earlier cache.
#[test]
fn waiting_check_is_decided_by_the_new_response() {
    let (mut world, token) = over();
    let (asker, _) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let other = world.issue();
    world.check(&other, &demand(STRONG), at(OVER));
    world.change(&token, |record| record.revoked = true);
    // A renewal arrives first. It names the token as changed, so it has to be queried, which is in flight already.
    world.renew(at(OVER));
    let waiting = waits(look(&mut world, waiting, at(OVER + 25)));
    world.fetch(asker, &demand(BOUNDED), at(OVER + 26));
    let decision = decided(look(&mut world, waiting, at(OVER + 50)));
    assert_eq!((decision.code, decision.freshness), (Code::Revoked, BOUNDED));
}

#[test]
fn checks_waiting_for_a_failed_query_end_at_once() {
    let (mut world, token) = over();
    let (asker, _) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let decision = decided(world.verifier.supply(asker, &demand(BOUNDED), Supply::Unavailable, at(OVER + 50)));
    assert_eq!(decision.code, Code::Unavailable);
    assert_eq!(decided(look(&mut world, waiting, at(OVER + 51))).code, Code::Unavailable);
    // One check retries, and for that the others wait.
    let (trial, question) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 300)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 300)));
    let strong = waits(begin(&mut world, &token, &demand(STRONG), at(OVER + 300)));
    let grant = world.grant(&question, at(OVER + 301));
    decided(world.verifier.supply(trial, &demand(BOUNDED), Supply::Lease(&grant), at(OVER + 302)));
    assert_eq!(decided(look(&mut world, waiting, at(OVER + 302))).code, Code::Valid);
    let strong = fetches(world.verifier.supply(strong, &demand(STRONG), Supply::Waited, at(OVER + 302)));
    assert!(matches!(strong.need(), Need::Ledger(_)), "it sends its own query");
}

/// Some platforms may cancel a request at any time, without notice.
#[test]
fn dropped_query_does_not_block_waiting_checks() {
    let (mut world, token) = over();
    drop(asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER))));
    let mut waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    for passed in (25..1_000).step_by(25) {
        waiting = Progress::Fetch(waits(look_on(&mut world, waiting, at(OVER + passed))));
    }
    let (pending, _) = asks(look_on(&mut world, waiting, at(OVER + 1_000)));
    assert_eq!(decided(world.fetch(pending, &demand(BOUNDED), at(OVER + 1_000))).code, Code::Valid);
    // Nor does a dropped trial after a failure.
    let (mut world, token) = over();
    world.ledger_up = false;
    world.check(&token, &demand(BOUNDED), at(OVER));
    drop(asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 250))));
    waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 1_249)));
    asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 1_250)));
}

fn look_on(world: &mut World, progress: Progress, now: Timestamp) -> Progress {
    look(world, waits(progress), now)
}

/// Each query in turn is dropped: a check waits for five seconds, and a host that does not wait at all terminates.
#[test]
fn waiting_for_other_queries_is_bounded() {
    let (mut world, token) = over();
    let mut waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    asks(waiting);
    waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    for passed in (100..5_000).step_by(100) {
        // A query is always in flight.
        drop(world.verifier.renewal(home(), at(OVER + passed)));
        waiting = look_on(&mut world, waiting, at(OVER + passed));
    }
    drop(world.verifier.renewal(home(), at(OVER + 5_000)));
    asks(look_on(&mut world, waiting, at(OVER + 5_000)));

    let (mut world, token) = over();
    asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let mut waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    let mut looks = 0;
    while matches!(&waiting, Progress::Fetch(pending) if matches!(pending.need(), Need::Wait(..))) {
        waiting = look_on(&mut world, waiting, at(OVER));
        looks += 1;
        assert!(looks <= 250);
    }
    asks(waiting);
}

#[test]
fn queries_in_flight_are_limited_and_carry_waiting_digests() {
    let (mut world, known) = over();
    let texts: Vec<_> = (0..200).map(|_| world.issue()).collect();
    let demand = demand(BOUNDED);
    let begun: Vec<_> = texts.iter().map(|text| begin(&mut world, text, &demand, at(1))).collect();
    let (mut out, mut waiting) = (Vec::new(), Vec::new());
    for progress in begun {
        let pending = fetches(progress);
        match pending.need() {
            Need::Lease(_) => out.push(pending),
            _ => waiting.push(pending),
        }
    }
    assert_eq!((out.len(), waiting.len()), (16, 184));
    assert_eq!(world.cost(&known, &demand, at(1)), (Code::Valid, 0, 0));
    // The same digest is not queried twice, and is decided by the same response.
    let same = waits(begin(&mut world, &texts[0], &demand, at(1)));
    let first = out.remove(0);
    assert_eq!(decided(world.fetch_asked(first, &demand, at(2))).code, Code::Valid);
    assert_eq!(decided(look(&mut world, same, at(2))).code, Code::Valid);
    // The next query carries 99 more.
    let (pending, question) = asks(look(&mut world, waiting.remove(0), at(2)));
    assert_eq!(question.digests.len(), 100);
    assert_eq!(question.digests[0], Digest::of(texts[16].as_bytes()));
    assert_eq!(decided(world.fetch_asked(pending, &demand, at(3))).code, Code::Valid);
    let mut asked = 0;
    for pending in waiting {
        match look(&mut world, pending, at(3)) {
            Progress::Decided(decision) => assert_eq!((decision.code, decision.freshness), (Code::Valid, BOUNDED)),
            Progress::Fetch(pending) => {
                asked += 1;
                assert_eq!(decided(world.fetch_asked(pending, &demand, at(3))).code, Code::Valid);
            }
        }
    }
    assert_eq!(asked, 1, "which carries the other 83");
    assert_eq!(world.ledger_calls, 1 + 3);
}

/// A batch is one query, however many digests it has, and carries no more than it has room for.
#[test]
fn batch_counts_as_one_query() {
    let mut world = World::new();
    let texts: Vec<_> = (0..130).map(|_| world.issue()).collect();
    let demand = demand(BOUNDED);
    let check = |world: &mut World, text: &String| fetches(world.verifier.check(text.as_bytes(), &demand, START));
    let mut batch: Vec<_> = texts[..100].iter().map(|text| check(&mut world, text)).collect();
    batch.iter_mut().for_each(|pending| world.verifier.asking(pending, 100));
    let digests = |pending: &Pending| match pending.need() {
        Need::Lease(question) => question.digests.len(),
        need => panic!("{need:?}"),
    };
    assert!(batch.iter().all(|pending| digests(pending) == 1));
    // Fifteen more may query.
    for (at, text) in texts[100..130].iter().enumerate() {
        let progress = begin(&mut world, text, &demand, START);
        if at < 15 { drop(asks(progress)) } else { drop(waits(progress)) }
    }
    let Need::Lease(mut question) = batch[0].need().clone() else { panic!() };
    question.digests = texts[..100].iter().map(|text| Digest::of(text.as_bytes())).collect();
    let grant = world.grant(&question, START);
    for pending in batch {
        assert_eq!(decided(world.verifier.supply(pending, &demand, Supply::Lease(&grant), START)).code, Code::Valid);
    }
    // Two that are combined have room for 49 each.
    let two = [(); 2].map(|()| world.issue());
    let mut two: Vec<_> = two.iter().map(|text| check(&mut world, text)).collect();
    two.iter_mut().for_each(|pending| world.verifier.asking(pending, 2));
    assert_eq!(two.iter().map(digests).sum::<usize>(), 2 + 15);
    // If a batch fails, it counts as one failure.
    let mut world = World::new();
    let texts: Vec<_> = (0..100).map(|_| world.issue()).collect();
    let mut batch: Vec<_> = texts.iter().map(|text| check(&mut world, text)).collect();
    batch.iter_mut().for_each(|pending| world.verifier.asking(pending, 100));
    for pending in batch {
        decided(world.verifier.supply(pending, &demand, Supply::Unavailable, START));
    }
    assert_eq!(world.cost(&texts[0], &demand, at(250)), (Code::Valid, 1, 0));
}

/// A single loss among responses is not an outage.
#[test]
fn failure_older_than_a_response_starts_no_back_off() {
    for freshness in [BOUNDED, STRONG] {
        let (mut world, token) = over();
        let other = world.issue();
        let lost = fetches(begin(&mut world, &other, &demand(freshness), at(1)));
        assert_eq!(world.check(&token, &demand(STRONG), at(100)).code, Code::Valid);
        decided(world.verifier.supply(lost, &demand(freshness), Supply::Unavailable, at(2_001)));
        assert_eq!(world.cost(&other, &demand(freshness), at(2_001)), (Code::Valid, 1, 0));
    }
    // If a query in flight at another's failure is answered, the back-off ends.
    let mut world = World::new();
    let [lost, slow] = [(); 2].map(|()| world.issue());
    let [first, second] = [&lost, &slow].map(|text| fetches(begin(&mut world, text, &demand(BOUNDED), START)));
    decided(world.verifier.supply(first, &demand(BOUNDED), Supply::Unavailable, at(5)));
    assert_eq!(world.cost(&lost, &demand(BOUNDED), at(6)), (Code::Unavailable, 0, 0));
    decided(world.fetch_asked(second, &demand(BOUNDED), at(7)));
    assert_eq!(world.cost(&lost, &demand(BOUNDED), at(8)), (Code::Valid, 1, 0));
}

/// Even an unusable response shows that the ledger answers.
#[test]
fn unusable_response_starts_no_back_off_for_other_checks() {
    let (mut world, token) = over();
    let other = world.issue();
    let pending = fetches(begin(&mut world, &other, &demand(STRONG), at(1)));
    let Need::Ledger(question) = pending.need().clone() else { panic!() };
    let mut answer = world.answer(&question);
    answer.owners.clear();
    let decision = decided(world.verifier.supply(pending, &demand(STRONG), Supply::Ledger(&answer), at(1)));
    assert_eq!(decision.code, Code::Unavailable);
    assert_eq!(world.cost(&token, &demand(STRONG), at(1)), (Code::Valid, 1, 0));
}

#[test]
fn check_after_end_lease_does_not_wait_for_earlier_queries() {
    let (mut world, token) = over();
    drop(asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER))));
    waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    world.verifier.end_lease(home());
    asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
}

#[test]
fn cache_too_small_for_the_back_off_state_still_terminates() {
    let mut world = World::with_limits(Limits { memory: 0, ..Limits::default() });
    let tokens = [world.issue(), world.issue()];
    world.ledger_up = false;
    for passed in 0..300 {
        let text = &tokens[passed as usize % 2];
        assert_eq!(world.check(text, &demand(BOUNDED), at(passed)).code, Code::Unavailable);
    }
    world.ledger_up = true;
    assert_eq!(world.check(&tokens[0], &demand(BOUNDED), at(2_300)).code, Code::Valid);
}

#[test]
fn back_off_state_of_many_workspaces_stays_within_the_budget() {
    let limits = Limits { memory: 20_000, ..Limits::default() };
    let mut verifier = Verifier::new(limits);
    let mut world = World::new();
    for number in 0..5_000 {
        let key = counterfoil_token::WorkspaceKey::parse(&format!("0{number:05}")).unwrap();
        let text = world.mint(key);
        let demand = Demand::of(key);
        let Progress::Fetch(mut pending) = verifier.check(text.as_bytes(), &demand, START) else { panic!("{number}") };
        verifier.asking(&mut pending, 1);
        assert_eq!(decided(verifier.supply(pending, &demand, Supply::Unavailable, START)).code, Code::Unavailable);
        let again = verifier.check(text.as_bytes(), &demand, START);
        assert_eq!(decided(again).code, Code::Unavailable);
    }
}

/// The request that is to renew may not do so: only a started renewal is waited for.
#[test]
fn unstarted_renewal_is_not_waited_for() {
    let (mut world, token) = over();
    assert!(decided(begin(&mut world, &token, &demand(BOUNDED), at(OVER - 1))).renewal_due);
    asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let (mut world, token) = over();
    assert!(decided(begin(&mut world, &token, &demand(BOUNDED), at(OVER - 1))).renewal_due);
    let renewal = world.verifier.renewal(home(), at(OVER - 1));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    world.finish_renewal(&renewal, at(OVER + 10));
    assert_eq!(decided(look(&mut world, waiting, at(OVER + 10))).freshness, BOUNDED);
}

#[test]
fn record_the_ledger_cannot_read_starts_no_back_off() {
    for freshness in [BOUNDED, STRONG] {
        let mut world = World::new();
        let (unreadable, other) = (world.issue(), world.issue());
        let demand = demand(freshness);
        for turn in 0..3 {
            let now = at(turn);
            let pending = fetches(begin(&mut world, &unreadable, &demand, now));
            let progress = match pending.need().clone() {
                Need::Lease(question) => {
                    let mut grant = world.grant(&question, now);
                    grant.answer.tokens.clear();
                    world.verifier.supply(pending, &demand, Supply::Lease(&grant), now)
                }
                Need::Ledger(question) => {
                    let mut answer = world.answer(&question);
                    answer.tokens.clear();
                    world.verifier.supply(pending, &demand, Supply::Ledger(&answer), now)
                }
                need => panic!("{need:?}"),
            };
            assert_eq!(decided(progress).code, Code::Unavailable);
        }
        assert_eq!(world.check(&other, &demand, at(3)).code, Code::Valid, "others are queried at once");
    }
}
