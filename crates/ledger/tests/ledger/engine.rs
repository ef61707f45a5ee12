//! The SQL engine, the schema and its migrations.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use counterfoil_ledger::{
    Ledger,
    conformance::conformance,
    directory::Directory,
    native::{NativeSql, Seeded, When},
    sql::Sql as _,
};
use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateToken, Lease, ReadSelf, RevokeToken, RotateToken},
};

use crate::support::{World, bootstrap, refused, token};

#[test]
fn bundled_sqlite_passes_conformance_suite() {
    let sql = NativeSql::in_memory().unwrap();
    assert_eq!(conformance(&sql), Ok(()));
    // The suite cleans up after itself, so it can run twice.
    assert_eq!(conformance(&sql), Ok(()));
}

/// Never change this schema: databases with it exist. Add a migration and pin the new schema here, and add a database
/// of the previous version to the upgrade tests.
#[test]
fn newest_schema_is_pinned() {
    let world = World::empty();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/013.sql");
    let schema = world.ledger.sql().schema().unwrap();
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(schema, fs::read_to_string(&path).unwrap(), "released migrations must not be edited: add a new one");
    assert_eq!(world.number("SELECT max(version) FROM schema_version"), 13);
}

/// A file that is deleted when the test ends.
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
fn reopening_a_database_changes_nothing() {
    let file = TemporaryFile::new("opened-again.sqlite");
    let mut world = World::over(file.sql());
    world.call(Actor::Root, bootstrap()).unwrap();
    let before = world.dump();
    drop(world);
    assert_eq!(World::over(file.sql()).dump(), before);
}

/// An addition of a later version: rows of older versions remain valid.
const ADDITION: &str = "
    ALTER TABLE tokens ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';
    ALTER TABLE workspace ADD COLUMN motto TEXT;
    CREATE TABLE paintings (number INTEGER PRIMARY KEY, token INTEGER NOT NULL REFERENCES tokens ON DELETE CASCADE) STRICT;
    CREATE TRIGGER tokens_are_painted AFTER INSERT ON tokens
    BEGIN
        INSERT INTO paintings (token) VALUES (NEW.number) ON CONFLICT DO NOTHING;
    END;
    INSERT INTO schema_version SELECT max(version) + 1 FROM schema_version";

#[test]
fn later_database_with_only_additions_is_opened() {
    let file = TemporaryFile::new("later.sqlite");
    let mut world = World::over(file.sql());
    world.call(Actor::Root, bootstrap()).unwrap();
    drop(world);
    for (seed, further) in
        [(2, ADDITION), (3, "INSERT INTO schema_version SELECT max(version) + 1 FROM schema_version")]
    {
        file.sql().exec(further, &[]).unwrap();
        let before = file.sql().dump().unwrap();
        let mut world = World::over(file.sql());
        world.random = Seeded(seed);
        assert_eq!(world.dump(), before);
        // The older program works with the database and keeps what it does not know.
        let held = world.issue(Actor::Root, CreateToken { owner: Some("admin".to_owned()), ..token(&["*"]) }).unwrap();
        let lease = Lease { since: None, digests: vec![held.digest], uses: Vec::new(), segments: None };
        assert!(world.call(Actor::Verifier, lease).unwrap().answer.tokens[0].1.is_some());
        world.call(held.actor, RotateToken { id: held.id.clone(), grace_seconds: 0, end_previous: true }).unwrap();
        world.call(Actor::Root, RevokeToken { id: held.id.clone(), reason: None }).unwrap();
        let colours = "SELECT count(*) FROM tokens WHERE colour IS NOT 'grey'";
        assert_eq!(world.number(colours), 0);
        assert_eq!(
            world.number("SELECT count(*) - (SELECT count(*) FROM paintings) FROM tokens"),
            1,
            "the admin's was before"
        );
    }
}

#[test]
fn later_database_with_required_step_is_refused_unchanged() {
    let silent = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (1000)";
    let told = format!(
        "{silent}, (1001); CREATE TABLE schema_needs (version INTEGER PRIMARY KEY); INSERT INTO schema_needs VALUES (1000)"
    );
    for (later, found) in [(silent, 1000), (&*told, 1001)] {
        let file = TemporaryFile::new(&format!("needs-{found}.sqlite"));
        file.sql().exec(later, &[]).unwrap();
        let before = (file.sql().schema().unwrap(), file.sql().dump().unwrap());
        let refusals = [
            Ledger::open(file.sql()).map(drop).unwrap_err().to_string(),
            Directory::open(file.sql()).map(drop).unwrap_err().to_string(),
        ];
        for why in refusals {
            assert!(why.contains(&format!("schema {found}, which requires a program that knows schema 1000")), "{why}");
            assert!(why.contains("deploy the version"), "{why}");
        }
        assert_eq!((file.sql().schema().unwrap(), file.sql().dump().unwrap()), before);
    }
}

#[test]
fn failed_migration_changes_nothing() {
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
fn request_for_another_workspace_is_refused() {
    let (mut world, admin) = World::founded();
    world.meddle("UPDATE workspace SET key = '0zzzzz'");
    for actor in [admin.actor, Actor::Root, Actor::Verifier] {
        assert!(matches!(refused(world.call(actor, ReadSelf {})), CommandError::Internal { .. }));
    }
}
