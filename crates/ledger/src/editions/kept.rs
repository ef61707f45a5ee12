//! What rows were when the last edition began: of no use once that is over, and in the way of the next.

use crate::{
    rows::take_some,
    sql::{Sql, SqlError},
};

const TABLES: [(&str, &str); 3] = [("kept_tokens", "number"), ("kept_texts", "digest"), ("kept_members", "number")];

/// Forgets some of it, and says whether there was any.
pub(super) fn forget_some(sql: &dyn Sql) -> Result<bool, SqlError> {
    let mut any = false;
    for (table, id) in TABLES {
        any |= !take_some::<u64>(sql, table, id, "1")?.is_empty();
    }
    Ok(any)
}
