//! The limit on how many values the tokens of a member may have had in total.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, ImportLine, ImportTokens, Patch, RevokeToken, RotateToken, UpdateMember},
};
use counterfoil_token::Digest;

use crate::{changes::of_member, support::*};

/// A member that may have one more token value.
fn worn() -> (World, Held) {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:write", "tokens:import", "read"]);
    // The default quota is 600, which allows 12,000 token values.
    world.meddle("UPDATE members SET texts = 11999 WHERE id = 'ann'");
    (world, ann)
}

fn import(texts: &[&str]) -> ImportTokens {
    let line =
        |text: &&str| ImportLine { digest: Digest::of(text.as_bytes()), weak: false, length: None, token: token(&[]) };
    ImportTokens { lines: texts.iter().map(line).collect() }
}

#[test]
fn revoked_and_replaced_token_values_count_towards_limit() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:write", "tokens:import", "read"]);
    let texts = |world: &World| world.number("SELECT texts FROM members WHERE id = 'ann'");
    assert_eq!(texts(&world), 1);
    let held = world.issue(ann.actor, token(&["read"])).unwrap();
    let rotated =
        world.call(ann.actor, RotateToken { id: held.id.clone(), grace_seconds: 60, end_previous: false }).unwrap();
    world.held(rotated);
    world.call(ann.actor, import(&["one", "two", "two"])).unwrap();
    assert_eq!(texts(&world), 5, "a refused line does not count");
    world.call(ann.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    assert_eq!(texts(&world), 5);
    let all = "SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM replaced_texts)";
    assert_eq!(world.number("SELECT sum(texts) FROM members"), world.number(all));
}

#[test]
fn beyond_token_value_limit_only_revocation_works() {
    let (mut world, ann) = worn();
    let exceeded = CommandError::TextsExceeded { bound: 12_000 };
    assert_eq!(refused(world.call(ann.actor, import(&["one", "two"]))), exceeded, "all or none");
    let last = world.issue(ann.actor, token(&["read"])).unwrap();
    assert_eq!(refused(world.call(ann.actor, token(&["read"]))), exceeded);
    assert_eq!(refused(world.call(ann.actor, import(&["one"]))), exceeded);
    assert_eq!(
        refused(world.call(ann.actor, RotateToken { id: last.id.clone(), grace_seconds: 0, end_previous: false })),
        exceeded
    );
    assert_eq!(
        refused(world.call(Actor::Root, RotateToken { id: last.id.clone(), grace_seconds: 0, end_previous: false })),
        exceeded
    );
    world.call(ann.actor, RevokeToken { id: last.id.clone(), reason: None }).unwrap();
    assert_eq!(refused(world.call(ann.actor, token(&["read"]))), exceeded, "a dead text is one still");
}

#[test]
fn token_value_limit_grows_daily_and_with_quota() {
    let (mut world, ann) = worn();
    world.issue(ann.actor, token(&["read"])).unwrap();
    world.wait(DAY - 1);
    refused(world.call(ann.actor, token(&["read"])));
    world.wait(1);
    world.issue(ann.actor, token(&["read"])).unwrap();
    world.meddle("UPDATE members SET texts = 13000 WHERE id = 'ann'");
    assert_eq!(refused(world.call(ann.actor, token(&["read"]))), CommandError::TextsExceeded { bound: 13_000 });
    world.call(Actor::Root, UpdateMember { quota: Patch::Set(601), ..of_member("ann") }).unwrap();
    world.issue(ann.actor, token(&["read"])).unwrap();
    // Even a small quota leaves room for many rotations.
    world.call(Actor::Root, UpdateMember { quota: Patch::Set(10), ..of_member("ann") }).unwrap();
    assert_eq!(refused(world.call(ann.actor, token(&["read"]))), CommandError::TextsExceeded { bound: 11_000 });
}
