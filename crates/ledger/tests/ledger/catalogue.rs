//! The scope catalogue.

use counterfoil_protocol::{
    command::{Actor, GetScopes, PutScopes, Records, Role, ScopeEntry},
    command_error::InvalidCode,
};
use counterfoil_verify::Freshness;

use crate::support::*;

fn names(world: &mut World, actor: Actor) -> Vec<String> {
    world.call(actor, GetScopes {}).unwrap().scopes.iter().map(|entry| entry.name.to_string()).collect()
}

#[test]
fn catalogue_is_returned_sorted_by_name() {
    let (mut world, admin) = World::founded();
    let strict = ScopeEntry {
        freshness: Some(Freshness::Strong),
        visible_to: Role::Admin,
        grantable_by: Role::Admin,
        ..entry("write")
    };
    let scopes = vec![strict.clone(), entry("b.c"), entry("a:b")];
    let put = world.call(admin.actor, PutScopes { scopes }).unwrap();
    assert_eq!(put.scopes, [entry("a:b"), entry("b.c"), strict]);
    assert_eq!(world.call(admin.actor, GetScopes {}).unwrap(), put);
}

#[test]
fn minimum_freshness_is_published_in_workspace_record() {
    let (mut world, admin) = World::founded();
    let of = |name: &str, freshness| ScopeEntry { freshness, ..entry(name) };
    let scopes = vec![of("w", Some(Freshness::Strong)), of("n", None), of("b", Some(Freshness::Bounded))];
    world.call(admin.actor, PutScopes { scopes }).unwrap();
    let answer = world.call(Actor::Verifier, Records { digests: Vec::new() }).unwrap().0;
    let workspace = answer.workspace.unwrap();
    let named = workspace.freshness.iter().map(|(scope, freshness)| (scope.as_str(), *freshness));
    assert_eq!(named.collect::<Vec<_>>(), [("b", Freshness::Bounded), ("w", Freshness::Strong)]);
    assert_eq!((workspace.version, answer.generation), (3, 3));
}

#[test]
fn unchanged_catalogue_writes_nothing() {
    let (mut world, admin) = World::founded();
    let before = world.dump();
    let scopes = world.call(admin.actor, GetScopes {}).unwrap().scopes;
    world.call(admin.actor, PutScopes { scopes }).unwrap();
    assert_eq!(world.dump(), before);
}

#[test]
fn token_keeps_scopes_removed_from_catalogue() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["orders:read"])).unwrap();
    world.put_scopes(&["other"]);
    let answer = world.call(Actor::Verifier, Records { digests: vec![held.digest] }).unwrap().0;
    assert_eq!(answer.tokens[0].1.as_ref().map(|record| record.scopes.clone()), Some(held.scopes.clone()));
    assert_invalid(world.call(admin.actor, token(&["orders:read"])), InvalidCode::UnknownScope, "/scopes/0");
}

#[test]
fn catalogue_shows_members_which_scopes_they_can_grant() {
    let (mut world, admin) = World::founded();
    let member = world.join("m", &["tokens:read", "tokens:write", "orders:*", "read"]);
    let granter = world.join("g", &["tokens:read", "tokens:grant", "orders:*", "read"]);
    let narrow = counterfoil_protocol::command::CreateToken {
        owner: Some("m".to_owned()),
        ..token(&["tokens:read", "orders:read"])
    };
    let narrow = world.issue(Actor::Root, narrow).unwrap();
    let scopes = vec![
        ScopeEntry { visible_to: Role::Admin, ..entry("orders:hidden") },
        ScopeEntry { grantable_by: Role::Admin, ..entry("orders:special") },
        entry("orders:read"),
        entry("orders:write"),
        entry("read"),
        entry("write"),
    ];
    world.call(admin.actor, PutScopes { scopes }).unwrap();

    assert_eq!(names(&mut world, admin.actor).len(), 6);
    assert_eq!(names(&mut world, member.actor), ["orders:read", "orders:write", "read"]);
    assert_eq!(names(&mut world, granter.actor), ["orders:read", "orders:write", "read"]);
    assert_eq!(names(&mut world, narrow.actor), ["orders:read"]);
}

#[test]
fn catalogue_entries_are_validated() {
    let (mut world, admin) = World::founded();
    let mut put = |scopes| world.call(admin.actor, PutScopes { scopes });
    for built_in in ["tokens:read", "workspace:manage", "sessions:create"] {
        assert_invalid(put(vec![entry("a"), entry(built_in)]), InvalidCode::BuiltInScope, "/scopes/1/name");
    }
    assert_invalid_value(put(vec![entry("a"), entry("b"), entry("a")]), "/scopes/2/name");
    let wordy = ScopeEntry { description: "ä".repeat(501), ..entry("a") };
    assert_invalid_value(put(vec![wordy]), "/scopes/0/description");
    let many = |count: usize| (0..count).map(|n| entry(&format!("s{n}"))).collect::<Vec<_>>();
    assert_invalid_value(put(many(1_001)), "/scopes");
    assert_eq!(put(many(1_000)).unwrap().scopes.len(), 1_000);
    let long = |entry: ScopeEntry| ScopeEntry { description: "x".repeat(500), ..entry };
    assert_invalid_value(put(many(1_000).into_iter().map(long).collect()), "/scopes");
    assert_eq!(put(Vec::new()).unwrap().scopes, []);
}
