//! What rows were when the last edition began: of no use once that is over, and in the way of the next.

use crate::{
    sql::{Sql, SqlError},
    upkeep::STEP,
};

const TABLES: [(&str, &str); 3] = [("kept_tokens", "number"), ("kept_texts", "digest"), ("kept_members", "number")];

/// Forgets some of it, and says whether there was any.
pub(super) fn forget_some(sql: &dyn Sql) -> Result<bool, SqlError> {
    let mut any = false;
    for (table, id) in TABLES {
        let some = format!("DELETE FROM {table} WHERE {id} IN (SELECT {id} FROM {table} LIMIT ?) RETURNING 1");
        any |= !sql.exec(&some, &[STEP.into()])?.is_empty();
    }
    Ok(any)
}
