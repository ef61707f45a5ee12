//! What the ledger requires of its storage: SQLite's dialect, positional parameters, atomic transactions.
//!
//! [`Sql`] has two implementations: the SQLite storage of a Durable Object, and bundled SQLite for native tests. The
//! module `conformance` is a test suite for everything that the ledger relies on; it runs on both.

mod row;
mod value;

pub use self::{
    row::{FromRow, Row},
    value::{FromValue, MAX_INTEGER, SqlError, ToValue, Value},
};

/// A database with a single user. No other connection reads or writes it, so statements never wait and never conflict.
pub trait Sql {
    /// Runs one statement with positional parameters (`?`), or several statements without parameters. Returns the rows
    /// of the last one.
    ///
    /// Integers may be bound as 64-bit floats: a column of integer type converts them back, and comparisons treat them
    /// as equal. Whole floats may be returned as integers. A parameter beyond ±[`MAX_INTEGER`] is an error, and no
    /// integer beyond it is ever returned as an integer, so a number is never silently changed.
    ///
    /// # Errors
    /// [`SqlError`] if the engine rejects a statement. Outside a [`transaction`](Self::transaction), the effects of
    /// earlier statements remain.
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// The bytes that the database uses, excluding the free pages that deleted rows left.
    ///
    /// # Errors
    /// [`SqlError`] if the engine does not report it.
    fn used(&self) -> Result<u64, SqlError>;

    /// Runs `work` in a transaction: on `Err`, the database is unchanged.
    ///
    /// A nested transaction is a savepoint: if it fails, only its own writes are undone, and the outer one decides
    /// whether to continue.
    ///
    /// # Errors
    /// The error of `work`, or [`SqlError`] if the engine could not commit; nothing was written then.
    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        Self: Sized;
}

impl dyn Sql + '_ {
    /// The first row of a query, if any.
    pub(crate) fn one<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<Option<T>, SqlError> {
        match self.first(query, parameters)? {
            Some(mut row) => row.take().map(Some),
            None => Ok(None),
        }
    }

    fn first(&self, query: &str, parameters: &[Value]) -> Result<Option<Row>, SqlError> {
        Ok(self.exec(query, parameters)?.into_iter().next())
    }

    /// All rows of a query.
    pub(crate) fn all<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<Vec<T>, SqlError> {
        // A loop, because collecting into a `Result` is compiled for each type and produces more code.
        let mut rows = self.exec(query, parameters)?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &mut rows {
            all.push(row.take()?);
        }
        Ok(all)
    }

    /// The value of a query that always returns a row, such as a count or a minimum.
    pub(crate) fn scalar<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<T, SqlError> {
        self.one(query, parameters)?.ok_or_else(|| SqlError::new("a row is missing"))
    }

    /// Whether a query returns any row.
    pub(crate) fn any(&self, query: &str, parameters: &[Value]) -> Result<bool, SqlError> {
        Ok(!self.exec(query, parameters)?.is_empty())
    }
}
