//! Rows, and how types are read from them.

use counterfoil_protocol::json;
use serde::de::DeserializeOwned;

use super::value::{FromValue, SqlError, Value};

/// One row of a result: its values, by position.
///
/// By position because a join may well have two columns of one name.
#[derive(Clone, Debug)]
pub struct Row(std::vec::IntoIter<Value>);

/// A type that is read from a row: one column, or several.
pub trait FromRow: Sized {
    /// Takes its columns, from left to right.
    ///
    /// # Errors
    /// [`SqlError`] where one is missing, or of another type.
    fn from_row(row: &mut Row) -> Result<Self, SqlError>;
}

impl Row {
    /// A row of these values.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Takes the next value, from left to right; or several, where the type lies in several columns.
    ///
    /// # Errors
    /// [`SqlError`] where there is none, or one of another type.
    pub fn take<T: FromRow>(&mut self) -> Result<T, SqlError> {
        T::from_row(self)
    }

    fn next(&mut self) -> Result<Value, SqlError> {
        self.0.next().ok_or_else(|| SqlError::new("a row has too few columns"))
    }

    /// Takes the next value, which is JSON text.
    ///
    /// # Errors
    /// [`SqlError`] where there is none, or none that reads as `T`.
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

/// One function for all types, which would else be compiled for each.
#[cold]
#[inline(never)]
fn unexpected(found: &Value, wanted: &str) -> SqlError {
    SqlError::new(format!("a column holds {} where {wanted} was expected", found.type_name()))
}

/// Several, one after the other.
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
