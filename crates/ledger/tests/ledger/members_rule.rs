//! Authorization of member changes: each field, in both directions, by each kind of actor with `workspace:manage`.
//!
//! A single rule states the expectation. Reducing access is allowed, except on admins, whom only admins may change.
//! Adding access requires that the actor can grant everything that becomes usable, and is an admin if the decision is
//! reserved for admins.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateMember, CreateToken, EraseMember, Lifetime, MemberBy, Patch, Role, UpdateMember},
    command_error::ForbiddenCode,
};

use crate::{changes::of_member, identity::provider, support::*};

/// An actor.
struct Who {
    name: &'static str,
    actor: Actor,
    admin: bool,
    /// The scopes that it can grant.
    grants: &'static [&'static str],
}

/// How the member was suspended before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspended {
    Not,
    ByManager,
    ByAdmin,
}

/// A change of a member.
struct Case {
    what: &'static str,
    suspended: Suspended,
    ask: fn(UpdateMember) -> UpdateMember,
    gives: Gives,
    /// Whether the change is reserved for admins.
    admins: bool,
}

/// The access that a change adds.
#[derive(Clone, Copy)]
enum Gives {
    Nothing,
    /// These scopes.
    Scopes(&'static [&'static str]),
    /// All scopes that the member is granted.
    All,
}

const MANAGER: &[&str] = &["workspace:manage", "tokens:write", "orders:read"];

fn text(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

fn cases() -> Vec<Case> {
    use Gives::{All, Nothing, Scopes};
    use Suspended::{ByAdmin, ByManager, Not};
    type Ask = fn(UpdateMember) -> UpdateMember;
    let case = |what, suspended, ask: Ask, gives, admins| Case { what, suspended, ask, gives, admins };
    let activate: Ask = |of| UpdateMember { suspended: Some(false), ..of };
    let rename: Ask = |of| UpdateMember { name: Some("other".to_owned()), ..of };
    let cut: Ask = |of| UpdateMember { grants: Some(Vec::new()), ..of };
    let lower: Ask = |of| UpdateMember { quota: Patch::Set(1), ..of };
    let clear_email: Ask = |of| UpdateMember { email: Patch::Clear, ..of };
    vec![
        case("rename", Not, rename, Nothing, false),
        case("suspend", Not, |of| UpdateMember { suspended: Some(true), ..of }, Nothing, false),
        case("revoke all", Not, |of| UpdateMember { revoke_all: true, ..of }, Nothing, false),
        case("cut grants", Not, cut, Nothing, false),
        case("lower the quota", Not, lower, Nothing, false),
        case("clear the email", Not, clear_email, Nothing, false),
        case("clear the subject", Not, |of| UpdateMember { subject: Patch::Clear, ..of }, Nothing, false),
        case("reactivate", ByManager, activate, All, false),
        case("undo a suspension", ByAdmin, activate, All, true),
        case("add a scope", Not, |of| UpdateMember { grants: Some(patterns(&["*"])), ..of }, Scopes(&["*"]), false),
        case(
            "add the manager's scope",
            Not,
            |of| UpdateMember { grants: Some(patterns(&["orders:read", "tokens:write"])), ..of },
            Scopes(&["orders:read", "tokens:write"]),
            false,
        ),
        case("promote", Not, |of| UpdateMember { role: Some(Role::Admin), ..of }, All, true),
        case("raise the quota", Not, |of| UpdateMember { quota: Patch::Set(4), ..of }, All, true),
        case("clear the quota", Not, |of| UpdateMember { quota: Patch::Clear, ..of }, All, true),
        case("set the email", Not, |of| UpdateMember { email: text("x@example.org"), ..of }, All, false),
        case("set the subject", Not, |of| UpdateMember { subject: text("x|1"), ..of }, All, false),
        // A suspension by an admin cannot be circumvented by moving the member's identity to another member.
        case("clear the email of a member suspended by an admin", ByAdmin, clear_email, Nothing, true),
        case(
            "set the email of a member suspended by an admin",
            ByAdmin,
            |of| UpdateMember { email: text("x@a.b"), ..of },
            All,
            true,
        ),
        case("cut the grants of a member that an admin suspended", ByAdmin, cut, Nothing, false),
        case("lower the quota of a member that an admin suspended", ByAdmin, lower, Nothing, false),
    ]
}

/// A workspace with one actor of each kind.
fn managed() -> (World, Vec<Who>) {
    let (mut world, admin) = World::founded();
    let manager = world.join("manager", MANAGER);
    world.call(Actor::Root, CreateMember { role: Role::Admin, ..member("few", MANAGER) }).unwrap();
    let few = CreateToken { owner: Some("few".to_owned()), ..token(MANAGER) };
    let few = world.issue(Actor::Root, few).unwrap();
    let who = |name, actor, admin, grants| Who { name, actor, admin, grants };
    let all: &[&str] = &["*"];
    let everybody = vec![
        who("a manager", manager.actor, false, MANAGER),
        who("an admin with few grants", few.actor, true, MANAGER),
        who("an admin", admin.actor, true, all),
        who("root", Actor::Root, true, all),
    ];
    (world, everybody)
}

fn covers(granted: &[&str], scope: &str) -> bool {
    granted.contains(&"*") || granted.contains(&scope)
}

/// The expected outcome.
fn is_allowed(who: &Who, case: &Case, grants: &[&str], role: Role) -> bool {
    let alive = match case.gives {
        Gives::Nothing => &[],
        Gives::Scopes(scopes) => scopes,
        Gives::All => grants,
    };
    let new = |scope: &&&str| !matches!(case.gives, Gives::Scopes(_)) || !covers(grants, scope);
    let may_grant = alive.iter().filter(new).all(|scope| covers(who.grants, scope));
    let is_admins = case.admins || role == Role::Admin;
    may_grant && (who.admin || !is_admins)
}

#[test]
fn member_change_requires_granting_what_it_enables() {
    let (mut passed, mut refused) = (0, 0);
    for grants in [&["orders:read"][..], &["orders:read", "orders:write"], &["*"]] {
        for role in [Role::Member, Role::Admin] {
            for case in cases() {
                for index in 0..4 {
                    let (mut world, everybody) = managed();
                    let is_admin_already = case.what == "promote" || case.suspended == Suspended::ByManager;
                    if is_admin_already && role == Role::Admin {
                        continue;
                    }
                    let known = CreateMember {
                        role,
                        quota: Some(3),
                        email: Some("ann@example.org".to_owned()),
                        subject: Some("ann|1".to_owned()),
                        ..member("ann", grants)
                    };
                    world.call(Actor::Root, known).unwrap();
                    let suspend = UpdateMember { suspended: Some(true), ..of_member("ann") };
                    match case.suspended {
                        Suspended::Not => {}
                        Suspended::ByManager => drop(world.call(everybody[0].actor, suspend).unwrap()),
                        Suspended::ByAdmin => drop(world.call(everybody[2].actor, suspend).unwrap()),
                    }
                    let who = &everybody[index];
                    let outcome = world.call(who.actor, (case.ask)(of_member("ann")));
                    let said = format!("{} {}, {role:?} with {grants:?}", who.name, case.what);
                    if is_allowed(who, &case, grants, role) {
                        assert!(outcome.is_ok(), "{said}: {outcome:?}");
                        passed += 1;
                    } else {
                        let code = ForbiddenCode::Escalation;
                        let expected = if role == Role::Admin && !who.admin { ForbiddenCode::NotYours } else { code };
                        let Err(CommandError::Forbidden { code, .. }) = outcome else { panic!("{said}: {outcome:?}") };
                        assert_eq!(code, expected, "{said}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(passed > 200 && refused > 100, "{passed} passed, {refused} refused");
}

#[test]
fn only_admins_erase_members_suspended_by_admin() {
    let (mut world, everybody) = managed();
    let suspend = || UpdateMember { suspended: Some(true), ..of_member("ann") };
    let erase = || EraseMember { id: "ann".to_owned() };
    world.call(Actor::Root, member("ann", &["orders:read"])).unwrap();
    world.call(everybody[0].actor, suspend()).unwrap();
    // An admin's suspension of a member that a manager has suspended counts as the admin's.
    world.call(everybody[2].actor, suspend()).unwrap();
    let same = world.dump();
    world.call(everybody[2].actor, suspend()).unwrap();
    world.call(everybody[0].actor, suspend()).unwrap();
    assert_eq!(world.dump(), same, "a repetition writes nothing");
    let sentence =
        "An admin suspended this member. Only an admin can reactivate or erase it, or change how it signs in.";
    let reactivate = || UpdateMember { suspended: Some(false), ..of_member("ann") };
    assert_forbidden(world.call(everybody[0].actor, reactivate()), ForbiddenCode::Escalation, sentence);
    assert_forbidden(world.call(everybody[0].actor, erase()), ForbiddenCode::Escalation, sentence);
    world.call(everybody[2].actor, reactivate()).unwrap();
    // A past suspension has no effect.
    world.call(everybody[0].actor, suspend()).unwrap();
    world.call(everybody[0].actor, reactivate()).unwrap();
    world.call(everybody[0].actor, erase()).unwrap();
}

#[test]
fn only_admins_reactivate_reserved_scopes() {
    let (mut world, everybody) = managed();
    let reserved = counterfoil_protocol::command::ScopeEntry { grantable_by: Role::Admin, ..entry("orders:read") };
    let scopes = vec![reserved, entry("orders:write")];
    world.call(Actor::Root, member("ann", &["orders:read"])).unwrap();
    world.call(everybody[0].actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    world.call(Actor::Root, counterfoil_protocol::command::PutScopes { scopes }).unwrap();
    let reactivate = || UpdateMember { suspended: Some(false), ..of_member("ann") };
    let sentence = "The member could use the scope orders:read, which only an admin can grant.";
    assert_forbidden(world.call(everybody[0].actor, reactivate()), ForbiddenCode::Escalation, sentence);
    world.call(everybody[1].actor, reactivate()).unwrap();
}

#[test]
fn restricted_token_cannot_reactivate_member() {
    let (mut world, admin) = World::founded();
    world.join("manager", MANAGER);
    let bound = CreateToken { owner: Some("manager".to_owned()), lifetime: Lifetime::Seconds(60), ..token(MANAGER) };
    let bound = world.issue(Actor::Root, bound).unwrap();
    let suspend = || UpdateMember { suspended: Some(true), ..of_member("ann") };
    let reactivate = || UpdateMember { suspended: Some(false), ..of_member("ann") };
    world.call(Actor::Root, member("ann", &["orders:read"])).unwrap();
    world.call(bound.actor, suspend()).unwrap();
    world.call(bound.actor, reactivate()).unwrap();

    let sentence = "Your token has an expiration, an IP restriction or a client binding, so it cannot extend the \
        rights of a member that has tokens or can sign in. The member would not inherit those limits.";
    let endless = CreateToken { owner: Some("ann".to_owned()), ..token(&["orders:read"]) };
    let endless = world.issue(admin.actor, endless).unwrap();
    world.call(bound.actor, suspend()).unwrap();
    assert_forbidden(world.call(bound.actor, reactivate()), ForbiddenCode::Escalation, sentence);
    let widen = UpdateMember { grants: Some(patterns(&["orders:read", "tokens:write"])), ..of_member("ann") };
    assert_forbidden(world.call(bound.actor, widen), ForbiddenCode::Escalation, sentence);
    world.call(bound.actor, UpdateMember { revoke_all: true, ..of_member("ann") }).unwrap();
    world.call(bound.actor, reactivate()).unwrap();
    drop(endless);
}

#[test]
fn only_admins_create_members_above_default_quota() {
    let (mut world, everybody) = managed();
    let ask = |id, quota| CreateMember { quota: Some(quota), ..member(id, &["orders:read"]) };
    let sentence = "Only an admin can raise a member's quota.";
    assert_forbidden(world.call(everybody[0].actor, ask("ann", 601)), ForbiddenCode::Escalation, sentence);
    world.call(everybody[0].actor, ask("ann", 600)).unwrap();
    world.call(everybody[1].actor, ask("bob", 601)).unwrap();
}

#[test]
fn member_email_addresses_are_unique() {
    let (mut world, everybody) = managed();
    let named = |id, email: &str| CreateMember { email: Some(email.to_owned()), ..member(id, &["orders:read"]) };
    let set = |id, email: &str| UpdateMember { email: text(email), ..of_member(id) };
    let taken = CommandError::AlreadyExists { what: "member".to_owned(), field: "email".to_owned() };
    world.call(Actor::Root, set("admin", "Root@Example.org")).unwrap();
    for providers in [false, true] {
        if providers {
            let ask = counterfoil_protocol::command::UpdateWorkspace {
                identity_providers: Some(vec![provider(MemberBy::Email)]),
                ..crate::changes::of_workspace()
            };
            world.call(Actor::Root, ask).unwrap();
        }
        for who in &everybody {
            assert_eq!(refused(world.call(who.actor, named("ann", "rOOT@example.ORG"))), taken, "{}", who.name);
        }
    }
    world.call(everybody[0].actor, named("ann", "ann@example.org")).unwrap();
    for who in &everybody {
        assert_eq!(refused(world.call(who.actor, set("ann", "root@example.org"))), taken, "{}", who.name);
    }
    // A member may change the case of its own address, and use an address that is free again.
    world.call(everybody[0].actor, set("ann", "ANN@example.org")).unwrap();
    world.call(Actor::Root, EraseMember { id: "ann".to_owned() }).unwrap();
    world.call(everybody[0].actor, named("bob", "ann@example.org")).unwrap();
}
