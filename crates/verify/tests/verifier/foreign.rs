//! Third-party tokens.

use crate::world::{START, World, demand, elsewhere, home, later};
use counterfoil_verify::{Code, Demand, Freshness, Limits};

const FOREIGN: &str = "ghp_somebody-elses-token";

#[test]
fn eventual_check_without_imports_needs_no_query() {
    let mut world = World::new();
    let eventual = demand(Freshness::Eventual);
    assert_eq!(world.cost(FOREIGN, &eventual, START), (Code::Unknown, 0, 2), "learned from the registry");
    assert_eq!(world.cost(FOREIGN, &eventual, later(1)), (Code::Unknown, 0, 0));
    let decision = world.check(FOREIGN, &eventual, later(2));
    assert_eq!((decision.freshness, decision.as_of), (Freshness::Eventual, START), "its freshness level");
    assert_eq!(world.cost(FOREIGN, &demand(Freshness::Strong), START), (Code::Unknown, 1, 0), "a strong check queries");
    assert_eq!(world.check(FOREIGN, &demand(Freshness::Strong), START).freshness, Freshness::Strong);
}

#[test]
fn imported_third_party_token_is_valid() {
    let mut world = World::new();
    world.adopt(home(), FOREIGN);
    world.home().workspace.has_imports = true;
    world.publish_workspace(home());
    assert_eq!(world.cost(FOREIGN, &demand(Freshness::Strong), START), (Code::Valid, 1, 0));
    let mut eventual = World::new();
    eventual.adopt(home(), FOREIGN);
    eventual.home().workspace.has_imports = true;
    eventual.publish_workspace(home());
    assert_eq!(
        eventual.cost(FOREIGN, &demand(Freshness::Eventual), START),
        (Code::Valid, 1, 2),
        "registry, then ledger"
    );
    eventual.publish(FOREIGN);
    assert_eq!(eventual.cost(FOREIGN, &demand(Freshness::Eventual), later(61)), (Code::Valid, 0, 3));
}

#[test]
fn only_workspaces_named_by_the_requirement_are_searched() {
    let mut world = World::new();
    world.adopt(elsewhere(), FOREIGN);
    let (mut both, mut only) = (Demand::of_any(vec![home(), elsewhere()]).unwrap(), Demand::of(home()));
    (both.freshness, only.freshness) = (Freshness::Strong, Freshness::Strong);
    assert_eq!(world.cost(FOREIGN, &both, START), (Code::Valid, 2, 0));
    assert_eq!(world.cost(FOREIGN, &only, START), (Code::Unknown, 1, 0));
}

#[test]
fn lookups_of_unseen_third_party_tokens_are_rate_limited() {
    let mut world = World::with_limits(Limits { foreign_per_second: 3, ..Limits::default() });
    world.adopt(home(), FOREIGN);
    let demand = demand(Freshness::Strong);
    assert_eq!(world.check(FOREIGN, &demand, START).code, Code::Valid);
    let texts: Vec<_> = (0..5).map(|n| format!("{FOREIGN}-{n}")).collect();
    let codes: Vec<_> = texts.iter().map(|text| world.cost(text, &demand, START)).collect();
    let (asked, limited) = ((Code::Unknown, 1, 0), (Code::RateLimited, 0, 0));
    assert_eq!(codes, [asked, asked, limited, limited, limited]);
    assert_eq!(world.cost(FOREIGN, &demand, START), (Code::Valid, 1, 0), "one that was seen is valid");
    assert_eq!(world.cost(&texts[4], &demand, later(1)), asked, "the next second");
}

#[test]
fn third_party_rate_limit_is_per_workspace() {
    let mut world = World::with_limits(Limits { foreign_per_second: 3, ..Limits::default() });
    world.adopt(elsewhere(), FOREIGN);
    let (mut here, mut there) = (Demand::of(home()), Demand::of(elsewhere()));
    (here.freshness, there.freshness) = (Freshness::Strong, Freshness::Strong);
    let invented = (0..130).map(|n| world.check(&format!("{FOREIGN}-{n}"), &here, START).code);
    assert_eq!(invented.filter(|code| *code == Code::RateLimited).count(), 127);
    assert_eq!(world.cost(FOREIGN, &there, START), (Code::Valid, 1, 0), "first seen in the same second");
    // A check for several workspaces is limited in each of them separately.
    let mut both = Demand::of_any(vec![elsewhere(), home()]).unwrap();
    both.freshness = Freshness::Strong;
    assert_eq!(world.check("ghp_another-invention", &both, START).code, Code::RateLimited);
}
