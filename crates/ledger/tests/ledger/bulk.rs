//! Revoking many tokens.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateToken, ReadToken, RevokeResult, RevokeToken, RevokeTokens, RevokedItem, Selection, State,
        TokenFilter,
    },
    command_error::InvalidCode,
};

use crate::support::*;

fn ids(ids: &[&str]) -> RevokeTokens {
    let select = Selection::Ids(ids.iter().map(|id| (*id).to_owned()).collect());
    RevokeTokens { select, reason: Some("over".to_owned()) }
}

fn found(filter: TokenFilter) -> RevokeTokens {
    RevokeTokens { select: Selection::Filter(filter), reason: None }
}

fn of(owner: &str) -> TokenFilter {
    TokenFilter { owner: Some(owner.to_owned()), ..TokenFilter::default() }
}

fn item(id: &str, result: RevokeResult) -> RevokedItem {
    RevokedItem { id: id.to_owned(), result }
}

fn state(world: &mut World, id: &str) -> State {
    world.call(Actor::Root, ReadToken { id: id.to_owned() }).unwrap().state
}

#[test]
fn bulk_revocation_by_ids_is_one_change() {
    let (mut world, admin) = World::founded();
    let held: Vec<Held> = (0..3).map(|_| world.issue(admin.actor, token(&[])).unwrap()).collect();
    world.call(admin.actor, RevokeToken { id: held[1].id.clone(), reason: None }).unwrap();
    let generation = world.number("SELECT generation FROM workspace");
    let rows = world.number("SELECT count(*) FROM audit");
    let ask = ids(&[&held[2].id, &held[1].id, &held[0].id, &held[2].id]);
    let done = world.call(admin.actor, ask).unwrap();
    let expected = [
        item(&held[2].id, RevokeResult::Revoked),
        item(&held[1].id, RevokeResult::AlreadyRevoked),
        item(&held[0].id, RevokeResult::Revoked),
        item(&held[2].id, RevokeResult::AlreadyRevoked),
    ];
    assert_eq!(done.items, expected);
    assert_eq!(world.number("SELECT generation FROM workspace"), generation + 1);
    assert_eq!(world.number("SELECT count(*) FROM audit"), rows + 2);
    for token in &held {
        assert_eq!(state(&mut world, &token.id), State::Revoked);
        assert_published(&mut world, token.digest);
    }
    assert_eq!(last_audit(&world, "token.revoke", &held[0].id).1["reason"], "over");
    // A repetition writes nothing.
    let before = world.dump();
    world.call(admin.actor, ids(&[&held[0].id])).unwrap();
    assert_eq!(world.dump(), before);
}

#[test]
fn bulk_revocation_with_unknown_id_revokes_nothing() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write"]);
    let anns = world.issue(ann.actor, token(&[])).unwrap();
    // A token that the actor cannot see is treated as unknown.
    for unknown in ["tok_none", &admin.id] {
        let outcome = world.call(ann.actor, ids(&[&anns.id, unknown]));
        let items = vec![item(&anns.id, RevokeResult::Kept), item(unknown, RevokeResult::Unknown)];
        assert_eq!(refused(outcome), CommandError::UnknownTokens { items });
    }
    assert_eq!(state(&mut world, &anns.id), State::Active);
}

#[test]
fn bulk_revocation_by_filter_matches_visible_unrevoked_tokens() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write"]);
    let bob = world.join("bob", &[]);
    let first = world.issue(ann.actor, token(&[])).unwrap();
    let second = world.issue(ann.actor, CreateToken { enabled: false, ..token(&[]) }).unwrap();
    world.call(ann.actor, RevokeToken { id: first.id.clone(), reason: None }).unwrap();
    assert_eq!(world.call(ann.actor, found(of("bob"))).unwrap().items, []);
    let disabled = TokenFilter { state: Some(State::Disabled), ..of("ann") };
    let done = world.call(ann.actor, found(disabled)).unwrap();
    assert_eq!(done.items, [item(&second.id, RevokeResult::Revoked)]);
    let done = world.call(admin.actor, found(of("ann"))).unwrap();
    assert_eq!(done.items, [item(&ann.id, RevokeResult::Revoked)]);
    assert_eq!(state(&mut world, &bob.id), State::Active);
    // An empty filter would match the whole workspace.
    assert_invalid_value(world.call(admin.actor, found(TokenFilter::default())), "/filter");
}

#[test]
fn bulk_revocation_is_limited_to_1000_tokens() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET default_quota = 2000");
    let mut named = Vec::new();
    for _ in 0..1_000 {
        named.push(world.attempt(admin.actor, token(&[])).unwrap().token.id);
    }
    let outcome = world.call(admin.actor, found(of("admin")));
    assert_invalid(outcome, InvalidCode::TooManyTokens, "/filter");
    let mut all: Vec<&str> = named.iter().map(String::as_str).collect();
    all.push(&admin.id);
    assert_invalid_value(world.call(admin.actor, ids(&all)), "/ids");
    assert_invalid_value(world.call(admin.actor, ids(&[])), "/ids");
    let done = world.call(admin.actor, ids(&all[..1_000])).unwrap();
    assert_eq!(done.items.len(), 1_000);
    assert!(done.items.iter().all(|item| item.result == RevokeResult::Revoked));
    assert_eq!(world.number("SELECT count(*) FROM tokens WHERE revoked_at IS NULL"), 1);
}

#[test]
fn bulk_revocation_requires_tokens_write() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:read"]);
    assert_missing(world.call(ann.actor, ids(&[&ann.id])), "tokens:write");
    assert_missing(world.call(ann.actor, found(of("ann"))), "tokens:write");
    let long = RevokeTokens { reason: Some("r".repeat(201)), ..ids(&[&ann.id]) };
    assert_invalid_value(world.call(Actor::Root, long), "/reason");
}
