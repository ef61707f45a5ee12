//! How rows are taken away: some at a time, so that no transaction is long.

use crate::sql::{FromRow, Sql, SqlError};

/// The most rows that one step takes away of a table.
pub(crate) const STEP: u64 = 500;

/// Removes some rows of a table, whose rows the `key` tells apart, and gives what is named of each.
pub(crate) fn take_some<T: FromRow>(sql: &dyn Sql, table: &str, key: &str, named: &str) -> Result<Vec<T>, SqlError> {
    let some = format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT ?) RETURNING {named}");
    sql.all(&some, &[STEP.into()])
}
