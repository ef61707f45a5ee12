//! Rows saved for the last edition. They are useless once it has ended, and must be gone before the next one begins.

use crate::{
    rows::delete_some,
    sql::{Sql, SqlError},
};

const TABLES: [(&str, &str); 3] = [("kept_tokens", "number"), ("kept_texts", "digest"), ("kept_members", "number")];

/// Deletes some of the saved rows and returns whether there were any.
pub(super) fn delete_batch(sql: &dyn Sql) -> Result<bool, SqlError> {
    let mut any = false;
    for (table, id) in TABLES {
        any |= !delete_some::<u64>(sql, table, id, "1")?.is_empty();
    }
    Ok(any)
}
