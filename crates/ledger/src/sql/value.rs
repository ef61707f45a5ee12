//! SQL values, and how plain types are stored in columns.

use counterfoil_protocol::command_error::CommandError;
use counterfoil_verify::Timestamp;
use serde::Serialize;

/// The largest integer that JavaScript represents exactly: ECMAScript's `Number.MAX_SAFE_INTEGER`, 2⁵³ − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A value in a column or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// An integer within ±[`MAX_INTEGER`].
    Integer(i64),
    /// A float. The ledger stores none.
    Real(f64),
    /// UTF-8 text; may contain NUL.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The engine rejected a statement, or a value does not match the schema. The message contains no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SqlError(Box<str>);

/// A type that is stored in a column.
pub trait FromValue: Sized {
    /// Reads it, or returns the value.
    ///
    /// # Errors
    /// The value itself if it is not of this type.
    fn from_value(value: Value) -> Result<Self, Value>;
}

/// A type that can be written to a column.
pub trait ToValue {
    /// The value that is stored in the column.
    fn to_value(&self) -> Value;
}

impl SqlError {
    /// An error with the engine's message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }
}

impl Value {
    /// The value as JSON text. A value without a JSON form becomes a value that every engine rejects.
    pub fn json(value: &impl Serialize) -> Self {
        serde_json::to_string(value).map_or(Self::Integer(i64::MAX), Self::Text)
    }

    /// Whether it is an integer that an engine must reject.
    #[must_use]
    pub fn is_beyond_range(&self) -> bool {
        matches!(self, Self::Integer(integer) if integer.unsigned_abs() > MAX_INTEGER)
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a float",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl<T: ToValue> From<T> for Value {
    fn from(value: T) -> Self {
        value.to_value()
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(integer) => integer.try_into().map_err(|_| value),
            _ => Err(value),
        }
    }
}

impl ToValue for u64 {
    /// An integer out of range becomes one that every engine rejects.
    fn to_value(&self) -> Value {
        Value::Integer((*self).try_into().unwrap_or(i64::MAX))
    }
}

macro_rules! small_integers {
    ($($integer:ty),*) => { $(
        impl FromValue for $integer {
            fn from_value(value: Value) -> Result<Self, Value> {
                u64::from_value(value).and_then(|integer| integer.try_into().map_err(|_| integer.into()))
            }
        }

        impl ToValue for $integer {
            fn to_value(&self) -> Value {
                Value::Integer((*self).into())
            }
        }
    )* };
}

small_integers!(u8, u16);

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            _ => Err(value),
        }
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Integer((*self).into())
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).map(Self)
    }
}

impl ToValue for Timestamp {
    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

/// Types that a column stores directly: read as the owned type, written as either.
macro_rules! owned {
    ($($owned:ty, $borrowed:ty, $variant:ident;)*) => { $(
        impl FromValue for $owned {
            fn from_value(value: Value) -> Result<Self, Value> {
                if let Value::$variant(inner) = value { Ok(inner) } else { Err(value) }
            }
        }

        impl ToValue for $owned {
            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }
        }

        impl ToValue for $borrowed {
            fn to_value(&self) -> Value {
                Value::$variant(self.to_owned())
            }
        }
    )* };
}

owned! {
    String, str, Text;
    Vec<u8>, [u8], Blob;
}

impl FromValue for Box<str> {
    fn from_value(value: Value) -> Result<Self, Value> {
        String::from_value(value).map(Into::into)
    }
}

impl From<SqlError> for CommandError {
    fn from(error: SqlError) -> Self {
        Self::internal(error.to_string())
    }
}
