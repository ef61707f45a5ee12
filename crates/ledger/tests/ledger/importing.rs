//! Importing third-party tokens.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateClient, CreateMember, CreateToken, ImportLine, ImportTokens, Imported, Lifetime, ReadSelf,
        ReadToken, RevokeToken, RotateToken,
    },
    command_error::{ForbiddenCode, InvalidCode},
};
use counterfoil_token::Digest;
use counterfoil_verify::{Encoded as _, RegistryKey, WorkspaceRecord};

use crate::support::*;

fn line(text: &str, token: CreateToken) -> ImportLine {
    ImportLine { digest: Digest::of(text.as_bytes()), weak: false, length: None, token }
}

fn import(world: &mut World, actor: Actor, lines: Vec<ImportLine>) -> Result<Imported, CommandError> {
    world.call(actor, ImportTokens { lines })
}

fn taken() -> Result<String, CommandError> {
    Err(CommandError::AlreadyExists { what: "token".to_owned(), field: "digest".to_owned() })
}

#[test]
fn imported_token_is_accepted_by_value_and_not_by_digest() {
    let (mut world, admin) = World::founded();
    let text = "sk_live_a-token-from-elsewhere";
    let weak = ImportLine { weak: true, ..line("0123456789abcdef", token(&[])) };
    let done = import(&mut world, admin.actor, vec![line(text, token(&["read"])), weak]).unwrap();
    let id = done.lines[0].clone().unwrap();
    let digest = Digest::of(text.as_bytes());
    let view = world.call(Actor::Token(digest), ReadSelf {}).unwrap();
    assert_eq!((&view.id, view.digest, view.number), (&id, digest, 2));
    assert_eq!(view.hint, format!("sha256:{}…", &digest.to_string()[..8]));
    let presented = Digest::of(digest.to_string().as_bytes());
    assert_unauthenticated(world.call(Actor::Token(presented), ReadSelf {}), counterfoil_verify::Code::Unknown);
    assert_eq!(world.column("SELECT weak FROM tokens ORDER BY number"), [0_u64.into(), 0_u64.into(), 1_u64.into()]);
    assert_eq!(world.number("SELECT count(*) FROM tokens WHERE seal_epoch IS NULL"), 2);
    assert_published(&mut world, digest);
    let query = "SELECT count(*) FROM audit WHERE action = 'token.import'";
    assert_eq!(world.number(query), 2);

    // From now on verifiers look up third-party tokens, because the workspace's record says so.
    let path = RegistryKey::Workspace(key()).path();
    let query = "SELECT value FROM outbox WHERE key = ?";
    let sql = world.ledger.sql();
    let value: Vec<u8> = counterfoil_ledger::sql::Sql::exec(sql, query, &[path.into()]).unwrap()[0].take().unwrap();
    let record = WorkspaceRecord::decode(&value).unwrap();
    assert!(record.has_imports);
    let answer = world.call(Actor::Verifier, counterfoil_protocol::command::Records { digests: Vec::new() }).unwrap().0;
    assert_eq!(answer.workspace.unwrap(), record);
}

#[test]
fn invalid_import_line_is_refused_and_others_imported() {
    let (mut world, admin) = World::founded();
    let named = |name: &str| CreateToken { name: name.to_owned(), ..token(&[]) };
    let lines = vec![
        line("one", named("one")),
        line("two", token(&["nope"])),
        line("three", named(&"n".repeat(201))),
        line("two", named("two, again, but right")),
        line("one", named("one, again")),
        ImportLine { digest: admin.digest, ..line("", token(&[])) },
    ];
    let done = import(&mut world, admin.actor, lines).unwrap().lines;
    let code = |outcome: &Result<String, CommandError>| match outcome {
        Err(CommandError::Invalid { code, pointer, .. }) => (*code, pointer.clone()),
        other => panic!("{other:?}"),
    };
    assert!(done[0].is_ok() && done[3].is_ok());
    assert_eq!(code(&done[1]), (InvalidCode::UnknownScope, "/scopes/0".to_owned()));
    assert_eq!(code(&done[2]), (InvalidCode::InvalidValue, "/name".to_owned()));
    assert_eq!(done[4..], [taken(), taken()]);
    assert_eq!(world.number("SELECT count(*) FROM tokens"), 3);
    assert_eq!(world.number("SELECT last_number FROM workspace"), 3, "refused lines take no number");
}

#[test]
fn import_of_known_digest_is_refused() {
    let (mut world, admin) = World::founded();
    let held = world.issue(admin.actor, token(&[])).unwrap();
    let rotated =
        world.call(admin.actor, RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: false }).unwrap();
    world.held(rotated);
    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
    let before = world.dump();
    let again = ImportLine { digest: held.digest, ..line("", token(&[])) };
    assert_eq!(import(&mut world, admin.actor, vec![again]).unwrap().lines, [taken()]);
    assert_eq!(world.dump(), before, "an import of nothing writes nothing");
}

#[test]
fn import_over_quota_imports_nothing() {
    let (mut world, admin) = World::founded();
    world.call(Actor::Root, CreateMember { quota: Some(3), ..member("ann", &["read"]) }).unwrap();
    let to = |owner: &str| CreateToken { owner: Some(owner.to_owned()), ..token(&[]) };
    let lines = |count: usize| (0..count).map(|n| line(&format!("text {n}"), to("ann"))).collect::<Vec<_>>();
    world.issue(Actor::Root, to("ann")).unwrap();
    let mut more = lines(3);
    more.push(line("another", to("admin")));
    more.push(line("wrong", CreateToken { name: "n".repeat(201), ..to("ann") }));
    let outcome = import(&mut world, admin.actor, more);
    assert_eq!(refused(outcome), CommandError::QuotaExceeded { quota: 3, needed: 4 });
    let mut enough = lines(2);
    // A refused line does not count.
    enough.push(line("wrong", CreateToken { name: "n".repeat(201), ..to("ann") }));
    assert!(import(&mut world, admin.actor, enough).is_ok());
    assert_eq!(refused(world.call(Actor::Root, to("ann"))), CommandError::QuotaExceeded { quota: 3, needed: 4 });
}

#[test]
fn import_requires_scope_and_own_member() {
    let (mut world, _) = World::founded();
    let ann = world.join("ann", &["tokens:import"]);
    let to_admin = CreateToken { owner: Some("admin".to_owned()), ..token(&[]) };
    let done = import(&mut world, ann.actor, vec![line("a", to_admin), line("b", token(&[]))]).unwrap().lines;
    assert!(matches!(done[..], [Err(CommandError::Forbidden { code: ForbiddenCode::NotYours, .. }), Ok(_)]));
    let bob = world.join("bob", &["tokens:read", "tokens:write", "tokens:grant", "workspace:manage"]);
    assert_missing(import(&mut world, bob.actor, vec![line("c", token(&[]))]), "tokens:import");
}

#[test]
fn import_follows_escalation_rule_of_new_tokens() {
    let (mut world, _) = World::founded();
    for id in ["app", "web"] {
        let client = CreateClient { id: id.to_owned(), name: "A client".to_owned(), permissions: Vec::new() };
        world.call(Actor::Root, client).unwrap();
    }
    world.join("ann", &["tokens:import", "read", "write"]);
    let narrow = CreateToken {
        owner: Some("ann".to_owned()),
        lifetime: Lifetime::Seconds(60),
        allowed_addresses: vec!["192.0.2.0/24".parse().unwrap()],
        client_id: Some("app".to_owned()),
        ..token(&["tokens:import", "read"])
    };
    let narrow = world.issue(Actor::Root, narrow).unwrap();
    world.address = "192.0.2.7".parse().ok();
    let more = [
        token(&["write"]),
        CreateToken { lifetime: Lifetime::Seconds(61), ..token(&["read"]) },
        CreateToken { allowed_addresses: vec!["192.0.0.0/16".parse().unwrap()], ..token(&["read"]) },
        CreateToken { client_id: Some("web".to_owned()), ..token(&["read"]) },
    ];
    let lines = more.into_iter().map(|token| line("theirs", token)).chain([line("theirs", token(&["read"]))]);
    let mut outcomes = import(&mut world, narrow.actor, lines.collect()).unwrap().lines;
    let id = outcomes.pop().unwrap().unwrap();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let CommandError::Forbidden { code, .. } = refused(outcome) else { panic!("line {number}") };
        assert_eq!(code, ForbiddenCode::Escalation, "line {number}");
    }
    let view = world.call(Actor::Root, ReadToken { id }).unwrap();
    assert_eq!((view.expires_at, view.allowed_addresses), (narrow.expires_at, narrow.allowed_addresses.clone()));
}

#[test]
fn import_binds_one_token_per_owner_and_client() {
    let (mut world, admin) = World::founded();
    world.meddle("INSERT INTO clients (id, name, permissions, created_at) VALUES ('app', 'A', '[]', 1)");
    let pinned = || CreateToken { client_id: Some("app".to_owned()), ..token(&[]) };
    let done = import(&mut world, admin.actor, vec![line("a", pinned()), line("b", pinned())]).unwrap().lines;
    let taken = CommandError::AlreadyExists { what: "token".to_owned(), field: "client_id".to_owned() };
    assert!(done[0].is_ok());
    assert_eq!(done[1], Err(taken));
}

#[test]
fn rotated_import_gets_counterfoil_token_value() {
    let (mut world, admin) = World::founded();
    let weak = ImportLine { weak: true, ..line("theirs", token(&["read"])) };
    let id = import(&mut world, admin.actor, vec![weak]).unwrap().lines.remove(0).unwrap();
    let rotated = world.call(admin.actor, RotateToken { id, grace_seconds: 60, end_previous: false }).unwrap();
    let new = world.held(rotated);
    assert!(new.hint.starts_with("cft_…"));
    let theirs = Actor::Token(Digest::of(b"theirs"));
    assert_eq!(world.call(theirs, ReadSelf {}).unwrap(), new.view);
    assert_eq!(world.number("SELECT weak FROM tokens WHERE number = 2"), 0);
    assert_eq!(world.number("SELECT weak FROM replaced_texts"), 1, "snapshots exclude it");
}

#[test]
fn import_is_limited_to_10000_lines() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET default_quota = 20000");
    let lines = |count: u64| (0..count).map(|n| line(&n.to_string(), token(&["read"]))).collect::<Vec<_>>();
    assert_invalid_value(import(&mut world, admin.actor, lines(10_001)), "/tokens");
    let done = import(&mut world, admin.actor, lines(10_000)).unwrap().lines;
    assert!(done.iter().all(Result::is_ok));
    assert_eq!(world.number("SELECT count(*) FROM outbox WHERE key LIKE 'r/%'"), 10_001);
}

#[test]
fn import_of_unverifiable_length_is_refused() {
    let (mut world, admin) = World::founded();
    let lengths = [0, 7, 15, 16, 17, 512, 513, u64::MAX];
    for weak in [false, true] {
        let lines = lengths.iter().map(|length| {
            let text = format!("{weak} {length}");
            ImportLine { weak, length: Some(*length), ..line(&text, token(&[])) }
        });
        let outcomes = import(&mut world, admin.actor, lines.collect()).unwrap().lines;
        for (length, outcome) in lengths.iter().zip(outcomes) {
            if (16..=512).contains(length) {
                assert!(outcome.is_ok(), "{length}");
            } else {
                let CommandError::Invalid { pointer, detail, .. } = refused(outcome) else { panic!("{length}") };
                assert_eq!(pointer, "/length");
                assert!(detail.contains("16 to 512 visible ASCII"), "{detail}");
            }
        }
    }
}
