//! Four tokens at a time get the results that each of them gets alone.

use crate::world::{START, World, demand, elsewhere, home};
use counterfoil_verify::{Code, Freshness, Limits, Progress};

fn shown(progress: &Progress) -> String {
    match progress {
        Progress::Decided(decision) => format!("{} {:?} {:?}", decision.code, decision.freshness, decision.as_of),
        Progress::Fetch(pending) => format!("{:?}", pending.need()),
    }
}

#[test]
fn four_tokens_at_a_time_get_the_results_of_each_alone() {
    let mut world = World::with_limits(Limits { count_uses: true, ..Limits::default() });
    let valid: Vec<_> = (0..4).map(|_| world.issue()).collect();
    let revoked = world.issue();
    world.change(&revoked, |record| record.revoked = true);
    let others = [
        revoked,
        world.mint(home()),
        world.mint(elsewhere()),
        world.forge(home()),
        format!("{}x", &valid[0][..valid[0].len() - 1]),
        "another-systems-token".to_owned(),
        String::new(),
        "x".repeat(513),
    ];
    let texts: Vec<&str> = valid.iter().chain(&others).map(String::as_str).collect();
    for freshness in Freshness::ALL {
        let demand = demand(freshness);
        for text in &texts {
            world.check(text, &demand, START);
        }
        let alone: Vec<_> =
            texts.iter().map(|text| shown(&world.verifier.check(text.as_bytes(), &demand, START))).collect();
        let mut valid = 0;
        // Each text in each place, beside each other: 12 texts, so that all groups of neighbours occur.
        for from in 0..texts.len() {
            for stride in [1, 3, 5, 7] {
                let at = [0, 1, 2, 3].map(|lane| (from + lane * stride) % texts.len());
                let mut results = Vec::new();
                let group = at.map(|at| texts[at].as_bytes());
                world.verifier.check_four(group, &demand, START, |progress| {
                    valid += usize::from(matches!(&progress, Progress::Decided(told) if told.code == Code::Valid));
                    results.push(shown(&progress));
                });
                assert_eq!(results, at.map(|at| alone[at].clone()), "{freshness:?} {at:?}");
            }
        }
        assert_eq!(valid > 0, matches!(freshness, Freshness::Bounded | Freshness::Eventual), "{freshness:?}");
    }
}
