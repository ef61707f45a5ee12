//! The tables, in versions. A database is brought to the newest version when it is opened.
//!
//! A migration that has been released is never edited: databases made by it exist. A change is a new file that follows.
//!
//! # Newer databases under older programs
//!
//! An object may run an older program than the one that opened its database last: updates reach objects one by one, and
//! a deployment may be rolled back. Nothing is ever taken back from a database, so the older program either can run on what
//! the newer one left, or must refuse. The database says which: beside each version stands, in `schema_needs`, which
//! versions a program must know. A program opens a database of a later version than its own if it knows the latest of these.
//! (Programs before this rule refuse every later version.)
//!
//! So a migration [adds](Migration::addition) if a program that has never heard of it may go on reading *and writing*, and
//! else is a [step](Migration::step), of which a rollback cannot go back. It is an addition only where
//!
//! - what the older program writes is right without it: the new columns have defaults, no trigger and no index refuses its
//!   rows, and the newer program can do with rows that were written meanwhile and have only the defaults;
//! - what it leaves undone breaks no promise. What a promise rests on (until when leases run, what was revoked) is a step,
//!   always: a program that does not know of it would break it in silence. Version 11 is one for that reason.
//! - no value is written into an older column that the older program could not read.
//!
//! Steps too only add. What a file may hold is read by a test, `tests/ledger/migrations.rs`, from version 12 on: new tables,
//! indices, views and triggers, new columns with a default or none, and values for what is new.

use crate::sql::{Sql, SqlError};

/// A file that brings a database from one version to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    sql: &'static str,
    /// Whether a program must know it to run on a database that has it.
    needed: bool,
}

impl Migration {
    /// Programs that do not know of it refuse the database.
    const fn step(sql: &'static str) -> Self {
        Self { sql, needed: true }
    }

    /// Programs that do not know of it may run on the database: see the module for when that is so.
    #[cfg_attr(not(test), expect(dead_code, reason = "every migration so far is a step"))]
    const fn addition(sql: &'static str) -> Self {
        Self { sql, needed: false }
    }
}

/// The ledger's migrations, in order: the first makes version 1.
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
];

/// The directory's, likewise.
pub(crate) const DIRECTORY: &[Migration] =
    &[Migration::step(include_str!("schema/directory.sql")), Migration::step(include_str!("schema/directory_002.sql"))];

/// Brings the database to the newest version, in one transaction: it is never seen halfway. A later version is left as it
/// is, where this program may run on it.
///
/// # Errors
/// [`SqlError`] where a migration fails, or where a later program has made something of the database that this one must
/// know and does not: better to stop than to write rows whose meaning has changed.
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
            // Where nothing is said of it, a program before this rule made it.
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

/// The program does not know what it must.
fn too_old(found: u64, needed: u64, newest: u64) -> SqlError {
    SqlError::new(format!(
        "the database has schema {found}, on which a program must know schema {needed}; this one knows {newest} at most: \
         deploy the version that it was last used with, or a later one"
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

    /// A database that a program with these migrations has opened.
    fn opened(migrations: &[Migration]) -> Result<NativeSql, SqlError> {
        let sql = NativeSql::in_memory()?;
        migrate(&sql, migrations)?;
        Ok(sql)
    }

    #[test]
    fn additions_are_no_hindrance_to_programs_that_do_not_know_them() -> Result<(), SqlError> {
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
    fn a_step_is_refused_by_programs_that_do_not_know_it() -> Result<(), SqlError> {
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
                        why.contains(&format!("a program must know schema {needed};")),
                        program < needed,
                        "{why}"
                    );
                    assert_eq!(sql.dump()?, before);
                }
            }
        }
        Ok(())
    }

    /// A program that grants leases without writing down until when would break the promise of the one after it.
    #[test]
    fn nobody_goes_back_to_before_leases_were_written_down() -> Result<(), SqlError> {
        let before = LEDGER.get(..10).unwrap_or_default();
        let outcome = migrate(&opened(LEDGER)?, before).map_err(|error| error.to_string());
        assert!(outcome.is_err_and(|why| why.contains("this one knows 10 at most")));
        Ok(())
    }

    #[test]
    fn a_database_from_before_this_rule_is_told_what_it_needs() -> Result<(), SqlError> {
        let sql = opened(LEDGER)?;
        let told = sql.dump()?;
        sql.exec("DROP TABLE schema_needs", &[])?;
        migrate(&sql, LEDGER)?;
        assert_eq!(sql.dump()?, told);
        // One of a later version that says nothing of it is not trusted.
        sql.exec("DROP TABLE schema_needs; INSERT INTO schema_version VALUES (1000)", &[])?;
        let before = sql.dump()?;
        assert!(migrate(&sql, LEDGER).is_err());
        assert_eq!(sql.dump()?, before);
        Ok(())
    }
}
