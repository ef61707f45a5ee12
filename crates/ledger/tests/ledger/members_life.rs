//! Members: changes, and their effect on tokens.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateMember, CreateToken, EraseMember, FindMember, ListMembers, Page, Patch, ReadMember, ReadSelf,
        ReadToken, Records, Role, State, UpdateMember,
    },
    command_error::{ConflictCode, ForbiddenCode, InvalidCode},
};
use counterfoil_token::Digest;
use counterfoil_verify::{Code, Encoded as _, OwnerRecord, ScopePattern, TokenRecord};

use crate::{changes::of_member as change, support::*};

/// Asserts that the last admin cannot be removed.
fn assert_last_admin<T>(outcome: Result<T, CommandError>) {
    let CommandError::Conflict { code, .. } = refused(outcome) else { panic!("no conflict") };
    assert_eq!(code, ConflictCode::LastAdmin);
}

fn drain(world: &World) -> Vec<String> {
    let due = world.ledger.outbox().due(world.now.plus(100_000), 1_000).unwrap();
    for put in &due {
        world.ledger.outbox().done(put, world.now).unwrap();
    }
    due.into_iter().map(|put| put.key).collect()
}

#[test]
fn member_update_changes_only_named_fields() {
    let (mut world, admin) = World::founded();
    let email = Some("ann@example.org".to_owned());
    let before = world.call(admin.actor, CreateMember { email, ..member("ann", &["read"]) }).unwrap();
    let ask = UpdateMember {
        name: Some("Ann".to_owned()),
        email: Patch::Clear,
        role: Some(Role::Admin),
        grants: Some(patterns(&["orders:*"])),
        quota: Patch::Set(7),
        suspended: Some(true),
        ..change("ann")
    };
    let after = world.call(admin.actor, ask).unwrap();
    assert_eq!((after.name.as_str(), after.email.as_ref(), after.role), ("Ann", None, Role::Admin));
    assert_eq!((after.quota, after.suspended, after.number), (7, true, before.number));
    assert!(after.grants.iter().map(ScopePattern::as_str).eq(["orders:*"]));
    assert_eq!(world.call(admin.actor, ReadMember { id: "ann".to_owned() }).unwrap(), after);
    let quota = UpdateMember { quota: Patch::Clear, ..change("ann") };
    assert_eq!(world.call(admin.actor, quota).unwrap().quota, 600);
}

#[test]
fn member_update_without_difference_writes_nothing() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, member("ann", &["read"])).unwrap();
    let before = world.dump();
    world.call(admin.actor, change("ann")).unwrap();
    let same = UpdateMember { grants: Some(patterns(&["read"])), suspended: Some(false), ..change("ann") };
    world.call(admin.actor, same).unwrap();
    assert_eq!(world.dump(), before);
}

#[test]
fn member_update_validates_fields_and_existence() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, member("ann", &[])).unwrap();
    let mut invalid = |ask, at| assert_invalid_value(world.call(admin.actor, ask), at);
    invalid(UpdateMember { name: Some(String::new()), ..change("ann") }, "/name");
    invalid(UpdateMember { email: Patch::Set("ann".to_owned()), ..change("ann") }, "/email");
    invalid(UpdateMember { quota: Patch::Set(1_000_001), ..change("ann") }, "/quota");
    invalid(UpdateMember { grants: Some(patterns(&["read"; 101])), ..change("ann") }, "/grants");
    let unknown = UpdateMember { grants: Some(patterns(&["read", "reed"])), ..change("ann") };
    assert_invalid(world.call(admin.actor, unknown), InvalidCode::UnknownScope, "/grants/1");
    assert_no_such(world.call(admin.actor, change("bob")), "member");
    assert_no_such(world.call(admin.actor, ReadMember { id: "bob".to_owned() }), "member");
    assert_no_such(world.call(admin.actor, EraseMember { id: "bob".to_owned() }), "member");
}

#[test]
fn member_update_cannot_grant_more_than_actor_can() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["workspace:manage", "orders:read"]);
    world.call(Actor::Root, member("ann", &["orders:read", "orders:write"])).unwrap();
    let mut grant =
        |grants: &[&str]| world.call(manager.actor, UpdateMember { grants: Some(patterns(grants)), ..change("ann") });
    let beyond = "The scope orders:* is more than your credential can grant.";
    assert_forbidden(grant(&["orders:*"]), ForbiddenCode::Escalation, beyond);
    // A scope that the member has may stay, even if the actor cannot grant it. Once removed, it must be grantable again.
    assert!(grant(&["orders:write"]).is_ok());
    assert!(grant(&["orders:read"]).is_ok());
    let lost = "The scope orders:write is more than your credential can grant.";
    assert_forbidden(grant(&["orders:write"]), ForbiddenCode::Escalation, lost);

    let own = UpdateMember { grants: Some(patterns(&["*"])), ..change("manager") };
    let all = "The scope * is more than your credential can grant.";
    assert_forbidden(world.call(manager.actor, own), ForbiddenCode::Escalation, all);
    let raised = UpdateMember { role: Some(Role::Admin), ..change("manager") };
    let only = "Only an admin can make a member an admin.";
    assert_forbidden(world.call(manager.actor, raised), ForbiddenCode::Escalation, only);
}

#[test]
fn only_admins_can_change_admins() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["workspace:manage"]);
    world.call(Actor::Root, CreateMember { role: Role::Admin, ..member("second", &["*"]) }).unwrap();
    let sentence = "Only an admin can change an admin.";
    for id in ["admin", "second"] {
        let asks = [
            UpdateMember { suspended: Some(true), ..change(id) },
            UpdateMember { revoke_all: true, ..change(id) },
            UpdateMember { grants: Some(Vec::new()), ..change(id) },
        ];
        for ask in asks {
            assert_forbidden(world.call(manager.actor, ask), ForbiddenCode::NotYours, sentence);
        }
        let erase = EraseMember { id: id.to_owned() };
        assert_forbidden(world.call(manager.actor, erase), ForbiddenCode::NotYours, sentence);
    }
}

#[test]
fn member_changes_require_workspace_manage() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:read", "tokens:write", "tokens:grant", "read"]);
    assert_missing(world.call(ann.actor, change("ann")), "workspace:manage");
    assert_missing(world.call(ann.actor, EraseMember { id: "ann".to_owned() }), "workspace:manage");
    // With `tokens:read`, members read themselves and no other member.
    assert_eq!(world.call(ann.actor, ReadMember { id: "ann".to_owned() }).unwrap().id, "ann");
    assert_no_such(world.call(ann.actor, ReadMember { id: "admin".to_owned() }), "member");
    assert_eq!(world.call(ann.actor, FindMember { number: 2 }).unwrap().id, "ann");
    assert_no_such(world.call(ann.actor, FindMember { number: 1 }), "member");
    let bob = world.join("bob", &["read"]);
    assert_missing(world.call(bob.actor, ReadMember { id: "bob".to_owned() }), "tokens:read");
    assert_missing(world.call(bob.actor, FindMember { number: 3 }), "tokens:read");
}

#[test]
fn last_active_admin_cannot_be_removed() {
    let (mut world, admin) = World::founded();
    let demoted = || UpdateMember { role: Some(Role::Member), ..change("admin") };
    let suspended = |id| UpdateMember { suspended: Some(true), ..change(id) };
    for actor in [admin.actor, Actor::Root] {
        assert_last_admin(world.call(actor, demoted()));
        assert_last_admin(world.call(actor, suspended("admin")));
        assert_last_admin(world.call(actor, EraseMember { id: "admin".to_owned() }));
    }
    world.call(Actor::Root, CreateMember { role: Role::Admin, ..member("second", &["*"]) }).unwrap();
    world.call(Actor::Root, suspended("second")).unwrap();
    assert_last_admin(world.call(Actor::Root, demoted()));
    world.call(Actor::Root, UpdateMember { suspended: Some(false), ..change("second") }).unwrap();
    assert!(world.call(Actor::Root, demoted()).is_ok());
    assert_last_admin(world.call(Actor::Root, suspended("second")));
}

#[test]
fn suspending_member_invalidates_tokens_by_owner_record() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read"]);
    let to_ann = CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
    let other = world.issue(admin.actor, to_ann).unwrap();
    drain(&world);
    world.call(admin.actor, UpdateMember { suspended: Some(true), ..change("ann") }).unwrap();
    for held in [&ann, &other] {
        assert_unauthenticated(world.call(held.actor, ReadSelf {}), Code::OwnerSuspended);
    }
    assert_eq!(drain(&world), ["o/0Ab3dE/2"]);
    world.call(admin.actor, UpdateMember { suspended: Some(false), ..change("ann") }).unwrap();
    assert!(world.call(ann.actor, ReadSelf {}).is_ok());
}

#[test]
fn reducing_granted_scopes_limits_tokens_by_owner_record() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read", "write"]);
    drain(&world);
    let cut = UpdateMember { grants: Some(patterns(&["read"])), ..change("ann") };
    world.call(admin.actor, cut).unwrap();
    let own = world.call(ann.actor, ReadSelf {}).unwrap();
    assert!(own.effective_scopes.iter().map(ScopePattern::as_str).eq(["read"]));
    assert_eq!(drain(&world), ["o/0Ab3dE/2"]);
}

#[test]
fn revoking_all_tokens_uses_owner_record_and_frees_quota() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, CreateMember { quota: Some(3), ..member("ann", &["read"]) }).unwrap();
    let to_ann = || CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) };
    let held: Vec<_> = (0..3).map(|_| world.issue(admin.actor, to_ann()).unwrap()).collect();
    assert!(matches!(refused(world.issue(admin.actor, to_ann())), CommandError::QuotaExceeded { .. }));
    drain(&world);

    let ann = world.call(admin.actor, UpdateMember { revoke_all: true, ..change("ann") }).unwrap();
    assert_eq!(ann.live_tokens, 0);
    let due = world.ledger.outbox().due(world.now, 10).unwrap();
    assert_eq!(due.len(), 1);
    let record = OwnerRecord::decode(due[0].value.as_deref().unwrap()).unwrap();
    assert_eq!((record.number, record.revoked_before), (2, record.version));
    for held in &held {
        assert_unauthenticated(world.call(held.actor, ReadSelf {}), Code::Revoked);
        let view = world.call(admin.actor, ReadToken { id: held.id.clone() }).unwrap();
        assert_eq!((view.state, view.revoked_at), (State::Revoked, Some(world.now)));
    }
    // Tokens created afterwards are valid.
    let next = world.issue(admin.actor, to_ann()).unwrap();
    assert!(world.call(next.actor, ReadSelf {}).is_ok());
    let answer = world.call(Actor::Verifier, Records { digests: vec![next.digest] }).unwrap().0;
    let token = answer.tokens[0].1.as_ref().unwrap();
    assert!(token.issued >= answer.owners[0].revoked_before && !token.revoked);
}

#[test]
fn audit_of_member_changes_has_no_personal_data() {
    let (mut world, admin) = World::founded();
    let email = Some("ann@example.org".to_owned());
    world.call(admin.actor, CreateMember { email, ..member("a7", &["read"]) }).unwrap();
    let ask = UpdateMember {
        name: Some("Annabel".to_owned()),
        email: Patch::Set("annabel@example.org".to_owned()),
        grants: Some(Vec::new()),
        revoke_all: true,
        ..change("a7")
    };
    world.call(admin.actor, ask).unwrap();
    let row = |column: &str| {
        let query = format!("SELECT {column} FROM audit WHERE action = 'member.update' AND subject = 'a7'");
        world.column(&query)
    };
    let before = r#"{"email":"…","grants":["read"],"name":"…","revoked_before":0}"#;
    let after = r#"{"email":"…","grants":[],"name":"…","revoked":0,"revoked_before":4}"#;
    assert_eq!((row("before"), row("after")), (vec![before.into()], vec![after.into()]));
    let audit: String = world.dump().lines().filter(|line| line.starts_with("audit:")).collect();
    for personal in ["A7\"", "Annabel", "example.org"] {
        assert!(!audit.contains(personal), "{personal}");
    }
}

#[test]
fn erasing_a_member_keeps_only_its_number() {
    let (mut world, admin) = World::founded();
    let ask = CreateMember { email: Some("zoe@example.org".to_owned()), ..member("m1", &["read"]) };
    world.call(admin.actor, CreateMember { name: "Zoe".to_owned(), ..ask }).unwrap();
    let of_zoe = || CreateToken {
        owner: Some("m1".to_owned()),
        name: "Zoe's laptop".to_owned(),
        note: Some("lost on Zoe's desk".to_owned()),
        metadata: serde_json::json!({"who": "Zoe"}).as_object().cloned(),
        allowed_addresses: vec!["203.0.113.77/32".parse().unwrap()],
        ..token(&["read"])
    };
    let (live, revoked) = (world.issue(admin.actor, of_zoe()).unwrap(), world.issue(admin.actor, of_zoe()).unwrap());
    let reason = Some("left".to_owned());
    world.call(admin.actor, counterfoil_protocol::command::RevokeToken { id: revoked.id.clone(), reason }).unwrap();
    drain(&world);

    let erased = world.call(admin.actor, EraseMember { id: "m1".to_owned() }).unwrap();
    assert_eq!((erased.number, erased.name.as_str(), erased.email, erased.live_tokens), (2, "", None, 0));
    let tables: String = world.dump().lines().filter(|line| !line.starts_with("audit:")).collect();
    for personal in ["Zoe", "zoe", "\"m1\"", "203.0.113.77"] {
        assert!(!tables.contains(personal), "{personal} is still in {tables}");
    }
    assert!(!world.dump().contains("Zoe"), "the audit log contains personal data");
    let due = world.ledger.outbox().due(world.now, 10).unwrap();
    let mut keys: Vec<_> = due.iter().map(|put| put.key.as_str()).collect();
    let mut expected = ["o/0Ab3dE/2".to_owned(), path(live.digest), path(revoked.digest)];
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    for put in due.iter().filter(|put| put.key.starts_with('r')) {
        let record = TokenRecord::decode(put.value.as_deref().unwrap()).unwrap();
        assert!(record.revoked && record.name.is_empty() && record.metadata.is_none() && record.addresses.is_empty());
    }

    assert_unauthenticated(world.call(live.actor, ReadSelf {}), Code::Revoked);
    assert_no_such(world.call(admin.actor, ReadMember { id: "m1".to_owned() }), "member");
    assert_no_such(world.call(admin.actor, ReadMember { id: "erased 2".to_owned() }), "member");
    for number in [2, 3, 0, u64::MAX] {
        assert_no_such(world.call(admin.actor, FindMember { number }), "member");
    }
    assert_eq!(world.call(admin.actor, FindMember { number: 1 }).unwrap().id, "admin");
    let to_nobody = CreateToken { owner: Some("erased 2".to_owned()), ..token(&[]) };
    assert_invalid(world.call(admin.actor, to_nobody), InvalidCode::UnknownMember, "/owner");
    let all = world.call(admin.actor, ListMembers { page: Page::default() }).unwrap();
    assert_eq!((all.total, all.items.len()), (1, 1));
    // The id can be reused, the number cannot.
    assert_eq!(world.call(admin.actor, member("m1", &[])).unwrap().number, 3);
    assert!(matches!(
        refused(world.call(admin.actor, CreateMember { number: Some(2), ..member("m2", &[]) })),
        CommandError::AlreadyExists { .. }
    ));
}

fn path(digest: Digest) -> String {
    format!("r/0Ab3dE/{digest}")
}
