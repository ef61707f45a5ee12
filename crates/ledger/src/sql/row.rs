//! Rows, and reading types from them.

use counterfoil_protocol::json;
use serde::de::DeserializeOwned;

use super::value::{FromValue, SqlError, Value};

/// One row of a result. Values are read by position, because a join may return two columns of the same name.
#[derive(Clone, Debug)]
pub struct Row(std::vec::IntoIter<Value>);

/// A type that is read from one or more columns of a row.
pub trait FromRow: Sized {
    /// Takes its columns, from left to right.
    ///
    /// # Errors
    /// [`SqlError`] if a column is missing or has another type.
    fn from_row(row: &mut Row) -> Result<Self, SqlError>;
}

impl Row {
    /// A row of these values.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Takes the next value, from left to right. A type that spans several columns takes several.
    ///
    /// # Errors
    /// [`SqlError`] if no value is left or it has another type.
    pub fn take<T: FromRow>(&mut self) -> Result<T, SqlError> {
        T::from_row(self)
    }

    fn next(&mut self) -> Result<Value, SqlError> {
        self.0.next().ok_or_else(|| SqlError::new("a row has too few columns"))
    }

    /// Takes the next value and parses it as JSON.
    ///
    /// # Errors
    /// [`SqlError`] if no value is left or it does not parse as `T`.
    pub fn take_json<T: DeserializeOwned>(&mut self) -> Result<T, SqlError> {
        json::read(self.take::<String>()?.as_bytes()).ok_or_else(|| SqlError::new("a column holds unexpected JSON"))
    }

    /// The values not taken yet.
    pub fn rest(self) -> impl Iterator<Item = Value> {
        self.0
    }
}

impl<T: FromValue> FromRow for T {
    fn from_row(row: &mut Row) -> Result<Self, SqlError> {
        T::from_value(row.next()?).map_err(|value| unexpected(&value, std::any::type_name::<T>()))
    }
}

/// A separate function, so that it is not compiled for each type.
#[cold]
#[inline(never)]
fn unexpected(found: &Value, wanted: &str) -> SqlError {
    SqlError::new(format!("a column holds {} where {wanted} was expected", found.type_name()))
}

/// Tuples read their parts in order.
macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<$($part: FromRow),+> FromRow for ($($part,)+) {
            fn from_row(row: &mut Row) -> Result<Self, SqlError> {
                Ok(($($part::from_row(row)?,)+))
            }
        }
    )* };
}

tuples! {
    (A, B);
    (A, B, C);
}
