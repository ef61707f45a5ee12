//! Sessions never exceed the token value that opened them, in scopes or in time.

use counterfoil_ledger::Upkeep;
use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, AuditEntry, CreateToken, EndSession, EraseMember, Lifetime, ListSessions, Listing, OpenSession, Page,
        Patch, ReadAudit, ReadSelf, ReadSession, ReadWorkspace, Records, RevokeToken, RevokeTokens, RotateToken,
        ScopeChange, Selection, Session, SuspendWorkspace, UpdateMember, UpdateToken, UpdateWorkspace,
    },
    command_error::ForbiddenCode,
};
use counterfoil_token::Presented;
use counterfoil_verify::{Code, ScopeSet};

use crate::{
    changes::{of_member, of_token, of_workspace},
    idempotency::once,
    support::*,
};

const HALF_DAY: u64 = 12 * 60 * 60 * 1_000;
const SCOPES: [&str; 5] = ["tokens:read", "tokens:write", "sessions:create", "audit:read", "read"];

/// A workspace, its admin, a plain member with a token, and a session of that token.
fn seated() -> (World, Held, Held, Seated) {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &SCOPES);
    let session = world.open(&ann).unwrap();
    (world, admin, ann, session)
}

fn scopes(texts: &[&str]) -> ScopeSet {
    patterns(texts).into()
}

#[track_caller]
fn assert_over<T>(outcome: Result<T, CommandError>) {
    assert_eq!(refused(outcome), CommandError::SessionEnded);
}

fn sessions(world: &mut World, actor: Actor) -> Listing<Session> {
    world.call(actor, ListSessions { page: Page::default() }).unwrap()
}

fn audit_of(world: &mut World, actor: Actor) -> Vec<AuditEntry> {
    world.call(actor, ReadAudit { subject: None, actor: None, page: Page::default() }).unwrap().items
}

#[test]
fn session_acts_as_member_of_opening_token() {
    let (mut world, _, ann, session) = seated();
    assert!(session.id.starts_with("ses_") && session.id.len() == 26);
    assert_eq!((&session.member, session.created_by.as_ref(), &session.issuer), (&ann.owner, Some(&ann.id), &None));
    assert_eq!((session.created_at, session.expires_at), (START, START.plus(HALF_DAY)));
    assert_eq!(session.scopes, scopes(&SCOPES));
    assert_eq!(world.call(session.actor, ReadSession {}).unwrap(), session.view);
    assert_eq!(world.call(session.actor, ReadSelf {}).unwrap().id, ann.id);
    assert_no_such(world.call(ann.actor, ReadSession {}), "session");
    assert_no_such(world.call(Actor::Root, ReadSession {}), "session");

    let made = world.issue(session.actor, token(&["read"])).unwrap();
    assert_eq!((&made.created_by, &made.owner), (&session.id, &ann.owner));
    let seen = audit_of(&mut world, ann.actor);
    let told: Vec<_> = seen.iter().map(|row| [&*row.actor, &*row.action, &*row.subject]).collect();
    assert_eq!(told[..2], [[&session.id, "token.create", &made.id], [&ann.id, "session.create", &session.id]]);
    let of_session = ReadAudit { subject: None, actor: Some(session.id.clone()), page: Page::default() };
    assert_eq!(world.call(session.actor, of_session).unwrap().total, 1);
    assert_eq!(world.column("SELECT actor FROM audit ORDER BY seq DESC LIMIT 1"), ["session".into()]);
}

#[test]
fn session_value_is_not_accepted_as_token() {
    let (mut world, admin) = World::founded();
    let text = world.call(admin.actor, OpenSession {}).unwrap().text;
    let Ok(Presented::Ours(text)) = Presented::parse(text.expose().as_bytes()) else {
        panic!("the session value is not a token of the workspace")
    };
    assert_eq!((text.prefix(), text.workspace()), ("ses", key()));
    assert!(text.is_sealed_by(&world.session_secrets[0].key_for(key())));
    assert!(!text.is_sealed_by(&world.seal_secrets[0].key_for(key())));

    // Neither is accepted in place of the other.
    assert_unauthenticated(world.call(Actor::Token(text.digest()), ReadSelf {}), Code::Unknown);
    assert_over(world.call(Actor::Session(admin.digest), ReadSelf {}));
    let answer = world.call(Actor::Verifier, Records { digests: vec![text.digest()] }).unwrap().0;
    assert!(answer.tokens[0].1.is_none(), "sessions are not published");
    assert!(world.ledger.outbox().due(world.now, 100).unwrap().iter().all(|put| !put.key.starts_with('s')));

    world.session_secrets.clear();
    assert!(matches!(refused(world.call(admin.actor, OpenSession {})), CommandError::Internal { .. }));
}

#[test]
fn opening_session_requires_token_with_scope() {
    let (mut world, admin, ann, session) = seated();
    let weak = world.issue(ann.actor, token(&["tokens:read", "tokens:write"])).unwrap();
    assert_missing(world.open(&weak), "sessions:create");
    let only = "Only a member's token can open a session. Another session or the root token cannot.";
    for actor in [session.actor, Actor::Root, Actor::Verifier] {
        assert_forbidden(world.call(actor, OpenSession {}), ForbiddenCode::TokenOnly, only);
    }
    world.open(&admin).unwrap();
}

#[test]
fn session_ends_immediately_with_its_token() {
    type End = fn(&mut World, &Held, &Held);
    let ends: [(&str, Code, End); 10] = [
        ("revoked", Code::Revoked, |world, admin, ann| {
            world.call(admin.actor, RevokeToken { id: ann.id.clone(), reason: None }).unwrap();
        }),
        ("revoked among many", Code::Revoked, |world, admin, ann| {
            let select = Selection::Ids(vec![ann.id.clone()]);
            world.call(admin.actor, RevokeTokens { select, reason: None }).unwrap();
        }),
        ("revoked with all of its owner", Code::Revoked, |world, admin, _| {
            world.call(admin.actor, UpdateMember { revoke_all: true, ..of_member("ann") }).unwrap();
        }),
        ("rotated", Code::Revoked, |world, admin, ann| {
            let new = world
                .call(admin.actor, RotateToken { id: ann.id.clone(), grace_seconds: 0, end_previous: false })
                .unwrap();
            world.held(new);
        }),
        ("rotated, and its grace period has expired", Code::Revoked, |world, admin, ann| {
            let new = world
                .call(admin.actor, RotateToken { id: ann.id.clone(), grace_seconds: 60, end_previous: false })
                .unwrap();
            world.held(new);
            world.wait(60_000);
        }),
        ("disabled", Code::Disabled, |world, admin, ann| {
            world.call(admin.actor, UpdateToken { enabled: Some(false), ..of_token(&ann.id) }).unwrap();
        }),
        ("expired", Code::Expired, |world, admin, ann| {
            let lifetime = Patch::Set(Lifetime::Seconds(1));
            world.call(admin.actor, UpdateToken { lifetime, ..of_token(&ann.id) }).unwrap();
            world.wait(1_000);
        }),
        ("not valid yet", Code::NotYetValid, |world, admin, ann| {
            let not_before = Patch::Set(world.now.plus(DAY));
            world.call(admin.actor, UpdateToken { not_before, ..of_token(&ann.id) }).unwrap();
        }),
        ("its owner suspended", Code::OwnerSuspended, |world, admin, _| {
            world.call(admin.actor, UpdateMember { suspended: Some(true), ..of_member("ann") }).unwrap();
        }),
        ("its workspace suspended", Code::WorkspaceSuspended, |world, _, _| {
            world.call(Actor::Root, SuspendWorkspace { suspended: true }).unwrap();
        }),
    ];
    for (what, code, end) in ends {
        let (mut world, admin, ann, session) = seated();
        let _: Session = world.call(session.actor, ReadSession {}).unwrap();
        end(&mut world, &admin, &ann);
        let outcome = world.call(session.actor, ReadSession {});
        assert_eq!(refused(outcome), CommandError::Unauthenticated { code }, "{what}");
        assert_unauthenticated(world.call(session.actor, token(&[])), code);
        if code == Code::WorkspaceSuspended {
            continue;
        }
        // A session whose token is disabled is listed without scopes; one whose token is permanently ended is not
        // listed.
        let listed = sessions(&mut world, admin.actor);
        let comes_back = code != Code::Revoked;
        assert_eq!((listed.total, listed.items.len()), (comes_back.into(), comes_back.into()), "{what}");
        assert!(listed.items.iter().all(|session| session.scopes == scopes(&[])), "{what}");
    }
}

#[test]
fn session_of_replaced_value_ends_with_grace_period() {
    let (mut world, _, ann, session) = seated();
    let rotated =
        world.call(ann.actor, RotateToken { id: ann.id.clone(), grace_seconds: 60, end_previous: false }).unwrap();
    let new = world.held(rotated);
    let opened = world.open(&ann).unwrap();
    assert_eq!(opened.expires_at, START.plus(60_000));
    let newer = world.open(&new).unwrap();
    assert_eq!(newer.expires_at, START.plus(HALF_DAY));
    world.wait(59_999);
    assert_eq!(sessions(&mut world, new.actor).total, 3);
    world.wait(1);
    assert_unauthenticated(world.call(session.actor, ReadSession {}), Code::Revoked);
    assert_over(world.call(opened.actor, ReadSession {}));
    let left = sessions(&mut world, newer.actor);
    assert_eq!(left.items, [newer.view]);
}

#[test]
fn session_has_its_tokens_ip_restriction() {
    let (mut world, admin, ann, session) = seated();
    let blocks = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    world.call(admin.actor, UpdateToken { allowed_addresses: blocks, ..of_token(&ann.id) }).unwrap();
    assert_unauthenticated(world.call(session.actor, ReadSession {}), Code::AddressNotAllowed);
    let seen_by_admin = sessions(&mut world, admin.actor);
    assert_eq!(seen_by_admin.items[0].scopes, scopes(&SCOPES), "from the allowed address it has its scopes");
    world.address = "192.0.2.9".parse().ok();
    assert_eq!(world.call(session.actor, ReadSession {}).unwrap(), session.view);
    world.address = "198.51.100.1".parse().ok();
    assert_unauthenticated(world.call(session.actor, ReadSession {}), Code::AddressNotAllowed);
}

#[test]
fn session_loses_scopes_with_its_token() {
    let (mut world, admin, ann, session) = seated();
    let fewer = ["tokens:read", "tokens:write", "read"];
    let change = Some(ScopeChange::Replace(patterns(&fewer)));
    world.call(admin.actor, UpdateToken { scopes: change, ..of_token(&ann.id) }).unwrap();
    assert_eq!(world.call(session.actor, ReadSession {}).unwrap().scopes, scopes(&fewer));
    assert_missing(
        world.call(session.actor, ReadAudit { subject: None, actor: None, page: Page::default() }),
        "audit:read",
    );
    world.call(admin.actor, UpdateMember { grants: Some(patterns(&["read"])), ..of_member("ann") }).unwrap();
    assert_eq!(world.call(session.actor, ReadSession {}).unwrap().scopes, scopes(&["read"]));
    assert_missing(world.call(session.actor, token(&[])), "tokens:write");
    assert_missing(world.call(session.actor, ListSessions { page: Page::default() }), "tokens:read");
    let more = Some(patterns(&["*"]));
    world.call(admin.actor, UpdateMember { grants: more, ..of_member("ann") }).unwrap();
    assert_eq!(world.call(session.actor, ReadSession {}).unwrap().scopes, scopes(&fewer));
}

#[test]
fn session_cannot_grant_more_than_its_token() {
    let (mut world, admin, ann, _) = seated();
    let bound = CreateToken {
        lifetime: Lifetime::Seconds(3_600),
        allowed_addresses: vec!["192.0.2.0/24".parse().unwrap()],
        ..token(&["tokens:write", "sessions:create"])
    };
    let bound = world.issue(ann.actor, bound).unwrap();
    world.address = "192.0.2.9".parse().ok();
    let session = world.open(&bound).unwrap();
    let more = "The scope read is more than your credential can grant.";
    assert_forbidden(world.call(session.actor, token(&["read"])), ForbiddenCode::Escalation, more);
    let longer = CreateToken { lifetime: Lifetime::Seconds(3_601), ..token(&[]) };
    let outlives = "The new token cannot expire later than the token that creates it.";
    assert_forbidden(world.call(session.actor, longer), ForbiddenCode::Escalation, outlives);
    let made = world.issue(session.actor, token(&[])).unwrap();
    assert_eq!((made.expires_at, &made.allowed_addresses), (bound.expires_at, &bound.allowed_addresses));

    let own = "A token cannot change its own scopes, expiration or allowed addresses. Use a different token.";
    let longer = UpdateToken { lifetime: Patch::Clear, ..of_token(&bound.id) };
    assert_forbidden(world.call(session.actor, longer), ForbiddenCode::OwnToken, own);
    let all = UpdateToken { scopes: Some(ScopeChange::Replace(patterns(&["*"]))), ..of_token(&bound.id) };
    assert_forbidden(world.call(session.actor, all), ForbiddenCode::OwnToken, own);
    let owner = Some("admin".to_owned());
    let theirs = "Only an admin can create tokens for other members.";
    assert_forbidden(world.call(session.actor, CreateToken { owner, ..token(&[]) }), ForbiddenCode::NotYours, theirs);
    assert_no_such(world.call(session.actor, RevokeToken { id: admin.id.clone(), reason: None }), "token");
}

#[test]
fn session_length_is_limited_by_workspace_and_token() {
    let (mut world, admin, ann, session) = seated();
    world.wait(HALF_DAY - 1);
    world.call(session.actor, ReadSession {}).unwrap();
    world.wait(1);
    assert_over(world.call(session.actor, ReadSession {}));
    assert_eq!(sessions(&mut world, admin.actor).total, 0);

    world.call(admin.actor, UpdateWorkspace { session_length: Some(60), ..of_workspace() }).unwrap();
    let short = world.open(&ann).unwrap();
    assert_eq!(short.expires_at, world.now.plus(60_000));
    let ends_first = CreateToken { lifetime: Lifetime::Seconds(59), ..token(&["sessions:create"]) };
    let ends_first = world.issue(ann.actor, ends_first).unwrap();
    let shorter = world.open(&ends_first).unwrap();
    assert_eq!(Some(shorter.expires_at), ends_first.expires_at);
    // A later expiration of the token does not extend its sessions.
    let longer = UpdateToken { lifetime: Patch::Set(Lifetime::Seconds(3_600)), ..of_token(&ends_first.id) };
    world.call(ann.actor, longer).unwrap();
    world.wait(59_000);
    assert_over(world.call(shorter.actor, ReadSession {}));
    world.call(short.actor, ReadSession {}).unwrap();
}

#[test]
fn session_can_end_itself_and_permitted_sessions() {
    let (mut world, admin, ann, session) = seated();
    let ben = world.join("ben", &["tokens:read", "sessions:create"]);
    let bens = world.open(&ben).unwrap();
    let over = |view: &Session| Session { scopes: scopes(&[]), ..view.clone() };
    let end = |session: &Seated| EndSession { id: Some(session.id.clone()) };

    // Without `tokens:write`, only itself, by either form.
    assert_missing(world.call(bens.actor, end(&session)), "tokens:write");
    assert_eq!(world.call(bens.actor, end(&bens)).unwrap(), over(&bens));
    assert_over(world.call(bens.actor, ReadSession {}));
    let bens = world.open(&ben).unwrap();
    assert_missing(world.call(ben.actor, end(&bens)), "tokens:write");
    assert_eq!(world.call(bens.actor, EndSession { id: None }).unwrap(), over(&bens));
    assert_over(world.call(bens.actor, EndSession { id: None }));
    assert_no_such(world.call(ben.actor, EndSession { id: None }), "session");
    world.call(ben.actor, ReadSelf {}).unwrap();

    // Sessions of other members do not exist, except for admins.
    let bens = world.open(&ben).unwrap();
    let second = world.open(&ann).unwrap();
    for id in [&bens.id, "ses_0", "", &ann.id] {
        assert_no_such(world.call(session.actor, EndSession { id: Some(id.to_owned()) }), "session");
    }
    assert_eq!(world.call(session.actor, end(&second)).unwrap(), over(&second));
    assert_no_such(world.call(session.actor, end(&second)), "session");
    assert_eq!(world.call(admin.actor, end(&bens)).unwrap(), over(&bens));
    assert_eq!(world.call(Actor::Root, end(&session)).unwrap(), over(&session));
    assert_over(world.call(session.actor, ReadSession {}));

    // Each member sees the audit rows of its own sessions only.
    let told = |rows: Vec<AuditEntry>| -> Vec<String> {
        let of_sessions = rows.into_iter().filter(|row| row.action.starts_with("session."));
        of_sessions.map(|row| format!("{} {} {}", row.actor, row.action, row.subject)).collect()
    };
    let expected = [
        format!("root session.end {}", session.id),
        format!("{} session.end {}", session.id, second.id),
        format!("{} session.create {}", ann.id, second.id),
        format!("{} session.create {}", ann.id, session.id),
    ];
    assert_eq!(told(audit_of(&mut world, ann.actor)), expected);
    assert_eq!(told(audit_of(&mut world, admin.actor)).len(), 10);
}

#[test]
fn members_list_own_sessions_and_admins_all() {
    let (mut world, admin, ann, first) = seated();
    let mut all = vec![first.view];
    for opened_by in [&admin, &ann, &admin, &ann] {
        world.wait(1);
        all.push(world.open(opened_by).unwrap().view);
    }
    all.reverse();
    let of_ann: Vec<_> = all.iter().filter(|session| session.created_by.as_ref() == Some(&ann.id)).cloned().collect();
    let seen = sessions(&mut world, ann.actor);
    assert_eq!((seen.total, seen.items), (3, of_ann));
    let (mut cursor, mut found) = (None, Vec::new());
    loop {
        let page = Page { limit: Some(2), cursor };
        let Listing { items, next_cursor, total, .. } = world.call(admin.actor, ListSessions { page }).unwrap();
        assert_eq!(total, 5);
        found.extend(items);
        cursor = next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, all);
}

#[test]
fn idempotency_keys_are_scoped_to_session() {
    let (mut world, _, ann, one) = seated();
    let other = world.open(&ann).unwrap();
    let mut create = |actor| {
        let answered = once(&mut world, actor, "k", token(&["read"])).unwrap();
        (answered.repeated, answered.reply.token.id)
    };
    let made = [ann.actor, one.actor, other.actor].map(&mut create);
    assert!(made.iter().all(|(repeated, _)| !repeated));
    assert!(made[0].1 != made[1].1 && made[1].1 != made[2].1);
    assert_eq!(create(one.actor), (true, made[1].1.clone()));
}

#[test]
fn expired_sessions_are_deleted() {
    let (mut world, admin, ann, _) = seated();
    let rows = |world: &World| world.number("SELECT count(*) FROM sessions");
    let due = START.plus(HALF_DAY);
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(Some(due)));
    world.wait(1);
    world.open(&ann).unwrap();
    world.now = due;
    assert_eq!(world.ledger.upkeep(world.now).unwrap(), Upkeep::Wait(Some(due.plus(1))));
    assert_eq!(rows(&world), 1);
    // Opening a session also sweeps, for workspaces without other activity.
    world.wait(1);
    world.open(&admin).unwrap();
    assert_eq!(rows(&world), 1);
    // The audit log still says whose it was.
    assert_eq!(audit_of(&mut world, ann.actor).iter().filter(|row| row.action == "session.create").count(), 2);

    world.meddle(
        "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1299)
         INSERT INTO sessions (number, id, digest, member, token, opened_with, created_at, expires_at)
         SELECT i, 'ses_' || i, randomblob(32), 1, 1, randomblob(32), 0, i FROM n",
    );
    let mut steps = 0;
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {
        steps += 1;
    }
    assert_eq!((steps, rows(&world)), (2, 1));
}

#[test]
fn erasing_a_member_deletes_its_sessions() {
    let (mut world, admin, _, session) = seated();
    world.open(&admin).unwrap();
    world.call(admin.actor, EraseMember { id: "ann".to_owned() }).unwrap();
    assert_over(world.call(session.actor, ReadSession {}));
    assert_eq!(world.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn workspace_deletion_deletes_sessions() {
    let (mut world, _, _, session) = seated();
    world.call(Actor::Root, counterfoil_protocol::command::DeleteWorkspace {}).unwrap();
    assert_over(world.call(session.actor, ReadWorkspace {}));
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
    assert_eq!(world.number("SELECT count(*) FROM sessions"), 0);
}

#[test]
fn opened_session_prevents_repeated_bootstrap() {
    let mut world = World::empty();
    let admin = world.call(Actor::Root, bootstrap()).unwrap().admin;
    let admin = world.held(admin);
    world.open(&admin).unwrap();
    let again = world.call(Actor::Root, bootstrap());
    assert_eq!(refused(again), CommandError::AlreadyExists { what: "workspace".to_owned(), field: "slug".to_owned() });
}
