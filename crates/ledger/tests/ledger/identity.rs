//! Signing in through an identity provider: which member is found, and what ends the session.

use counterfoil_protocol::{
    CommandError, WebAddress,
    command::{
        Actor, CreateClient, CreateMember, CreateToken, EndSession, EraseMember, IdentityProvider, Lifetime,
        ListSessions, Listing, MemberBy, NotSignedIn, NoteRefusal, OpenSession, Page, Patch, ReadAudit,
        ReadIdentityProviders, ReadSelf, ReadSession, ReadWorkspace, Role, Session, SignIn, SuspendWorkspace,
        UpdateMember, UpdateWorkspace,
    },
    command_error::ForbiddenCode,
};
use counterfoil_verify::{Code, Timestamp};

use crate::{
    changes::{of_member, of_workspace},
    support::*,
};

const ISSUER: &str = "https://accounts.example";
const AUDIENCE: &str = "console";
const GRANTS: [&str; 4] = ["tokens:read", "tokens:write", "audit:read", "read"];

pub(crate) fn address(text: &str) -> WebAddress {
    WebAddress::parse(text).unwrap()
}

/// A provider that identifies members this way.
pub(crate) fn provider(member_by: MemberBy) -> IdentityProvider {
    IdentityProvider {
        issuer: address(ISSUER),
        audience: AUDIENCE.to_owned(),
        jwks_uri: None,
        member_by,
        vouches_for_email: false,
        sign_in: true,
    }
}

/// The identity that the provider asserts for this subject.
pub(crate) fn identity(subject: &str) -> SignIn {
    SignIn {
        issuer: address(ISSUER),
        audience: AUDIENCE.to_owned(),
        subject: subject.to_owned(),
        email: None,
        email_verified: None,
        expires_at: Timestamp(4_000_000_000_000),
    }
}

/// The identity that the provider asserts for this e-mail address.
fn with_email(email: &str) -> SignIn {
    SignIn { email: Some(email.to_owned()), email_verified: Some(true), ..identity("somebody") }
}

pub(crate) fn vouching(providers: Vec<IdentityProvider>) -> UpdateWorkspace {
    UpdateWorkspace { identity_providers: Some(providers), ..of_workspace() }
}

/// A workspace with such a provider: its admin, and a plain member that the provider knows.
fn open_to(member_by: MemberBy) -> (World, Held) {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, vouching(vec![provider(member_by)])).unwrap();
    let (email, subject) = (Some("Ann@Example.org".to_owned()), Some("ann|1".to_owned()));
    world.call(admin.actor, CreateMember { email, subject, ..member("ann", &GRANTS) }).unwrap();
    (world, admin)
}

impl World {
    fn sign_in(&mut self, identity: SignIn) -> Result<Seated, CommandError> {
        let opened = self.call(Actor::SignIn, identity)?;
        Ok(self.seated(opened))
    }
}

#[track_caller]
fn assert_not_signed_in<T>(outcome: Result<T, CommandError>) {
    let refusal = refused(outcome);
    let CommandError::NotSignedIn { detail, .. } = &refusal else { panic!("{refusal:?}") };
    assert!(!detail.contains("ann"), "the log contains no personal data: {detail}");
    assert_eq!(refusal.to_string(), "the sign-in failed", "the reason is only in the log");
}

fn sessions(world: &mut World, actor: Actor) -> Listing<Session> {
    world.call(actor, ListSessions { page: Page::default() }).unwrap()
}

#[test]
fn provider_session_has_members_granted_scopes() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let ann = world.sign_in(identity("ann|1")).unwrap();
    assert_eq!((ann.member.id.as_str(), ann.member.number), ("ann", 2));
    assert_eq!((&ann.created_by, ann.issuer.as_deref()), (&None, Some(ISSUER)));
    assert_eq!(ann.scopes, patterns(&GRANTS).into());
    assert_eq!(ann.expires_at, START.plus(12 * 60 * 60 * 1_000));
    assert_eq!(world.call(ann.actor, ReadSession {}).unwrap(), ann.view);
    assert_no_such(world.call(ann.actor, ReadSelf {}), "token");

    let made = world.issue(ann.actor, token(&["read", "tokens:read"])).unwrap();
    assert_eq!((&made.created_by, made.owner.id.as_str(), made.expires_at), (&ann.id, "ann", None));
    assert_missing(world.call(ann.actor, of_workspace()), "workspace:manage");
    let more = world.call(ann.actor, token(&["write"]));
    let sentence = "The scope write is more than your credential can grant.";
    assert_forbidden(more, ForbiddenCode::Escalation, sentence);
    let theirs = CreateToken { owner: Some("admin".to_owned()), ..token(&[]) };
    let only = "Only an admin can create tokens for other members.";
    assert_forbidden(world.call(ann.actor, theirs), ForbiddenCode::NotYours, only);
    let only = "Only a member's token can open a session. Another session or the root token cannot.";
    assert_forbidden(world.call(ann.actor, OpenSession {}), ForbiddenCode::TokenOnly, only);

    // Reducing the member's granted scopes affects its session immediately.
    world.call(admin.actor, UpdateMember { grants: Some(patterns(&["read"])), ..of_member("ann") }).unwrap();
    assert_eq!(world.call(ann.actor, ReadSession {}).unwrap().scopes, patterns(&["read"]).into());
    assert_missing(world.call(ann.actor, token(&[])), "tokens:write");
}

#[test]
fn admins_provider_session_acts_as_admin() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    world.call(admin.actor, UpdateMember { subject: Patch::Set("root|1".to_owned()), ..of_member("admin") }).unwrap();
    let session = world.sign_in(identity("root|1")).unwrap();
    let made = world.issue(session.actor, CreateToken { owner: Some("ann".to_owned()), ..token(&["read"]) }).unwrap();
    assert_eq!(made.owner.id, "ann");
    let ann = world.sign_in(identity("ann|1")).unwrap();
    assert_eq!((sessions(&mut world, session.actor).total, sessions(&mut world, ann.actor).total), (2, 1));
    assert_no_such(world.call(ann.actor, EndSession { id: Some(session.id.clone()) }), "session");
    world.call(session.actor, EndSession { id: Some(ann.id.clone()) }).unwrap();
    assert_eq!(refused(world.call(ann.actor, ReadSession {})), CommandError::SessionEnded);
    world.call(session.actor, vouching(vec![provider(MemberBy::Email)])).unwrap();
}

#[test]
fn audit_of_sign_in_has_issuer_and_no_personal_data() {
    let (mut world, admin) = open_to(MemberBy::Email);
    let ann = world.sign_in(with_email("ann@example.org")).unwrap();
    let by = |actor: &str| ReadAudit { subject: None, actor: Some(actor.to_owned()), page: Page::default() };
    let rows = world.call(admin.actor, by("sign_in")).unwrap().items;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&*row.actor, &*row.action, &row.subject), ("sign_in", "session.create", &ann.id));
    let after = r#"{"expires_at":"2025-11-13T14:13:20.000Z","issuer":"https://accounts.example","member":2}"#;
    assert_eq!(row.after.as_ref().map(ToString::to_string).as_deref(), Some(after));
    assert_eq!(world.call(ann.actor, by("sign_in")).unwrap().items, rows, "the member sees it too");
    world.issue(ann.actor, token(&["read"])).unwrap();
    assert_eq!(world.call(ann.actor, by(&ann.id)).unwrap().total, 1);
    assert!(!world.dump().contains("somebody"), "the ID token's subject is not stored");
}

/// Why the sign-in was refused.
#[track_caller]
fn reason<T>(outcome: Result<T, CommandError>) -> Option<NotSignedIn> {
    let refusal = refused(outcome);
    let CommandError::NotSignedIn { reason, .. } = refusal else { panic!("{refusal:?}") };
    reason
}

#[test]
fn each_refused_sign_in_has_an_audit_reason() {
    let (mut world, admin) = open_to(MemberBy::Email);
    let why = |world: &mut World, identity| reason(world.sign_in(identity));
    assert_eq!(why(&mut world, identity("x")), Some(NotSignedIn::EmailMissing));
    let said = |email_verified| SignIn { email_verified, ..with_email("ann@example.org") };
    for unverified in [None, Some(false)] {
        assert_eq!(why(&mut world, said(unverified)), Some(NotSignedIn::EmailNotVerified));
    }
    assert_eq!(why(&mut world, with_email("bob@example.org")), Some(NotSignedIn::NoMember));
    let over = SignIn { expires_at: Timestamp(1), ..with_email("ann@example.org") };
    assert_eq!(why(&mut world, over), Some(NotSignedIn::TokenExpired));
    // A sign-in through an unknown provider is not recorded.
    let stranger = SignIn { audience: "else".to_owned(), ..with_email("ann@example.org") };
    assert_eq!(why(&mut world, stranger), None);
    world.call(admin.actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    assert_eq!(why(&mut world, with_email("ann@example.org")), Some(NotSignedIn::MemberSuspended));
    for id in ["twin", "third"] {
        world.call(admin.actor, member(id, &[])).unwrap();
    }
    world.meddle("UPDATE members SET email = 'ann@example.org' WHERE id IN ('twin', 'third')");
    assert_eq!(why(&mut world, with_email("ann@example.org")), Some(NotSignedIn::SeveralMembers));
    world.call(Actor::Root, SuspendWorkspace { suspended: true }).unwrap();
    assert_eq!(why(&mut world, with_email("ann@example.org")), Some(NotSignedIn::WorkspaceSuspended));

    let (mut world, _) = open_to(MemberBy::Subject);
    assert_eq!(why(&mut world, identity("ann|2")), Some(NotSignedIn::NoMember));
    world.meddle("UPDATE members SET subject_issuer = '' WHERE id = 'ann'");
    assert_eq!(why(&mut world, identity("ann|1")), Some(NotSignedIn::SubjectUndecided));
}

fn note(reason: NotSignedIn) -> NoteRefusal {
    NoteRefusal { issuer: address(ISSUER), audience: AUDIENCE.to_owned(), reason }
}

fn refusals(world: &mut World, actor: Actor) -> Vec<(String, String)> {
    let by = ReadAudit { subject: None, actor: Some("sign_in".to_owned()), page: Page::default() };
    let rows = world.call(actor, by).unwrap().items.into_iter();
    let rows = rows.filter(|row| row.action == "session.refuse");
    rows.map(|row| (row.subject, row.after.unwrap().to_string())).collect()
}

#[test]
fn refused_sign_ins_are_recorded_in_audit_log() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let ann = world.sign_in(identity("ann|1")).unwrap();
    assert!(world.call(Actor::SignIn, note(NotSignedIn::NoMember)).unwrap().noted);
    let row = r#"{"issuer":"https://accounts.example","reason":"no_member"}"#;
    assert_eq!(refusals(&mut world, admin.actor), [("0Ab3dE".to_owned(), row.to_owned())]);
    assert_eq!(refusals(&mut world, ann.actor), [], "other members cannot read it");
    // One row a minute for each reason and provider.
    let same = world.dump();
    world.wait(59_999);
    assert!(!world.call(Actor::SignIn, note(NotSignedIn::NoMember)).unwrap().noted);
    assert_eq!(world.dump(), same);
    assert!(world.call(Actor::SignIn, note(NotSignedIn::MemberSuspended)).unwrap().noted);
    world.wait(1);
    assert!(world.call(Actor::SignIn, note(NotSignedIn::NoMember)).unwrap().noted);
    assert_eq!(refusals(&mut world, admin.actor).len(), 3);

    let stranger = NoteRefusal { audience: "else".to_owned(), ..note(NotSignedIn::NoMember) };
    assert!(!world.call(Actor::SignIn, stranger).unwrap().noted, "refusals of unknown providers are not recorded");
    for actor in [admin.actor, Actor::Root, Actor::Verifier] {
        let refusal = refused(world.call(actor, note(NotSignedIn::OtherFlow)));
        assert!(matches!(refusal, CommandError::Internal { .. }), "{refusal:?}");
    }
}

#[test]
fn refused_sign_ins_cannot_fill_audit_log() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let others = world.number("SELECT count(*) FROM audit");
    for _ in 0..1_005 {
        world.wait(60_000);
        assert!(world.attempt(Actor::SignIn, note(NotSignedIn::NoMember)).unwrap().noted);
        for _ in 0..2 {
            assert!(!world.attempt(Actor::SignIn, note(NotSignedIn::NoMember)).unwrap().noted);
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE action = 'session.refuse'"), 1_000);
    let kept = world.number("SELECT count(*) FROM audit WHERE action <> 'session.refuse'");
    assert_eq!(kept, others, "no other rows are displaced");
    let oldest = world.number("SELECT min(at) FROM audit WHERE action = 'session.refuse'");
    assert_eq!(oldest, START.plus(6 * 60_000).0, "the oldest are deleted");
    drop(admin);
}

#[test]
fn sign_in_by_subject_requires_exact_subject() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    for subject in ["", "ann", "ANN|1", "ann|1 ", "ann|2"] {
        assert_not_signed_in(world.sign_in(identity(subject)));
    }
    // With `member_by: subject` the address is ignored.
    assert_not_signed_in(world.sign_in(with_email("ann@example.org")));
    world.sign_in(identity("ann|1")).unwrap();
    world.call(admin.actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    assert_not_signed_in(world.sign_in(identity("ann|1")));
}

#[test]
fn sign_in_by_email_requires_one_active_member() {
    let (mut world, admin) = open_to(MemberBy::Email);
    for email in ["ann@example.org", "ANN@EXAMPLE.ORG", "Ann@Example.org"] {
        assert_eq!(world.sign_in(with_email(email)).unwrap().member.id, "ann");
    }
    for email in ["", "ann@example.or", "ann@example.org ", "%", "ann%example.org", "bob@example.org"] {
        assert_not_signed_in(world.sign_in(with_email(email)));
    }
    // With `member_by: email` the subject is ignored.
    assert_not_signed_in(world.sign_in(identity("ann|1")));

    // Addresses are unique now. If two members have shared one since before that, neither can sign in with it.
    let email = Some("ann@EXAMPLE.org".to_owned());
    let taken = CommandError::AlreadyExists { what: "member".to_owned(), field: "email".to_owned() };
    let twin = || CreateMember { email: email.clone(), ..member("twin", &["read"]) };
    assert_eq!(refused(world.call(admin.actor, twin())), taken);
    world.call(admin.actor, member("twin", &["read"])).unwrap();
    world.meddle("UPDATE members SET email = 'ann@EXAMPLE.org' WHERE id = 'twin'");
    assert_not_signed_in(world.sign_in(with_email("ann@example.org")));
    world.call(admin.actor, UpdateMember { suspended: Some(true), ..of_member("twin") }).unwrap();
    assert_eq!(world.sign_in(with_email("ann@example.org")).unwrap().member.id, "ann");
    // Reactivating a member must not cause a shared address.
    let back = UpdateMember { suspended: Some(false), ..of_member("twin") };
    assert_eq!(refused(world.call(admin.actor, back)), taken);
    world.call(admin.actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
    assert_not_signed_in(world.sign_in(with_email("ann@example.org")));
}

#[test]
fn sign_in_by_email_requires_verified_address() {
    let (mut world, admin) = open_to(MemberBy::Email);
    let said = |email_verified| SignIn { email_verified, ..with_email("ann@example.org") };
    for unverified in [None, Some(false)] {
        assert_not_signed_in(world.sign_in(said(unverified)));
    }
    let vouches = IdentityProvider { vouches_for_email: true, ..provider(MemberBy::Email) };
    world.call(admin.actor, vouching(vec![vouches])).unwrap();
    world.sign_in(said(None)).unwrap();
    assert_not_signed_in(world.sign_in(said(Some(false))));
}

#[test]
fn sign_in_requires_configured_provider_and_unexpired_token() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let other = IdentityProvider { issuer: address("https://other.example"), ..provider(MemberBy::Subject) };
    let elsewhere = || SignIn { issuer: address("https://other.example"), ..identity("ann|1") };
    let for_others = SignIn { audience: "else".to_owned(), ..identity("ann|1") };
    let near = SignIn { issuer: address("https://accounts.example/"), ..identity("ann|1") };
    for identity in [elsewhere(), for_others, near] {
        assert_not_signed_in(world.sign_in(identity));
    }
    world.call(admin.actor, vouching(vec![provider(MemberBy::Subject), other])).unwrap();
    assert_not_signed_in(world.sign_in(elsewhere()));
    let moved = UpdateMember { subject_issuer: Some(address("https://other.example")), ..of_member("ann") };
    world.call(admin.actor, moved).unwrap();
    world.sign_in(elsewhere()).unwrap();
    world.call(admin.actor, UpdateMember { subject_issuer: Some(address(ISSUER)), ..of_member("ann") }).unwrap();

    let ending = |expires_at| SignIn { expires_at, ..identity("ann|1") };
    world.wait(60_000);
    assert_not_signed_in(world.sign_in(ending(START)));
    world.sign_in(ending(START.plus(1))).unwrap();
}

#[test]
fn ended_provider_session_stays_ended() {
    type End = fn(&mut World, Actor);
    let ends: [(&str, End, End); 5] = [
        (
            "the member's suspension",
            |world, admin| {
                world.call(admin, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
            },
            |world, admin| {
                world.call(admin, UpdateMember { suspended: Some(false), ..of_member("ann") }).unwrap();
            },
        ),
        (
            "revoking all tokens of the member",
            |world, admin| {
                world.call(admin, UpdateMember { revoke_all: true, ..of_member("ann") }).unwrap();
            },
            |_, _| {},
        ),
        (
            "erasing the member",
            |world, admin| {
                world.call(admin, EraseMember { id: "ann".to_owned() }).unwrap();
            },
            |_, _| {},
        ),
        (
            "removing the provider",
            |world, admin| {
                let other = IdentityProvider { audience: "else".to_owned(), ..provider(MemberBy::Subject) };
                world.call(admin, vouching(vec![other])).unwrap();
            },
            |world, admin| {
                world.call(admin, vouching(vec![provider(MemberBy::Subject)])).unwrap();
            },
        ),
        ("its expiration", |world, _| world.wait(12 * 60 * 60 * 1_000), |_, _| {}),
    ];
    for (what, end, undo) in ends {
        let (mut world, admin) = open_to(MemberBy::Subject);
        let by_token = world.open(&admin).unwrap();
        let ann = world.sign_in(identity("ann|1")).unwrap();
        end(&mut world, admin.actor);
        assert_eq!(refused(world.call(ann.actor, ReadSession {})), CommandError::SessionEnded, "{what}");
        assert!(sessions(&mut world, admin.actor).items.iter().all(|session| session.id != ann.id), "{what}");
        undo(&mut world, admin.actor);
        assert_eq!(refused(world.call(ann.actor, ReadSession {})), CommandError::SessionEnded, "{what}, and undone");
        let others = world.call(by_token.actor, ReadSession {});
        assert_eq!(others.is_ok(), what != "its expiration", "{what}: that concerns no other session");
    }
}

#[test]
fn unrelated_changes_do_not_end_provider_session() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let ann = world.sign_in(identity("ann|1")).unwrap();
    let kept = IdentityProvider { sign_in: false, ..provider(MemberBy::Subject) };
    let other = IdentityProvider { audience: "else".to_owned(), ..provider(MemberBy::Email) };
    world.call(admin.actor, vouching(vec![other, kept])).unwrap();
    world.call(admin.actor, UpdateMember { name: Some("Anna".to_owned()), ..of_member("ann") }).unwrap();
    world.call(admin.actor, UpdateMember { revoke_all: true, ..of_member("admin") }).unwrap();
    assert_eq!(world.call(ann.actor, ReadSession {}).unwrap(), ann.view);

    // While the workspace is suspended, the session is refused but not ended.
    world.call(Actor::Root, SuspendWorkspace { suspended: true }).unwrap();
    assert_unauthenticated(world.call(ann.actor, ReadSession {}), Code::WorkspaceSuspended);
    assert_not_signed_in(world.sign_in(identity("ann|1")));
    let listed = sessions(&mut world, Actor::Root).items;
    assert_eq!(listed.iter().find(|session| session.id == ann.id).unwrap().scopes, Vec::new().into());
    world.call(Actor::Root, SuspendWorkspace { suspended: false }).unwrap();
    assert_eq!(world.call(ann.actor, ReadSession {}).unwrap(), ann.view);
    world.sign_in(identity("ann|1")).unwrap();
}

#[test]
fn sign_in_actor_can_only_sign_in() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let providers = world.call(Actor::SignIn, ReadIdentityProviders {}).unwrap().providers;
    assert_eq!(providers, world.call(admin.actor, ReadWorkspace {}).unwrap().settings.identity_providers);
    for actor in [admin.actor, Actor::Root, Actor::Verifier] {
        assert!(matches!(refused(world.call(actor, identity("ann|1"))), CommandError::Internal { .. }));
        assert!(matches!(refused(world.call(actor, ReadIdentityProviders {})), CommandError::Internal { .. }));
    }
    assert_missing(world.call(Actor::SignIn, all_tokens(Page::default())), "tokens:read");
    assert_missing(world.call(Actor::SignIn, token(&[])), "tokens:write");
    assert_missing(world.call(Actor::SignIn, of_workspace()), "workspace:manage");
    assert!(world.call(Actor::SignIn, OpenSession {}).is_err());
    assert!(world.call(Actor::SignIn, SuspendWorkspace { suspended: true }).is_err());
    assert_no_such(World::empty().call(Actor::SignIn, ReadIdentityProviders {}), "workspace");
}

#[test]
fn identity_providers_are_limited_and_distinct() {
    let (mut world, admin) = World::founded();
    let mut invalid = |providers, at| assert_invalid_value(world.call(admin.actor, vouching(providers)), at);
    let by = provider(MemberBy::Email);
    let numbered = |number: usize| IdentityProvider { audience: number.to_string(), ..by.clone() };
    invalid((0..5).map(numbered).collect(), "/identity_providers");
    invalid(vec![numbered(1), by.clone(), numbered(1)], "/identity_providers/2/audience");
    for audience in ["", "a b", "ä", &"a".repeat(256)] {
        let wrong = IdentityProvider { audience: audience.to_owned(), ..by.clone() };
        invalid(vec![wrong], "/identity_providers/0/audience");
    }
    let queried = IdentityProvider { issuer: address("https://a.example/?b"), ..by.clone() };
    invalid(vec![numbered(1), queried], "/identity_providers/1/issuer");
    let four: Vec<_> = (0..4).map(numbered).collect();
    let settings = world.call(admin.actor, vouching(four.clone())).unwrap().settings;
    assert_eq!(settings.identity_providers, four);
    let same = world.dump();
    world.call(admin.actor, vouching(four)).unwrap();
    assert_eq!(world.dump(), same, "a repetition writes nothing");
}

#[test]
fn changing_identity_providers_requires_granting_everything() {
    let (mut world, admin) = World::founded();
    let only = "Only an admin who can grant every scope (`*`) can change the identity providers.";
    let manager = world.join("manager", &["*"]);
    let narrow = world.issue(admin.actor, token(&["workspace:manage"])).unwrap();
    let brief = CreateToken { lifetime: Lifetime::Seconds(60), ..token(&["workspace:manage", "tokens:*"]) };
    let brief = world.issue(admin.actor, brief).unwrap();
    let some = CreateMember { role: Role::Admin, ..member("some", &["workspace:manage", "tokens:*"]) };
    world.call(admin.actor, some).unwrap();
    let some = CreateToken { owner: Some("some".to_owned()), ..token(&["workspace:manage", "tokens:*"]) };
    let some = world.issue(admin.actor, some).unwrap();
    for actor in [manager.actor, narrow.actor, some.actor] {
        let ask = vouching(vec![provider(MemberBy::Email)]);
        assert_forbidden(world.call(actor, ask), ForbiddenCode::Escalation, only);
        // A request that changes nothing needs no permission.
        world.call(actor, vouching(Vec::new())).unwrap();
    }
    // It could create a token that can grant everything.
    world.call(brief.actor, vouching(vec![provider(MemberBy::Email)])).unwrap();
    assert_forbidden(world.call(narrow.actor, vouching(Vec::new())), ForbiddenCode::Escalation, only);
}

#[test]
fn changing_identity_of_more_privileged_member_is_refused() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let manager = world.join("manager", &["workspace:manage", "read"]);
    world.call(admin.actor, member("less", &["read"])).unwrap();
    world.call(admin.actor, member("more", &["read", "write"])).unwrap();
    let email = |id: &str| UpdateMember { email: Patch::Set(format!("{id}@example.org")), ..of_member(id) };
    let subject = |id: &str| UpdateMember { subject: Patch::Set(format!("{id}|1")), ..of_member(id) };
    let sentence = "Anyone who signs in as the member could use the scope write, which your credential cannot grant.";
    for ask in [email("more"), subject("more")] {
        assert_forbidden(world.call(manager.actor, ask), ForbiddenCode::Escalation, sentence);
    }
    // The same applies to the actor's own member, with a token of fewer scopes.
    let narrow = world.issue(admin.actor, token(&["workspace:manage"])).unwrap();
    for ask in [email("admin"), subject("admin")] {
        assert!(world.call(narrow.actor, ask).is_err());
    }
    world.call(manager.actor, email("less")).unwrap();
    world.call(manager.actor, subject("less")).unwrap();
    world.call(admin.actor, email("more")).unwrap();
    // Repeating a value is no change, and removing an identity is allowed.
    world.call(manager.actor, email("more")).unwrap();
    world.call(manager.actor, UpdateMember { email: Patch::Clear, ..of_member("more") }).unwrap();
}

#[test]
fn restricted_token_cannot_change_member_identity() {
    let bounds: [fn(CreateToken) -> CreateToken; 3] = [
        |token| CreateToken { lifetime: Lifetime::Seconds(60), ..token },
        |token| CreateToken { allowed_addresses: vec!["192.0.2.0/24".parse().unwrap()], ..token },
        |token| CreateToken { client_id: Some("app".to_owned()), ..token },
    ];
    let sentence = "A token with an expiration, IP restriction or client binding cannot change how a member signs \
        in, because the member's sessions would not inherit those limits.";
    let email = || Some("m@example.org".to_owned());
    let subject = || Some("m|1".to_owned());
    for bind in bounds {
        let (mut world, admin) = World::founded();
        world.address = "192.0.2.1".parse().ok();
        let app = CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
        world.call(admin.actor, app).unwrap();
        let bound = world.issue(admin.actor, bind(token(&["workspace:manage", "read"]))).unwrap();
        // Without a provider that uses addresses, setting one is allowed, but not for a more privileged member.
        let early = Some("early@example.org".to_owned());
        world.call(bound.actor, CreateMember { email: early.clone(), ..member("early", &["read"]) }).unwrap();
        world.call(admin.actor, member("more", &["write"])).unwrap();
        let more = UpdateMember { email: Patch::Set("more@example.org".to_owned()), ..of_member("more") };
        let beyond = "Anyone who signs in as the member could use the scope write, which your credential cannot grant.";
        assert_forbidden(world.call(bound.actor, more), ForbiddenCode::Escalation, beyond);
        world.call(admin.actor, vouching(vec![provider(MemberBy::Subject)])).unwrap();
        let known = CreateMember { email: email(), ..member("ann", &["read"]) };
        let named = CreateMember { subject: subject(), ..member("ann", &["read"]) };
        for ask in [known, named] {
            assert_forbidden(world.call(bound.actor, ask), ForbiddenCode::Escalation, sentence);
        }
        world.call(bound.actor, member("ann", &["read"])).unwrap();
        let email = UpdateMember { email: Patch::Set("ann@example.org".to_owned()), ..of_member("ann") };
        let subject = UpdateMember { subject: Patch::Set("m|1".to_owned()), ..of_member("ann") };
        for ask in [email, subject] {
            assert_forbidden(world.call(bound.actor, ask), ForbiddenCode::Escalation, sentence);
        }
        world.call(bound.actor, UpdateMember { name: Some("Ann".to_owned()), ..of_member("ann") }).unwrap();
    }
}

#[test]
fn subject_belongs_to_one_member() {
    let (mut world, admin) = open_to(MemberBy::Subject);
    let taken = CommandError::AlreadyExists { what: "member".to_owned(), field: "subject".to_owned() };
    let subject = |text: &str| Some(text.to_owned());
    let bob = |text| CreateMember { subject: subject(text), ..member("bob", &[]) };
    assert_eq!(refused(world.call(admin.actor, bob("ann|1"))), taken);
    let long = "ä".repeat(256);
    for text in ["", &long] {
        assert_invalid_value(world.call(admin.actor, bob(text)), "/subject");
    }
    assert_eq!(world.call(admin.actor, bob(&long[..510])).unwrap().subject.unwrap().chars().count(), 255);
    let set = |id, text: &str| UpdateMember { subject: Patch::Set(text.to_owned()), ..of_member(id) };
    assert_eq!(refused(world.call(admin.actor, set("bob", "ann|1"))), taken);
    for text in ["", &long] {
        assert_invalid_value(world.call(admin.actor, set("bob", text)), "/subject");
    }
    let (was, is) = {
        world.call(admin.actor, set("bob", "bob|1")).unwrap();
        last_audit(&world, "member.update", "bob")
    };
    assert_eq!((was.to_string(), is.to_string()), (r#"{"subject":"…"}"#.into(), r#"{"subject":"…"}"#.into()));
    let same = world.dump();
    assert_eq!(world.call(admin.actor, set("ann", "ann|1")).unwrap().subject.as_deref(), Some("ann|1"));
    assert_eq!(world.dump(), same, "a repetition writes nothing");

    world.call(admin.actor, UpdateMember { subject: Patch::Clear, ..of_member("ann") }).unwrap();
    world.call(admin.actor, set("bob", "ann|1")).unwrap();
    assert_eq!(world.sign_in(identity("ann|1")).unwrap().member.id, "bob");
    world.call(admin.actor, EraseMember { id: "bob".to_owned() }).unwrap();
    assert!(!world.dump().contains("ann|1"), "the subject of an erased member remains");
    assert_not_signed_in(world.sign_in(identity("ann|1")));
    world.call(admin.actor, set("ann", "ann|1")).unwrap();
}
