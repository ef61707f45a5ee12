//! Deletion of rows in batches, so that no transaction takes long.

use crate::sql::{FromRow, Sql, SqlError};

/// The maximum number of rows that one step deletes from a table.
pub(crate) const STEP: u64 = 500;

/// Deletes some rows of a table, identified by the columns `key`, and returns the columns `named` of each.
pub(crate) fn delete_some<T: FromRow>(sql: &dyn Sql, table: &str, key: &str, named: &str) -> Result<Vec<T>, SqlError> {
    let some = format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT ?) RETURNING {named}");
    sql.all(&some, &[STEP.into()])
}
