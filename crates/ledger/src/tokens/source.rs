//! Where the tokens that match a filter are looked for: an index that yields all of them, and few others.
//!
//! A filter may offer several sources. The smallest one is taken, and each token that it yields is compared with the
//! whole filter. A list examines a limited number of tokens, whatever the filter and however large the workspace.

use crate::{
    cursor::MOST_COUNTED,
    sql::{Sql, SqlError, Value},
};

/// The most tokens that are examined for one page.
pub(super) const MOST: u64 = MOST_COUNTED;

/// Numbers of tokens that one index yields.
pub(super) struct Part {
    /// A table with a condition.
    from: &'static str,
    /// Its column that holds the token's number.
    number: &'static str,
    values: Vec<Value>,
}

impl Part {
    /// The texts are constants of the program, and end up in a statement.
    pub(super) fn of<const N: usize>(from: &'static str, number: &'static str, values: [Value; N]) -> Self {
        Self { from, number, values: values.into() }
    }
}

/// A set of tokens that contains all tokens that match a filter.
pub(super) struct Source {
    /// Together they yield the set.
    parts: Vec<Part>,
    /// Whether each part is read in the order of the tokens' numbers.
    pub(super) is_ordered: bool,
    /// Whether each of its tokens meets the condition that it is the source of.
    pub(super) is_exact: bool,
    /// How many tokens it has; above [`MOST`] any number above it. Not known at first.
    pub(super) size: u64,
}

impl Source {
    /// A set whose parts are read in the order of the tokens' numbers.
    pub(super) fn ordered(parts: Vec<Part>) -> Self {
        Self { parts, is_ordered: true, is_exact: false, size: 0 }
    }

    /// A set that is read in any order.
    pub(super) fn unordered(parts: Vec<Part>) -> Self {
        Self { parts, is_ordered: false, is_exact: false, size: 0 }
    }

    /// All tokens of the workspace.
    pub(super) fn all(tokens: u64) -> Self {
        let parts = vec![Part::of("tokens WHERE true", "tokens.number", [])];
        Self { parts, is_ordered: true, is_exact: false, size: tokens }
    }

    pub(super) fn exact(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// Counts the set, up to one more than [`MOST`].
    pub(super) fn measured(mut self, sql: &dyn Sql) -> Result<Self, SqlError> {
        let (numbers, values) = self.numbers(None, None, Some(MOST + 1));
        self.size = sql.scalar(&format!("SELECT count(*) FROM ({numbers}) AS source"), &values)?;
        Ok(self)
    }

    /// The query for the numbers, with its values: those beyond a number, and in that direction.
    pub(super) fn numbers(
        &self,
        beyond: Option<(&str, u64)>,
        direction: Option<&str>,
        limit: Option<u64>,
    ) -> (String, Vec<Value>) {
        let (mut queries, mut values) = (Vec::new(), Vec::new());
        for Part { from, number, values: own } in &self.parts {
            let mut query = format!("SELECT {number} AS number FROM {from}");
            values.extend(own.iter().cloned());
            if let Some((than, place)) = beyond {
                query.push_str(&format!(" AND {number} {than} ?"));
                values.push(place.into());
            }
            queries.push(query);
        }
        let mut query = queries.join(" UNION ");
        // Several parts are merged in order, so that only as many are read as are needed.
        if let Some(direction) = direction.or((self.is_ordered && self.parts.len() > 1).then_some("ASC")) {
            query.push_str(&format!(" ORDER BY number {direction}"));
        }
        // A subquery with a limit is evaluated as it stands, also with the limit that is none.
        query.push_str(if limit.is_some() { " LIMIT ?" } else { " LIMIT -1" });
        values.extend(limit.map(Value::from));
        (query, values)
    }
}
