//! Client binding: at most one live token of an owner for a client.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateToken, Lifetime, Patch, RevokeToken, RotateToken, UpdateToken},
    command_error::{ForbiddenCode, InvalidCode},
};

use crate::{changes::of_token, support::*};

fn with_clients() -> (World, Held) {
    let (world, admin) = World::founded();
    for id in ["app", "web"] {
        world.meddle(&format!("INSERT INTO clients (id, name, permissions, created_at) VALUES ('{id}', 'A', '[]', 1)"));
    }
    (world, admin)
}

fn pinned(client: &str) -> CreateToken {
    CreateToken { client_id: Some(client.to_owned()), ..token(&["tokens:write"]) }
}

fn taken() -> CommandError {
    CommandError::AlreadyExists { what: "token".to_owned(), field: "client_id".to_owned() }
}

#[test]
fn owner_has_one_live_token_bound_to_a_client() {
    let (mut world, admin) = with_clients();
    let first = world.issue(admin.actor, pinned("app")).unwrap();
    assert_eq!(first.client_id.as_deref(), Some("app"));
    assert_eq!(record(&mut world, first.digest).client_id.as_deref(), Some("app"));
    for actor in [admin.actor, Actor::Root] {
        let ask = CreateToken { owner: Some("admin".to_owned()), ..pinned("app") };
        assert_eq!(refused(world.call(actor, ask)), taken());
    }
    // Another client or another owner is independent.
    world.issue(admin.actor, pinned("web")).unwrap();
    world.join("ann", &["tokens:write"]);
    world.issue(admin.actor, CreateToken { owner: Some("ann".to_owned()), ..pinned("app") }).unwrap();
    // A revoked token frees the binding; a disabled one does not.
    world.meddle("UPDATE tokens SET enabled = 0 WHERE number = 2");
    assert_eq!(refused(world.call(admin.actor, pinned("app"))), taken());
    world.call(admin.actor, RevokeToken { id: first.id.clone(), reason: None }).unwrap();
    world.issue(admin.actor, pinned("app")).unwrap();
}

#[test]
fn expired_bound_token_is_not_revived_beside_another() {
    let (mut world, admin) = with_clients();
    let ending = CreateToken { lifetime: Lifetime::Seconds(10), ..pinned("app") };
    let first = world.issue(admin.actor, ending).unwrap();
    world.wait(9_999);
    assert_eq!(refused(world.call(admin.actor, pinned("app"))), taken());
    world.wait(1);
    let second = world.issue(admin.actor, pinned("app")).unwrap();
    let longer = || UpdateToken { lifetime: Patch::Set(Lifetime::Seconds(60)), ..of_token(&first.id) };
    assert_eq!(refused(world.call(admin.actor, longer())), taken());
    world.call(admin.actor, RevokeToken { id: second.id.clone(), reason: None }).unwrap();
    assert!(world.call(admin.actor, longer()).is_ok());
    assert_eq!(refused(world.call(admin.actor, pinned("app"))), taken());
}

#[test]
fn rotation_keeps_client_binding() {
    let (mut world, admin) = with_clients();
    let first = world.issue(admin.actor, pinned("app")).unwrap();
    let rotated =
        world.call(admin.actor, RotateToken { id: first.id.clone(), grace_seconds: 60, end_previous: false }).unwrap();
    assert_eq!(world.held(rotated).client_id.as_deref(), Some("app"));
    assert_eq!(refused(world.call(admin.actor, pinned("app"))), taken());
}

#[test]
fn inherited_client_does_not_bind() {
    let (mut world, admin) = with_clients();
    let first = world.issue(admin.actor, pinned("app")).unwrap();
    for _ in 0..2 {
        assert_eq!(world.issue(first.actor, token(&[])).unwrap().client_id.as_deref(), Some("app"));
    }
    world.call(admin.actor, RevokeToken { id: first.id.clone(), reason: None }).unwrap();
    assert!(world.issue(admin.actor, pinned("app")).is_ok(), "labels take no pin");
}

#[test]
fn token_of_a_client_binds_only_to_that_client() {
    let (mut world, admin) = with_clients();
    world.join("ann", &["tokens:write"]);
    let to_ann = |client| CreateToken { owner: Some("ann".to_owned()), ..pinned(client) };
    let app = world.issue(admin.actor, pinned("app")).unwrap();
    let sentence = "A token that belongs to a client can create tokens only for that client.";
    assert_forbidden(world.call(app.actor, to_ann("web")), ForbiddenCode::Escalation, sentence);
    let anns = world.issue(app.actor, to_ann("app")).unwrap();
    // It cannot rotate a token of another client either.
    let other = world.issue(admin.actor, token(&[])).unwrap();
    let rotate = |held: &Held| RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: false };
    let sentence = "The token belongs to another client than the token making this request.";
    assert_forbidden(world.call(app.actor, rotate(&other)), ForbiddenCode::Escalation, sentence);
    let rotated = world.call(app.actor, rotate(&anns)).unwrap();
    world.held(rotated);
    // With `tokens:grant` it can.
    let granting = CreateToken { scopes: patterns(&["tokens:*"]), ..pinned("web") };
    let granting = world.issue(admin.actor, granting).unwrap();
    world.call(admin.actor, RevokeToken { id: app.id.clone(), reason: None }).unwrap();
    assert!(world.issue(granting.actor, pinned("app")).is_ok());
}

#[test]
fn binding_requires_existing_client() {
    let (mut world, admin) = with_clients();
    assert_invalid(world.call(admin.actor, pinned("nobody")), InvalidCode::UnknownClient, "/client_id");
}
