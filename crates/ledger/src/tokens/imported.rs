//! How the answer to an import is kept, in case it is sent again.
//!
//! Ten thousand ids, or as often the same refusal, would be a megabyte for each key. But an import numbers its tokens one
//! after the other, and no token's row ever goes: the first number tells all ids. And a refusal is kept once, with the lines
//! that it met.

use std::collections::BTreeMap;

use counterfoil_protocol::{command::Imported, command_error::CommandError, json, reply};
use serde::{Deserialize, Serialize};

use crate::{
    idempotency::Kept,
    sql::{Sql, SqlError},
};

#[derive(Serialize, Deserialize)]
struct Compact {
    /// The number of the first token that was imported.
    first: u64,
    /// Each refusal once.
    refusals: Vec<CommandError>,
    /// The lines in their order: what became of the next so many of them. 0 is imported, 1 the first refusal.
    runs: Vec<(usize, usize)>,
}

impl Kept for Imported {
    fn tells_of_effect(&self) -> bool {
        self.lines.iter().any(Result::is_ok)
    }

    fn to_keep(&self, sql: &dyn Sql) -> Result<String, CommandError> {
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

    fn from_kept(sql: &dyn Sql, kept: String) -> Result<String, CommandError> {
        // What an earlier version has kept is the answer itself.
        let Some(Compact { first, refusals, runs }) = json::read(kept.as_bytes()) else { return Ok(kept) };
        let unexpected = || SqlError::new("what was kept of an import cannot be read");
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
