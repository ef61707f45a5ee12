//! [`Sql`] over bundled SQLite, for native tests. It behaves like the storage of a Durable Object, can inject faults,
//! and can dump its content.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeSet, path::Path};

use rusqlite::{
    Batch, Connection, Error, Statement, fallible_iterator::FallibleIterator as _, limits::Limit, params_from_iter,
    types::Value as Stored,
};

use crate::sql::{MAX_INTEGER, Row, Sql, SqlError, Value};

/// The documented limits of a Durable Object's storage: parameters of a statement, bytes of a `LIKE` or `GLOB` pattern,
/// columns of a table, bytes of a statement, bytes of a value or row, arguments of a function. And further limits from
/// workerd's source: parts of a compound query, depth of an expression and of triggers, instructions of a compiled
/// statement.
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
];

/// The capacity of the statement cache. All of the ledger's statements fit.
const STATEMENTS: usize = 200;

/// A database with a single user. As in a Durable Object, integers are bound as floats, whole floats are returned as
/// integers, and integers too large for JavaScript as floats.
#[derive(Debug)]
pub struct NativeSql {
    connection: Connection,
    /// The nesting depth of transactions.
    depth: Cell<u32>,
    /// The number of statements so far; a commit counts as one.
    statements: Cell<u64>,
    fault: Cell<Option<(u64, When)>>,
    /// The distinct statements so far.
    executed: RefCell<BTreeSet<String>>,
}

/// When an injected fault occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The statement is not executed.
    Before,
    /// The statement is executed and then reported as failed.
    After,
}

impl NativeSql {
    /// An empty database in memory.
    ///
    /// # Errors
    /// [`SqlError`] if it cannot be allocated.
    pub fn in_memory() -> Result<Self, SqlError> {
        Self::over(Connection::open_in_memory())
    }

    /// The database in this file, which is created if missing.
    ///
    /// # Errors
    /// [`SqlError`] if the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        Self::over(Connection::open(path))
    }

    fn over(connection: Result<Connection, Error>) -> Result<Self, SqlError> {
        let connection = connection.map_err(failed)?;
        for (limit, value) in LIMITS {
            connection.set_limit(limit, value).map_err(failed)?;
        }
        connection.execute_batch("PRAGMA foreign_keys = ON").map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self {
            connection,
            depth: Cell::default(),
            statements: Cell::default(),
            fault: Cell::default(),
            executed: RefCell::default(),
        })
    }

    /// Makes one statement fail: 1 is the next one, and a commit counts as one. `None` disables faults.
    pub fn fail(&self, fault: Option<(u64, When)>) {
        self.fault.set(fault.map(|(nth, when)| (self.statements.get() + nth, when)));
    }

    /// Whether the fault has not occurred yet.
    pub fn is_fault_ahead(&self) -> bool {
        self.fault.get().is_some_and(|(nth, _)| nth > self.statements.get())
    }

    /// The content of the database as sorted text. Two databases with the same content have the same dump. Bytes are
    /// written as ASCII, escaped where necessary.
    ///
    /// # Errors
    /// [`SqlError`] if it cannot be read.
    pub fn dump(&self) -> Result<String, SqlError> {
        let mut lines = Vec::new();
        // A virtual table's content is in tables of its own.
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'";
        for mut table in self.run(tables, &[])? {
            let table: String = table.take()?;
            for row in self.run(&format!("SELECT * FROM \"{table}\""), &[])? {
                let values: Vec<String> = row.rest().map(|value| written(&value)).collect();
                lines.push(format!("{table}: {}\n", values.join(" | ")));
            }
        }
        lines.sort();
        Ok(lines.concat())
    }

    /// SQLite's plan for a statement, step by step.
    ///
    /// # Errors
    /// [`SqlError`] if the statement cannot be explained.
    pub fn plan(&self, statement: &str) -> Result<Vec<String>, SqlError> {
        let parameters = vec![Value::Null; statement.matches('?').count()];
        let steps = self.run(&format!("EXPLAIN QUERY PLAN {statement}"), &parameters)?;
        let text = |mut row: Row| {
            let _numbers: (Value, Value, Value) = (row.take()?, row.take()?, row.take()?);
            row.take()
        };
        steps.into_iter().map(text).collect()
    }

    /// The statements so far that read a whole table or index, or sort their result, each with that part of SQLite's plan.
    ///
    /// # Errors
    /// [`SqlError`] if a statement cannot be explained.
    pub fn scans(&self) -> Result<BTreeSet<(String, String)>, SqlError> {
        let mut scans = BTreeSet::new();
        for statement in self.executed.borrow().iter() {
            for step in self.plan(statement)? {
                if step.starts_with("SCAN ") || step.contains("TEMP B-TREE") {
                    scans.insert((step, statement.split_whitespace().collect::<Vec<_>>().join(" ")));
                }
            }
        }
        Ok(scans)
    }

    /// The definitions of the tables, indices and triggers.
    ///
    /// # Errors
    /// [`SqlError`] if they cannot be read.
    pub fn schema(&self) -> Result<String, SqlError> {
        let made =
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type, name";
        self.run(made, &[])?.into_iter().map(|mut row| Ok(row.take::<String>()? + ";\n\n")).collect()
    }

    /// Runs a step, which may have an injected fault.
    fn step<T>(&self, step: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
        let nth = self.statements.get() + 1;
        self.statements.set(nth);
        match self.fault.get().filter(|(faulty, _)| *faulty == nth) {
            None => step(),
            Some((_, When::Before)) => Err(SqlError::new("a fault was injected before a statement")),
            Some((_, When::After)) => step().and(Err(SqlError::new("a fault was injected after a statement"))),
        }
    }

    fn run(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        let is_one = !sql.contains(';');
        if is_one || !parameters.is_empty() {
            return rows(&mut *self.connection.prepare_cached(sql).map_err(failed)?, parameters);
        }
        let mut last = Vec::new();
        let mut batch = Batch::new(&self.connection, sql);
        while let Some(mut statement) = batch.next().map_err(failed)? {
            last = rows(&mut statement, parameters)?;
        }
        Ok(last)
    }

    fn savepoint(&self, command: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(&format!("{command} level_{}", self.depth.get())).map_err(failed)
    }
}

impl Sql for NativeSql {
    fn exec(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        if parameters.iter().any(Value::is_beyond_range) {
            return Err(SqlError::new("an integer is beyond what JavaScript can hold"));
        }
        if !sql.contains(';') && !self.executed.borrow().contains(sql) {
            self.executed.borrow_mut().insert(sql.to_owned());
        }
        self.step(|| self.run(sql, parameters))
    }

    fn used(&self) -> Result<u64, SqlError> {
        let used = "SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        self.step(|| self.run(used, &[])?.pop().ok_or_else(|| SqlError::new("there is no size"))?.take())
    }

    fn transaction<T, E: From<SqlError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.depth.set(self.depth.get() + 1);
        let outcome = self.savepoint("SAVEPOINT").map_err(E::from).and_then(|()| {
            let done = work().and_then(|value| {
                // A failed commit has only one form, because callers cannot tell whether the platform committed.
                self.step(|| Ok(()))?;
                Ok(value)
            });
            if done.is_err() {
                self.savepoint("ROLLBACK TO")?;
            }
            self.savepoint("RELEASE")?;
            done
        });
        self.depth.set(self.depth.get() - 1);
        outcome
    }
}

/// A deterministic random generator: splitmix64, <https://prng.di.unimi.it/splitmix64.c>. For tests only.
#[derive(Clone, Debug)]
pub struct Seeded(pub u64);

impl Seeded {
    /// Fills the slice.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.draw().to_le_bytes()) {
                *to = from;
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn rows(statement: &mut Statement<'_>, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
    let columns = statement.column_count();
    let mut found = statement.query(params_from_iter(parameters.iter().map(bound))).map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        let values = (0..columns).map(|column| row.get(column).map(read));
        rows.push(Row::new(values.collect::<Result<_, _>>().map_err(failed)?));
    }
    Ok(rows)
}

fn bound(value: &Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Integer(integer) => Stored::Real(*integer as f64),
        Value::Real(float) => Stored::Real(*float),
        Value::Text(text) => Stored::Text(text.clone()),
        Value::Blob(bytes) => Stored::Blob(bytes.clone()),
    }
}

fn read(stored: Stored) -> Value {
    match stored {
        Stored::Null => Value::Null,
        Stored::Integer(integer) if integer.unsigned_abs() > MAX_INTEGER => Value::Real(integer as f64),
        Stored::Integer(integer) => Value::Integer(integer),
        Stored::Real(float) if float.fract() == 0.0 && float.abs() <= MAX_INTEGER as f64 => {
            Value::Integer(float as i64)
        }
        Stored::Real(float) => Value::Real(float),
        Stored::Text(text) => Value::Text(text),
        Stored::Blob(bytes) => Value::Blob(bytes),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(float) => float.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => format!("x\"{}\"", bytes.escape_ascii()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn failed(error: Error) -> SqlError {
    SqlError::new(error.to_string())
}
