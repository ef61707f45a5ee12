//! Values, and how plain types lie in columns.

use counterfoil_protocol::refusal::Refusal;
use counterfoil_verify::Timestamp;
use serde::Serialize;

/// The largest integer that survives a trip through JavaScript: ECMAScript's `Number.MAX_SAFE_INTEGER`, 2⁵³ − 1.
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
    /// Text, UTF-8; may hold NUL.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The engine refused, or a value was not what the schema says. Says what, and holds no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SqlError(String);

/// A type that lies in a column.
pub trait FromValue: Sized {
    /// Reads it, or gives the value back.
    ///
    /// # Errors
    /// The value itself where it is none of this type.
    fn from_value(value: Value) -> Result<Self, Value>;
}

/// A type whose values are written into columns.
pub trait ToValue {
    /// The value as it lies in the column.
    fn to_value(&self) -> Value;
}

impl SqlError {
    /// An error in the engine's own words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Value {
    /// The value as JSON text. What has no JSON form becomes a value that every engine refuses.
    pub fn json(value: &impl Serialize) -> Self {
        serde_json::to_string(value).map_or(Self::Integer(i64::MAX), Self::Text)
    }

    /// Whether it is an integer that an engine must refuse.
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

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
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

impl FromValue for u16 {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).and_then(|integer| integer.try_into().map_err(|_| Value::from(integer)))
    }
}

impl FromValue for u8 {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).and_then(|integer| integer.try_into().map_err(|_| Value::from(integer)))
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            _ => Err(value),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Text(text) = value { Ok(text) } else { Err(value) }
    }
}

impl FromValue for Box<str> {
    fn from_value(value: Value) -> Result<Self, Value> {
        String::from_value(value).map(Into::into)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Blob(bytes) = value { Ok(bytes) } else { Err(value) }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, Value> {
        u64::from_value(value).map(Self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

/// Types of which a value is cheap to copy.
macro_rules! copied {
    ($($type:ty),*) => { $(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                (*self).into()
            }
        }
    )* };
}

copied!(u64, u16, u8, bool, Timestamp);

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value {
        Value::Blob(self.to_vec())
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Blob(self.clone())
    }
}

impl<T: ToValue + ?Sized> From<&T> for Value {
    fn from(value: &T) -> Self {
        value.to_value()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<u64> for Value {
    /// What does not fit becomes an integer that every engine refuses.
    fn from(integer: u64) -> Self {
        Self::Integer(integer.try_into().unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(integer: u16) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<u8> for Value {
    fn from(integer: u8) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::internal(error.to_string())
    }
}
