//! The audit log.

use counterfoil_ledger::sql::{Sql as _, Value};
use counterfoil_protocol::command::{Actor, PutScopes, ReadSelf, Records, RevokeToken};
use serde_json::{Value as Json, json};

use crate::support::*;

/// The last row, without its JSON columns.
fn last(world: &World) -> Vec<Value> {
    let query = "SELECT at, actor, actor_id, action, subject, request_id, address FROM audit ORDER BY seq DESC LIMIT 1";
    world.ledger.sql().exec(query, &[]).unwrap().remove(0).rest().collect()
}

fn json_of(world: &World, column: &str) -> Json {
    let query = format!("SELECT {column} FROM audit ORDER BY seq DESC LIMIT 1");
    world.ledger.sql().exec(&query, &[]).unwrap()[0].take_json().unwrap()
}

fn rows(world: &World) -> u64 {
    world.number("SELECT count(*) FROM audit")
}

#[test]
fn audit_row_records_actor_action_subject_and_address() {
    let (mut world, admin) = World::founded();
    world.address = "192.0.2.7".parse().ok();
    world.wait(5);
    let row = |actor_id: Value, action: &str, subject: &str| {
        let actor = if actor_id == Value::Null { "root" } else { "token" };
        let (request, address) = ("native".into(), "192.0.2.7".into());
        vec![START.plus(5).into(), actor.into(), actor_id, action.into(), subject.into(), request, address]
    };
    let by_admin = || Value::from(&admin.id);

    world.call(Actor::Root, member("ann", &[])).unwrap();
    assert_eq!(last(&world), row(Value::Null, "member.create", "ann"));
    assert_eq!(json_of(&world, "after")["grants"], json!([]));

    let held = world.issue(admin.actor, token(&["read"])).unwrap();
    assert_eq!(last(&world), row(by_admin(), "token.create", &held.id));
    assert_eq!(json_of(&world, "after")["scopes"], json!(["read"]));
    assert_eq!(json_of(&world, "after")["digest"], json!(held.digest));

    world.call(admin.actor, RevokeToken { id: held.id.clone(), reason: Some("lost".to_owned()) }).unwrap();
    assert_eq!(last(&world), row(by_admin(), "token.revoke", &held.id));
    assert_eq!(json_of(&world, "before"), json!({ "revoked_at": null }));
    assert_eq!(json_of(&world, "after"), json!({ "revoked_at": START.plus(5), "reason": "lost" }));

    let changed = counterfoil_protocol::command::ScopeEntry { description: "new".to_owned(), ..entry("read") };
    let scopes = vec![changed.clone(), entry("write"), entry("more")];
    world.call(admin.actor, PutScopes { scopes }).unwrap();
    assert_eq!(last(&world), row(by_admin(), "scopes.replace", "0Ab3dE"));
    assert_eq!(json_of(&world, "before"), json!([entry("orders:read"), entry("orders:write"), entry("read")]));
    assert_eq!(json_of(&world, "after"), json!([entry("more"), changed]));
}

#[test]
fn audit_row_of_bootstrap_is_complete() {
    let mut world = World::empty();
    world.call(Actor::Root, bootstrap()).unwrap();
    world.call(Actor::Root, bootstrap()).unwrap();
    let actions = world.column("SELECT action FROM audit ORDER BY seq");
    let expected = ["workspace.create", "token.create", "workspace.create", "token.revoke", "token.create"];
    assert_eq!(actions, expected.map(Value::from));
}

#[test]
fn reads_and_refused_commands_write_no_audit_row() {
    let (mut world, admin) = World::founded();
    let before = rows(&world);
    world.call(admin.actor, ReadSelf {}).unwrap();
    world.call(Actor::Verifier, Records { digests: vec![admin.digest] }).unwrap();
    refused(world.call(admin.actor, token(&["unknown"])));
    assert_eq!(rows(&world), before);
}

#[test]
fn audit_rows_cannot_be_updated() {
    let (world, _) = World::founded();
    let before = world.dump();
    for change in ["UPDATE audit SET at = 0", "UPDATE audit SET actor_id = 'tok_x' WHERE seq = 1"] {
        assert!(world.ledger.sql().exec(change, &[]).is_err());
    }
    assert_eq!(world.dump(), before);
}
