//! The search index of tokens: which tokens contain which three characters, and which scopes.
//!
//! Commands do not write it, because adding a single token to a full-text index takes longer than creating the token.
//! Upkeep adds new tokens in batches and replaces changed ones, also in databases that are older than the index. A
//! search therefore also examines the tokens that the index lacks, or has an earlier version of, and compares every
//! token that it finds with the token's row: only the speed of a search depends on the state of the index.

use std::collections::BTreeSet;

use super::source::{Part, Source};
use crate::{
    columns::{Columns as _, columns},
    sql::{Sql, SqlError, Value},
};

/// How many new tokens are added at a time, and how many there must be. A search examines fewer than that one by one.
const BATCH: u64 = 200;

/// How many changed tokens are replaced at a time. Taking one out is slow, because it removes all traces of its text.
const REPLACED: u64 = 10;

/// The most trigrams that are looked up for one text. All tokens that are found are compared with the whole text.
const MAX_TRIGRAMS: usize = 16;

/// The fields that users write: the index must keep no trace of one once it is gone.
struct Written {
    number: u64,
    name: String,
    note: Option<String>,
}

columns!(Written: "tokens" { number, name, note });

/// The other fields that are searched.
struct Given {
    number: u64,
    hint: String,
    id: String,
}

columns!(Given: "tokens" { number, hint, id });

/// The tokens that may contain the text, if it is long enough for the index.
pub(super) fn with_text(text: &str) -> Option<Source> {
    let query = trigrams(text)?;
    let written = Part::of("tokens_text WHERE tokens_text MATCH ?", "tokens_text.rowid", [(&query).into()]);
    let given = Part::of("tokens_ids WHERE tokens_ids MATCH ?", "tokens_ids.rowid", [query.into()]);
    Some(Source::ordered(with_unindexed(vec![written, given])))
}

/// The tokens that may have the scope.
pub(super) fn with_scope(scope: &str) -> Source {
    let found = Part::of("token_scopes WHERE token_scopes.scope = ?", "token_scopes.token", [scope.into()]);
    Source::ordered(with_unindexed(vec![found]))
}

/// The tokens that the index yields, those that it lacks, and those that changed since.
fn with_unindexed(mut found: Vec<Part>) -> Vec<Part> {
    let lacking = Part::of("tokens WHERE tokens.number > (SELECT indexed FROM workspace)", "tokens.number", []);
    let changed = Part::of("tokens_to_index WHERE true", "tokens_to_index.number", []);
    found.extend([lacking, changed]);
    found
}

/// The full-text query for all tokens with these trigrams, regardless of their order; absent if the text has none.
fn trigrams(text: &str) -> Option<String> {
    let letters: Vec<char> = without_nul(text).chars().collect();
    let all: Vec<String> = letters.windows(3).map(|three| three.iter().collect()).collect();
    let step = all.len().div_ceil(MAX_TRIGRAMS).max(1);
    let some: BTreeSet<&String> = all.iter().step_by(step).collect();
    let quoted = some.into_iter().map(|three| format!("\"{}\"", three.replace('"', "\"\"")));
    Some(quoted.collect::<Vec<_>>().join(" AND ")).filter(|query| !query.is_empty())
}

/// A NUL would end the text for SQLite's tokenizer.
fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}

/// Takes one step and returns whether another one is due now.
pub(crate) fn step(sql: &dyn Sql) -> Result<bool, SqlError> {
    Ok(replace_changed(sql)? || add_new(sql)?)
}

/// Removes the index. The tokens are being deleted.
pub(crate) fn clear(sql: &dyn Sql) -> Result<(), SqlError> {
    sql.exec("INSERT INTO tokens_text (tokens_text) VALUES ('delete-all')", &[])?;
    sql.exec("INSERT INTO tokens_ids (tokens_ids) VALUES ('delete-all')", &[])?;
    Ok(())
}

fn replace_changed(sql: &dyn Sql) -> Result<bool, SqlError> {
    let changed = "SELECT number, name, note FROM tokens_to_index ORDER BY number LIMIT ?";
    let changed: Vec<Written> = sql.all(changed, &[REPLACED.into()])?;
    for before in &changed {
        let number = before.number;
        before.write(sql, REMOVE)?;
        let scopes = "DELETE FROM token_scopes WHERE token = ?1 AND scope IN (
            SELECT value FROM json_each((SELECT scopes FROM tokens_to_index WHERE number = ?1)))";
        sql.exec(scopes, &[number.into()])?;
        add(sql, number, number)?;
        sql.exec("DELETE FROM tokens_to_index WHERE number = ?", &[number.into()])?;
    }
    Ok(!changed.is_empty())
}

fn add_new(sql: &dyn Sql) -> Result<bool, SqlError> {
    let (indexed, last): (u64, u64) = sql.scalar("SELECT indexed, last_number FROM workspace", &[])?;
    if last.saturating_sub(indexed) < BATCH {
        return Ok(false);
    }
    let until = indexed + BATCH;
    add(sql, indexed + 1, until)?;
    sql.exec("UPDATE workspace SET indexed = ?", &[until.into()])?;
    Ok(true)
}

/// Adds what the index contains of these tokens.
fn add(sql: &dyn Sql, first: u64, last: u64) -> Result<(), SqlError> {
    let range = [first.into(), last.into()];
    for text in Written::select(sql, "WHERE number BETWEEN ? AND ?", &range)? {
        text.write(sql, ADD)?;
    }
    for Given { number, hint, id } in Given::select(sql, "WHERE number BETWEEN ? AND ?", &range)? {
        let given = "INSERT INTO tokens_ids (rowid, hint, id) VALUES (?, ?, ?)";
        sql.exec(given, &[number.into(), hint.into(), id.into()])?;
    }
    let scopes = "INSERT OR IGNORE INTO token_scopes (scope, token)
        SELECT own.value, tokens.number FROM tokens CROSS JOIN json_each(tokens.scopes) AS own
        WHERE tokens.number BETWEEN ? AND ?";
    sql.exec(scopes, &range)?;
    Ok(())
}

const ADD: &str = "INSERT INTO tokens_text (rowid, name, note) VALUES (?, ?, ?)";

/// The values must be those that were added.
const REMOVE: &str = "INSERT INTO tokens_text (tokens_text, rowid, name, note) VALUES ('delete', ?, ?, ?)";

impl Written {
    fn write(&self, sql: &dyn Sql, statement: &str) -> Result<(), SqlError> {
        let text = |text: &str| Value::from(without_nul(text));
        let note = self.note.as_deref().map_or(Value::Null, text);
        sql.exec(statement, &[self.number.into(), text(&self.name), note])?;
        Ok(())
    }
}
