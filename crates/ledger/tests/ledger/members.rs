//! Members.

use counterfoil_ledger::sql::MAX_INTEGER;
use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateMember, EraseMember, ListMembers, Page, PutScopes, Records, Role, ScopeEntry},
    command_error::{ForbiddenCode, InvalidCode},
};
use counterfoil_verify::ScopePattern;

use crate::support::*;

#[test]
fn created_member_matches_request() {
    let (mut world, admin) = World::founded();
    let ask = CreateMember {
        number: Some(42),
        email: Some("ann@example.org".to_owned()),
        quota: Some(3),
        ..member("ann", &["orders:*", "orders:*", "tokens:read"])
    };
    let ann = world.call(admin.actor, ask).unwrap();
    assert_eq!((ann.id.as_str(), ann.number, ann.name.as_str()), ("ann", 42, "ANN"));
    assert_eq!((ann.email.as_deref(), ann.role, ann.quota), (Some("ann@example.org"), Role::Member, 3));
    assert_eq!((ann.live_tokens, ann.suspended, ann.created_at), (0, false, START));
    assert_eq!(ann.grants.iter().map(ScopePattern::as_str).collect::<Vec<_>>(), ["orders:*", "tokens:read"]);
    let all = world.call(admin.actor, ListMembers { page: Page::default() }).unwrap();
    assert_eq!(all.items[1], ann);

    // A member without a number or quota gets the next number and the default quota.
    let bob = world.call(admin.actor, member("bob", &[])).unwrap();
    assert_eq!((bob.number, bob.quota), (43, 600));
}

#[test]
fn member_ids_and_numbers_are_unique() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, CreateMember { number: Some(7), ..member("ann", &[]) }).unwrap();
    let taken = |field: &str| CommandError::AlreadyExists { what: "member".to_owned(), field: field.to_owned() };
    assert_eq!(refused(world.call(admin.actor, member("ann", &[]))), taken("id"));
    let same_number = CreateMember { number: Some(7), ..member("bob", &[]) };
    assert_eq!(refused(world.call(admin.actor, same_number)), taken("number"));
    // Ids are case-sensitive.
    assert!(world.call(admin.actor, member("Ann", &[])).is_ok());
}

#[test]
fn member_fields_are_validated() {
    let (mut world, admin) = World::founded();
    let plain = || member("ann", &[]);
    let mut invalid = |ask, at| assert_invalid_value(world.call(admin.actor, ask), at);
    for id in ["", "a b", "ä", "a\n", &"a".repeat(129)] {
        invalid(CreateMember { id: id.to_owned(), ..plain() }, "/id");
    }
    for number in [0, MAX_INTEGER + 1, u64::MAX] {
        invalid(CreateMember { number: Some(number), ..plain() }, "/number");
    }
    for name in [String::new(), "n".repeat(201)] {
        invalid(CreateMember { name, ..plain() }, "/name");
    }
    for email in ["", "ann", "a@b@c", "a @b"] {
        invalid(CreateMember { email: Some(email.to_owned()), ..plain() }, "/email");
    }
    for quota in [1_000_001, u64::MAX] {
        invalid(CreateMember { quota: Some(quota), ..plain() }, "/quota");
    }
    invalid(CreateMember { grants: patterns(&["read"; 101]), ..plain() }, "/grants");

    let last = CreateMember {
        id: "a".repeat(128),
        number: Some(MAX_INTEGER),
        name: "ä".repeat(200),
        quota: Some(1_000_000),
        ..plain()
    };
    assert_eq!(world.call(admin.actor, last).unwrap().number, MAX_INTEGER);
    assert!(world.call(admin.actor, CreateMember { number: Some(2), ..plain() }).is_ok());
}

#[test]
fn granted_scopes_must_exist() {
    let (mut world, admin) = World::founded();
    let mut put = |grants: &[&str]| world.call(admin.actor, member("ann", grants));
    assert_invalid(put(&["read", "reed"]), InvalidCode::UnknownScope, "/grants/1");
    assert_invalid(put(&["stock:*"]), InvalidCode::UnknownScope, "/grants/0");
    assert!(put(&["*", "orders:*", "tokens:*", "audit:read"]).is_ok());
}

#[test]
fn creating_member_with_more_scopes_than_grantable_is_refused() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["workspace:manage", "tokens:read", "orders:read"]);
    let granter = world.join("granter", &["workspace:manage", "tokens:grant", "orders:*"]);
    let beyond = "The scope orders:write is more than your credential can grant.";
    let asked = || member("ann", &["orders:read", "orders:write"]);
    assert_forbidden(world.call(manager.actor, asked()), ForbiddenCode::Escalation, beyond);
    let all = "The scope * is more than your credential can grant.";
    assert_forbidden(world.call(granter.actor, member("ann", &["*"])), ForbiddenCode::Escalation, all);
    assert!(world.call(granter.actor, asked()).is_ok());

    let only_admins = "Only an admin can make a member an admin.";
    let admin = CreateMember { role: Role::Admin, ..member("eve", &[]) };
    assert_forbidden(world.call(granter.actor, admin), ForbiddenCode::Escalation, only_admins);

    let scopes = vec![ScopeEntry { grantable_by: Role::Admin, ..entry("orders:write") }, entry("orders:read")];
    world.call(Actor::Root, PutScopes { scopes }).unwrap();
    let reserved = "The scope orders:* is reserved: only an admin can grant it.";
    let wildcard = member("eve", &["orders:*"]);
    assert_forbidden(world.call(granter.actor, wildcard), ForbiddenCode::Escalation, reserved);
}

#[test]
fn created_member_is_published() {
    let (mut world, _) = World::founded();
    let held = world.join("ann", &["orders:read"]);
    let answer = world.call(Actor::Verifier, Records { digests: vec![held.digest] }).unwrap().0;
    let owner = &answer.owners[0];
    assert_eq!((&*owner.id, owner.number, owner.version), ("ann", 2, 3));
    assert_eq!((owner.suspended, owner.revoked_before), (false, 0));
    assert!(owner.grants.iter().map(ScopePattern::as_str).eq(["orders:read"]));
}

#[test]
fn members_without_manage_see_only_themselves() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:read"]);
    let manager = world.join("manager", &["workspace:manage"]);
    let mut ids = |actor| {
        let all = world.call(actor, ListMembers { page: Page::default() }).unwrap();
        assert_eq!(all.total as usize, all.items.len());
        all.items.into_iter().map(|member| member.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(ann.actor), ["ann"]);
    assert_eq!(ids(manager.actor), ["admin", "ann", "manager"]);
    assert_eq!(ids(Actor::Root), ["admin", "ann", "manager"]);
}

#[test]
fn taking_highest_member_number_leaves_others_free() {
    let (mut world, admin) = World::founded();
    let manager = world.join("manager", &["workspace:manage"]);
    let last = CreateMember { number: Some(MAX_INTEGER), ..member("last", &[]) };
    world.call(manager.actor, last).unwrap();
    assert_eq!(world.call(admin.actor, member("next", &[])).unwrap().number, 3);
    world.call(admin.actor, CreateMember { number: Some(5), ..member("five", &[]) }).unwrap();
    let numbers = ["four", "six", "seven"].map(|id| world.call(admin.actor, member(id, &[])).unwrap().number);
    assert_eq!(numbers, [4, 6, 7]);
    // The number of an erased member is not reused.
    world.call(admin.actor, EraseMember { id: "seven".to_owned() }).unwrap();
    assert_eq!(world.call(admin.actor, member("eight", &[])).unwrap().number, 8);
}
