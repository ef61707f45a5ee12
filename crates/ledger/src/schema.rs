//! The tables, in versions. A database is brought to the newest version when it is opened.
//!
//! A migration that has been released is never edited: databases made by it exist. A change is a new file that follows.

use crate::sql::{Sql, SqlError};

/// The ledger's migrations, in order: the first makes version 1.
pub(crate) const LEDGER: &[&str] = &[
    include_str!("schema/001.sql"),
    include_str!("schema/002.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
    include_str!("schema/005.sql"),
    include_str!("schema/006.sql"),
    include_str!("schema/007.sql"),
    include_str!("schema/008.sql"),
    include_str!("schema/009.sql"),
    include_str!("schema/010.sql"),
    include_str!("schema/011.sql"),
    include_str!("schema/012.sql"),
];

/// The directory's, likewise.
pub(crate) const DIRECTORY: &[&str] = &[include_str!("schema/directory.sql"), include_str!("schema/directory_002.sql")];

/// Brings the database to the newest version, in one transaction: it is never seen halfway.
///
/// # Errors
/// [`SqlError`] where a migration fails, or where the database was made by a newer program: better to stop than to
/// write rows whose meaning has changed.
pub(crate) fn migrate(sql: &impl Sql, migrations: &[&str]) -> Result<(), SqlError> {
    sql.transaction(|| {
        sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT", &[])?;
        let found: Option<u64> = match sql.exec("SELECT max(version) FROM schema_version", &[])?.pop() {
            Some(mut row) => row.take()?,
            None => None,
        };
        let found = found.unwrap_or(0);
        let newest = migrations.len() as u64;
        if found > newest {
            return Err(SqlError::new(format!("the database has schema {found}, this program knows {newest} at most")));
        }
        for (migration, version) in migrations.iter().zip(1_u64..).filter(|(_, version)| *version > found) {
            sql.exec(migration, &[])?;
            sql.exec("INSERT INTO schema_version (version) VALUES (?)", &[version.into()])?;
        }
        Ok(())
    })
}
