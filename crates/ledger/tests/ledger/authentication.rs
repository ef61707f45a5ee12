//! Authentication and required scopes.

use counterfoil_protocol::command::{
    Actor, CreateToken, GetScopes, Lifetime, ListMembers, Page, PutScopes, ReadSelf, ReadToken, Records, RevokeToken,
};
use counterfoil_token::Digest;
use counterfoil_verify::Code;

use crate::support::*;

#[test]
fn unknown_digest_is_unauthenticated() {
    let (mut world, _) = World::founded();
    assert_unauthenticated(world.call(Actor::Token(Digest::of(b"nobody")), ReadSelf {}), Code::Unknown);
}

#[test]
fn tokens_that_fail_verification_are_unauthenticated() {
    let (mut world, _) = World::founded();
    let ask = CreateToken {
        owner: Some("admin".to_owned()),
        lifetime: Lifetime::Until(START.plus(DAY)),
        not_before: Some(START.plus(10)),
        allowed_addresses: vec!["192.0.2.0/24".parse().unwrap()],
        ..token(&["*"])
    };
    let held = world.issue(Actor::Root, ask).unwrap();
    let expect = |world: &mut World, code| assert_unauthenticated(world.call(held.actor, ReadSelf {}), code);

    world.address = "192.0.2.1".parse().ok();
    expect(&mut world, Code::NotYetValid);
    world.wait(10);
    assert!(world.call(held.actor, ReadSelf {}).is_ok());
    for elsewhere in ["192.0.3.1", "::1"] {
        world.address = elsewhere.parse().ok();
        expect(&mut world, Code::AddressNotAllowed);
    }
    world.address = None;
    expect(&mut world, Code::AddressNotAllowed);
    world.wait(DAY - 10);
    expect(&mut world, Code::Expired);
    world.meddle("UPDATE tokens SET enabled = 0 WHERE number = 2");
    expect(&mut world, Code::Disabled);
    world.meddle("UPDATE members SET suspended = 1");
    expect(&mut world, Code::OwnerSuspended);
    world.meddle("UPDATE members SET revoked_before = 1000");
    expect(&mut world, Code::Revoked);
    world.meddle("UPDATE workspace SET suspended = 1");
    expect(&mut world, Code::WorkspaceSuspended);
}

#[test]
fn each_command_requires_its_scope() {
    let (mut world, admin) = World::founded();
    let id = admin.id.clone();
    let everything_but = |scope: &str| -> Vec<&str> {
        let built_in = ["tokens:read", "tokens:write", "tokens:grant", "tokens:verify", "sessions:create"];
        let rest = ["snapshots:read", "audit:read", "workspace:manage", "orders:read"];
        built_in.into_iter().chain(rest).filter(|other| *other != scope).collect()
    };
    let lacks = |world: &mut World, scope| {
        let ask = CreateToken { owner: Some("admin".to_owned()), ..token(&everything_but(scope)) };
        world.issue(Actor::Root, ask).unwrap().actor
    };

    let page = Page::default();
    let reader = lacks(&mut world, "tokens:read");
    assert_missing(world.call(reader, all_tokens(page.clone())), "tokens:read");
    assert_missing(world.call(reader, ReadToken { id: id.clone() }), "tokens:read");
    assert_missing(world.call(reader, ReadToken { id: "tok_none".to_owned() }), "tokens:read");
    assert_missing(world.call(reader, GetScopes {}), "tokens:read");
    let writer = lacks(&mut world, "tokens:write");
    assert_missing(world.call(writer, token(&[])), "tokens:write");
    assert_missing(world.call(writer, RevokeToken { id, reason: None }), "tokens:write");
    assert_missing(world.call(writer, RevokeToken { id: "tok_none".to_owned(), reason: None }), "tokens:write");
    let verifier = lacks(&mut world, "tokens:verify");
    assert_missing(world.call(verifier, Records { digests: Vec::new() }), "tokens:verify");
    let manager = lacks(&mut world, "workspace:manage");
    assert_missing(world.call(manager, PutScopes { scopes: Vec::new() }), "workspace:manage");
    assert_missing(world.call(manager, member("m", &[])), "workspace:manage");
    // With `tokens:read` but without `workspace:manage`, the list of members contains only the caller.
    assert_eq!(world.call(manager, ListMembers { page: page.clone() }).unwrap().total, 1);

    let nothing = world.issue(Actor::Root, CreateToken { owner: Some("admin".to_owned()), ..token(&[]) }).unwrap();
    assert_missing(world.call(nothing.actor, ListMembers { page }), "tokens:read");
    assert!(world.call(nothing.actor, ReadSelf {}).is_ok());
}

#[test]
fn token_scopes_are_limited_by_owners_granted_scopes() {
    let (mut world, _) = World::founded();
    let held = world.join("m", &["tokens:read", "tokens:write"]);
    assert!(world.call(held.actor, all_tokens(Page::default())).is_ok());
    world.meddle("UPDATE members SET grants = '[\"tokens:write\"]' WHERE id = 'm'");
    assert_missing(world.call(held.actor, all_tokens(Page::default())), "tokens:read");
    assert!(world.call(held.actor, token(&[])).is_ok());
}

#[test]
fn control_plane_verifier_can_only_read_records() {
    let (mut world, admin) = World::founded();
    let verifier = Actor::Verifier;
    assert!(world.call(verifier, Records { digests: vec![admin.digest] }).is_ok());
    assert_missing(world.call(verifier, GetScopes {}), "tokens:read");
    assert_missing(world.call(verifier, PutScopes { scopes: Vec::new() }), "workspace:manage");
    assert_missing(world.call(verifier, ListMembers { page: Page::default() }), "tokens:read");
    assert_missing(world.call(verifier, member("m", &[])), "workspace:manage");
    assert_missing(world.call(verifier, token(&[])), "tokens:write");
    assert_missing(world.call(verifier, all_tokens(Page::default())), "tokens:read");
    assert_missing(world.call(verifier, ReadToken { id: admin.id.clone() }), "tokens:read");
    assert_no_such(world.call(verifier, ReadSelf {}), "token");
    assert_missing(world.call(verifier, RevokeToken { id: admin.id.clone(), reason: None }), "tokens:write");
}

#[test]
fn root_acts_as_admin_but_is_not_a_token() {
    let (mut world, admin) = World::founded();
    assert_eq!(world.call(Actor::Root, ReadToken { id: admin.id.clone() }).unwrap(), admin.view);
    assert_eq!(world.call(Actor::Root, GetScopes {}).unwrap().scopes.len(), 4);
    assert_eq!(world.call(Actor::Root, all_tokens(Page::default())).unwrap().total, 1);
    assert_no_such(world.call(Actor::Root, ReadSelf {}), "token");
}
