//! Revoking.

use counterfoil_protocol::command::{Actor, ReadSelf, Records, RevokeToken, State};
use counterfoil_verify::Code;

use crate::support::*;

fn of(held: &Held) -> RevokeToken {
    RevokeToken { id: held.id.clone(), reason: Some("lost".to_owned()) }
}

#[test]
fn revocation_is_immediate_and_permanent() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    world.wait(5);
    let view = world.call(admin.actor, of(&held)).unwrap();
    assert_eq!((view.state, view.revoked_at), (State::Revoked, Some(START.plus(5))));
    assert_unauthenticated(world.call(held.actor, ReadSelf {}), Code::Revoked);
    let answer = world.call(Actor::Verifier, Records { digests: vec![held.digest] }).unwrap().0;
    let record = answer.tokens[0].1.as_ref().unwrap();
    assert!(record.revoked);
    assert_eq!(record.version, answer.generation);
    assert_eq!(world.column("SELECT revoke_reason FROM tokens WHERE number = 2"), ["lost".into()]);
}

#[test]
fn repeated_revocation_writes_nothing() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    let first = world.call(admin.actor, of(&held)).unwrap();
    world.wait(1_000);
    let before = world.dump();
    let again = RevokeToken { reason: Some("another".to_owned()), ..of(&held) };
    assert_eq!(world.call(admin.actor, again).unwrap(), first);
    assert_eq!(world.dump(), before);
}

#[test]
fn token_can_revoke_itself_without_scope() {
    let (mut world, admin) = World::founded();
    let other = world.issue(admin.actor, token(&[])).unwrap();
    let held = world.issue(admin.actor, token(&[])).unwrap();
    assert_missing(world.call(held.actor, of(&other)), "tokens:write");
    assert_eq!(world.call(held.actor, of(&held)).unwrap().state, State::Revoked);
    assert_unauthenticated(world.call(held.actor, of(&held)), Code::Revoked);
}

#[test]
fn members_revoke_own_tokens_and_admins_all() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:write"]);
    let bob = world.join("bob", &["tokens:write"]);
    let anns = world.issue(ann.actor, token(&[])).unwrap();
    for id in [anns.id.as_str(), &admin.id, "tok_none", "", "' OR 1 = 1 --"] {
        assert_no_such(world.call(bob.actor, RevokeToken { id: id.to_owned(), reason: None }), "token");
    }
    assert!(world.call(ann.actor, of(&anns)).is_ok());
    assert!(world.call(admin.actor, of(&ann)).is_ok());
    assert!(world.call(Actor::Root, of(&bob)).is_ok());
}

#[test]
fn revocation_reason_length_is_limited() {
    let (mut world, admin) = World::founded();
    let reason = Some("r".repeat(201));
    assert_invalid_value(world.call(admin.actor, RevokeToken { id: admin.id.clone(), reason }), "/reason");
}

#[test]
fn an_expired_token_can_still_be_revoked() {
    let (mut world, admin) = World::founded();
    let ask = counterfoil_protocol::command::CreateToken {
        lifetime: counterfoil_protocol::command::Lifetime::Seconds(1),
        ..token(&[])
    };
    let held = world.issue(admin.actor, ask).unwrap();
    world.wait(DAY);
    assert_eq!(world.call(admin.actor, of(&held)).unwrap().state, State::Revoked);
}
