//! SQL statements built from column names, so that no value is read from or written to a column of another name.

use crate::sql::{FromRow, Sql, SqlError, Value};

/// A type that is read from columns of one table.
pub(crate) trait Columns: FromRow {
    /// The table or view.
    const TABLE: &str;
    /// Its columns, in the order in which they are read.
    const COLUMNS: &str;

    /// The rows that `clauses` select. Clauses are constants of the program; values are passed as parameters.
    fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.all(&query(Self::COLUMNS, Self::TABLE, clauses), values)
    }

    /// The first row that `clauses` select, if any.
    fn find(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Option<Self>, SqlError> {
        sql.one(&query(Self::COLUMNS, Self::TABLE, clauses), values)
    }

    /// The number of rows that `clauses` select.
    fn count(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<u64, SqlError> {
        sql.scalar(&query("count(*)", Self::TABLE, clauses), values)
    }
}

/// Not generic, so that it is compiled once.
fn query(columns: &str, table: &str, clauses: &str) -> String {
    format!("SELECT {columns} FROM {table} {clauses}")
}

/// A type that represents a whole row of a table.
pub(crate) trait TableRow: Columns {
    /// Inserts the row into its table.
    fn insert(&self, sql: &dyn Sql) -> Result<(), SqlError>;
}

/// Declares the table and columns that a type is read from: each field is read from the column of the same name. Fields
/// in a second pair of braces span several columns, which follow the others.
macro_rules! columns {
    ($row:ty: $table:literal { $first:ident $(, $field:ident)* $(,)? } $({ $($part:ident),* })?) => {
        impl $crate::columns::Columns for $row {
            const TABLE: &str = $table;
            const COLUMNS: &str =
                concat!($table, ".", stringify!($first) $(, ", ", $table, ".", stringify!($field))*);
        }

        impl $crate::sql::FromRow for $row {
            fn from_row(row: &mut $crate::sql::Row) -> Result<Self, $crate::sql::SqlError> {
                Ok(Self {
                    $first: row.take()?,
                    $($field: row.take()?,)*
                    $($($part: row.take()?,)*)?
                })
            }
        }
    };
}

/// Like `columns!`, for a type that represents a whole row: it can be inserted too.
macro_rules! table {
    ($row:ty: $table:literal { $first:ident $(, $field:ident)* $(,)? }) => {
        $crate::columns::columns!($row: $table { $first $(, $field)* });

        impl $crate::columns::TableRow for $row {
            fn insert(&self, sql: &dyn $crate::sql::Sql) -> Result<(), $crate::sql::SqlError> {
                $crate::columns::insert!(sql, $table { $first: self.$first $(, $field: self.$field)* })
            }
        }
    };
}

/// Inserts a row from columns and values, or from the fields of a row. A clause such as `RETURNING` may follow; its
/// rows are returned.
macro_rules! insert {
    ($sql:expr, $table:literal: $row:ident { $($column:ident),* $(,)? }) => {
        $crate::columns::insert!($sql, $table { $($column: $row.$column),* })
    };
    ($sql:expr, $table:literal { $($column:ident: $value:expr),* $(,)? }) => {
        $crate::columns::insert!($sql, $table { $($column: $value),* } "").map(drop)
    };
    ($sql:expr, $table:literal { $first:ident: $one:expr $(, $column:ident: $value:expr)* $(,)? } $clause:literal) => {
        $sql.exec(
            concat!(
                "INSERT INTO ", $table, " (", stringify!($first) $(, ", ", stringify!($column))*,
                ") VALUES (?" $(, $crate::columns::placeholder!($column))*, ") ", $clause
            ),
            &[(&$one).into() $(, (&$value).into())*],
        )
    };
}

/// Updates rows, with columns as in `insert!`. An optional condition with its values selects the rows.
macro_rules! update {
    ($sql:expr, $table:literal: $row:ident { $($column:ident),* $(,)? } $($which:tt)*) => {
        $crate::columns::update!($sql, $table { $($column: $row.$column),* } $($which)*)
    };
    ($sql:expr, $table:literal { $first:ident: $one:expr $(, $column:ident: $value:expr)* $(,)? }
     $($condition:literal $(, $known:expr)*)?) => {
        $sql.exec(
            concat!(
                "UPDATE ", $table, " SET ", stringify!($first), " = ?" $(, ", ", stringify!($column), " = ?")*
                $(, " WHERE ", $condition)?
            ),
            &[(&$one).into() $(, (&$value).into())* $($(, (&$known).into())*)?],
        ).map(drop)
    };
}

/// The placeholder of one further value.
macro_rules! placeholder {
    ($column:ident) => {
        ", ?"
    };
}

pub(crate) use {columns, insert, placeholder, table, update};
