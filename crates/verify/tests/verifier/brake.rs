//! No failure feeds itself: a ledger that does not answer is asked by one check a back-off; one that merely takes its time makes
//! nobody unavailable, and is asked few questions.

use crate::world::{START, World, demand, home, later};
use counterfoil_token::Digest;
use counterfoil_verify::{
    Code, Decision, Demand, Freshness, LeaseQuestion, Limits, Need, Pending, Progress, Supply, Timestamp, Verifier,
};

const BOUNDED: Freshness = Freshness::Bounded;
const STRONG: Freshness = Freshness::Strong;

/// When the world's leases of ten seconds are over, in milliseconds.
const OVER: u64 = 8_800;

fn at(milliseconds: u64) -> Timestamp {
    START.plus(milliseconds)
}

/// A check of its own, up to what it waits for.
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

/// What asks for a lease.
fn asks(progress: Progress) -> (Pending, LeaseQuestion) {
    let pending = fetches(progress);
    let Need::Lease(question) = pending.need().clone() else { panic!("{:?}", pending.need()) };
    (pending, question)
}

/// What waits for others.
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

/// A world that knew the token until its lease was over.
fn over() -> (World, String) {
    let mut world = World::new();
    let token = world.issue();
    assert_eq!(world.check(&token, &demand(BOUNDED), START).code, Code::Valid);
    (world, token)
}

/// At which milliseconds after the first failure the ledger is asked again, where somebody checks in each of them.
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
fn after_a_failure_one_check_asks_when_the_back_off_is_over_and_it_grows_to_two_seconds() {
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
fn each_verifier_goes_back_at_a_time_of_its_own() {
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
fn when_the_ledger_answers_again_everybody_is_served_within_one_back_off() {
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
        // The next failure is a first one.
        let later = served + OVER;
        world.ledger_up = false;
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later)), (Code::Unavailable, 1, 0));
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later + 99)), (Code::Unavailable, 0, 0));
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(OVER + later + 250)), (Code::Unavailable, 1, 0));
    }
}

#[test]
fn an_eventual_answer_is_there_at_once_where_it_will_do() {
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
    // While one tries it again the others do not even wait.
    let (_, question) = asks(begin(&mut world, &token, &or_eventual, at(OVER + 2_000)));
    assert_eq!(question.digests, [Digest::of(token.as_bytes())]);
    let decision = decided(begin(&mut world, &token, &or_eventual, at(OVER + 2_001)));
    assert_eq!((decision.code, decision.freshness), (Code::Valid, Freshness::Eventual));
    world.ledger_up = true;
    assert_eq!(world.check(&token, &or_eventual, at(OVER + 4_500)).freshness, STRONG);
}

#[test]
fn what_memory_knows_under_a_running_lease_is_no_question_and_goes_on() {
    let (mut world, token) = over();
    let other = world.issue();
    world.ledger_up = false;
    assert_eq!(world.cost(&other, &demand(BOUNDED), at(1)), (Code::Unavailable, 1, 0));
    assert_eq!(world.cost(&other, &demand(BOUNDED), at(2)), (Code::Unavailable, 0, 0), "nor is it asked about again");
    for milliseconds in [2, 5_000, OVER - 1] {
        assert_eq!(world.cost(&token, &demand(BOUNDED), at(milliseconds)).0, Code::Valid);
    }
    let renewals = world.renewals;
    assert_eq!(renewals, 2, "each failed");
    // A renewal is held back like any question, and is not forgotten.
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

/// The workspace was never heard of: nothing of it is held but the brake.
#[test]
fn the_first_contact_may_fail_as_well() {
    for freshness in [BOUNDED, STRONG] {
        let mut world = World::new();
        let token = world.issue();
        let tries = tries(&mut world, &token, &demand(freshness), 3_000);
        assert!((3..=6).contains(&tries.len()), "{tries:?}");
        // Another workspace's ledger may well answer.
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
fn a_clock_that_steps_never_prolongs_it() {
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
fn a_question_that_is_merely_out_makes_nobody_unavailable() {
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

/// Who waits is decided by what was told, and not by what was held before.
#[test]
fn who_waits_is_told_what_changed() {
    let (mut world, token) = over();
    let (asker, _) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let other = world.issue();
    world.check(&other, &demand(STRONG), at(OVER));
    world.change(&token, |record| record.revoked = true);
    // A renewal arrives first. It names the token, so that it has to be asked about; as it is already, by the asker.
    world.renew(at(OVER));
    let waiting = waits(look(&mut world, waiting, at(OVER + 25)));
    world.fetch(asker, &demand(BOUNDED), at(OVER + 26));
    let decision = decided(look(&mut world, waiting, at(OVER + 50)));
    assert_eq!((decision.code, decision.freshness), (Code::Revoked, BOUNDED));
}

#[test]
fn those_who_waited_for_a_question_that_failed_are_told_at_once() {
    let (mut world, token) = over();
    let (asker, _) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    let decision = decided(world.verifier.supply(asker, &demand(BOUNDED), Supply::Unavailable, at(OVER + 50)));
    assert_eq!(decision.code, Code::Unavailable);
    assert_eq!(decided(look(&mut world, waiting, at(OVER + 51))).code, Code::Unavailable);
    // One tries it again, and for that one is waited.
    let (trial, question) = asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 300)));
    let waiting = waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER + 300)));
    let strong = waits(begin(&mut world, &token, &demand(STRONG), at(OVER + 300)));
    let grant = world.grant(&question, at(OVER + 301));
    decided(world.verifier.supply(trial, &demand(BOUNDED), Supply::Lease(&grant), at(OVER + 302)));
    assert_eq!(decided(look(&mut world, waiting, at(OVER + 302))).code, Code::Valid);
    let strong = fetches(world.verifier.supply(strong, &demand(STRONG), Supply::Waited, at(OVER + 302)));
    assert!(matches!(strong.need(), Need::Ledger(_)), "it asks a question of its own");
}

/// On some platforms a request may be cut off at any time, and nobody is told.
#[test]
fn an_asker_that_is_gone_strands_nobody() {
    let (mut world, token) = over();
    drop(asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER))));
    let mut waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    for passed in (25..1_000).step_by(25) {
        waiting = Progress::Fetch(waits(look_on(&mut world, waiting, at(OVER + passed))));
    }
    let (pending, _) = asks(look_on(&mut world, waiting, at(OVER + 1_000)));
    assert_eq!(decided(world.fetch(pending, &demand(BOUNDED), at(OVER + 1_000))).code, Code::Valid);
    // Nor does one that was to try it after a failure.
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

/// Each asker in turn is gone: whoever waits does so for five seconds, and a host that does not wait at all comes to an end.
#[test]
fn a_wait_has_an_end() {
    let (mut world, token) = over();
    let mut waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    asks(waiting);
    waiting = begin(&mut world, &token, &demand(BOUNDED), at(OVER));
    for passed in (100..5_000).step_by(100) {
        // Somebody always asks.
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
fn few_ask_at_once_about_what_they_see_first_and_take_along_what_others_wait_for() {
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
    // The same text is not asked about twice, and comes with the answer.
    let same = waits(begin(&mut world, &texts[0], &demand, at(1)));
    let first = out.remove(0);
    assert_eq!(decided(world.fetch_asked(first, &demand, at(2))).code, Code::Valid);
    assert_eq!(decided(look(&mut world, same, at(2))).code, Code::Valid);
    // Who asks next takes 99 along.
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
    assert_eq!(asked, 1, "which takes the other 83 along");
    assert_eq!(world.ledger_calls, 1 + 3);
}

/// A batch is one question, however many texts it is about, and takes nothing along that it has no room for.
#[test]
fn a_batch_is_one_question() {
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
    // Fifteen more may ask.
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
    // Two that are asked as one have room for 49 each.
    let two = [(); 2].map(|()| world.issue());
    let mut two: Vec<_> = two.iter().map(|text| check(&mut world, text)).collect();
    two.iter_mut().for_each(|pending| world.verifier.asking(pending, 2));
    assert_eq!(two.iter().map(digests).sum::<usize>(), 2 + 15);
    // Where a batch fails it has failed once.
    let mut world = World::new();
    let texts: Vec<_> = (0..100).map(|_| world.issue()).collect();
    let mut batch: Vec<_> = texts.iter().map(|text| check(&mut world, text)).collect();
    batch.iter_mut().for_each(|pending| world.verifier.asking(pending, 100));
    for pending in batch {
        decided(world.verifier.supply(pending, &demand, Supply::Unavailable, START));
    }
    assert_eq!(world.cost(&texts[0], &demand, at(250)), (Code::Valid, 1, 0));
}

/// A single loss among answers is no outage.
#[test]
fn a_failure_that_is_older_than_an_answer_brakes_nobody() {
    for freshness in [BOUNDED, STRONG] {
        let (mut world, token) = over();
        let other = world.issue();
        let lost = fetches(begin(&mut world, &other, &demand(freshness), at(1)));
        assert_eq!(world.check(&token, &demand(STRONG), at(100)).code, Code::Valid);
        decided(world.verifier.supply(lost, &demand(freshness), Supply::Unavailable, at(2_001)));
        assert_eq!(world.cost(&other, &demand(freshness), at(2_001)), (Code::Valid, 1, 0));
    }
    // One that was out when another failed, and is answered, ends the brake.
    let mut world = World::new();
    let [lost, slow] = [(); 2].map(|()| world.issue());
    let [first, second] = [&lost, &slow].map(|text| fetches(begin(&mut world, text, &demand(BOUNDED), START)));
    decided(world.verifier.supply(first, &demand(BOUNDED), Supply::Unavailable, at(5)));
    assert_eq!(world.cost(&lost, &demand(BOUNDED), at(6)), (Code::Unavailable, 0, 0));
    decided(world.fetch_asked(second, &demand(BOUNDED), at(7)));
    assert_eq!(world.cost(&lost, &demand(BOUNDED), at(8)), (Code::Valid, 1, 0));
}

/// Whatever became of what it said: the ledger answers.
#[test]
fn an_answer_that_is_of_no_use_to_one_check_brakes_no_other() {
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
fn whoever_has_changed_something_here_does_not_wait_for_what_was_asked_before() {
    let (mut world, token) = over();
    drop(asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER))));
    waits(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
    world.verifier.end_lease(home());
    asks(begin(&mut world, &token, &demand(BOUNDED), at(OVER)));
}

#[test]
fn a_memory_too_small_for_anything_asks_more_and_ends() {
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
fn brakes_of_many_workspaces_stay_within_the_memory() {
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

/// Whose turn it is may not care: only who has begun to ask is waited for.
#[test]
fn a_turn_that_nobody_takes_is_not_waited_for() {
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
fn a_record_that_the_ledger_cannot_read_is_no_failure_of_its() {
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
        assert_eq!(world.check(&other, &demand, at(3)).code, Code::Valid, "others are asked about at once");
    }
}
