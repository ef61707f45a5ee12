//! Statements that are made of names: no value is read or written under another column's name.

use crate::sql::{FromRow, Sql, SqlError, Value};

/// A type that is read from columns of one table.
pub(crate) trait Columns: FromRow {
    /// The table, or the view.
    const TABLE: &str;
    /// Its columns, in the order in which they are read.
    const COLUMNS: &str;

    /// The rows that these clauses select, which are part of the program: values come in as parameters.
    fn select(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Vec<Self>, SqlError> {
        sql.all(&query(Self::COLUMNS, Self::TABLE, clauses), values)
    }

    /// The only one that they select, if there is one.
    fn find(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<Option<Self>, SqlError> {
        sql.one(&query(Self::COLUMNS, Self::TABLE, clauses), values)
    }

    /// How many they select.
    fn count(sql: &dyn Sql, clauses: &str, values: &[Value]) -> Result<u64, SqlError> {
        sql.scalar(&query("count(*)", Self::TABLE, clauses), values)
    }
}

/// Apart from the types, so that it is compiled once.
fn query(columns: &str, table: &str, clauses: &str) -> String {
    format!("SELECT {columns} FROM {table} {clauses}")
}

/// A type that is a table's row.
pub(crate) trait TableRow: Columns {
    /// Adds it to its table.
    fn insert(&self, sql: &dyn Sql) -> Result<(), SqlError>;
}

/// Says from which columns of a table a type is read: each field from the column of its name. What stands in a second
/// pair of braces are fields that are read from several columns, which come after those.
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

/// The same of a type that is a table's row: it can be written too.
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

/// Adds a row: values by the names of their columns, or those of a row's fields. A clause may follow, and gives rows.
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

/// Changes rows: likewise, and which rows, by a condition with its values.
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

/// The place of one more value.
macro_rules! placeholder {
    ($column:ident) => {
        ", ?"
    };
}

pub(crate) use {columns, insert, placeholder, table, update};
