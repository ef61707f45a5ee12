//! Creating a workspace.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, Bootstrap, Page, ReadSelf, Records, Role, State},
    command_error::ForbiddenCode,
};
use counterfoil_token::{Digest, Prefix};
use counterfoil_verify::{Code, ScopeSet};

use crate::support::*;

#[test]
fn bootstrap_creates_workspace_with_admin_granted_everything() {
    let mut world = World::empty();
    let ask = Bootstrap { prefix: Prefix::parse("acme").unwrap(), ..bootstrap() };
    let made = world.call(Actor::Root, ask).unwrap();
    assert_eq!((made.workspace.key, made.workspace.slug.as_str()), (key(), "demo"));
    assert_eq!((made.workspace.name.as_str(), made.workspace.created_at), ("Demo", START));
    assert!(made.admin.text.as_ref().unwrap().expose().starts_with("acme_0Ab3dE"));
    let admin = world.held(made.admin);
    assert_eq!((admin.owner.id.as_str(), admin.owner.number, admin.number), ("admin", 1, 1));
    assert_eq!(admin.effective_scopes, ScopeSet::everything());
    assert_eq!((admin.created_by.as_str(), admin.expires_at, admin.state), ("root", None, State::Active));
    assert_eq!(world.call(admin.actor, ReadSelf {}).unwrap(), admin.view);

    let answer = world.call(Actor::Verifier, Records { digests: vec![admin.digest] }).unwrap().0;
    assert_eq!(answer.generation, 1);
    assert_eq!(answer.tokens[0].1.as_ref().map(|record| (record.version, record.issued)), Some((1, 1)));
    let members =
        world.call(Actor::Root, counterfoil_protocol::command::ListMembers { page: Page::default() }).unwrap();
    let admin = &members.items[0];
    assert_eq!((admin.role, admin.quota, admin.live_tokens, admin.suspended), (Role::Admin, 600, 1, false));
}

#[test]
fn commands_before_bootstrap_find_no_workspace() {
    let mut world = World::empty();
    let nobody = Actor::Token(Digest::of(b"nobody"));
    assert_no_such(world.call(Actor::Root, all_tokens(Page::default())), "workspace");
    assert_unauthenticated(world.call(nobody, bootstrap()), Code::Unknown);
    // Seal keys are returned only to authenticated actors.
    assert_unauthenticated(world.call(nobody, Records { digests: Vec::new() }), Code::Unknown);
    assert_no_such(world.call(Actor::Verifier, bootstrap()), "workspace");
    for actor in [Actor::Verifier, Actor::Root] {
        let digest = Digest::of(b"unknown");
        let answer = world.call(actor, Records { digests: vec![digest] }).unwrap().0;
        assert_eq!((answer.key, answer.workspace, answer.generation), (key(), None, 0));
        assert_eq!((answer.tokens, answer.owners), (vec![(digest, None)], vec![]));
    }
}

#[test]
fn repeated_bootstrap_replaces_admin_token() {
    let mut world = World::empty();
    let first = world.call(Actor::Root, bootstrap()).unwrap();
    let first = world.held(first.admin);
    world.wait(1_000);
    let ask = Bootstrap { name: "Another name".to_owned(), prefix: Prefix::parse("acme").unwrap(), ..bootstrap() };
    let second = world.call(Actor::Root, ask).unwrap();
    assert_eq!((second.workspace.name.as_str(), second.workspace.prefix.as_str()), ("Another name", "acme"));
    assert_eq!(second.workspace.created_at, START);
    let second = world.held(second.admin);
    assert_eq!(second.number, 2);
    assert_unauthenticated(world.call(first.actor, ReadSelf {}), Code::Revoked);
    assert!(world.call(second.actor, ReadSelf {}).is_ok());
    let answer = world.call(Actor::Verifier, Records { digests: vec![first.digest] }).unwrap().0;
    assert!(answer.tokens[0].1.as_ref().is_some_and(|record| record.revoked && record.version == 2));
    assert_eq!(answer.workspace.map(|workspace| workspace.version), Some(2));
}

#[test]
fn bootstrap_is_refused_once_workspace_is_in_use() {
    let (mut world, _) = World::founded();
    let exists = CommandError::AlreadyExists { what: "workspace".to_owned(), field: "slug".to_owned() };
    assert_eq!(refused(world.call(Actor::Root, bootstrap())), exists);

    let mut world = World::empty();
    world.call(Actor::Root, bootstrap()).unwrap();
    assert_eq!(refused(world.call(Actor::Root, Bootstrap { slug: slug("other"), ..bootstrap() })), exists);
}

#[test]
fn bootstrap_requires_root() {
    let (mut world, admin) = World::founded();
    for actor in [admin.actor, Actor::Verifier] {
        let sentence = "Only the deployment's root token can do this.";
        assert_forbidden(world.call(actor, bootstrap()), ForbiddenCode::RootOnly, sentence);
    }
}

#[test]
fn workspace_name_length_is_limited() {
    for name in [String::new(), "n".repeat(201)] {
        let mut world = World::empty();
        assert_invalid_value(world.call(Actor::Root, Bootstrap { name, ..bootstrap() }), "/name");
    }
}

#[test]
fn bootstrap_without_seal_secret_or_randomness_fails() {
    let mut world = World::empty();
    world.seal_secrets.clear();
    assert!(matches!(refused(world.call(Actor::Root, bootstrap())), CommandError::Internal { .. }));

    let world = World::empty();
    let (seal_secrets, session_secrets) = (&world.seal_secrets, &world.session_secrets);
    let random = &mut |bytes: &mut [u8]| bytes.fill(255);
    let context =
        counterfoil_ledger::Context { now: START, random, seal_secrets, session_secrets, snapshot_secrets: &[] };
    let refusal = refused(world.ledger.call(key(), Actor::Root, None, bootstrap(), context));
    assert!(matches!(refusal, CommandError::Internal { .. }));
    assert!(!world.dump().contains("workspace:"));
}
