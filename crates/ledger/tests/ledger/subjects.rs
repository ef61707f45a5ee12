//! A member is bound to a subject of one issuer, and sessions end when the identity they rely on changes.

use counterfoil_protocol::{
    CommandError, WebAddress,
    command::{
        Actor, CreateMember, IdentityProvider, MemberBy, OpenSession, Patch, ReadMember, ReadSession, RotateToken,
        SignIn, UpdateMember, UpdateWorkspace,
    },
};

use crate::{
    changes::{of_member, of_workspace},
    identity::{identity, provider},
    support::*,
};

const A: &str = "https://a.example";
const B: &str = "https://b.example";

fn address(text: &str) -> WebAddress {
    WebAddress::parse(text).unwrap()
}

fn of(issuer: &str, member_by: MemberBy) -> IdentityProvider {
    IdentityProvider { issuer: address(issuer), ..provider(member_by) }
}

fn by(issuer: &str, subject: &str) -> SignIn {
    SignIn { issuer: address(issuer), ..identity(subject) }
}

fn name(world: &mut World, admin: &Held, providers: &[IdentityProvider]) {
    let ask = UpdateWorkspace { identity_providers: Some(providers.to_vec()), ..of_workspace() };
    world.call(admin.actor, ask).unwrap();
}

fn known(id: &str, subject: &str, issuer: Option<&str>) -> CreateMember {
    let subject_issuer = issuer.map(address);
    CreateMember { subject: Some(subject.to_owned()), subject_issuer, ..member(id, &["read"]) }
}

/// The member that signs in with this identity, if any.
fn who(world: &mut World, identity: SignIn) -> Option<String> {
    match world.call(Actor::SignIn, identity) {
        Ok(opened) => Some(opened.session.member.id),
        Err(CommandError::NotSignedIn { .. }) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn issuer_of(world: &mut World, id: &str) -> Option<String> {
    world.call(Actor::Root, ReadMember { id: id.to_owned() }).unwrap().subject_issuer
}

#[test]
fn subject_is_valid_only_at_its_issuer() {
    let (mut world, admin) = World::founded();
    name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
    world.call(admin.actor, known("ann", "1001", None)).unwrap();
    assert_eq!(issuer_of(&mut world, "ann").as_deref(), Some(A));
    name(&mut world, &admin, &[of(A, MemberBy::Subject), of(B, MemberBy::Subject)]);
    assert_eq!(who(&mut world, by(A, "1001")).as_deref(), Some("ann"));
    assert_eq!(who(&mut world, by(B, "1001")), None);
    // At another issuer the same subject may be another member.
    world.call(admin.actor, known("bob", "1001", Some(B))).unwrap();
    assert_eq!(who(&mut world, by(B, "1001")).as_deref(), Some("bob"));
    let taken = CommandError::AlreadyExists { what: "member".to_owned(), field: "subject".to_owned() };
    assert_eq!(refused(world.call(admin.actor, known("eve", "1001", Some(B)))), taken);
    let moved = UpdateMember { subject_issuer: Some(address(B)), ..of_member("ann") };
    assert_eq!(refused(world.call(admin.actor, moved)), taken);
}

#[test]
fn subject_needs_issuer_with_several_subject_providers() {
    let (mut world, admin) = World::founded();
    // No provider uses subjects yet, so the first one that does is assumed.
    world.call(admin.actor, known("ann", "1001", None)).unwrap();
    assert_eq!(issuer_of(&mut world, "ann"), None);
    let both = [of(A, MemberBy::Subject), of(B, MemberBy::Subject)];
    name(&mut world, &admin, &both);
    assert_invalid_value(world.call(admin.actor, known("bob", "1002", None)), "/subject_issuer");
    let set = UpdateMember { subject: Patch::Set("1003".to_owned()), ..of_member("ann") };
    assert_invalid_value(world.call(admin.actor, set), "/subject_issuer");
    for issuer in [A, B] {
        assert_eq!(who(&mut world, by(issuer, "1001")), None, "undecided, it counts for none");
    }
    // That one provider remains does not resolve the ambiguity: the subject may have been the other's.
    name(&mut world, &admin, &both[1..]);
    assert_eq!((issuer_of(&mut world, "ann"), who(&mut world, by(B, "1001"))), (None, None));
    name(&mut world, &admin, &both);
    let decided = UpdateMember { subject_issuer: Some(address(B)), ..of_member("ann") };
    assert_eq!(world.call(admin.actor, decided).unwrap().subject_issuer.as_deref(), Some(B));
    assert_eq!((who(&mut world, by(A, "1001")), who(&mut world, by(B, "1001")).as_deref()), (None, Some("ann")));
}

#[test]
fn unassigned_subjects_belong_to_first_subject_provider() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, known("ann", "1001", None)).unwrap();
    name(&mut world, &admin, &[of(B, MemberBy::Email)]);
    assert_eq!(issuer_of(&mut world, "ann"), None);
    // The same issuer twice counts as one.
    let twice = IdentityProvider { audience: "other".to_owned(), ..of(A, MemberBy::Subject) };
    name(&mut world, &admin, &[of(B, MemberBy::Email), of(A, MemberBy::Subject), twice]);
    assert_eq!(who(&mut world, by(A, "1001")).as_deref(), Some("ann"));
    // Another issuer is another provider, even if the same operator runs both.
    name(&mut world, &admin, &[of(B, MemberBy::Subject)]);
    assert_eq!((issuer_of(&mut world, "ann").as_deref(), who(&mut world, by(B, "1001"))), (Some(A), None));
    let same = UpdateMember { subject: Patch::Set("1001".to_owned()), ..of_member("ann") };
    assert_eq!(
        world.call(admin.actor, same).unwrap().subject_issuer.as_deref(),
        Some(A),
        "an equal value is no change"
    );
}

#[test]
fn duplicate_subject_is_not_assigned_to_issuer() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, known("ann", "1001", Some(A))).unwrap();
    world.call(admin.actor, known("bob", "1002", None)).unwrap();
    // Data from before an unassigned subject had to be unique.
    world.meddle("UPDATE members SET subject = '1001' WHERE id = 'bob'");
    name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
    assert_eq!(who(&mut world, by(A, "1001")).as_deref(), Some("ann"));
    assert_eq!(issuer_of(&mut world, "bob"), None);
}

#[test]
fn subject_issuer_requires_subject_and_known_issuer() {
    let (mut world, admin) = World::founded();
    name(&mut world, &admin, &[of(A, MemberBy::Subject), of(B, MemberBy::Email)]);
    world.call(admin.actor, member("ann", &[])).unwrap();
    let alone = CreateMember { subject_issuer: Some(address(A)), ..member("bob", &[]) };
    assert_invalid_value(world.call(admin.actor, alone), "/subject_issuer");
    let set = |subject, issuer| UpdateMember { subject, subject_issuer: Some(address(issuer)), ..of_member("ann") };
    assert_invalid_value(world.call(admin.actor, set(Patch::Keep, A)), "/subject_issuer");
    assert_invalid_value(world.call(admin.actor, set(Patch::Clear, A)), "/subject_issuer");
    assert_invalid_value(world.call(admin.actor, set(Patch::Set("1".to_owned()), B)), "/subject_issuer");
    world.call(admin.actor, set(Patch::Set("1".to_owned()), A)).unwrap();
    let (was, is) = last_audit(&world, "member.update", "ann");
    let told = r#"{"subject":"…","subject_issuer":"…"}"#;
    assert_eq!((was.to_string(), is.to_string()), (told.to_owned(), told.to_owned()));
    let cleared = UpdateMember { subject: Patch::Clear, ..of_member("ann") };
    assert_eq!(world.call(admin.actor, cleared).unwrap().subject_issuer, None);
}

#[test]
fn changing_identity_or_provider_ends_sessions() {
    type Correct = fn(&mut World, &Held);
    let member: [(&str, Correct); 4] = [
        ("its subject", |world, admin| {
            world
                .call(admin.actor, UpdateMember { subject: Patch::Set("2".to_owned()), ..of_member("ann") })
                .map(drop)
                .unwrap();
        }),
        ("its subject cleared", |world, admin| {
            world.call(admin.actor, UpdateMember { subject: Patch::Clear, ..of_member("ann") }).map(drop).unwrap();
        }),
        ("its e-mail address", |world, admin| {
            let email = Patch::Set("ann@example.net".to_owned());
            world.call(admin.actor, UpdateMember { email, ..of_member("ann") }).map(drop).unwrap();
        }),
        ("its provider", |world, admin| {
            name(world, admin, &[of(A, MemberBy::Subject), of(B, MemberBy::Subject)]);
            let moved = UpdateMember { subject_issuer: Some(address(B)), ..of_member("ann") };
            world.call(admin.actor, moved).map(drop).unwrap();
        }),
    ];
    let provider: [(&str, Correct); 3] = [
        ("how it finds members", |world, admin| name(world, admin, &[of(A, MemberBy::Email)])),
        ("where its keys are", |world, admin| {
            let jwks_uri = Some(address("https://a.example/keys"));
            name(world, admin, &[IdentityProvider { jwks_uri, ..of(A, MemberBy::Subject) }]);
        }),
        ("what it says of addresses", |world, admin| {
            name(world, admin, &[IdentityProvider { vouches_for_email: true, ..of(A, MemberBy::Subject) }]);
        }),
    ];
    for (what, correct) in member.into_iter().chain(provider) {
        let (mut world, admin) = World::founded();
        name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
        let email = Some("ann@example.org".to_owned());
        let grants = patterns(&["sessions:create"]);
        world.call(admin.actor, CreateMember { email, grants, ..known("ann", "1", None) }).unwrap();
        let opened = world.call(Actor::SignIn, by(A, "1")).unwrap();
        let vouched = world.seated(opened);
        let ask =
            counterfoil_protocol::command::CreateToken { owner: Some("ann".to_owned()), ..token(&["sessions:create"]) };
        let held = world.issue(admin.actor, ask).unwrap();
        let by_token = world.open(&held).unwrap();
        correct(&mut world, &admin);
        assert_eq!(refused(world.call(vouched.actor, ReadSession {})), CommandError::SessionEnded, "{what}");
        assert!(world.call(by_token.actor, ReadSession {}).is_ok(), "{what}: a token's session rests on its token");
    }
}

#[test]
fn sessions_of_a_member_are_limited() {
    let (mut world, admin) = World::founded();
    name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
    let grants = patterns(&["sessions:create"]);
    world.call(admin.actor, CreateMember { grants, ..known("ann", "1", None) }).unwrap();
    let ask =
        counterfoil_protocol::command::CreateToken { owner: Some("ann".to_owned()), ..token(&["sessions:create"]) };
    let held = world.issue(admin.actor, ask).unwrap();
    let others = world.open(&admin).unwrap();
    let mut opened = Vec::new();
    for nth in 0..52 {
        let session = if nth % 2 == 0 {
            let opened = world.call(Actor::SignIn, by(A, "1")).unwrap();
            world.seated(opened)
        } else {
            let opened = world.call(held.actor, OpenSession {}).unwrap();
            world.seated(opened)
        };
        opened.push(session);
        assert_eq!(world.number("SELECT count(*) FROM sessions WHERE member = 2"), opened.len().min(50) as u64);
    }
    let ended = opened.iter().map(|session| world.call(session.actor, ReadSession {}).is_err());
    assert_eq!(ended.collect::<Vec<_>>(), [vec![true; 2], vec![false; 50]].concat(), "the oldest sessions end");
    let told = world.column(
        "SELECT json_extract(after, '$.ended') FROM audit WHERE action = 'session.create' ORDER BY seq DESC LIMIT 3",
    );
    assert_eq!(told, [1_u64.into(), 1_u64.into(), counterfoil_ledger::sql::Value::Null]);
    assert!(world.call(others.actor, ReadSession {}).is_ok(), "sessions of other members remain");
}

#[test]
fn session_flood_ends_only_own_sessions() {
    let (mut world, admin) = World::founded();
    name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
    let grants = patterns(&["sessions:create", "tokens:write"]);
    world.call(admin.actor, CreateMember { grants, ..known("ann", "1", None) }).unwrap();
    let of_ann = |scopes| counterfoil_protocol::command::CreateToken { owner: Some("ann".to_owned()), ..token(scopes) };
    let rotated = world.issue(admin.actor, of_ann(&["sessions:create", "tokens:write"])).unwrap();
    let weak = world.issue(admin.actor, of_ann(&["sessions:create"])).unwrap();
    let rotate = RotateToken { id: rotated.id.clone(), grace_seconds: 3_600, end_previous: false };
    let current = world.call(rotated.actor, rotate).unwrap();
    let current = world.held(current);
    let vouched = world.call(Actor::SignIn, by(A, "1")).unwrap();
    let vouched = world.seated(vouched);
    let ours = [vouched.actor, world.open(&current).unwrap().actor];
    // One has the replaced value, the other a token that may not end sessions.
    for flooding in [rotated.actor, weak.actor] {
        for _ in 0..60 {
            world.attempt(flooding, OpenSession {}).unwrap();
        }
        for session in ours {
            assert!(world.call(session, ReadSession {}).is_ok(), "another client's session was ended");
        }
        assert_eq!(world.number("SELECT count(*) FROM sessions WHERE member = 2"), 50);
    }
}

#[test]
fn ambiguous_subject_is_reserved() {
    let (mut world, admin) = World::founded();
    let manager = world.join("manager", &["workspace:manage", "read"]);
    let taken = CommandError::AlreadyExists { what: "member".to_owned(), field: "subject".to_owned() };
    // No provider uses subjects yet.
    let boss = UpdateMember { subject: Patch::Set("1001".to_owned()), ..of_member("admin") };
    world.call(admin.actor, boss).unwrap();
    assert_eq!(refused(world.call(manager.actor, known("eve", "1001", Some(A)))), taken);
    world.call(manager.actor, known("eve", "1002", Some(A))).unwrap();
    assert_eq!(refused(world.call(admin.actor, known("bob", "1002", None))), taken);
    name(&mut world, &admin, &[of(A, MemberBy::Subject)]);
    assert_eq!(who(&mut world, by(A, "1001")).as_deref(), Some("admin"));
    // Several providers use subjects, and no issuer was set.
    let (mut world, admin) = World::founded();
    world.call(admin.actor, known("ann", "1001", None)).unwrap();
    name(&mut world, &admin, &[of(A, MemberBy::Subject), of(B, MemberBy::Subject)]);
    assert_eq!(refused(world.call(admin.actor, known("eve", "1001", Some(A)))), taken);
    let decided = UpdateMember { subject_issuer: Some(address(B)), ..of_member("ann") };
    world.call(admin.actor, decided).unwrap();
    world.call(admin.actor, known("eve", "1001", Some(A))).unwrap();
}
