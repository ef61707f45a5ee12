//! The engine, the schema and its migrations.

use std::{fs, path::Path};

use counterfoil_ledger::{
    Ledger,
    command::{Actor, ReadSelf},
    conformance::conformance,
    native::NativeSql,
    sql::Sql as _,
};

use crate::support::{START, World};

#[test]
fn bundled_sqlite_conforms() {
    let sql = NativeSql::in_memory().unwrap();
    assert_eq!(conformance(&sql), Ok(()));
    // It cleans up, so it can run again where it ran before.
    assert_eq!(conformance(&sql), Ok(()));
}

/// Databases made by this schema exist: a change of it strands them. It goes into a new migration, and this test into
/// one that upgrades such a database.
#[test]
fn the_schema_of_version_1_stays() {
    let world = World::empty();
    let pinned = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema-1.sql")).unwrap();
    assert_eq!(world.ledger.sql().schema().unwrap(), pinned);
    assert_eq!(world.number("SELECT max(version) FROM schema_version"), 1);
}

#[test]
fn opening_again_changes_nothing() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("opening_again_changes_nothing.sqlite");
    let _ = fs::remove_file(&file);
    let (mut world, mut before) = (World::over(NativeSql::open(&file).unwrap()), String::new());
    for _ in 0..2 {
        world.call(Actor::Root, crate::support::bootstrap()).unwrap();
        before = world.dump();
    }
    drop(world);
    assert_eq!(World::over(NativeSql::open(&file).unwrap()).dump(), before);
    fs::remove_file(&file).unwrap();
}

#[test]
fn a_database_made_by_a_later_version_is_left_alone() {
    let sql = NativeSql::in_memory().unwrap();
    sql.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (9)", &[])
        .unwrap();
    let before = sql.schema().unwrap();
    assert!(Ledger::open(sql).unwrap_err().to_string().contains("schema 9"));
    assert!(!before.contains("tokens"));
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    for statement in 1.. {
        let sql = NativeSql::in_memory().unwrap();
        sql.fail(Some((statement, counterfoil_ledger::native::When::After)));
        // A ledger that cannot be opened gives its database back to nobody: look at it through a second one.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("a_migration_that_fails_{statement}.sqlite"));
        let _ = fs::remove_file(&file);
        let sql = NativeSql::open(&file).unwrap();
        sql.fail(Some((statement, counterfoil_ledger::native::When::After)));
        let opened = Ledger::open(sql);
        let left = NativeSql::open(&file).unwrap().schema().unwrap();
        fs::remove_file(&file).unwrap();
        if opened.is_ok() {
            assert!(statement > 3, "only {statement} statements were run");
            assert!(left.contains("CREATE TABLE tokens"));
            break;
        }
        assert_eq!(left, "", "statement {statement}");
    }
}

#[test]
fn a_request_for_another_workspace_is_refused() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET key = '0zzzzz'");
    let refusal = crate::support::refused(world.call(admin.actor, ReadSelf {}));
    assert!(refusal.to_string().contains("failed"), "{refusal}");
    assert_eq!(world.now, START);
}
