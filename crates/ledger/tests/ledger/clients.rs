//! Clients.

use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateClient, DeleteClient, ListClients, Page, ReadClient},
    command_error::{ForbiddenCode, InvalidCode},
};

use crate::support::*;

fn client(id: &str, permissions: &[&str]) -> CreateClient {
    CreateClient { id: id.to_owned(), name: format!("The {id}"), permissions: patterns(permissions) }
}

fn all() -> ListClients {
    ListClients { page: Page::default() }
}

fn one(id: &str) -> ReadClient {
    ReadClient { id: id.to_owned() }
}

#[test]
fn clients_are_created_listed_and_deleted() {
    let (mut world, admin) = World::founded();
    let made: Vec<_> =
        ["zed", "app", "mid"].map(|id| world.call(admin.actor, client(id, &["orders:*"])).unwrap()).into();
    assert_eq!((made[0].id.as_str(), made[0].name.as_str(), made[0].created_at), ("zed", "The zed", START));
    let listing = world.call(admin.actor, all()).unwrap();
    assert_eq!((listing.items, listing.total), (made.clone(), 3));
    assert_eq!(world.call(admin.actor, one("app")).unwrap(), made[1]);

    let page = |cursor| ListClients { page: Page { limit: Some(2), cursor } };
    let first = world.call(admin.actor, page(None)).unwrap();
    let gone = world.call(admin.actor, DeleteClient { id: "app".to_owned() }).unwrap();
    assert_eq!(gone, made[1]);
    assert_no_such(world.call(admin.actor, one("app")), "client");
    let second = world.call(admin.actor, page(first.next_cursor)).unwrap();
    assert_eq!((second.items, second.next_cursor, second.total), (vec![made[2].clone()], None, 2));
    assert_no_such(world.call(admin.actor, DeleteClient { id: "app".to_owned() }), "client");
}

#[test]
fn client_ids_are_unique_and_fields_validated() {
    let (mut world, admin) = World::founded();
    world.call(admin.actor, client("app", &[])).unwrap();
    let taken = CommandError::AlreadyExists { what: "client".to_owned(), field: "id".to_owned() };
    assert_eq!(refused(world.call(admin.actor, client("app", &[]))), taken);
    assert_invalid_value(world.call(admin.actor, client("a b", &[])), "/id");
    assert_invalid_value(world.call(admin.actor, CreateClient { name: String::new(), ..client("b", &[]) }), "/name");
    assert_invalid_value(world.call(admin.actor, client("b", &["read"; 101])), "/permissions");
    let unknown = world.call(admin.actor, client("b", &["read", "reed"]));
    assert_invalid(unknown, InvalidCode::UnknownScope, "/permissions/1");
}

#[test]
fn creating_clients_requires_manage_and_grantable_scopes() {
    let (mut world, _) = World::founded();
    let manager = world.join("manager", &["workspace:manage", "read"]);
    let reader = world.join("reader", &["tokens:read"]);
    assert!(world.call(manager.actor, client("app", &["read"])).is_ok());
    let beyond = "The scope write is more than your credential can grant.";
    assert_forbidden(world.call(manager.actor, client("b", &["write"])), ForbiddenCode::Escalation, beyond);
    assert_missing(world.call(manager.actor, all()), "tokens:read");
    assert_missing(world.call(manager.actor, one("app")), "tokens:read");
    assert_eq!(world.call(reader.actor, all()).unwrap().total, 1);
    assert_eq!(world.call(reader.actor, one("app")).unwrap().name, "The app");
    assert_missing(world.call(reader.actor, client("b", &[])), "workspace:manage");
    assert_missing(world.call(reader.actor, DeleteClient { id: "app".to_owned() }), "workspace:manage");
}

#[test]
fn creating_a_client_prevents_repeated_bootstrap() {
    let mut world = World::empty();
    world.call(Actor::Root, bootstrap()).unwrap();
    world.call(Actor::Root, client("app", &[])).unwrap();
    assert!(matches!(refused(world.call(Actor::Root, bootstrap())), CommandError::AlreadyExists { .. }));
    let rows = world.column("SELECT action || ' ' || subject FROM audit WHERE action LIKE 'client.%'");
    assert_eq!(rows, ["client.create app".into()]);
}
