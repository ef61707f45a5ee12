//! The engine, the schema and its migrations.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use counterfoil_ledger::{
    Ledger, Refusal,
    command::{Actor, ReadSelf},
    conformance::conformance,
    native::{NativeSql, When},
    sql::Sql as _,
};

use crate::support::{World, bootstrap, refused};

#[test]
fn bundled_sqlite_conforms() {
    let sql = NativeSql::in_memory().unwrap();
    assert_eq!(conformance(&sql), Ok(()));
    // It cleans up, so it can run again where it ran before.
    assert_eq!(conformance(&sql), Ok(()));
}

/// Databases made by this schema exist: a change of it strands them. It goes into a new migration, which then is the one
/// pinned here, and a database of the version before into a test that upgrades it.
#[test]
fn the_newest_schema_stays() {
    let world = World::empty();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/012.sql");
    let schema = world.ledger.sql().schema().unwrap();
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(schema, fs::read_to_string(&path).unwrap(), "what is released is not edited: add a migration");
    assert_eq!(world.number("SELECT max(version) FROM schema_version"), 12);
}

/// A file that is gone when the test is over.
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_file(&path);
        Self(path)
    }

    pub(crate) fn sql(&self) -> NativeSql {
        NativeSql::open(&self.0).unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn opening_again_changes_nothing() {
    let file = TemporaryFile::new("opened-again.sqlite");
    let mut world = World::over(file.sql());
    world.call(Actor::Root, bootstrap()).unwrap();
    let before = world.dump();
    drop(world);
    assert_eq!(World::over(file.sql()).dump(), before);
}

#[test]
fn a_database_made_by_a_later_version_is_left_alone() {
    let file = TemporaryFile::new("later.sqlite");
    let later = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (13)";
    file.sql().exec(later, &[]).unwrap();
    let before = file.sql().schema().unwrap();
    assert!(Ledger::open(file.sql()).unwrap_err().to_string().contains("schema 13"));
    assert_eq!(file.sql().schema().unwrap(), before);
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    for when in [When::Before, When::After] {
        for statement in 1.. {
            let file = TemporaryFile::new(&format!("migration-{when:?}-{statement}.sqlite"));
            let sql = file.sql();
            sql.fail(Some((statement, when)));
            if Ledger::open(sql).is_ok() {
                assert!(statement > 5, "a migration of {} statements", statement - 1);
                break;
            }
            assert_eq!(file.sql().schema().unwrap(), "", "statement {statement} failed {when:?}");
        }
    }
}

#[test]
fn a_request_for_another_workspace_is_refused() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET key = '0zzzzz'");
    for actor in [admin.actor, Actor::Root, Actor::Verifier] {
        assert!(matches!(refused(world.call(actor, ReadSelf {})), Refusal::Internal { .. }));
    }
}
