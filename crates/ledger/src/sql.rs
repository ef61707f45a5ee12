//! What the ledger asks of its storage: SQLite's dialect, positional parameters, whole transactions.
//!
//! Two engines stand behind [`Sql`]: the SQLite storage of a Durable Object, and bundled SQLite in native tests. What
//! the ledger relies on in both is written down as a suite, the module `conformance`, which runs on both.

mod row;
mod value;

pub use self::{
    row::{FromRow, Row},
    value::{FromValue, MAX_INTEGER, SqlError, ToValue, Value},
};

/// A database of one's own: nobody else reads or writes it, so statements never wait and never conflict.
pub trait Sql {
    /// Runs one statement with its parameters (`?`, by position), or several without any. The rows are the last one's.
    ///
    /// Integers may be bound as 64-bit floats: they are integers again once they lie in a column of that type, and
    /// compare as what they are. Whole floats may come back as integers. Beyond ±[`MAX_INTEGER`] a parameter is an
    /// error, and a result is never an integer: nothing ever comes back as another number than it was.
    ///
    /// # Errors
    /// [`SqlError`] where the engine refused a statement. Outside a [`transaction`](Self::transaction), what ran before
    /// it stays.
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// How many bytes the database takes up, without what deleted rows have left free.
    ///
    /// # Errors
    /// [`SqlError`] where the engine does not say.
    fn used(&self) -> Result<u64, SqlError>;

    /// Does the work, and keeps what it wrote only if it succeeds: on `Err` the database is what it was before.
    ///
    /// A transaction inside another is a savepoint: where it fails, its own writes are undone, and the outer one goes on
    /// as it sees fit.
    ///
    /// # Errors
    /// The work's own; or [`SqlError`] where the engine could not keep what was written, and then has not.
    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        Self: Sized;
}

impl dyn Sql + '_ {
    /// The first row that a query finds, where it finds any.
    pub(crate) fn one<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<Option<T>, SqlError> {
        match self.first(query, parameters)? {
            Some(mut row) => row.take().map(Some),
            None => Ok(None),
        }
    }

    fn first(&self, query: &str, parameters: &[Value]) -> Result<Option<Row>, SqlError> {
        Ok(self.exec(query, parameters)?.into_iter().next())
    }

    /// All rows that a query finds.
    pub(crate) fn all<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<Vec<T>, SqlError> {
        // A loop: collecting into a `Result` would be compiled anew for each type, and is larger.
        let mut rows = self.exec(query, parameters)?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &mut rows {
            all.push(row.take()?);
        }
        Ok(all)
    }

    /// What a query finds that always finds a row: a count, a minimum.
    pub(crate) fn scalar<T: FromRow>(&self, query: &str, parameters: &[Value]) -> Result<T, SqlError> {
        self.one(query, parameters)?.ok_or_else(|| SqlError::new("a row is missing"))
    }

    /// Whether a query finds anything.
    pub(crate) fn any(&self, query: &str, parameters: &[Value]) -> Result<bool, SqlError> {
        Ok(!self.exec(query, parameters)?.is_empty())
    }
}
