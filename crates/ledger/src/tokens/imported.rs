//! The stored idempotent reply of an import.
//!
//! Ten thousand ids, or as many equal errors, would take a megabyte for each key. An import numbers its tokens
//! consecutively and token rows are never deleted, so the first number determines all ids. Each distinct error is
//! stored once, with the lines that it applies to.

use std::collections::BTreeMap;

use counterfoil_protocol::{command::Imported, command_error::CommandError, json, reply};
use serde::{Deserialize, Serialize};

use crate::{
    idempotency::StoredReply,
    sql::{Sql, SqlError},
};

#[derive(Serialize, Deserialize)]
struct Compact {
    /// The number of the first imported token.
    first: u64,
    /// The distinct errors.
    refusals: Vec<CommandError>,
    /// Run lengths of the lines' outcomes, in order: 0 is imported, 1 the first error.
    runs: Vec<(usize, usize)>,
}

impl StoredReply for Imported {
    fn had_effect(&self) -> bool {
        self.lines.iter().any(Result::is_ok)
    }

    fn to_stored(&self, sql: &dyn Sql) -> Result<String, CommandError> {
        let id = self.lines.iter().find_map(|line| line.as_ref().ok());
        let number = "SELECT number FROM tokens WHERE id = ?";
        let first = sql.scalar(number, &[id.into()])?;
        let mut compact = Compact { first, refusals: Vec::new(), runs: Vec::new() };
        let mut known = BTreeMap::new();
        for line in &self.lines {
            let outcome = match line {
                Ok(_) => 0,
                Err(refusal) => *known.entry(reply::json_of(refusal)?).or_insert_with(|| {
                    compact.refusals.push(refusal.clone());
                    compact.refusals.len()
                }),
            };
            match compact.runs.last_mut() {
                Some((last, lines)) if *last == outcome => *lines += 1,
                _ => compact.runs.push((outcome, 1)),
            }
        }
        reply::json_of(&compact)
    }

    fn from_stored(sql: &dyn Sql, kept: String) -> Result<String, CommandError> {
        // An earlier version stored the reply itself.
        let Some(Compact { first, refusals, runs }) = json::read(kept.as_bytes()) else { return Ok(kept) };
        let unexpected = || SqlError::new("the stored response of an import cannot be read");
        let count: usize = runs.iter().filter(|(outcome, _)| *outcome == 0).map(|(_, lines)| lines).sum();
        let ids = "SELECT id FROM tokens WHERE number >= ? ORDER BY number LIMIT ?";
        let mut ids = sql.all(ids, &[first.into(), (count as u64).into()])?.into_iter();
        let mut lines = Vec::new();
        for (outcome, times) in runs {
            for _ in 0..times {
                lines.push(match outcome.checked_sub(1) {
                    None => Ok(ids.next().ok_or_else(unexpected)?),
                    Some(refusal) => Err(refusals.get(refusal).ok_or_else(unexpected)?.clone()),
                });
            }
        }
        reply::json_of(&Imported { lines })
    }
}
