//! A replaced token value in its grace period: it remains valid, but cannot execute commands with a lasting effect.

use counterfoil_ledger::editions::Step;
use counterfoil_protocol::{
    BuiltIn, CommandError, Slug, WebAddress,
    command::{
        Actor, Bootstrap, CheckScope, Command, CreateClient, DeleteClient, DeleteWorkspace, EndSession, Ended,
        EraseMember, FindMember, GetScopes, ImportLine, ImportTokens, Lease, ListClients, ListMembers, ListSessions,
        NotSignedIn, NoteRefusal, OpenSession, Page, Patch, PutScopes, ReadAudit, ReadClient, ReadIdentityProviders,
        ReadMember, ReadSelf, ReadSession, ReadSnapshot, ReadSnapshotKeys, ReadToken, ReadUsage, ReadWorkspace,
        Records, ReportUses, Request, RevokeResult, RevokeText, RevokeToken, RevokeTokens, RotateToken, Selection,
        SetHosts, Snapshot, State, SuspendWorkspace, TokenFilter, UpdateToken,
    },
    command_error::ForbiddenCode,
    reply_json,
};
use counterfoil_token::{Digest, Prefix};
use counterfoil_verify::{Code, SnapshotHead, Timestamp};

use crate::{
    changes::{of_member, of_token, of_workspace},
    identity::identity,
    support::*,
};

/// Whether a replaced value may execute the command. A new command does not compile here until this is decided.
fn may(command: &Command, itself: Digest) -> bool {
    match command {
        Command::Bootstrap(_)
        | Command::UpdateWorkspace(_)
        | Command::SuspendWorkspace(_)
        | Command::SetHosts(_)
        | Command::DeleteWorkspace(_)
        | Command::PutScopes(_)
        | Command::CreateMember(_)
        | Command::UpdateMember(_)
        | Command::EraseMember(_)
        | Command::CreateClient(_)
        | Command::DeleteClient(_)
        | Command::CreateToken(_)
        | Command::UpdateToken(_)
        | Command::RotateToken(_)
        | Command::RevokeToken(_)
        | Command::RevokeTokens(_)
        | Command::ImportTokens(_)
        | Command::SignIn(_) => false,
        Command::ReadWorkspace(_)
        | Command::GetScopes(_)
        | Command::ListMembers(_)
        | Command::ReadMember(_)
        | Command::FindMember(_)
        | Command::ListClients(_)
        | Command::ReadClient(_)
        | Command::ListTokens(_)
        | Command::ReadToken(_)
        | Command::ReadSelf(_)
        | Command::ReadIdentityProviders(_)
        | Command::ReadSession(_)
        | Command::ListSessions(_)
        | Command::ReadAudit(_)
        | Command::Records(_)
        | Command::Lease(_)
        | Command::ReadSnapshot(_)
        | Command::ReadSnapshotKeys(_)
        | Command::ReportUses(_)
        // Only the control plane may send these two; they are refused by their own check.
        | Command::NoteRefusal(_)
        | Command::ReadUsage(_)
        | Command::CheckScope(_) => true,
        // The session expires with the token value.
        Command::OpenSession(_) => true,
        // Only its own session; and only itself.
        Command::EndSession(ask) => ask.id.is_none(),
        Command::RevokeText(ask) => ask.digest == itself,
    }
}

/// Every command, some of them in several forms.
fn commands(held: &Held, other: &Held, session: &str) -> Vec<Command> {
    let page = Page::default;
    let id = || held.id.clone();
    let by = |filter| RevokeTokens { select: Selection::Filter(filter), reason: None };
    vec![
        Bootstrap { slug: Slug::parse("demo").unwrap(), name: "Demo".to_owned(), prefix: Prefix::default() }.into(),
        ReadWorkspace {}.into(),
        of_workspace().into(),
        SuspendWorkspace { suspended: true }.into(),
        SetHosts { hosts: hosts_of(&[]) }.into(),
        DeleteWorkspace {}.into(),
        GetScopes {}.into(),
        PutScopes { scopes: vec![entry("read")] }.into(),
        ListMembers { page: page() }.into(),
        member("ben", &["read"]).into(),
        ReadMember { id: "ann".to_owned() }.into(),
        FindMember { number: 2 }.into(),
        of_member("ann").into(),
        EraseMember { id: "ann".to_owned() }.into(),
        ListClients { page: page() }.into(),
        CreateClient { id: "web".to_owned(), name: "Web".to_owned(), permissions: Vec::new() }.into(),
        ReadClient { id: "app".to_owned() }.into(),
        DeleteClient { id: "app".to_owned() }.into(),
        token(&["read"]).into(),
        all_tokens(page()).into(),
        ReadToken { id: id() }.into(),
        ReadSelf {}.into(),
        of_token(&held.id).into(),
        UpdateToken { name: Some("mine".to_owned()), ..of_token(&held.id) }.into(),
        UpdateToken { enabled: Some(false), ..of_token(&other.id) }.into(),
        RotateToken { id: id(), grace_seconds: 0, end_previous: false }.into(),
        RotateToken { id: id(), grace_seconds: 60, end_previous: true }.into(),
        RotateToken { id: other.id.clone(), grace_seconds: 0, end_previous: false }.into(),
        RevokeToken { id: id(), reason: None }.into(),
        RevokeToken { id: other.id.clone(), reason: None }.into(),
        RevokeText { digest: other.digest, reason: None }.into(),
        RevokeText { digest: Digest::of(b"unknown"), reason: None }.into(),
        RevokeTokens { select: Selection::Ids(vec![id()]), reason: None }.into(),
        by(TokenFilter { digest: Some(other.digest), ..TokenFilter::default() }).into(),
        ImportTokens {
            lines: vec![ImportLine { digest: Digest::of(b"a"), weak: false, length: None, token: token(&[]) }],
        }
        .into(),
        OpenSession {}.into(),
        ReadIdentityProviders {}.into(),
        identity("ann|1").into(),
        NoteRefusal {
            issuer: WebAddress::parse("https://accounts.example").unwrap(),
            audience: "console".to_owned(),
            reason: NotSignedIn::NoMember,
        }
        .into(),
        ReadSession {}.into(),
        EndSession { id: Some(session.to_owned()) }.into(),
        EndSession { id: None }.into(),
        ListSessions { page: page() }.into(),
        ReadAudit { subject: None, actor: None, page: page() }.into(),
        Records { digests: vec![held.digest] }.into(),
        Lease { since: None, digests: vec![held.digest], uses: Vec::new(), segments: None }.into(),
        ReadSnapshot {}.into(),
        ReadSnapshotKeys {}.into(),
        ReportUses { uses: Vec::new() }.into(),
        ReadUsage { id: id(), days: None }.into(),
        CheckScope { scope: BuiltIn::TokensRead }.into(),
    ]
}

fn send(world: &mut World, actor: Actor, command: Command, key: Option<&str>) -> Result<(), CommandError> {
    let request = Request {
        workspace: crate::support::key(),
        actor,
        request_id: "replaced".to_owned(),
        address: None,
        idempotency_key: key.map(|key| key.to_owned().try_into().unwrap()),
        origin: None,
        if_version: None,
        wait: false,
        command,
    };
    let reply = world.handle(&serde_json::to_vec(&request).unwrap());
    reply_json(&reply).unwrap().map(drop)
}

fn is_replaced<T>(outcome: &Result<T, CommandError>) -> bool {
    matches!(outcome, Err(CommandError::Forbidden { code: ForbiddenCode::ReplacedText, .. }))
}

fn rotate(world: &mut World, held: &Held, grace_seconds: u64) -> Held {
    let ask = RotateToken { id: held.id.clone(), grace_seconds, end_previous: false };
    let rotated = world.call(Actor::Root, ask).unwrap();
    world.held(rotated)
}

fn revoke(world: &mut World, actor: Actor, digest: Digest) -> Result<Ended, CommandError> {
    world.call(actor, RevokeText { digest, reason: Some("leaked".to_owned()) }).map(|done| done.ended)
}

fn code(world: &mut World, held: &Held) -> Code {
    match world.call(held.actor, ReadSelf {}) {
        Ok(_) => Code::Valid,
        Err(CommandError::Unauthenticated { code }) => code,
        Err(other) => panic!("{other:?}"),
    }
}

/// A token with all scopes and a replaced value in its grace period: that value, the current value, another token, a
/// session that the replaced value opened before the rotation, and one of the other token.
fn replaced() -> (World, Held, Held, Held, Seated, Seated) {
    let (mut world, admin) = World::founded();
    world.join("ann", &["read"]);
    let client = CreateClient { id: "app".to_owned(), name: "App".to_owned(), permissions: Vec::new() };
    world.call(Actor::Root, client).unwrap();
    let old = world.issue(admin.actor, token(&["*"])).unwrap();
    let (session, others) = (world.open(&old).unwrap(), world.open(&admin).unwrap());
    let new = rotate(&mut world, &old, 60);
    (world, old, new, admin, session, others)
}

#[test]
fn replaced_token_value_cannot_run_lasting_commands() {
    let count = {
        let (_, old, _, admin, _, others) = replaced();
        let commands = commands(&old, &admin, &others.id);
        let mut kinds: Vec<_> = commands.iter().map(Command::kind).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), Command::KINDS.len(), "a command is missing from this test");
        assert!(Command::KINDS.iter().all(|kind| kinds.contains(kind)));
        commands.len()
    };
    for by_session in [false, true] {
        for nth in 0..count {
            let (mut world, old, new, admin, session, others) = replaced();
            let command = commands(&old, &admin, &others.id).swap_remove(nth);
            let (actor, kind) = (if by_session { session.actor } else { old.actor }, command.kind());
            let may = may(&command, old.digest) && (by_session || kind != "EndSession");
            let question = command.is_question();
            let before = world.dump_but_leases();
            let outcome = send(&mut world, actor, command, None);
            assert_eq!(is_replaced(&outcome), !may, "{kind}: {outcome:?}");
            if !may || question && kind != "ReadSnapshot" {
                assert_eq!(world.dump_but_leases(), before, "{kind} has changed something");
            }
            assert_eq!(code(&mut world, &new), Code::Valid, "{kind}");
        }
    }
}

#[test]
fn replaced_token_value_gets_no_idempotent_reply() {
    let (mut world, admin) = World::founded();
    let old = world.issue(admin.actor, token(&["*"])).unwrap();
    let again = |world: &mut World, held: &Held| send(world, held.actor, token(&["read"]).into(), Some("k"));
    again(&mut world, &old).unwrap();
    let new = rotate(&mut world, &old, 60);
    assert!(is_replaced(&again(&mut world, &old)));
    again(&mut world, &new).unwrap();
    assert_eq!(world.number("SELECT count(*) FROM tokens"), 3, "the stored reply was returned");
}

#[test]
fn snapshot_of_replaced_token_value_expires_with_it() {
    let (mut world, old, new, ..) = replaced();
    let ask = |world: &mut World, held: &Held| match world.call(held.actor, ReadSnapshot {}).unwrap() {
        Snapshot::Ready(files) => Some(files),
        Snapshot::NotYet { .. } => None,
    };
    assert!(ask(&mut world, &old).is_none());
    loop {
        let step = world.ledger.edition_step(world.now).unwrap();
        world.ledger.edition_done(&step, world.now).unwrap();
        if matches!(step, Step::Wait(_)) {
            break;
        }
    }
    for (held, milliseconds) in [(&old, 60_000), (&new, DAY)] {
        let files = ask(&mut world, held).unwrap();
        let (as_of, expires_at) = (START, START.plus(milliseconds));
        let head = SnapshotHead { workspace: key(), as_of, expires_at, manifest: files.files[0] };
        assert!(files.head.0.starts_with(&head.to_sign()), "it expires at another time");
    }
}

#[test]
fn revoking_replaced_token_value_keeps_current_one() {
    let (mut world, old, new, admin, session, _) = replaced();
    let newer = rotate(&mut world, &new, 600);
    let version = world.call(Actor::Root, ReadToken { id: old.id.clone() }).unwrap().version;
    assert_eq!(revoke(&mut world, admin.actor, old.digest), Ok(Ended::Text));
    let (before, after) = last_audit(&world, "token.revoke_text", &old.id);
    assert_eq!(before["digest"], old.digest.to_string());
    assert_eq!((&before["valid_until"], &after["reason"]), (&"2025-11-13T02:14:20.000Z".into(), &"leaked".into()));
    let codes = [&old, &new, &newer].map(|held| code(&mut world, held));
    assert_eq!(codes, [Code::Revoked, Code::Valid, Code::Valid]);
    for held in [&old, &new, &newer] {
        assert_published(&mut world, held.digest);
    }
    assert_unauthenticated(world.call(session.actor, ReadSession {}), Code::Revoked);
    let held = world.call(Actor::Root, ReadToken { id: old.id.clone() }).unwrap();
    assert_eq!((held.state, held.version), (State::Active, version + 1));
    assert_eq!(record(&mut world, old.digest).replaced_until, Some(Timestamp(0)));

    // Repeating it, or revoking an unknown value, writes nothing.
    let before = world.dump();
    for digest in [old.digest, Digest::of(b"unknown")] {
        assert_eq!(revoke(&mut world, admin.actor, digest), Ok(Ended::Nothing));
    }
    assert_eq!(world.dump(), before);
    // Revoking the current value revokes the token and all its values.
    assert_eq!(revoke(&mut world, admin.actor, newer.digest), Ok(Ended::Token));
    assert_eq!([&new, &newer].map(|held| code(&mut world, held)), [Code::Revoked; 2]);
    assert_eq!(last_audit(&world, "token.revoke", &old.id).1["reason"], "leaked");
    assert_eq!(revoke(&mut world, admin.actor, new.digest), Ok(Ended::Nothing));
}

#[test]
fn revoking_expired_token_value_has_no_effect() {
    let (mut world, old, new, admin, ..) = replaced();
    world.wait(60_000);
    let before = world.dump();
    assert_eq!(revoke(&mut world, admin.actor, old.digest), Ok(Ended::Nothing));
    assert_eq!(world.dump(), before);
    assert_eq!(code(&mut world, &new), Code::Valid);
}

#[test]
fn token_value_can_revoke_itself_without_scope() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["read"]);
    let second = rotate(&mut world, &ann, 600);
    let third = rotate(&mut world, &second, 600);
    // Another value of its own token, because it could also revoke the token with all its values.
    assert_eq!(revoke(&mut world, third.actor, second.digest), Ok(Ended::Text));
    // Itself.
    assert_eq!(revoke(&mut world, ann.actor, ann.digest), Ok(Ended::Text));
    assert_eq!(code(&mut world, &third), Code::Valid);
    for digest in [admin.digest, Digest::of(b"unknown")] {
        assert_missing(revoke(&mut world, third.actor, digest), "tokens:write");
    }
    let ben = world.join("ben", &["tokens:write"]);
    for digest in [admin.digest, third.digest, Digest::of(b"unknown")] {
        assert_eq!(revoke(&mut world, ben.actor, digest), Ok(Ended::Nothing), "unknown and forbidden look the same");
    }
    assert_eq!(revoke(&mut world, third.actor, third.digest), Ok(Ended::Token));
    assert_eq!(code(&mut world, &third), Code::Revoked);
}

#[test]
fn bulk_revocation_by_replaced_digest_keeps_token() {
    let (mut world, old, new, admin, ..) = replaced();
    let by = |digest| {
        let filter = TokenFilter { digest: Some(digest), ..TokenFilter::default() };
        RevokeTokens { select: Selection::Filter(filter), reason: None }
    };
    let done = world.call(admin.actor, by(old.digest)).unwrap().items;
    assert_eq!(
        done.iter().map(|item| (&item.id, item.result)).collect::<Vec<_>>(),
        [(&old.id, RevokeResult::TextRevoked)]
    );
    assert_eq!([&old, &new].map(|held| code(&mut world, held)), [Code::Revoked, Code::Valid]);
    assert_published(&mut world, old.digest);
    let before = world.dump();
    assert_eq!(world.call(admin.actor, by(old.digest)).unwrap().items, []);
    assert_eq!(world.dump(), before);
    let done = world.call(admin.actor, by(new.digest)).unwrap().items;
    assert_eq!(done.iter().map(|item| item.result).collect::<Vec<_>>(), [RevokeResult::Revoked]);
}

/// If the list of changes omitted such a value, verifiers would continue to accept it.
#[test]
fn revoked_replaced_token_value_is_reported_to_verifiers() {
    let (mut world, old, new, admin, ..) = replaced();
    let since = world.number("SELECT generation FROM workspace");
    let position = counterfoil_verify::Position { epoch: START.0, generation: since };
    assert_eq!(revoke(&mut world, admin.actor, old.digest), Ok(Ended::Text));
    let ask = Lease { since: Some(position), digests: Vec::new(), uses: Vec::new(), segments: None };
    let granted = world.call(Actor::Verifier, ask).unwrap();
    assert_eq!(granted.since, Some(since));
    assert!([&old, &new].iter().all(|held| granted.texts.contains(&held.digest)), "{:?}", granted.texts);
    let off = UpdateToken { enabled: Some(false), note: Patch::Set("off".to_owned()), ..of_token(&old.id) };
    world.call(admin.actor, off).unwrap();
    assert_eq!(code(&mut world, &old), Code::Revoked);
}
