//! The database schema and its migrations. Opening a database migrates it to the newest version.
//!
//! Never edit a released migration: databases created by it exist. Add a new file instead.
//!
//! # Newer databases under older programs
//!
//! An object may run an older program than the one that last opened its database: deployments reach objects one by one,
//! and may be rolled back. Migrations never remove anything, so the older program either can work with what the newer
//! one left, or must refuse to. The database records which: for each version, the table `schema_needs` names the
//! version that a program must know. A program opens a database of a later version than its own only if it knows the
//! highest of these. (Programs that predate this rule refuse every later version.)
//!
//! A migration is an [addition](Migration::addition) if a program that does not know it may continue to read *and
//! write*. All others are [steps](Migration::step), which prevent a rollback. A migration may be an addition only if
//!
//! - what the older program writes is valid without it: new columns have defaults, no trigger and no index rejects the older
//!   program's rows, and the newer program accepts rows that have only the defaults;
//! - what the older program omits breaks no guarantee. Anything that a guarantee depends on (when leases expire, what was
//!   revoked) is always a step, because a program that does not know it would break the guarantee silently. Version 11
//!   is a step for that reason;
//! - it writes no value into an existing column that the older program could not read.
//!
//! Steps also only add. From version 12 on, the test `tests/ledger/migrations.rs` checks what a file contains: new
//! tables, indices, views and triggers, new columns with or without a default, and values for these.

use crate::sql::{Sql, SqlError};

/// A file that migrates a database from one version to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    sql: &'static str,
    /// Whether a program must know the migration to work with a database that has it.
    needed: bool,
}

impl Migration {
    /// A migration that a program must know: programs that do not know it refuse the database.
    const fn step(sql: &'static str) -> Self {
        Self { sql, needed: true }
    }

    /// A migration that a program need not know to work with the database. The module says when that is allowed.
    #[cfg_attr(not(test), expect(dead_code, reason = "every migration so far is a step"))]
    const fn addition(sql: &'static str) -> Self {
        Self { sql, needed: false }
    }
}

/// The ledger's migrations, in order. The first creates version 1.
pub(crate) const LEDGER: &[Migration] = &[
    Migration::step(include_str!("schema/001.sql")),
    Migration::step(include_str!("schema/002.sql")),
    Migration::step(include_str!("schema/003.sql")),
    Migration::step(include_str!("schema/004.sql")),
    Migration::step(include_str!("schema/005.sql")),
    Migration::step(include_str!("schema/006.sql")),
    Migration::step(include_str!("schema/007.sql")),
    Migration::step(include_str!("schema/008.sql")),
    Migration::step(include_str!("schema/009.sql")),
    Migration::step(include_str!("schema/010.sql")),
    Migration::step(include_str!("schema/011.sql")),
    Migration::step(include_str!("schema/012.sql")),
    Migration::step(include_str!("schema/013.sql")),
];

/// The directory's migrations.
pub(crate) const DIRECTORY: &[Migration] =
    &[Migration::step(include_str!("schema/directory.sql")), Migration::step(include_str!("schema/directory_002.sql"))];

/// Migrates the database to the newest version, in one transaction. A database of a later version is left unchanged if
/// this program may work with it.
///
/// # Errors
/// [`SqlError`] if a migration fails, or if a later program has applied a migration that a program must know and this
/// one does not. Refusing is better than writing rows whose meaning has changed.
pub(crate) fn migrate(sql: &impl Sql, migrations: &[Migration]) -> Result<(), SqlError> {
    sql.transaction(|| {
        sql.exec(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT;
             CREATE TABLE IF NOT EXISTS schema_needs (version INTEGER PRIMARY KEY) STRICT",
            &[],
        )?;
        let versions = "SELECT (SELECT max(version) FROM schema_version), (SELECT max(version) FROM schema_needs)";
        let (found, needed): (Option<u64>, Option<u64>) = (sql as &dyn Sql).scalar(versions, &[])?;
        let (found, newest) = (found.unwrap_or(0), migrations.len() as u64);
        if found > newest {
            // Without such a row, the database was created by a program that predates the rule.
            let needed = needed.unwrap_or(found);
            return if needed <= newest { Ok(()) } else { Err(too_old(found, needed, newest)) };
        }
        for (migration, version) in migrations.iter().zip(1_u64..) {
            if version > found {
                sql.exec(migration.sql, &[])?;
                sql.exec("INSERT INTO schema_version (version) VALUES (?)", &[version.into()])?;
            }
            if migration.needed && needed.is_none_or(|needed| version > needed) {
                sql.exec("INSERT INTO schema_needs (version) VALUES (?)", &[version.into()])?;
            }
        }
        Ok(())
    })
}

/// The program does not know a migration that it must know.
fn too_old(found: u64, needed: u64, newest: u64) -> SqlError {
    SqlError::new(format!(
        "the database has schema {found}, which requires a program that knows schema {needed}; this one knows at \
         most schema {newest}: deploy the version that last used the database, or a later one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::NativeSql;

    const ADDITION: Migration = Migration::addition("CREATE TABLE IF NOT EXISTS added (at INTEGER) STRICT");
    const STEP: Migration = Migration::step("CREATE TABLE IF NOT EXISTS needed (at INTEGER) STRICT");

    fn later(known: &[Migration], later: &[Migration]) -> Vec<Migration> {
        [known, later].concat()
    }

    /// A database that was opened by a program with these migrations.
    fn opened(migrations: &[Migration]) -> Result<NativeSql, SqlError> {
        let sql = NativeSql::in_memory()?;
        migrate(&sql, migrations)?;
        Ok(sql)
    }

    #[test]
    fn additions_are_accepted_by_programs_that_do_not_know_them() -> Result<(), SqlError> {
        for known in [LEDGER, DIRECTORY] {
            for further in [&[ADDITION][..], &[ADDITION, ADDITION, ADDITION]] {
                let newest = later(known, further);
                let sql = opened(&newest)?;
                let before = sql.dump()?;
                migrate(&sql, known)?;
                assert_eq!(sql.dump()?, before, "an older program changes nothing by opening it");
                migrate(&sql, &newest)?;
                assert_eq!(sql.dump()?, before);
            }
        }
        Ok(())
    }

    #[test]
    fn steps_are_refused_by_programs_that_do_not_know_them() -> Result<(), SqlError> {
        for known in [LEDGER, DIRECTORY] {
            for further in [&[STEP][..], &[STEP, ADDITION], &[ADDITION, STEP], &[ADDITION, STEP, ADDITION]] {
                let newest = later(known, further);
                let sql = opened(&newest)?;
                let before = sql.dump()?;
                let needed = newest.iter().rposition(|migration| migration.needed).map_or(0, |at| at + 1);
                for program in 1..=newest.len() {
                    let outcome = migrate(&sql, newest.get(..program).unwrap_or(&newest));
                    assert_eq!(outcome.is_ok(), program >= needed, "{program} of {needed}: {outcome:?}");
                    let why = outcome.map_or_else(|error| error.to_string(), |()| String::new());
                    assert_eq!(
                        why.contains(&format!("requires a program that knows schema {needed};")),
                        program < needed,
                        "{why}"
                    );
                    assert_eq!(sql.dump()?, before);
                }
            }
        }
        Ok(())
    }

    /// A program that grants leases without recording when they expire would break a guarantee of the newer program.
    #[test]
    fn rollback_before_lease_recording_is_refused() -> Result<(), SqlError> {
        let before = LEDGER.get(..10).unwrap_or_default();
        let outcome = migrate(&opened(LEDGER)?, before).map_err(|error| error.to_string());
        assert!(outcome.is_err_and(|why| why.contains("this one knows at most schema 10")));
        Ok(())
    }

    #[test]
    fn schema_needs_is_added_to_databases_that_predate_it() -> Result<(), SqlError> {
        let sql = opened(LEDGER)?;
        let told = sql.dump()?;
        sql.exec("DROP TABLE schema_needs", &[])?;
        migrate(&sql, LEDGER)?;
        assert_eq!(sql.dump()?, told);
        // A database of a later version that records no requirement is refused.
        sql.exec("DROP TABLE schema_needs; INSERT INTO schema_version VALUES (1000)", &[])?;
        let before = sql.dump()?;
        assert!(migrate(&sql, LEDGER).is_err());
        assert_eq!(sql.dump()?, before);
        Ok(())
    }
}
